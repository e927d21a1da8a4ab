//! Refused certificates in words: which one of the chain, why, and what to do.

use std::net::IpAddr;

use check::{Phrase, foreign, ours, phrase};
use rustls::{CertificateError, OtherError, pki_types::UnixTime};

use crate::handshake::{Handshake, Presented, timestamp};
use crate::variant_names::words;

/// Shortest RSA key that is accepted, in bits.
const MIN_RSA: usize = 2048;
/// Maximum number of names that a message quotes; a certificate may have a hundred.
const MAX_NAMES: usize = 6;
/// Encoded identifiers of signatures by MD5 and SHA-1: with RSA (1.2.840.113549.1.1.4 and 5), and with ECDSA
/// (1.2.840.10045.4.1).
const BROKEN_HASHES: [(&str, &[u8]); 3] = [
    ("MD5", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"),
    ("SHA-1", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"),
    ("SHA-1", b"\x2a\x86\x48\xce\x3d\x04\x01"),
];

/// Describes why rustls refused the certificate of a server, or one of its chain.
pub(crate) fn describe_certificate(error: &CertificateError, handshake: &Handshake) -> Phrase {
    use CertificateError as Refused;
    let chain = handshake.chain.as_slice();
    #[expect(deprecated, reason = "the library may still return the older variant")]
    match error {
        Refused::ExpiredContext { not_after, .. } => expired(chain, *not_after),
        // The library has no times for this one.
        Refused::Expired => "a certificate whose validity ends before it begins".into(),
        Refused::NotValidYetContext { not_before, .. } => not_yet_valid(chain, *not_before),
        Refused::NotValidYet => "a certificate not yet valid".into(),
        Refused::NotValidForName => "a certificate for another host".into(),
        Refused::NotValidForNameContext { presented, .. } => other_names(presented),
        Refused::UnknownIssuer => untrusted(handshake),
        Refused::BadSignature => wrong_signature(chain),
        Refused::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: algorithm, .. } => {
            let is_by = |id: &[u8]| algorithm.windows(id.len()).any(|part| part == id);
            match BROKEN_HASHES.iter().find(|(_, id)| is_by(id)) {
                Some((hash, _)) => {
                    phrase!("a certificate whose signature uses {}, which is broken: issue it with SHA-256", *hash)
                }
                None => UNSUPPORTED_SIGNATURE.into(),
            }
        }
        Refused::UnsupportedSignatureAlgorithm | Refused::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            UNSUPPORTED_SIGNATURE.into()
        }
        Refused::InvalidPurpose | Refused::InvalidPurposeContext { .. } => {
            "a certificate that is not for servers: its extended key usage names other purposes".into()
        }
        Refused::UnhandledCriticalExtension => unknown_extension(chain),
        Refused::BadEncoding => "a certificate that does not decode".into(),
        Refused::Revoked => "a revoked certificate".into(),
        Refused::UnknownRevocationStatus => "a certificate that may have been revoked: its status is unknown".into(),
        Refused::ExpiredRevocationList | Refused::ExpiredRevocationListContext { .. } => {
            "a certificate that may have been revoked: the revocation list has expired".into()
        }
        Refused::InvalidOcspResponse => "a certificate with an invalid statement about its revocation (OCSP)".into(),
        Refused::ApplicationVerificationFailure => "a certificate that the probe refuses".into(),
        Refused::Other(OtherError(error)) => match error.downcast_ref() {
            Some(error) => describe_webpki(error, handshake),
            None => phrase!("an unacceptable certificate: {}", foreign(words(&error.to_string()))),
        },
        other => phrase!("an unacceptable certificate: {}", foreign(words(&format!("{other:?}")))),
    }
}

const UNSUPPORTED_SIGNATURE: &str = "a certificate with a kind of key or signature that the probe does not support";

