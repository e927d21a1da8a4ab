//! Every refusal of a certificate, in words.

use std::{io, sync::Arc, time::Duration};

use super::*;
use crate::handshake::moment;

/// Maximum length of a message; longer words would be cut.
const MAX_TEXT: usize = check::Failure::MAX_TEXT;
const YEAR: i64 = 365 * 24 * 60 * 60;

/// A certificate that is valid from 1970 until this many years later.
fn certificate(subject: &str, issuer: &str, years: i64) -> Presented {
    Presented {
        subject: subject.to_owned(),
        issuer: issuer.to_owned(),
        is_self_issued: subject == issuer,
        begins: moment(0),
        expires: moment(years * YEAR),
        rsa_bits: None,
        unknown_extension: None,
    }
}

/// A refusal in words. The last certificate of the chain is the end of it.
fn described(error: &CertificateError, chain: &[Presented]) -> String {
    described_from(error, chain, chain.last(), true)
}

fn described_from(error: &CertificateError, chain: &[Presented], end: Option<&Presented>, is_anchored: bool) -> String {
    let handshake = Handshake { chain: chain.to_vec(), end: end.cloned(), is_anchored, ..Handshake::default() };
    describe_certificate(error, &handshake).admit(&check::NoSecrets, MAX_TEXT).to_string()
}

fn at(years: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs((years * YEAR).cast_unsigned()))
}

fn passed_on(error: webpki::Error) -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(error)))
}

