//! From what went wrong inside reqwest to what was wrong with the target.
//!
//! Kinds are told apart by the types in the chain of sources, never by their texts.

use std::{error::Error as StdError, io};

use check::{FailureKind, Mismatch};
use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible, pki_types::UnixTime};

use crate::{Error, Redactor, Refused, excerpt::excerpt, timing::Phase, tls::Handshake};

type Cause<'a> = &'a (dyn StdError + 'static);

/// What went wrong in one exchange, before it is put in words.
pub(crate) enum Fault {
    /// Something inside reqwest.
    Wire(reqwest::Error),
    /// The body is larger than allowed.
    TooLarge,
    /// The body came in an encoding that was not asked for.
    Encoding(String),
}

/// What one exchange was asked to do, as far as the words need it.
pub(crate) struct Circumstances<'a> {
    pub(crate) phase: Phase,
    /// Whether a redirect led there.
    pub(crate) is_redirected: bool,
    /// What the TLS handshake showed, as far as it came.
    pub(crate) handshake: &'a Handshake,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) body_bytes: u64,
    pub(crate) body_cap: u64,
    pub(crate) redactor: &'a Redactor,
}

impl Circumstances<'_> {
    pub(crate) fn judge(&self, fault: &Fault) -> Error {
        match fault {
            Fault::Wire(error) => self.wire(error),
            Fault::TooLarge => {
                let expected = format!("a body of at most {} bytes", self.body_cap);
                let actual = format!("more, after {} bytes were read", self.body_bytes);
                self.target(FailureKind::Body, &expected, &actual, None, false)
            }
            Fault::Encoding(encoding) => {
                let actual = format!("content-encoding {encoding}");
                self.target(FailureKind::Body, "a body in gzip, br, deflate or plain", &actual, None, false)
            }
        }
    }

    fn wire(&self, error: &reqwest::Error) -> Error {
        if error.is_builder() {
            return Error::Request(excerpt(&text_of(error), self.redactor));
        }
        let evidence = Some(text_of(error));
        let host = self.host;
        if let Some(refused) = find::<Refused>(error) {
            let kind = if self.is_redirected { FailureKind::Redirect } else { FailureKind::Dns };
            let actual = format!("{refused}; `network.allow_addresses` may allow it");
            return self.target(kind, &format!("a public address for {host}"), &actual, None, false);
        }
        if let Some(io) = find::<io::Error>(error).filter(|io| is_ours(io)) {
            return Error::Request(format!("this machine cannot open connections: {io}"));
        }
        if error.is_timeout() {
            // Not our deadline, but the operating system's.
            let actual = format!("gave up {}", self.phase);
            return self.target(FailureKind::Timeout, "an answer", &actual, evidence, true);
        }
        if self.phase == Phase::Body {
            let (actual, transient) = self.broken_body(error);
            return self.target(FailureKind::Body, "a complete body", &actual, evidence, transient);
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            let expected = format!("a trusted TLS connection to {host}");
            return self.target(FailureKind::Tls, &expected, &tls_words(tls, self.handshake), evidence, false);
        }
        if error.is_dns() {
            let actual = find::<io::Error>(error).map_or_else(|| "no address".to_owned(), ToString::to_string);
            return self.target(FailureKind::Dns, &format!("an address for {host}"), &actual, evidence, true);
        }
        if let Some(http) = find::<hyper::Error>(error).filter(|http| http.is_parse()) {
            let actual = match (http.is_parse_too_large(), http.is_parse_version_h2()) {
                (true, _) => "headers larger or more than allowed",
                (_, true) => "an HTTP/2 answer to an HTTP/1.1 request",
                _ => "bytes that are not HTTP",
            };
            return self.target(FailureKind::Protocol, "an HTTP answer", actual, evidence, false);
        }
        let io = find::<io::Error>(error);
        if self.phase == Phase::Tls {
            let actual = format!("the handshake was cut: {}", io.map_or_else(|| "closed".to_owned(), io_words));
            return self.target(FailureKind::Tls, &format!("a TLS connection to {host}"), &actual, evidence, true);
        }
        let cut = find::<hyper::Error>(error)
            .is_some_and(|http| http.is_incomplete_message() || http.is_closed() || http.is_canceled());
        if io.is_none() && !cut && self.phase == Phase::FirstByte {
            let actual = match find::<h2::Error>(error) {
                Some(http) if http.is_remote() && http.is_go_away() => {
                    let reason = http.reason().map_or_else(|| "no reason".to_owned(), |reason| format!("{reason:?}"));
                    format!("the server ended the HTTP/2 connection instead (GOAWAY, {reason})")
                }
                Some(http) if http.is_remote() && http.is_reset() => {
                    let reason = http.reason().map_or_else(|| "no reason".to_owned(), |reason| format!("{reason:?}"));
                    format!("the server reset the HTTP/2 stream instead ({reason})")
                }
                _ => "a protocol error".to_owned(),
            };
            return self.target(FailureKind::Protocol, "an HTTP answer", &actual, evidence, true);
        }
        let actual = match io {
            Some(io) => io_words(io),
            None if cut => "the connection was closed before an answer".to_owned(),
            None => text_of(error),
        };
        let expected = if self.phase == Phase::FirstByte { "an answer from" } else { "a connection to" };
        self.target(FailureKind::Connect, &format!("{expected} {host}:{}", self.port), &actual, evidence, true)
    }

    /// In words, and whether it may pass.
    fn broken_body(&self, error: &reqwest::Error) -> (String, bool) {
        let bytes = self.body_bytes;
        if find::<hyper::Error>(error).is_some() {
            return match find::<io::Error>(error) {
                // How hyper reports a chunk whose length is none.
                Some(io) if io.kind() == io::ErrorKind::InvalidInput => {
                    (format!("a broken chunk after {bytes} bytes"), false)
                }
                _ => (format!("cut short after {bytes} bytes"), true),
            };
        }
        (format!("compressed data that does not decode, after {bytes} bytes"), false)
    }

    fn target(
        &self,
        kind: FailureKind,
        expected: &str,
        actual: &str,
        evidence: Option<String>,
        transient: bool,
    ) -> Error {
        let mismatch = Mismatch {
            kind,
            expected: excerpt(expected, self.redactor),
            actual: excerpt(actual, self.redactor),
            evidence: evidence.map(|evidence| excerpt(&evidence, self.redactor)),
        };
        Error::Target { mismatch: Box::new(mismatch), transient }
    }
}

