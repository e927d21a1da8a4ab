//! Errors of HTTP and of connections in words. The libraries write for programmers.

use std::{error::Error as StdError, io};

use check::{Phrase, foreign, ours, phrase};

use crate::limits::{MAX_HEAD, MAX_HEADER_LINES, MAX_HEADER_LIST};
use crate::tls_words;

/// A header line that is not known.
pub(crate) const MALFORMED_LINE: &str =
    "a malformed header line: one without a colon, or with characters that HTTP does not allow";

/// Maximum length of the text that a server sends as it ends an HTTP/2 connection, in characters.
const MAX_DEBUG_DATA: usize = 120;

type Cause<'a> = &'a (dyn StdError + 'static);

/// Describes an answer that is not HTTP.
pub(crate) fn describe_http(error: &hyper::Error) -> Phrase {
    if error.is_parse_too_large() {
        return phrase!(
            "headers larger or more than allowed: at most {} lines and {} KB together",
            ours(MAX_HEADER_LINES),
            ours(MAX_HEAD)
        );
    }
    // Only the text tells the others apart; a test compares them.
    let text = error.to_string();
    let is = |part: &str| text.contains(part);
    let words = match () {
        () if error.is_parse_version_h2() => "an HTTP/2 response to an HTTP/1.1 request",
        () if is("content-length") => "a Content-Length that is not a number, or two that differ",
        () if is("transfer-encoding") => "a Transfer-Encoding that HTTP does not allow here",
        () if is("status-code") => "a malformed status line: bytes that are not HTTP",
        () if is("HTTP header") => MALFORMED_LINE,
        () => "bytes that are not HTTP",
    };
    words.into()
}

/// Describes an error of an HTTP/2 connection.
pub(crate) fn describe_h2(error: &h2::Error) -> Phrase {
    let reason = error.reason().map_or_else(|| ours("no reason"), |reason| ours(format_args!("{reason:?}")));
    let too_many = ours(MAX_HEADER_LIST / 1024);
    if error.is_remote() && error.is_go_away() {
        // Only the text has what the server adds.
        let text = error.to_string();
        let added = text.split_once(" (b\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
        let added = added.map(|added| phrase!(": {}", foreign(added).at_most(MAX_DEBUG_DATA))).unwrap_or_default();
        phrase!("the server ended the HTTP/2 connection instead (GOAWAY, {}{})", reason, added)
    } else if error.is_remote() && error.is_reset() {
        phrase!("the server reset the HTTP/2 stream instead ({})", reason)
    } else if error.is_reset() {
        phrase!("headers that HTTP/2 does not allow, or more than {} KB of them", too_many)
    } else if matches!(error.reason(), Some(h2::Reason::COMPRESSION_ERROR | h2::Reason::ENHANCE_YOUR_CALM)) {
        phrase!("headers that do not decompress, or much more than {} KB of them", too_many)
    } else {
        "bytes that are not HTTP/2".into()
    }
}

/// Describes a body whose chunks or trailers are malformed; `None` for another error.
pub(crate) fn broken_chunks(error: &io::Error) -> Option<&'static str> {
    // hyper has these kinds for nothing else. Only the text tells trailers apart; a test compares it.
    let is_malformed = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
    let text = error.to_string().to_ascii_lowercase();
    is_malformed.then(|| {
        if text.contains("header") || text.contains("trailer") { "a malformed trailer" } else { "a broken chunk" }
    })
}

/// Describes a broken connection.
pub(crate) fn describe_io(error: &io::Error) -> Phrase {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".into(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the connection was reset".into(),
        io::ErrorKind::UnexpectedEof => "the connection was closed".into(),
        _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => tls_words::said(tls),
            None => foreign(error.to_string()).into(),
        },
    }
}

/// Text of the operating system or the resolver about an error, or an error of TLS in words. What the libraries say of HTTP only
/// repeats the message.
pub(crate) fn evidence_of(error: &reqwest::Error) -> Option<Phrase> {
    if let Some(tls) = find::<rustls::Error>(error) {
        return Some(tls_words::said(tls));
    }
    if find::<h2::Error>(error).is_some() {
        return None;
    }
    // reqwest's own text has the URL, which the exchange contains.
    let innermost = causes(error).skip(1).last()?;
    match find::<io::Error>(error) {
        Some(io) if io.raw_os_error().is_none() && is_of_library(io) => None,
        Some(io) => Some(foreign(io.to_string()).into()),
        None => (!innermost.is::<hyper::Error>()).then(|| foreign(innermost.to_string()).into()),
    }
}

/// True for an I/O error that hyper or rustls made of malformed or missing data.
fn is_of_library(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof || broken_chunks(error).is_some()
}

/// Causes of an error, starting with the error itself.
fn causes<'a>(error: Cause<'a>) -> impl Iterator<Item = Cause<'a>> {
    std::iter::successors(Some(error), |&error: &Cause<'a>| match error.downcast_ref::<io::Error>() {
        // `source` of an I/O error skips the inner error.
        Some(io) => io.get_ref().map(|inner| inner as Cause<'_>),
        None => error.source(),
    })
}

/// Innermost cause of a type.
pub(crate) fn find<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).filter_map(|cause| cause.downcast_ref()).last()
}
