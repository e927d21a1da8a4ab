//! Request to a target.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION},
};
use url::Url;

use crate::{ClientIdentity, Cookies, Error, name_character};

/// One request with its limits.
///
/// Mistakes (a header that cannot be sent, a URL that is not `http` or `https`) are reported by [`crate::Client::send`] as
/// [`Error::Request`], so that a request can be built as a chain of calls.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) deadline: Duration,
    pub(crate) max_redirects: u8,
    pub(crate) body_cap: u64,
    pub(crate) cookies: Option<Cookies>,
    pub(crate) identity: Option<ClientIdentity>,
    pub(crate) is_linked: bool,
    mistake: Option<Error>,
    on_sending: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Request {
    /// Creates a request with the default limits: 10 seconds, 10 redirects, 2 MiB of body. User and password in the URL
    /// are sent as Basic authorization.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        let mistake = match url.scheme() {
            "http" | "https" => None,
            other => Some(Error::Request(phrase!("expected the scheme http or https, found {}", foreign(other)))),
        };
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            deadline: Duration::from_secs(10),
            max_redirects: 10,
            body_cap: 2 * 1024 * 1024,
            cookies: None,
            identity: None,
            is_linked: false,
            mistake,
            on_sending: None,
        }
    }

    /// Sends the request to another URL.
    #[must_use]
    pub fn to(mut self, url: Url) -> Self {
        self.url = url;
        self
    }

    /// Adds a header. Headers that identify the run cannot be replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.add(name, value, false);
        self
    }

    /// Adds a header with a secret value: it is redacted everywhere from now on, and not sent to another origin.
    /// `Authorization`, `Proxy-Authorization` and `Cookie` are always secret.
    #[must_use]
    pub fn secret_header(mut self, name: &str, value: &str) -> Self {
        self.add(name, value, true);
        self
    }

    /// Adds a secret header that returns a value of the target, from `source`. A value that no header can hold is a failure of
    /// the target, of kind `header`.
    #[must_use]
    pub fn returned_header(mut self, name: &str, value: &str, source: impl Into<Phrase>) -> Self {
        if let Some(odd) = value.chars().find(|c| c.is_ascii_control() && *c != '\t') {
            let expected = phrase!("{} with a value that a header can hold", source.into());
            let actual = phrase!("one with {}", ours(name_character(odd)));
            let mismatch = Box::new(Mismatch::new(FailureKind::Header, expected, actual));
            self.mistake = Some(Error::Target { mismatch, transient: false });
            return self;
        }
        self.secret_header(name, value)
    }

    /// Adds Basic authorization (RFC 7617). Both parts are redacted together.
    #[must_use]
    pub fn basic_authorization(self, user: &str, password: &str) -> Self {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.secret_header(AUTHORIZATION.as_str(), &format!("Basic {encoded}"))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to JSON, and its content type unless there is one.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        self.body(body.to_string())
    }

    /// Sends the cookies of a jar, after those of a `Cookie` header, and stores those of the responses. Each hop sends the newest
    /// cookies for its URL. Without a jar, the cookies of redirects last until the response.
    #[must_use]
    pub fn cookies(mut self, jar: &Cookies) -> Self {
        self.cookies = Some(jar.clone());
        self
    }

    /// Presents a client certificate to the server of the request's own URL. A redirect to another origin does not.
    #[must_use]
    pub fn identity(mut self, identity: &ClientIdentity) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    /// Marks the URL as one that a response names: it may also lead to a host to which redirects may lead.
    #[must_use]
    pub const fn linked(mut self) -> Self {
        self.is_linked = true;
        self
    }

    /// Calls a function once when the request begins to be sent. Until then, it has changed nothing at the target.
    #[must_use]
    pub fn on_sending(mut self, call: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_sending = Some(Arc::new(call));
        self
    }

    /// Sets the time limit for all hops, from the first name resolution to the last byte.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the maximum number of redirects to follow. With 0 a redirect is returned as the response.
    #[must_use]
    pub const fn max_redirects(mut self, max: u8) -> Self {
        self.max_redirects = max;
        self
    }

    /// Sets the maximum size of the decoded body. **Units:** bytes.
    #[must_use]
    pub const fn body_cap(mut self, bytes: u64) -> Self {
        self.body_cap = bytes;
        self
    }

    fn add(&mut self, name: &str, value: &str, secret: bool) {
        let header = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let Some((name, mut value)) = header else {
            // Do not quote the value, which may be a secret.
            self.mistake = Some(Error::Request(phrase!(
                "expected a valid header, found {} with characters that cannot be sent",
                ours(format_args!("{name:?}"))
            )));
            return;
        };
        value.set_sensitive(secret || is_credential(&name));
        self.headers.append(name, value);
    }

    pub(crate) fn note_sending(&self) {
        if let Some(call) = &self.on_sending {
            call();
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.mistake.clone().map_or(Ok(()), Err)
    }
}

pub(crate) fn is_credential(name: &HeaderName) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name)
}

/// Omits headers, body and the secrets in the URL.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
