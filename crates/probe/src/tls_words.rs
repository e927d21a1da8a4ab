//! Errors of TLS in words. The library writes names of types.

use std::fmt;

use check::{Phrase, Piece, foreign, ours, phrase};
use rustls::{AlertDescription, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use crate::certificate_words::describe_certificate;
use crate::handshake::Handshake;
use crate::variant_names::{split, words};

/// Describes why rustls rejected the connection.
pub(crate) fn describe_tls(error: &rustls::Error, handshake: &Handshake) -> Phrase {
    match error {
        rustls::Error::InvalidCertificate(refused) => describe_certificate(refused, handshake),
        other => said(other),
    }
}

/// Describes an error of TLS other than a refused certificate, in words instead of the names of the library.
pub(crate) fn said(error: &rustls::Error) -> Phrase {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => "a response without TLS".into(),
        Tls::InvalidMessage(message) => phrase!("a malformed TLS message: {}", named(message)),
        Tls::InappropriateMessage { got_type, .. } => phrase!("a TLS record at the wrong time: {}", named(got_type)),
        Tls::InappropriateHandshakeMessage { got_type, .. } => {
            phrase!("a TLS message at the wrong time: {}", named(got_type))
        }
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite) => {
            "a server that chose a cipher that was not offered".into()
        }
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedKxGroup) => {
            "a server that chose a key exchange that was not offered".into()
        }
        Tls::PeerMisbehaved(breach) => phrase!("a server that breaks the rules of TLS: {}", named(breach)),
        Tls::AlertReceived(AlertDescription::ProtocolVersion) => {
            phrase!("{}: the server sent the alert \"protocol version\"", NO_VERSION)
        }
        Tls::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => phrase!("{}: the server chose an older one", NO_VERSION),
        // A server sends either alert when it accepts none of the offered ciphers (RFC 8446, section 6.2).
        Tls::AlertReceived(alert @ (AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity)) => {
            phrase!(
                "no cipher in common, or the server has another requirement that is not met: it sent the alert \"{}\"",
                alert_name(alert)
            )
        }
        Tls::AlertReceived(AlertDescription::Unknown(number)) => {
            phrase!("an unknown alert from the server: number {}", ours(number))
        }
        Tls::AlertReceived(alert) => phrase!("the alert \"{}\" from the server", alert_name(alert)),
        Tls::PeerIncompatible(reason) => phrase!("an incompatible server: {}", missing(reason)),
        Tls::InvalidCertificate(_) => "an unacceptable certificate".into(),
        Tls::NoCertificatesPresented => "no certificate".into(),
        Tls::NoApplicationProtocol => "no application protocol in common (ALPN)".into(),
        Tls::PeerSentOversizedRecord => "a TLS record that is too large".into(),
        Tls::DecryptError => "TLS data that does not decrypt".into(),
        Tls::EncryptError => "data that is too large to encrypt".into(),
        Tls::UnsupportedNameType => "a host name of a kind that no certificate can have".into(),
        Tls::InvalidEncryptedClientHello(reason) => phrase!("a wrong encrypted ClientHello: {}", named(reason)),
        Tls::InvalidCertRevocationList(_) => "a revocation list that cannot be used".into(),
        Tls::HandshakeNotComplete => "a TLS handshake that is not complete".into(),
        Tls::BadMaxFragmentSize => "a wrong maximum size of TLS records".into(),
        Tls::InconsistentKeys(_) => "a key that does not fit its certificate".into(),
        Tls::FailedToGetCurrentTime => "this machine does not know the time".into(),
        Tls::FailedToGetRandomBytes => "this machine has no random numbers".into(),
        Tls::General(text) => phrase!("an error of TLS: {}", foreign(text)),
        Tls::Other(error) => phrase!("an error of TLS: {}", foreign(error.to_string())),
        _ => "an unknown error of TLS".into(),
    }
}

/// Describes what a server does not support or demands.
fn missing(reason: &PeerIncompatible) -> Piece {
    use PeerIncompatible as Missing;
    let words = match reason {
        Missing::NoCipherSuitesInCommon => "no cipher in common",
        Missing::NoKxGroupsInCommon => "no key exchange in common",
        Missing::NoSignatureSchemesInCommon | Missing::NoCertificateRequestSignatureSchemesInCommon => {
            "no kind of signature in common"
        }
        Missing::NoEcPointFormatsInCommon
        | Missing::EcPointsExtensionRequired
        | Missing::UncompressedEcPointsRequired => "no format of elliptic curves in common",
        Missing::ExtendedMasterSecretExtensionRequired => "it does not support the extended master secret",
        Missing::NullCompressionRequired => "it requires compression",
        Missing::ServerRejectedEncryptedClientHello(_) => "it rejected the encrypted ClientHello",
        Missing::IncorrectCertificateTypeExtension | Missing::UnsolicitedCertificateTypeExtension => {
            "it sends a certificate of another kind than X.509"
        }
        other => return named(other),
    };
    ours(words)
}

const NO_VERSION: &str = "no version of TLS in common, the probe supports 1.2 and 1.3";

/// Name of an alert, as in RFC 8446.
fn alert_name(alert: &AlertDescription) -> Piece {
    ours(split(&format!("{alert:?}")))
}

/// A value of the library in words.
fn named(value: &impl fmt::Debug) -> Piece {
    ours(words(&format!("{value:?}")))
}

#[cfg(test)]
mod tests;
