//! Response of a target.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use check::{Phrase, foreign, foreign_around, phrase};
use encoding_rs::{Encoding, UTF_8};
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use jiff::Timestamp;
use url::Url;

use crate::{Limits, Redactor, html, redirect::reference, wait};

/// Maximum length of an excerpt from a body, in characters.
const MAX_EXCERPT: usize = 300;

/// Maximum length of a redirect's target in a message, in characters.
const MAX_LOCATION: usize = 160;

/// A complete response. Its fields are not redacted.
#[derive(Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers as they arrived: `content-length` counts the bytes of a compressed body.
    pub headers: HeaderMap,
    /// Whole body, decompressed.
    pub body: Bytes,
    /// URL of the last hop.
    pub url: Url,
    /// Earliest expiry among the certificates from the server's up to the authority's; `None` without TLS.
    pub certificate_expires: Option<Timestamp>,
    /// Time at which the headers arrived, by our clock.
    pub received: Timestamp,
    /// Redactor for excerpts in [`crate::expect`].
    pub redactor: Redactor,
    /// Limits of the client.
    pub limits: Limits,
}

impl Response {
    /// Body as text in its declared encoding (byte order mark, then `charset`, then the page's `meta` element), or else UTF-8.
    /// Invalid bytes become `U+FFFD`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.encoding().decode(&self.body).0
    }

    /// Name of the declared encoding, and the position of the first invalid byte; `None` for a valid body.
    #[must_use]
    pub fn malformed(&self) -> Option<(&'static str, usize)> {
        let (encoding, _) = Encoding::for_bom(&self.body).unwrap_or_else(|| (self.encoding(), 0));
        let valid = if encoding == UTF_8 {
            Encoding::utf8_valid_up_to(&self.body)
        } else if encoding.decode(&self.body).2 {
            // The position is known only for UTF-8.
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
        charset
            .and_then(|label| Encoding::for_label(label.as_bytes()))
            .or_else(|| self.declared_in_page(kind))
            .unwrap_or(UTF_8)
    }

    /// Encoding that a page declares, anywhere in it: browsers change to it when they meet it.
    fn declared_in_page(&self, kind: &str) -> Option<&'static Encoding> {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_page = kind.is_empty() || kind.eq_ignore_ascii_case("text/html");
        if is_page { html::encoding(&String::from_utf8_lossy(&self.body)) } else { None }
    }

    /// Status in words, with where a redirect leads and how long a refusal lasts: `302 Found, to /login`.
    #[must_use]
    pub fn status_line(&self) -> Phrase {
        let code = self.status.as_u16();
        let status = match self.status.canonical_reason() {
            Some(reason) => phrase!("{} {}", code, reason),
            None => Phrase::from(code),
        };
        match self.headers.get(LOCATION) {
            Some(to) if self.status.is_redirection() => {
                phrase!("{}, to {}", status, foreign(reference(to)).at_most(MAX_LOCATION))
            }
            _ if matches!(code, 429 | 503) => phrase!("{}{}", status, wait::remaining(&self.headers, self.received)),
            _ => status,
        }
    }

    /// Target of a redirect, resolved against the URL of the response; `None` without a valid `Location`.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        self.url.join(&reference(self.headers.get(LOCATION)?)).ok()
    }

    /// Start of the body as evidence; `None` for an empty one.
    pub(crate) fn excerpt(&self) -> Option<Phrase> {
        (!self.body.is_empty()).then(|| foreign(self.text()).at_most(MAX_EXCERPT).into())
    }

    /// Part of the body's text as evidence, around a position.
    pub(crate) fn excerpt_around(&self, at: usize) -> Phrase {
        foreign_around(&self.text(), at).at_most(MAX_EXCERPT).into()
    }

    /// Value of a header, the first of several; `None` when it is missing or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Omits headers and body, which hold secrets.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.redactor.redact(self.url.as_str()))
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