/// Describes errors that rustls passes on from its verifier.
fn describe_webpki(error: &webpki::Error, handshake: &Handshake) -> Phrase {
    use webpki::Error as Refused;
    let chain = handshake.chain.as_slice();
    match error {
        Refused::CaUsedAsEndEntity => match chain.first().filter(|own| own.is_self_issued) {
            Some(own) => self_signed(own),
            // The library has not looked at the signature.
            None => match handshake.end.as_ref().filter(|_| !handshake.is_anchored) {
                Some(end) => phrase!(
                    "a certificate by {}, no trusted authority, and itself one of an authority (CA:TRUE): issue one with \
                     CA:FALSE by an authority in `network.ca_certificates`",
                    foreign(&end.issuer)
                ),
                None => "the certificate of an authority, where one of a server belongs (CA:TRUE): issue one with CA:FALSE, \
                         or add this one to `network.ca_certificates`"
                    .into(),
            },
        },
        Refused::EndEntityUsedAsCa => {
            "a chain with a certificate that signed another one and is no authority (CA:FALSE)".into()
        }
        Refused::NameConstraintViolation => {
            "a certificate for a name that an authority of its chain may not certify, by its name constraints".into()
        }
        Refused::PathLenConstraintViolated => {
            "a chain with more intermediate certificates than one of its authorities allows, by its path length".into()
        }
        Refused::UnsupportedCriticalExtension => unknown_extension(chain),
        Refused::UnsupportedCertVersion => {
            "a certificate of version 1 or 2 of X.509, which cannot name a host: version 3 is needed".into()
        }
        Refused::EmptyEkuExtension => "a certificate for no purpose: its extended key usage is empty".into(),
        Refused::ExtensionValueInvalid | Refused::MalformedExtensions => {
            "a certificate with a malformed extension".into()
        }
        Refused::InvalidSerialNumber => "a certificate with an invalid serial number".into(),
        Refused::MalformedDnsIdentifier => "a certificate with a malformed host name".into(),
        Refused::MalformedNameConstraint | Refused::InvalidNetworkMaskConstraint => {
            "a chain with an authority whose name constraints are malformed".into()
        }
        Refused::MaximumNameConstraintComparisonsExceeded
        | Refused::MaximumPathBuildCallsExceeded
        | Refused::MaximumPathDepthExceeded
        | Refused::MaximumSignatureChecksExceeded => {
            "a chain of certificates that is too long, or has too many possible paths, to be verified".into()
        }
        Refused::SignatureAlgorithmMismatch => {
            "a certificate that names two different algorithms for its signature".into()
        }
        Refused::CertDistrusted => "a certificate with a key that is distrusted".into(),
        Refused::UnsupportedNameType => "a host name of a kind that no certificate can have".into(),
        Refused::InvalidCrlNumber
        | Refused::UnsupportedCrlIssuingDistributionPoint
        | Refused::UnsupportedCrlVersion
        | Refused::UnsupportedDeltaCrl
        | Refused::UnsupportedIndirectCrl
        | Refused::UnsupportedRevocationReason
        | Refused::UnsupportedRevocationReasonsPartitioning => {
            "a certificate that may have been revoked: the revocation list cannot be used".into()
        }
        // rustls has other variants for the rest.
        other => phrase!("an unacceptable certificate: {}", foreign(words(&format!("{other:?}")))),
    }
}

/// Describes an expired certificate. Only the time tells which one of the chain it is; that of the server is judged first.
fn expired(chain: &[Presented], not_after: UnixTime) -> Phrase {
    let (time, ended) = (timestamp(not_after), ours(when(not_after)));
    match chain.iter().position(|certificate| Some(certificate.expires) == time) {
        None if chain.len() > 1 => phrase!("a chain with a certificate that expired {}", ended),
        None | Some(0) => phrase!("a certificate that expired {}", ended),
        Some(index) if chain[index].is_self_issued => phrase!(
            "a chain to the authority {}, whose certificate expired {}: replace the certificates that the server sends",
            foreign(&chain[index].subject),
            ended
        ),
        Some(index) => phrase!(
            "a chain whose intermediate certificate {} expired {}: replace the intermediate",
            foreign(&chain[index].subject),
            ended
        ),
    }
}

/// Describes a certificate that is not valid yet, as [`expired`] does.
fn not_yet_valid(chain: &[Presented], not_before: UnixTime) -> Phrase {
    let (time, begins) = (timestamp(not_before), ours(when(not_before)));
    match chain.iter().position(|certificate| Some(certificate.begins) == time) {
        None if chain.len() > 1 => phrase!("a chain with a certificate not valid before {}", begins),
        None | Some(0) => phrase!("a certificate not valid before {}", begins),
        Some(index) => phrase!(
            "a chain whose intermediate certificate {} is not valid before {}: replace the intermediate",
            foreign(&chain[index].subject),
            begins
        ),
    }
}

/// Describes a certificate that does not name the host.
fn other_names(presented: &[String]) -> Phrase {
    if presented.is_empty() {
        return "a certificate without a host: it has no subject alternative name, and its common name does not count"
            .into();
    }
    let mut names: Vec<String> = presented.iter().take(MAX_NAMES).map(|name| alternative_name(name)).collect();
    if presented.len() > MAX_NAMES {
        names.push(format!("and {} more", presented.len() - MAX_NAMES));
    }
    let names = foreign(names.join(", "));
    let is_host = |name: &String| name.starts_with("DnsName") || name.starts_with("IpAddress");
    if presented.iter().any(is_host) {
        phrase!("a certificate for another host: {}", names)
    } else {
        phrase!("a certificate without a host: its subject alternative names are {}", names)
    }
}

