//! Evidence that a TLS handshake leaves, also when it fails.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;

/// Evidence from a handshake so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) version: Option<&'static str>,
    pub(crate) cipher: Option<String>,
    pub(crate) chain: Vec<Presented>,
    /// Last certificate that is reached from the server's by following the issuers.
    pub(crate) end: Option<Presented>,
    /// True when a trusted authority has the name of that certificate's issuer.
    pub(crate) is_anchored: bool,
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
    /// True when the encoded names of owner and issuer are the same.
    pub(crate) is_self_issued: bool,
    pub(crate) begins: Timestamp,
    pub(crate) expires: Timestamp,
    /// Length of an RSA key in bits; `None` for other keys.
    pub(crate) rsa_bits: Option<usize>,
    /// Identifier of the first critical extension that the verifier does not know.
    pub(crate) unknown_extension: Option<String>,
}

/// A time in Unix seconds. Certificates without an end are valid until the end of the year 9999, or beyond what can be
/// written; the last time that can be is near enough.
pub(crate) fn moment(seconds: i64) -> Timestamp {
    let range = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    Timestamp::from_second(seconds.clamp(*range.start(), *range.end())).unwrap_or_default()
}

/// A time of rustls.
pub(crate) fn timestamp(time: UnixTime) -> Option<Timestamp> {
    Some(moment(i64::try_from(time.as_secs()).ok()?))
}
