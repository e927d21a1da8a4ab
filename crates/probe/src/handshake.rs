//! Evidence that a TLS handshake leaves, also when it fails.

use jiff::Timestamp;

/// Evidence from a handshake so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) version: Option<&'static str>,
    pub(crate) cipher: Option<String>,
    pub(crate) chain: Vec<Presented>,
    /// Earliest expiry among the certificates from the server's up to the authority's.
    pub(crate) expires: Option<Timestamp>,
}

/// Certificate as the server presents it; its names are foreign text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presented {
    /// Common name of the owner, or the whole distinguished name.
    pub(crate) subject: String,
    /// Name of the issuer, in the same form.
    pub(crate) issuer: String,
    pub(crate) expires: Timestamp,
}