/// When the certificate ended that was refused for it.
pub(crate) fn refused_expiry(fault: &Fault) -> Option<Timestamp> {
    let Fault::Wire(error) = fault else { return None };
    match find::<rustls::Error>(error)? {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => timestamp(*not_after),
        _ => None,
    }
}

/// The causes of an error, the error first.
fn causes<'a>(error: Cause<'a>) -> impl Iterator<Item = Cause<'a>> {
    std::iter::successors(Some(error), |&error: &Cause<'a>| match error.downcast_ref::<io::Error>() {
        // `source` of an I/O error skips the error it was made from.
        Some(io) => io.get_ref().map(|inner| inner as Cause<'_>),
        None => error.source(),
    })
}

/// The innermost of its type.
fn find<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).filter_map(|cause| cause.downcast_ref()).last()
}

/// The texts of all causes, without the URL, which stands in the exchange.
fn text_of(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    // The first text is reqwest's own: it names the URL, and nothing that its causes do not say better.
    for text in causes(error).skip(1).map(ToString::to_string) {
        if !texts.last().is_some_and(|last| last.contains(&text)) {
            texts.push(text);
        }
    }
    if texts.is_empty() { "no more is known".to_owned() } else { texts.join(": ") }
}

/// Whether we, not the target, ran out of something: open files, ports, memory.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    const TOO_MANY_OPEN_FILES: [i32; 2] = [23, 24];
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse | io::ErrorKind::OutOfMemory)
        || error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN_FILES.contains(&code))
}

pub(crate) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the connection was reset".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        _ => error.to_string(),
    }
}

/// Why rustls refused, in words.
pub(crate) fn tls_words(error: &rustls::Error, handshake: &Handshake) -> String {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(refused) => match refused {
            Certificate::Expired => "a certificate that has expired".to_owned(),
            Certificate::ExpiredContext { not_after, .. } => {
                format!("a certificate that expired {}", when(*not_after))
            }
            Certificate::NotValidYet => "a certificate that is not valid yet".to_owned(),
            Certificate::NotValidYetContext { not_before, .. } => {
                format!("a certificate that is not valid before {}", when(*not_before))
            }
            Certificate::NotValidForName => "a certificate for another host".to_owned(),
            Certificate::NotValidForNameContext { presented, .. } => {
                format!("a certificate for another host: {}", presented.join(", "))
            }
            Certificate::UnknownIssuer => untrusted(handshake),
            Certificate::Revoked => "a certificate that was revoked".to_owned(),
            Certificate::BadSignature => "a certificate with a wrong signature".to_owned(),
            other => format!("a certificate that is not acceptable: {other}"),
        },
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => "an answer without TLS".to_owned(),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => format!("no version of TLS in common, we speak 1.2 and 1.3: {error}"),
        // Both come from a server that has looked through our ciphers, and likes none (RFC 8446, section 6.2).
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity) => {
            format!("no cipher in common, or another demand of the server's that we do not meet: {error}")
        }
        rustls::Error::PeerIncompatible(what) => format!("a server that cannot speak with us: {what:?}"),
        rustls::Error::AlertReceived(alert) => format!("the server's alert {alert:?}"),
        other => other.to_string(),
    }
}

/// What is missing between the server and an authority that is trusted.
fn untrusted(handshake: &Handshake) -> String {
    let chain = &handshake.chain;
    match (chain.first(), chain.last()) {
        (Some(own), Some(last)) if own == last && own.subject == own.issuer => {
            format!("a self-signed certificate, of {}", own.subject)
        }
        (Some(own), Some(last)) if own == last => format!(
            "a certificate alone, signed by {}, which is no trusted authority: its intermediate certificate is missing, \
             or the authority is unknown",
            own.issuer
        ),
        (_, Some(last)) => format!("a chain of certificates that ends at {}, an unknown authority", last.issuer),
        _ => "a certificate from an unknown authority".to_owned(),
    }
}

fn timestamp(time: UnixTime) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(time.as_secs()).ok()?).ok()
}

fn when(time: UnixTime) -> String {
    timestamp(time).map_or_else(|| format!("{} s after 1970", time.as_secs()), |time| time.to_string())
}
