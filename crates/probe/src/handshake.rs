//! Evidence that a TLS handshake leaves, also when it fails.

use check::Certificate;
use jiff::Timestamp;

/// Evidence from a handshake so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) version: Option<&'static str>,
    pub(crate) cipher: Option<String>,
    pub(crate) chain: Vec<Certificate>,
    /// Earliest expiry among the certificates from the server's up to the authority's.
    pub(crate) expires: Option<Timestamp>,
}
