//! Record of one HTTP exchange as it went over the wire: the evidence of a step.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::Text;
use super::redact::Redact;

/// Time spent in each phase of one exchange.
///
/// **Units:** milliseconds. `None` means that the phase did not take place: a reused connection has no `dns`, `connect` or
/// `tls`, a plain connection has no `tls`, an IP literal has no `dns`, and after a failure all later phases are missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// Name resolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_ms: Option<f64>,
    /// TCP connection, including the race between addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ms: Option<f64>,
    /// From the moment the connection is ready (or reused) to the last response header: sending, and the server's work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
    /// From the last header to the last byte of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_ms: Option<f64>,
}

/// One request and its response. Each hop of a redirect is a separate exchange.
///
/// All texts are redacted, because logs, messages and the state table use them unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// Method of the request.
    pub method: String,
    /// URL of the request, redacted.
    pub url: Text,
    /// Time at which the request was sent.
    pub started: Timestamp,
    /// Milliseconds from the start to the last byte, or to the failure.
    pub duration_ms: f64,
    /// Status of the response; `None` without a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Protocol version: `HTTP/1.1`, `HTTP/2.0`, and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Address of the server that responded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Number of body bytes read, after decoding.
    pub body_bytes: u64,
    /// Value of a redirect's `Location` header, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Text>,
    /// Earliest expiry among the certificates from the server's up to the authority's; `None` without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expires: Option<Timestamp>,
    /// Evidence from the TLS handshake, also from a failed one; `None` without TLS and on a reused connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsEvidence>,
    /// Milliseconds that the server asked the client to wait (`Retry-After`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Time spent in each phase.
    pub phases: Phases,
}

impl Exchange {
    /// Masks secrets that became known later.
    #[must_use]
    pub fn masked(&self, redactor: &dyn Redact) -> Self {
        let location = self.location.as_ref().map(|location| location.masked(redactor));
        Self { url: self.url.masked(redactor), location, ..self.clone() }
    }
}

/// Evidence from a TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TlsEvidence {
    /// `TLS 1.2` or `TLS 1.3`; `None` when the handshake ended before a version was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Cipher suite, by its name in the IANA registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// Certificates that the server sent, its own first. A very long chain is cut at the end.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub chain: Vec<Certificate>,
}

/// One certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Common name of the owner, or the whole distinguished name when there is no common name.
    pub subject: Text,
    /// Name of the issuer, in the same form.
    pub issuer: Text,
    /// Expiry time.
    pub expires: Timestamp,
}