#[test]
fn names_of_another_host_are_described() {
    let many: Vec<String> = (1..=9).map(|number| format!("DnsName(\"{number}.example\")")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (presented, expected) in [
        (
            &[][..],
            "a certificate without a host: it has no subject alternative name, and its common name does not count",
        ),
        (
            &["DnsName(\"b.example\")", "IpAddress(10.0.0.1)"],
            "a certificate for another host: b.example, the address 10.0.0.1",
        ),
        (
            &["DnsName(\"\")", "IpAddress(0::1)", "IpAddress(2001:db8:0:0:0:0:0:1)"],
            "a certificate for another host: an empty name, the address ::1, the address 2001:db8::1",
        ),
        (&["DnsName(\"10.0.0.1\")"], "a certificate for another host: the name 10.0.0.1, which is no address"),
        (
            &[
                "UniformResourceIdentifier(\"https://a.example/\")",
                "Unsupported(0x01)",
                "Unsupported(0x08)",
                "DirectoryName",
                "Unsupported(0x00)",
            ],
            "a certificate without a host: its subject alternative names are the URI https://a.example/, an e-mail address, \
             a registered identifier, a distinguished name, a name of another kind",
        ),
        (
            &["Unsupported(0x01)", "DnsName(\"b.example\")"],
            "a certificate for another host: an e-mail address, b.example",
        ),
        (
            &many,
            "a certificate for another host: 1.example, 2.example, 3.example, 4.example, 5.example, 6.example, and 3 more",
        ),
    ] {
        let error = CertificateError::NotValidForNameContext {
            expected: "a.example".try_into().unwrap(),
            presented: presented.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(described(&error, &[]), expected);
    }
}

#[test]
fn expired_certificate_of_the_chain_is_named() {
    let own = certificate("a.example", "Middle", 60);
    let middle = certificate("Middle", "Root", 50);
    let root = certificate("Root", "Root", 40);
    let unnamed = certificate("", "Root", 50);
    let time = at(70);
    for (chain, not_after, expected) in [
        (&[][..], 60, "a certificate that expired 2029-12-17T00:00:00Z"),
        (std::slice::from_ref(&own), 60, "a certificate that expired 2029-12-17T00:00:00Z"),
        (&[own.clone(), middle.clone()], 60, "a certificate that expired 2029-12-17T00:00:00Z"),
        (
            &[own.clone(), middle.clone()],
            50,
            "a chain whose intermediate certificate Middle expired 2019-12-20T00:00:00Z: replace the intermediate",
        ),
        (
            &[own.clone(), unnamed],
            50,
            "a chain whose intermediate certificate (empty) expired 2019-12-20T00:00:00Z: replace the intermediate",
        ),
        (
            &[own.clone(), middle.clone(), root],
            40,
            "a chain to the authority Root, whose certificate expired 2009-12-22T00:00:00Z: replace the certificates that \
             the server sends",
        ),
        (&[own.clone(), middle], 30, "a chain with a certificate that expired 1999-12-25T00:00:00Z"),
    ] {
        let error = CertificateError::ExpiredContext { time, not_after: at(not_after) };
        assert_eq!(described(&error, chain), expected);
    }
}

#[test]
fn intermediate_that_is_not_yet_valid_is_named() {
    let own = certificate("a.example", "Middle", 60);
    let middle = Presented { begins: moment(50 * YEAR), ..certificate("Middle", "Root", 60) };
    let error = |years| CertificateError::NotValidYetContext { time: at(10), not_before: at(years) };
    for (years, expected) in [
        (0, "a certificate not valid before 1970-01-01T00:00:00Z"),
        (
            50,
            "a chain whose intermediate certificate Middle is not valid before 2019-12-20T00:00:00Z: replace the \
             intermediate",
        ),
        (40, "a chain with a certificate not valid before 2009-12-22T00:00:00Z"),
    ] {
        assert_eq!(described(&error(years), &[own.clone(), middle.clone()]), expected);
    }
}

#[test]
fn self_signed_certificate_is_called_so() {
    let advice = "which is not in `network.ca_certificates`: add it there if it is the right one";
    let signed = |name: &str| certificate(name, name, 60);
    for error in
        [CertificateError::UnknownIssuer, CertificateError::BadSignature, passed_on(webpki::Error::CaUsedAsEndEntity)]
    {
        let own = signed("a.example");
        let expected = format!("a self-signed certificate for a.example, {advice}");
        assert_eq!(described(&error, std::slice::from_ref(&own)), expected);
        assert_eq!(described(&error, &[own, signed("Root")]), expected);
        let unnamed = format!("a self-signed certificate for (empty), {advice}");
        assert_eq!(described(&error, &[signed("")]), unnamed);
    }
    let of_an_authority = described(&passed_on(webpki::Error::CaUsedAsEndEntity), &[certificate("a", "Root", 60)]);
    assert!(of_an_authority.starts_with("the certificate of an authority, where one of a server"), "{of_an_authority}");
}

#[test]
fn chain_without_a_trusted_authority_is_described() {
    let own = certificate("a.example", "Middle", 60);
    let middle = certificate("Middle", "Root", 60);
    let (root, other) = (certificate("Root", "Root", 60), certificate("Other", "Elsewhere", 60));
    let no_chain = "a certificate without a chain, signed by Middle, no trusted authority: its intermediate certificate is \
                    missing, or the authority is unknown to `network.ca_certificates`";
    let remedy = "a missing intermediate, or an authority that `network.ca_certificates` can add";
    let no_middle = format!("a chain without the certificate of Middle, which signed the server's: {remedy}");
    let no_root = format!("a chain without the certificate of Root, which signed that of Middle: {remedy}");
    let unknown_root =
        "a chain of certificates that ends at Root, an unknown authority; `network.ca_certificates` can add it";
    for (chain, end, expected) in [
        (&[&own][..], &own, no_chain),
        (&[&own, &root], &own, &no_middle),
        (&[&own, &other], &own, &no_middle),
        (&[&own, &own], &own, &no_middle),
        (&[&own, &middle], &middle, &no_root),
        (&[&own, &middle, &other], &middle, &no_root),
        (&[&own, &root, &middle, &other], &root, unknown_root),
    ] {
        let chain: Vec<Presented> = chain.iter().copied().cloned().collect();
        assert_eq!(described_from(&CertificateError::UnknownIssuer, &chain, Some(end), false), expected);
        let of_an_authority = described_from(&passed_on(webpki::Error::CaUsedAsEndEntity), &chain, Some(end), false);
        let issuer = &end.issuer;
        let expected = format!(
            "a certificate by {issuer}, no trusted authority, and itself one of an authority (CA:TRUE): issue one with CA:FALSE \
             by an authority in `network.ca_certificates`"
        );
        assert_eq!(of_an_authority, expected);
    }
}

#[test]
fn cause_in_the_chain_is_named() {
    let own = certificate("a.example", "Middle", 60);
    let middle = certificate("Middle", "Root", 60);
    let short = |certificate: &Presented| Presented { rsa_bits: Some(1024), ..certificate.clone() };
    let odd = Presented { unknown_extension: Some("1.2.3".to_owned()), ..middle.clone() };
    for (error, chain, expected) in [
        (
            CertificateError::BadSignature,
            [short(&own), middle.clone()],
            "a certificate with an RSA key of 1024 bits: at least 2048 are needed",
        ),
        (
            CertificateError::BadSignature,
            [own.clone(), short(&middle)],
            "a chain whose certificate Middle has an RSA key of 1024 bits: at least 2048 are needed",
        ),
        (
            CertificateError::BadSignature,
            [Presented { rsa_bits: Some(2048), ..own.clone() }, middle.clone()],
            "a wrong signature: a certificate of the chain is not signed by the authority that it names, or the server does \
             not have its key",
        ),
        (
            passed_on(webpki::Error::UnsupportedCriticalExtension),
            [own.clone(), odd],
            "a certificate with the critical extension 1.2.3, which the probe does not know",
        ),
        (
            CertificateError::UnhandledCriticalExtension,
            [own, middle],
            "a certificate with a critical extension that the probe does not know",
        ),
    ] {
        assert_eq!(described(&error, &chain), expected);
    }
}

#[test]
fn signature_by_a_broken_hash_is_named() {
    for (id, expected) in [
        (&b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"[..], "signature uses SHA-1, which is broken"),
        (b"\x06\x07\x2a\x86\x48\xce\x3d\x04\x01", "signature uses SHA-1, which is broken"),
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", "signature uses MD5, which is broken"),
        (b"\x06\x03\x2b\x65\x71", "a kind of key or signature that the probe does not support"),
    ] {
        let error = CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: id.to_vec(),
            supported_algorithms: Vec::new(),
        };
        let text = described(&error, &[]);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn every_refusal_is_described_in_words() {
    use CertificateError as Own;
    use webpki::Error as Hidden;
    let (time, no_oid) = (at(60), Vec::new);
    #[expect(deprecated, reason = "the library may still return the older variant")]
    let own = [
        Own::BadEncoding,
        Own::Expired,
        Own::ExpiredContext { time, not_after: time },
        Own::NotValidYet,
        Own::NotValidYetContext { time, not_before: time },
        Own::Revoked,
        Own::UnhandledCriticalExtension,
        Own::UnknownIssuer,
        Own::UnknownRevocationStatus,
        Own::ExpiredRevocationList,
        Own::ExpiredRevocationListContext { time, next_update: time },
        Own::BadSignature,
        Own::UnsupportedSignatureAlgorithm,
        Own::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: no_oid(),
            supported_algorithms: Vec::new(),
        },
        Own::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: no_oid(),
            public_key_algorithm_id: no_oid(),
        },
        Own::NotValidForName,
        Own::InvalidPurpose,
        Own::InvalidOcspResponse,
        Own::ApplicationVerificationFailure,
    ];
    let hidden = [
        Hidden::CaUsedAsEndEntity,
        Hidden::CertDistrusted,
        Hidden::EmptyEkuExtension,
        Hidden::EndEntityUsedAsCa,
        Hidden::ExtensionValueInvalid,
        Hidden::InvalidCrlNumber,
        Hidden::InvalidNetworkMaskConstraint,
        Hidden::InvalidSerialNumber,
        Hidden::MalformedDnsIdentifier,
        Hidden::MalformedExtensions,
        Hidden::MalformedNameConstraint,
        Hidden::MaximumNameConstraintComparisonsExceeded,
        Hidden::MaximumPathBuildCallsExceeded,
        Hidden::MaximumPathDepthExceeded,
        Hidden::MaximumSignatureChecksExceeded,
        Hidden::NameConstraintViolation,
        Hidden::PathLenConstraintViolated,
        Hidden::SignatureAlgorithmMismatch,
        Hidden::UnsupportedCertVersion,
        Hidden::UnsupportedCriticalExtension,
        Hidden::UnsupportedCrlIssuingDistributionPoint,
        Hidden::UnsupportedCrlVersion,
        Hidden::UnsupportedDeltaCrl,
        Hidden::UnsupportedIndirectCrl,
        Hidden::UnsupportedNameType,
        Hidden::UnsupportedRevocationReason,
        Hidden::UnsupportedRevocationReasonsPartitioning,
    ];
    for error in own.into_iter().chain(hidden.map(passed_on)) {
        let text = described(&error, &[]);
        assert!(text.chars().count() < MAX_TEXT, "{error:?} is cut: {text}");
        assert!(!text.starts_with("an unacceptable certificate"), "{error:?} has no words: {text}");
        let is_name = |word: &str| {
            word.chars().skip(1).zip(word.chars()).any(|(c, last)| c.is_uppercase() && last.is_lowercase())
        };
        assert!(!text.contains(['{', '_', '"']) || text.contains("ca_certificates"), "{text}");
        assert!(!text.split(' ').any(is_name), "{text}");
    }
    // A variant that a later version adds.
    let later = CertificateError::Other(OtherError(Arc::new(io::Error::other("TooManyNames { n: 3 }"))));
    assert_eq!(described(&later, &[]), "an unacceptable certificate: too many names");
}
