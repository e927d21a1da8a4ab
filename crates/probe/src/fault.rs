//! Classification of reqwest errors as failures of the target.
//!
//! Kinds are derived from the types in the chain of sources, never from their texts.

use std::{error::Error as StdError, io};

use check::{FailureKind, Mismatch, Phrase, Piece, foreign, ours, phrase};
use jiff::Timestamp;
use rustls::CertificateError;

use crate::{
    Error, Refused,
    coding::Undecoded,
    handshake::{Handshake, timestamp},
    limits::{MAX_HEAD, MAX_HEADER_LINES},
    timing::Phase,
    tls_words::{self, describe_tls},
};

/// A header line that is not known.
pub(crate) const MALFORMED_LINE: &str =
    "a malformed header line: one without a colon, or with characters that HTTP does not allow";

type Cause<'a> = &'a (dyn StdError + 'static);

/// Unclassified error of one exchange.
pub(crate) enum Fault {
    /// Error from reqwest.
    Wire(reqwest::Error),
    /// Body larger than allowed, or broken.
    Undecoded(Undecoded),
    /// Body in encodings that are not decoded.
    Encoding(Phrase),
}

impl Fault {
    /// True when the HTTP library refused a header line.
    pub(crate) fn is_malformed_header(&self) -> bool {
        let Self::Wire(error) = self else { return false };
        // Only the text tells it apart; a test compares it.
        find::<hyper::Error>(error).is_some_and(|http| http.is_parse() && http.to_string().contains("HTTP header"))
    }
}

/// Context of a failed exchange, for its classification and description.
pub(crate) struct Circumstances<'a> {
    pub(crate) phase: Phase,
    /// True when a redirect led to this exchange.
    pub(crate) is_redirected: bool,
    /// Evidence from the TLS handshake, as far as it proceeded.
    pub(crate) handshake: &'a Handshake,
    /// Host of this exchange: ours, or foreign after a redirect.
    pub(crate) host: Piece,
    pub(crate) port: u16,
    pub(crate) body_bytes: u64,
    pub(crate) body_cap: u64,
}

impl Circumstances<'_> {
    pub(crate) fn classify(&self, fault: &Fault) -> Error {
        match fault {
            Fault::Wire(error) => self.wire(error),
            Fault::Undecoded(Undecoded::Broken { is_cut }) => {
                let what = if *is_cut { "that ends early" } else { "that does not decode" };
                let actual = phrase!("compressed data {} after {} bytes", what, ours(self.body_bytes));
                target(FailureKind::Body, "a complete body", actual, None, false)
            }
            Fault::Undecoded(Undecoded::TooLarge) => {
                let expected = phrase!("a body of at most {} bytes", ours(self.body_cap));
                let actual = phrase!("more, after {} bytes were read", ours(self.body_bytes));
                target(FailureKind::Body, expected, actual, None, false)
            }
            Fault::Encoding(encoding) => {
                target(FailureKind::Body, "a body in gzip, br, deflate or plain", encoding.clone(), None, false)
            }
        }
    }

    fn wire(&self, error: &reqwest::Error) -> Error {
        if error.is_builder() {
            return Error::Request(describe_causes(error));
        }
        let evidence = Some(describe_causes(error));
        let host = self.host.clone();
        if let Some(refused) = find::<Refused>(error) {
            let kind = if self.is_redirected { FailureKind::Redirect } else { FailureKind::Dns };
            let actual = phrase!("{}; `network.allow_addresses` can allow it", ours(refused));
            return target(kind, phrase!("a public address for {}", host), actual, None, false);
        }
        if let Some(io) = find::<io::Error>(error).filter(|io| is_local(io)) {
            return Error::Request(phrase!("this machine cannot open connections: {}", foreign(io.to_string())));
        }
        if error.is_timeout() {
            // The timeout of the operating system, not the request's deadline.
            let actual = phrase!("gave up {}", ours(self.phase));
            return target(FailureKind::Timeout, "a response", actual, evidence, true);
        }
        if self.phase == Phase::Body {
            let (actual, transient) = self.broken_body(error);
            return target(FailureKind::Body, "a complete body", actual, evidence, transient);
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            let expected = phrase!("a trusted TLS connection to {}", host);
            // The texts of the causes only repeat it.
            return target(FailureKind::Tls, expected, describe_tls(tls, self.handshake), None, false);
        }
        if error.is_dns() {
            let actual = find::<io::Error>(error)
                .map_or_else(|| Phrase::from("no address"), |io| foreign(io.to_string()).into());
            return target(FailureKind::Dns, phrase!("an address for {}", host), actual, evidence, true);
        }
        if let Some(http) = find::<hyper::Error>(error).filter(|http| http.is_parse()) {
            // The text of the library would only repeat it.
            return target(FailureKind::Protocol, "an HTTP response", malformed(http), None, false);
        }
        let io = find::<io::Error>(error);
        if self.phase == Phase::Tls {
            let actual = phrase!("the handshake was interrupted: {}", io.map_or_else(|| "closed".into(), describe_io));
            return target(FailureKind::Tls, phrase!("a TLS connection to {}", host), actual, evidence, true);
        }
        let is_closed = find::<hyper::Error>(error)
            .is_some_and(|http| http.is_incomplete_message() || http.is_closed() || http.is_canceled());
        if io.is_none() && !is_closed && self.phase == Phase::FirstByte {
            let actual = match find::<h2::Error>(error) {
                Some(http) if http.is_remote() && http.is_go_away() => {
                    phrase!("the server ended the HTTP/2 connection instead (GOAWAY, {})", reason(http))
                }
                Some(http) if http.is_remote() && http.is_reset() => {
                    phrase!("the server reset the HTTP/2 stream instead ({})", reason(http))
                }
                _ => "a protocol error".into(),
            };
            return target(FailureKind::Protocol, "an HTTP response", actual, evidence, true);
        }
        let actual = match io {
            Some(io) => describe_io(io),
            None if is_closed => "the connection was closed before a response".into(),
            None => describe_causes(error),
        };
        let expected = if self.phase == Phase::FirstByte { "a response from" } else { "a connection to" };
        target(FailureKind::Connect, phrase!("{} {}:{}", expected, host, self.port), actual, evidence, true)
    }

    /// Describes a broken body, and says whether a retry may succeed.
    fn broken_body(&self, error: &reqwest::Error) -> (Phrase, bool) {
        let bytes = ours(self.body_bytes);
        match find::<io::Error>(error) {
            // hyper reports an invalid chunk length this way.
            Some(io) if io.kind() == io::ErrorKind::InvalidInput => {
                (phrase!("a broken chunk after {} bytes", bytes), false)
            }
            Some(io) if io.kind() == io::ErrorKind::UnexpectedEof && self.handshake.version.is_some() => {
                (phrase!("cut short after {} bytes: TLS ended without close_notify", bytes), true)
            }
            _ => (phrase!("cut short after {} bytes", bytes), true),
        }
    }
}