/// A name that a certificate holds: `DnsName("a.example")` is `a.example`, `IpAddress(10.0.0.1)` an address.
fn alternative_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(kind, rest)| Some((kind, rest.strip_suffix(')')?.trim_matches('"'))));
    match inner {
        Some((_, "")) => "an empty name".to_owned(),
        Some(("DnsName", host)) if host.parse::<IpAddr>().is_ok() => format!("the name {host}, which is no address"),
        Some(("DnsName", host)) => host.to_owned(),
        // The library has its own form of IPv6 addresses.
        Some(("IpAddress", address)) => match address.parse::<IpAddr>() {
            Ok(parsed) => format!("the address {parsed}"),
            Err(_) => format!("the address {address}"),
        },
        Some(("UniformResourceIdentifier", uri)) => format!("the URI {uri}"),
        // The number of the kind (RFC 5280, section 4.2.1.6).
        Some(("Unsupported", "0x01")) => "an e-mail address".to_owned(),
        Some(("Unsupported", "0x08")) => "a registered identifier".to_owned(),
        None if name == "DirectoryName" => "a distinguished name".to_owned(),
        _ => "a name of another kind".to_owned(),
    }
}

/// Describes a signature that does not fit. The library refuses short keys this way too.
fn wrong_signature(chain: &[Presented]) -> Phrase {
    let short = chain.iter().enumerate().find_map(|(index, certificate)| {
        Some((index, certificate, certificate.rsa_bits.filter(|bits| *bits < MIN_RSA)?))
    });
    match (short, chain.first()) {
        (Some((0, _, bits)), _) => {
            phrase!("a certificate with an RSA key of {} bits: at least {} are needed", ours(bits), ours(MIN_RSA))
        }
        (Some((_, certificate, bits)), _) => phrase!(
            "a chain whose certificate {} has an RSA key of {} bits: at least {} are needed",
            foreign(&certificate.subject),
            ours(bits),
            ours(MIN_RSA)
        ),
        // The settings trust another certificate of the same name, such as an earlier one.
        (None, Some(own)) if own.is_self_issued => self_signed(own),
        _ => {
            "a wrong signature: a certificate of the chain is not signed by the authority that it names, or the server \
              does not have its key"
                .into()
        }
    }
}

/// Describes a critical extension that is not known.
fn unknown_extension(chain: &[Presented]) -> Phrase {
    match chain.iter().find_map(|certificate| certificate.unknown_extension.as_deref()) {
        Some(id) => {
            phrase!("a certificate with the critical extension {}, which the probe does not know", foreign(id))
        }
        None => "a certificate with a critical extension that the probe does not know".into(),
    }
}

/// Describes why the chain does not lead to a trusted authority.
fn untrusted(handshake: &Handshake) -> Phrase {
    let Some((own, end)) = handshake.chain.first().zip(handshake.end.as_ref()) else {
        return "a certificate from an unknown authority".into();
    };
    if own.is_self_issued {
        self_signed(own)
    } else if handshake.chain.len() == 1 {
        phrase!(
            "a certificate without a chain, signed by {}, no trusted authority: its intermediate certificate is missing, or \
             the authority is unknown to `network.ca_certificates`",
            foreign(&own.issuer)
        )
    } else if end.is_self_issued {
        phrase!(
            "a chain of certificates that ends at {}, an unknown authority; `network.ca_certificates` can add it",
            foreign(&end.subject)
        )
    } else {
        let signed = if end == own { "the server's".into() } else { phrase!("that of {}", foreign(&end.subject)) };
        phrase!(
            "a chain without the certificate of {}, which signed {}: a missing intermediate, or an authority that \
             `network.ca_certificates` can add",
            foreign(&end.issuer),
            signed
        )
    }
}

fn self_signed(own: &Presented) -> Phrase {
    phrase!(
        "a self-signed certificate for {}, which is not in `network.ca_certificates`: add it there if it is the right one",
        foreign(&own.subject)
    )
}

fn when(time: UnixTime) -> String {
    timestamp(time).map_or_else(|| format!("{} seconds after 1970", time.as_secs()), |time| time.to_string())
}

#[cfg(test)]
mod tests;
