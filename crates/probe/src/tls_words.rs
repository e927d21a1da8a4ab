//! Errors of TLS in words. The library writes names of types.

use std::{fmt, net::IpAddr};

use check::{Phrase, Piece, foreign, ours, phrase};
use jiff::Timestamp;
use rustls::{
    AlertDescription, CertificateError, InvalidMessage, PeerIncompatible, PeerMisbehaved, pki_types::UnixTime,
};

use crate::handshake::{Handshake, moment};

/// Describes why rustls rejected the connection.
pub(crate) fn describe_tls(error: &rustls::Error, handshake: &Handshake) -> Phrase {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(refused) => match refused {
            Certificate::Expired => "an expired certificate".into(),
            Certificate::ExpiredContext { not_after, .. } => {
                phrase!("a certificate that expired {}", ours(when(*not_after)))
            }
            Certificate::NotValidYet => "a certificate not yet valid".into(),
            Certificate::NotValidYetContext { not_before, .. } => {
                phrase!("a certificate not valid before {}", ours(when(*not_before)))
            }
            Certificate::NotValidForName => "a certificate for another host".into(),
            Certificate::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                "a certificate without a host: it has no subject alternative name, and its common name does not count"
                    .into()
            }
            Certificate::NotValidForNameContext { presented, .. } => {
                let presented: Vec<String> = presented.iter().map(|name| alternative_name(name)).collect();
                phrase!("a certificate for another host: {}", foreign(presented.join(", ")))
            }
            Certificate::UnknownIssuer => untrusted(handshake),
            Certificate::Revoked => "a revoked certificate".into(),
            Certificate::BadSignature => "a certificate with a wrong signature".into(),
            Certificate::InvalidPurpose | Certificate::InvalidPurposeContext { .. } => {
                "a certificate that is not for servers: its extended key usage names other purposes".into()
            }
            Certificate::BadEncoding => "a certificate that does not decode".into(),
            Certificate::Other(error) => match words(&error.to_string()).as_str() {
                "ca used as end entity" => {
                    "the certificate of an authority, where one of a server belongs: it has the basic constraint CA"
                        .into()
                }
                "end entity used as ca" => "a certificate that is signed by one that is no authority".into(),
                other => phrase!("an unacceptable certificate: {}", foreign(other)),
            },
            other => phrase!("an unacceptable certificate: {}", foreign(words(&format!("{other:?}")))),
        },
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
                named(alert)
            )
        }
        Tls::AlertReceived(AlertDescription::Unknown(number)) => {
            phrase!("an unknown alert from the server: number {}", ours(number))
        }
        Tls::AlertReceived(alert) => phrase!("the alert \"{}\" from the server", named(alert)),
        Tls::PeerIncompatible(reason) => phrase!("an incompatible server: {}", named(reason)),
        Tls::InvalidCertificate(_) => "an unacceptable certificate".into(),
        Tls::NoCertificatesPresented => "no certificate".into(),
        Tls::NoApplicationProtocol => "no application protocol in common (ALPN)".into(),
        Tls::PeerSentOversizedRecord => "a TLS record that is too large".into(),
        Tls::DecryptError => "TLS data that does not decrypt".into(),
        Tls::InvalidEncryptedClientHello(reason) => phrase!("a wrong encrypted ClientHello: {}", named(reason)),
        other => foreign(other.to_string()).into(),
    }
}

const NO_VERSION: &str = "no version of TLS in common, the probe supports 1.2 and 1.3";

/// A value of the library in words.
fn named(value: &impl fmt::Debug) -> Piece {
    ours(words(&format!("{value:?}")))
}

/// Names of the library in words: `UnsupportedCriticalExtension` becomes `unsupported critical extension`. Details in
/// brackets are left out.
fn words(name: &str) -> String {
    let name = name.split(['(', '{']).next().unwrap_or_default().trim();
    let letters: Vec<char> = name.chars().collect();
    let mut words = String::new();
    for (i, c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| letters.get(i));
        let ends_an_acronym =
            before.is_some_and(|c| c.is_uppercase()) && letters.get(i + 1).is_some_and(|c| c.is_lowercase());
        if c.is_uppercase() && (before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit()) || ends_an_acronym) {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// A name that a certificate holds: `DnsName("a.example")` is `a.example`, `IpAddress(10.0.0.1)` an address.
fn alternative_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(kind, rest)| Some((kind, rest.strip_suffix(')')?)));
    match inner {
        Some(("DnsName", host)) => {
            let host = host.trim_matches('"');
            if host.parse::<IpAddr>().is_ok() {
                format!("the name {host}, which is no address")
            } else {
                host.to_owned()
            }
        }
        Some(("IpAddress", address)) => format!("the address {}", address.trim_matches('"')),
        Some((kind, other)) => format!("{} {}", words(kind), other.trim_matches('"')),
        None => name.to_owned(),
    }
}

