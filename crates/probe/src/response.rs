//! What a target answered.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
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
    /// When the server's own certificate ends; `None` without TLS.
    pub certificate_expires: Option<Timestamp>,
    /// Redacts what [`crate::expect`] quotes from it.
    pub redactor: Redactor,
}

impl Response {
    /// The body as text; what is not UTF-8 becomes `U+FFFD`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
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