fn target(
    kind: FailureKind,
    expected: impl Into<Phrase>,
    actual: impl Into<Phrase>,
    evidence: Option<Phrase>,
    transient: bool,
) -> Error {
    let mismatch = Mismatch { kind, expected: expected.into(), actual: actual.into(), evidence };
    Error::Target { mismatch: Box::new(mismatch), transient }
}

/// Describes an answer that is not HTTP.
fn malformed(error: &hyper::Error) -> Phrase {
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

/// Reason that the server gave for an HTTP/2 error.
fn reason(error: &h2::Error) -> Phrase {
    error.reason().map_or_else(|| "no reason".into(), |reason| ours(format_args!("{reason:?}")).into())
}

/// Expiry time of a certificate rejected as expired.
pub(crate) fn refused_expiry(fault: &Fault) -> Option<Timestamp> {
    let Fault::Wire(error) = fault else { return None };
    match find::<rustls::Error>(error)? {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => timestamp(*not_after),
        _ => None,
    }
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
fn find<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).filter_map(|cause| cause.downcast_ref()).last()
}

/// Texts of all causes, without the URL, which the exchange contains.
fn describe_causes(error: &reqwest::Error) -> Phrase {
    let mut texts: Vec<Phrase> = Vec::new();
    let mut last = String::new();
    // reqwest's own text comes first; it only adds the URL to the texts of the causes. That of its pool names a variant.
    for cause in causes(error).skip(1) {
        let text = cause.to_string();
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            texts.push(tls_words::said(tls));
            last = text;
        } else if !last.contains(&text) && !is_tls(cause) && !text.starts_with("client error (") {
            // rustls refers to its manual.
            texts.push(foreign(text.split(": https://docs.rs/rustls").next().unwrap_or_default()).into());
            last = text;
        }
    }
    if texts.is_empty() { "no further details".into() } else { Phrase::list(texts, ": ") }
}

/// True for an I/O error that only wraps one of TLS.
fn is_tls(cause: Cause<'_>) -> bool {
    let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<rustls::Error>())
}

/// True when this machine, not the target, ran out of open files, ports or memory.
pub(crate) fn is_local(error: &io::Error) -> bool {
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse | io::ErrorKind::OutOfMemory)
        || error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code))
}

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