/// Describes why the chain does not lead to a trusted authority.
fn untrusted(handshake: &Handshake) -> Phrase {
    let chain = &handshake.chain;
    match (chain.first(), chain.last()) {
        (Some(own), Some(last)) if own == last && own.subject == own.issuer => {
            phrase!("a self-signed certificate for {}", foreign(&own.subject))
        }
        (Some(own), Some(last)) if own == last => phrase!(
            "a certificate without a chain, signed by {}, no trusted authority: its intermediate certificate is \
             missing, or the authority is unknown",
            foreign(&own.issuer)
        ),
        (_, Some(last)) => {
            phrase!("a chain of certificates that ends at {}, an unknown authority", foreign(&last.issuer))
        }
        _ => "a certificate from an unknown authority".into(),
    }
}

pub(crate) fn timestamp(time: UnixTime) -> Option<Timestamp> {
    Some(moment(i64::try_from(time.as_secs()).ok()?))
}

fn when(time: UnixTime) -> String {
    timestamp(time).map_or_else(|| format!("{} seconds after 1970", time.as_secs()), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use rustls::OtherError;

    use super::*;

    fn described(error: CertificateError) -> String {
        let text = describe_tls(&rustls::Error::InvalidCertificate(error), &Handshake::default());
        text.admit(&check::NoSecrets, 300).to_string()
    }

    #[test]
    fn refused_certificates_are_described_in_words() {
        let names = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: "a.example".try_into().unwrap(),
            presented: presented.iter().map(|name| (*name).to_owned()).collect(),
        };
        let other = |name: &'static str| CertificateError::Other(OtherError(Arc::new(io::Error::other(name))));
        for (error, expected) in [
            (names(&[]), "no subject alternative name"),
            (
                names(&["DnsName(\"b.example\")", "IpAddress(10.0.0.1)"]),
                "another host: b.example, the address 10.0.0.1",
            ),
            (names(&["DnsName(\"10.0.0.1\")"]), "another host: the name 10.0.0.1, which is no address"),
            (other("CaUsedAsEndEntity"), "the certificate of an authority, where one of a server belongs"),
            (other("UnsupportedCriticalExtension"), "an unacceptable certificate: unsupported critical extension"),
            (other("MaximumSignatureChecksExceeded { n: 3 }"), "maximum signature checks exceeded"),
            (CertificateError::InvalidPurpose, "not for servers"),
            (CertificateError::UnknownRevocationStatus, "unknown revocation status"),
        ] {
            let text = described(error);
            assert!(text.contains(expected), "{expected}: {text}");
            assert!(!text.contains(['(', '{', '"']), "{text}");
        }
    }

    #[test]
    fn errors_of_tls_are_described_in_words() {
        use rustls::{ContentType, Error as Tls, HandshakeType};
        let alert = Tls::AlertReceived;
        for (error, expected) in [
            (
                alert(AlertDescription::HandshakeFailure),
                "no cipher in common, or the server has another requirement that is not met: it sent the alert \"handshake failure\"",
            ),
            (
                alert(AlertDescription::ProtocolVersion),
                "the probe supports 1.2 and 1.3: the server sent the alert \"protocol version\"",
            ),
            (alert(AlertDescription::CertificateRequired), "the alert \"certificate required\" from the server"),
            (alert(AlertDescription::UnknownPSKIdentity), "the alert \"unknown psk identity\" from the server"),
            (alert(AlertDescription::UnknownCA), "the alert \"unknown ca\" from the server"),
            (alert(AlertDescription::Unknown(200)), "an unknown alert from the server: number 200"),
            (
                Tls::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
                "no version of TLS in common, the probe supports 1.2 and 1.3: the server chose an older one",
            ),
            (
                Tls::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon),
                "an incompatible server: no kx groups in common",
            ),
            (
                Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite),
                "a server that chose a cipher that was not offered",
            ),
            (
                Tls::PeerMisbehaved(PeerMisbehaved::DuplicateServerHelloExtensions),
                "a server that breaks the rules of TLS: duplicate server hello extensions",
            ),
            (
                Tls::InvalidMessage(InvalidMessage::MissingData("ProtocolVersion")),
                "a malformed TLS message: missing data",
            ),
            (Tls::InvalidMessage(InvalidMessage::InvalidContentType), "a response without TLS"),
            (
                Tls::InappropriateMessage {
                    expect_types: vec![ContentType::Handshake],
                    got_type: ContentType::ApplicationData,
                },
                "a TLS record at the wrong time: application data",
            ),
            (
                Tls::InappropriateHandshakeMessage {
                    expect_types: vec![HandshakeType::ServerHello],
                    got_type: HandshakeType::Finished,
                },
                "a TLS message at the wrong time: finished",
            ),
            (Tls::PeerSentOversizedRecord, "a TLS record that is too large"),
            (Tls::DecryptError, "TLS data that does not decrypt"),
        ] {
            let text = said(&error).admit(&check::NoSecrets, 300).to_string();
            assert!(text.ends_with(expected), "{expected}: {text}");
            let is_name = |word: &str| {
                word.chars().skip(1).zip(word.chars()).any(|(c, last)| c.is_uppercase() && last.is_lowercase())
            };
            assert!(!text.contains(['(', '{']) && !text.split(' ').any(is_name), "{text}");
        }
    }

    #[test]
    fn certificates_without_an_end_have_an_expiry() {
        assert!(moment(253_402_300_799).to_string().starts_with("9999-12-"));
        assert_eq!(moment(i64::MAX).as_second(), Timestamp::MAX.as_second());
    }
}
