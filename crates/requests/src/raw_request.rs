//! Keys of a request: the raw form and its validation.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderValue, Method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings::{RawDuration, RawReference, Section, optional};
use url::Url;

use crate::auth::RawAuth;
use crate::body::RawBody;
use crate::expectation::Expectation;
use crate::headers::{check_names, read_headers, read_named_headers};
use crate::raw_client_certificate::RawClientCertificate;
use crate::raw_expectation::RawExpectation;
use crate::request_spec::RequestSpec;
use crate::source::Source;

const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
const SHORTEST_DEADLINE: Duration = Duration::from_millis(100);
const DEFAULT_REDIRECTS: u8 = 5;

/// Adds the keys of a request to a table of the settings, after the table's own, and a method `take_request`, which moves
/// them into a [`RawRequest`]. The table has a key `deadline` of its own, since its bounds differ.
#[macro_export]
macro_rules! with_request_keys {
    ($(#[$meta:meta])* struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        struct $name {
            $($(#[$field_meta])* $field: $type,)*
            /// Method of the request. An answer to HEAD has no body, so neither texts nor JSON can be expected of it;
            /// whether it means maintenance mode is read from a GET. A request to change something (POST, PUT,
            /// PATCH, DELETE) is sent once in a run, so that a failure is confirmed by the next run. Default GET.
            method: Option<$crate::RawMethod>,
            /// Maximum number of redirects to follow: 0 to 20. With 0 the redirect itself is the answer, to be matched by
            /// `expect.status`; the page behind it is requested only to recognise maintenance mode. Default 5.
            max_redirects: Option<u8>,
            /// Parameters added to the query of the URL, by name; percent-encoded when they are sent. Default none.
            query: ::std::collections::BTreeMap<String, String>,
            /// Headers sent with the request, by name. Those that the client sets itself, such as `host` and
            /// `accept-encoding`, are refused. Default none.
            headers: ::std::collections::BTreeMap<String, String>,
            /// Headers sent with the request, by name, each with a reference to its value. The value is masked in all
            /// output, and a redirect to another origin drops it. The same names are refused as in `headers`. Default
            /// none.
            secret_headers: ::std::collections::BTreeMap<String, $crate::RawReference>,
            /// Body of the request. A header `content-type` replaces the one that its kind has. Default none.
            body: Option<$crate::RawBody>,
            /// Credentials of the request, masked in all output. Default none.
            auth: Option<$crate::RawAuth>,
            /// Certificate by which the request identifies itself to the server of its URL (mutual TLS). A redirect to
            /// another origin does not present it. Default none.
            client_certificate: Option<$crate::RawClientCertificate>,
            /// Expectations of the response.
            expect: $crate::RawExpectation,
        }

        impl $name {
            /// Moves the keys of the request out of the table.
            fn take_request(&mut self) -> $crate::RawRequest {
                $crate::RawRequest {
                    deadline: self.deadline.take(),
                    method: self.method.take(),
                    max_redirects: self.max_redirects.take(),
                    query: std::mem::take(&mut self.query),
                    headers: std::mem::take(&mut self.headers),
                    secret_headers: std::mem::take(&mut self.secret_headers),
                    body: self.body.take(),
                    auth: self.auth.take(),
                    client_certificate: self.client_certificate.take(),
                    expect: std::mem::take(&mut self.expect),
                }
            }
        }
    };
}

/// Keys of a request, as a settings file writes them.
#[derive(Debug, Default)]
pub struct RawRequest {
    /// Longest time that the exchange may take. Default 10 s.
    pub deadline: Option<RawDuration>,
    /// Method. Default GET.
    pub method: Option<RawMethod>,
    /// Most redirects to follow. Default 5.
    pub max_redirects: Option<u8>,
    /// Parameters of the query by name.
    pub query: BTreeMap<String, String>,
    /// Headers by name.
    pub headers: BTreeMap<String, String>,
    /// Headers by name, with references to their values.
    pub secret_headers: BTreeMap<String, RawReference>,
    /// Body.
    pub body: Option<RawBody>,
    /// Credentials.
    pub auth: Option<RawAuth>,
    /// Client certificate.
    pub client_certificate: Option<RawClientCertificate>,
    /// Expectations of the answer.
    pub expect: RawExpectation,
}

/// Method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RawMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// OPTIONS.
    Options,
}

impl From<RawMethod> for Method {
    fn from(method: RawMethod) -> Self {
        match method {
            RawMethod::Get => Self::GET,
            RawMethod::Head => Self::HEAD,
            RawMethod::Post => Self::POST,
            RawMethod::Put => Self::PUT,
            RawMethod::Patch => Self::PATCH,
            RawMethod::Delete => Self::DELETE,
            RawMethod::Options => Self::OPTIONS,
        }
    }
}

impl RawRequest {
    /// Names of the written keys, without `deadline` and `expect`.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static str> {
        let written = [
            ("method", self.method.is_some()),
            ("max_redirects", self.max_redirects.is_some()),
            ("query", !self.query.is_empty()),
            ("headers", !self.headers.is_empty()),
            ("secret_headers", !self.secret_headers.is_empty()),
            ("body", self.body.is_some()),
            ("auth", self.auth.is_some()),
            ("client_certificate", self.client_certificate.is_some()),
        ];
        written.into_iter().filter_map(|(name, is_written)| is_written.then_some(name)).collect()
    }

    /// Validates `deadline`.
    #[must_use]
    pub fn validate_deadline(&self, section: &Section<'_>, source: &Source<'_>) -> Option<Duration> {
        let bounds = SHORTEST_DEADLINE..=source.max_deadline;
        section.duration("deadline", self.deadline.clone(), DEFAULT_DEADLINE.min(source.max_deadline), bounds)
    }

    /// Validates the keys of a request to this URL. Returns `None` after reporting all problems to `section`; a URL that is `None`
    /// was reported before.
    #[must_use]
    pub fn validate(
        self,
        url: Option<Url>,
        section: &Section<'_>,
        source: &Source<'_>,
    ) -> Option<(RequestSpec, Expectation)> {
        let deadline = self.validate_deadline(section, source);
        let max_redirects = section.number("max_redirects", self.max_redirects, DEFAULT_REDIRECTS, 0..=20);
        if self.auth.is_some() && self.secret_headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
            section.problem("auth", "expected `auth` or the header `authorization`, found both");
        }
        check_names(section, &self.headers, &self.secret_headers);
        let headers = read_headers(&section.table("headers"), self.headers, |value| {
            let valid = HeaderValue::try_from(value).is_ok();
            if valid {
                Ok(value.to_owned())
            } else {
                Err("expected a header value without control characters".to_owned())
            }
        });
        let secrets = section.table("secret_headers");
        let secret_headers = read_named_headers(&secrets, self.secret_headers, |name, value| {
            secrets.secret(name, Some(value), &source.common.environment, source.check)
        });
        let method = section.or_default("method", self.method, RawMethod::Get);
        if method == RawMethod::Head && self.expect.reads_body() {
            section.problem(
                "method",
                "expected GET, since `expect` names texts or JSON but a response to HEAD has no body",
            );
        }
        if method != RawMethod::Get && self.expect.assets == Some(true) {
            section.problem("method", "expected GET, since `expect.assets` reads a page");
        }
        if self.body.is_some() && !section.is_unreadable("method") && matches!(method, RawMethod::Get | RawMethod::Head)
        {
            section.problem("body", "expected no body with this method; set `method`, for example to POST");
        }
        let body = optional(self.body, |raw| raw.validate(&section.table("body")));
        let auth = optional(self.auth, |raw| raw.validate(&section.table("auth"), source));
        if self.client_certificate.is_some() && url.as_ref().is_some_and(|url| url.scheme() != "https") {
            section.problem("client_certificate", "expected a URL with https, since TLS presents the certificate");
        }
        let certificate =
            optional(self.client_certificate, |raw| raw.validate(&section.table("client_certificate"), source));
        let expect = section.table("expect");
        let expectation = self.expect.validate(&expect, source, url.as_ref(), deadline, max_redirects);
        let spec = RequestSpec {
            method: method.into(),
            url: url?,
            deadline: deadline?,
            max_redirects: max_redirects?,
            query: self.query.into_iter().collect(),
            headers: headers?,
            secret_headers: secret_headers?,
            auth: auth?,
            client_certificate: certificate?,
            body: body?,
        };
        Some((spec, expectation?))
    }
}
