//! Classification of reqwest errors as failures of the target.
//!
//! Kinds are derived from the types in the chain of sources, never from their texts.

use std::io;

use check::{FailureKind, Mismatch, Phrase, Piece, foreign, ours, phrase};
use jiff::Timestamp;
use rustls::CertificateError;

use crate::{
    Error, Refused,
    coding::Undecoded,
    handshake::{Handshake, timestamp},
    timing::Phase,
    tls_words::describe_tls,
    wire_words::{broken_chunks, describe_h2, describe_http, describe_io, evidence_of, find},
};

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
            return Error::Request(evidence_of(error).unwrap_or_else(|| "no further details".into()));
        }
        let evidence = evidence_of(error);
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
            return target(FailureKind::Protocol, "an HTTP response", describe_http(http), None, false);
        }
        let io = find::<io::Error>(error);
        if self.phase == Phase::Tls {
            let actual = phrase!("the handshake was interrupted: {}", io.map_or_else(|| "closed".into(), describe_io));
            return target(FailureKind::Tls, phrase!("a TLS connection to {}", host), actual, evidence, true);
        }
        let is_closed = find::<hyper::Error>(error)
            .is_some_and(|http| http.is_incomplete_message() || http.is_closed() || http.is_canceled());
        if io.is_none() && !is_closed && self.phase == Phase::FirstByte {
            let actual = find::<h2::Error>(error).map(describe_h2);
            let actual = actual.unwrap_or_else(|| "bytes that do not answer the request".into());
            return target(FailureKind::Protocol, "an HTTP response", actual, evidence, true);
        }
        let actual = match io {
            Some(io) => describe_io(io),
            None if is_closed => "the connection was closed before a response".into(),
            None => evidence.clone().unwrap_or_else(|| "no further details".into()),
        };
        let expected = if self.phase == Phase::FirstByte { "a response from" } else { "a connection to" };
        target(FailureKind::Connect, phrase!("{} {}:{}", expected, host, self.port), actual, evidence, true)
    }

    /// Describes a broken body, and says whether a retry may succeed.
    fn broken_body(&self, error: &reqwest::Error) -> (Phrase, bool) {
        let bytes = ours(self.body_bytes);
        if let Some(words) = find::<io::Error>(error).and_then(broken_chunks) {
            return (phrase!("{} after {} bytes", words, bytes), false);
        }
        match find::<io::Error>(error) {
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

/// Expiry time of a certificate rejected as expired.
pub(crate) fn refused_expiry(fault: &Fault) -> Option<Timestamp> {
    let Fault::Wire(error) = fault else { return None };
    match find::<rustls::Error>(error)? {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => timestamp(*not_after),
        _ => None,
    }
}

/// True when this machine, not the target, ran out of open files, ports or memory.
pub(crate) fn is_local(error: &io::Error) -> bool {
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse | io::ErrorKind::OutOfMemory)
        || error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code))
}
