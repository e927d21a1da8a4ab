//! Response of a target.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use check::{Phrase, foreign, foreign_around, phrase};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use http::{
    HeaderMap, StatusCode, Version,
    header::{CONTENT_TYPE, LOCATION},
};
use jiff::Timestamp;
use url::Url;

use crate::{Limits, Redactor, content_type::ContentType, html, redirect::reference, wait};

/// Maximum length of the declaration of XML. **Units:** bytes.
const MAX_DECLARATION: usize = 1024;

/// Maximum length of an excerpt from a body, in characters.
const MAX_EXCERPT: usize = 300;

/// Maximum length of a content type, in characters.
const MAX_CONTENT_TYPE: usize = 80;

/// Maximum length of a redirect's target in a message, in characters.
const MAX_LOCATION: usize = 160;

/// A complete response. Its fields are not redacted.
#[derive(Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Version of HTTP.
    pub version: Version,
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
    /// Body as text in its declared encoding (byte order mark, then `charset`, then the page's `meta` element, then
    /// the declaration of XML), or else in UTF-8.
    /// A page that declares none and is not valid UTF-8 is read as windows-1252, as in browsers. Invalid bytes become `U+FFFD`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.encoding().decode(&self.body).0
    }

    /// Description of a body that is not valid in its declared encoding, or in UTF-8 without one; `None` for a valid body.
    #[must_use]
    pub fn malformed(&self) -> Option<Phrase> {
        let bom = Encoding::for_bom(&self.body).map(|(encoding, _)| encoding);
        let declared = bom.or_else(|| self.declared_encoding());
        let encoding = declared.unwrap_or(UTF_8);
        let valid = if encoding == UTF_8 {
            Encoding::utf8_valid_up_to(&self.body)
        } else if encoding.decode(&self.body).2 {
            // The position is known only for UTF-8.
            0
        } else {
            self.body.len()
        };
        if valid == self.body.len() {
            return None;
        }
        let is_guessed = declared.is_none() && self.encoding() != UTF_8;
        let read = if is_guessed { " and without a charset, read as windows-1252" } else { "" };
        Some(phrase!("not {} from byte {} on{}", encoding.name(), valid, read))
    }

    /// Header of the media type as it is quoted, the last of several; `None` without one.
    pub(crate) fn quoted_type(&self) -> Option<Phrase> {
        let last = self.headers.get_all(CONTENT_TYPE).iter().next_back()?;
        Some(foreign(String::from_utf8_lossy(last.as_bytes())).at_most(MAX_CONTENT_TYPE).into())
    }

    /// Media type.
    pub(crate) fn content_type(&self) -> ContentType {
        ContentType::read(&self.headers)
    }

    pub(crate) fn encoding(&self) -> &'static Encoding {
        self.declared_encoding().unwrap_or_else(|| {
            let is_valid = Encoding::utf8_valid_up_to(&self.body) == self.body.len();
            if is_valid || !self.content_type().is_guessed() { UTF_8 } else { WINDOWS_1252 }
        })
    }

    /// Encoding that the header or the page declares, anywhere in it: browsers change to it when they meet it.
    fn declared_encoding(&self) -> Option<&'static Encoding> {
        let kind = self.content_type();
        let in_page = || kind.is_html().then(|| html::encoding(&String::from_utf8_lossy(&self.body))).flatten();
        let in_xml = || (kind.is_html() || kind.is_xml()).then(|| xml_encoding(&self.body)).flatten();
        kind.encoding.or_else(in_page).or_else(in_xml)
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

/// Encoding that XML declares at its start: `<?xml version="1.0" encoding="ISO-8859-1"?>`. UTF-16 counts as UTF-8, since the
/// declaration itself is in ASCII, as in browsers.
fn xml_encoding(body: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&body[..body.len().min(MAX_DECLARATION)]).into_owned();
    let (declaration, _) = start.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = ['"', '\''].into_iter().find(|quote| value.starts_with(*quote))?;
    let encoding = Encoding::for_label(value[1..].split(quote).next()?.as_bytes())?;
    Some(encoding.output_encoding())
}
