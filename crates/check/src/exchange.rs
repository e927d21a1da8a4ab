//! What one HTTP exchange looked like on the wire: the evidence under every step.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the time of one exchange went.
///
/// **Units:** milliseconds. `None` means the phase did not take place: a reused connection has no `dns`, `connect` and
/// `tls`, a plain one no `tls`, an IP literal no `dns`, and after a failure all later phases are missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// Name resolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_ms: Option<f64>,
    /// TCP connection, with the race between addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ms: Option<f64>,
    /// From the connection being ready (or reused) to the last header of the answer: sending, and the server's work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
    /// From the last header to the last byte of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_ms: Option<f64>,
}

/// One request and what came back: one per hop, so a redirect makes two.
///
/// Everything in it is redacted: it goes to logs, messages and the state table as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// The request's method.
    pub method: String,
    /// The request's URL, redacted.
    pub url: String,
    /// When it was sent.
    pub started: Timestamp,
    /// From the start to the last byte, or to the failure. Milliseconds.
    pub duration_ms: f64,
    /// The answer's status; `None` when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `HTTP/1.1`, `HTTP/2.0`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The address that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Decoded bytes of the body that were read.
    pub body_bytes: u64,
    /// The `Location` that a redirect named, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// When the first certificate ends of those between the server and the authority; `None` without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expires: Option<Timestamp>,
    /// What the TLS handshake showed, a failed one too; `None` without TLS, and on a connection that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsEvidence>,
    /// For how long the server asked to be left alone (`Retry-After`). Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Where the time went.
    pub phases: Phases,
}

/// What a TLS handshake showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TlsEvidence {
    /// `TLS 1.2` or `TLS 1.3`; `None` when the handshake ended before it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The cipher suite, by its name in IANA's registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// What the server sent, its own first; of a very long chain the beginning.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub chain: Vec<Certificate>,
}

/// One certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Whose it is: the common name, or the whole name where there is none.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it ends.
    pub expires: Timestamp,
}
