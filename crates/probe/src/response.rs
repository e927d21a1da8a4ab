//! What a target answered.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use jiff::Timestamp;
use url::Url;

use crate::Redactor;

/// A complete answer. Its fields are as the target sent them: nothing in them is redacted.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers. Without `content-encoding` and `content-length` when the body was compressed.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Bytes,
    /// The URL that answered: the last of the redirects.
    pub url: Url,
    /// When the first certificate ends of those between the server and the authority; `None` without TLS.
    pub certificate_expires: Option<Timestamp>,
    /// Redacts what [`crate::expect`] quotes from it.
    pub redactor: Redactor,
}

impl Response {
    /// The body as text, in the encoding that it says it has (byte order mark, then `charset`), else UTF-8; what is not of
    /// that encoding becomes `U+FFFD`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.encoding().decode(&self.body).0
    }

    /// Where the body stops to be of the encoding that it says it has: the encoding's name and the byte.
    #[must_use]
    pub fn malformed(&self) -> Option<(&'static str, usize)> {
        let (encoding, _) = Encoding::for_bom(&self.body).unwrap_or_else(|| (self.encoding(), 0));
        let valid = if encoding == UTF_8 {
            Encoding::utf8_valid_up_to(&self.body)
        } else if encoding.decode(&self.body).2 {
            // Only UTF-8 tells where.
            0
        } else {
            self.body.len()
        };
        (valid < self.body.len()).then(|| (encoding.name(), valid))
    }

    fn encoding(&self) -> &'static Encoding {
        let kind = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let charset = kind.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        });
        charset.and_then(|label| Encoding::for_label(label.as_bytes())).unwrap_or(UTF_8)
    }

    /// Where a redirect leads, resolved against the URL that answered; `None` when there is no `Location`, or no URL in it.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        self.url.join(self.header("location")?).ok()
    }

    /// The value of a header; `None` when it is missing or not text. Of several, the first.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Without headers and body, which hold secrets.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.redactor.redact(self.url.as_str()))
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
