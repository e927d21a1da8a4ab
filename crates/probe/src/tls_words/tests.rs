//! Every error of the library, in words.

use std::io;
use std::sync::Arc;

use rustls::crypto::KeyExchangeAlgorithm;
use rustls::{CertRevocationListError, EncryptedClientHelloError, Error as Tls, InconsistentKeys, OtherError};

use super::*;
use crate::handshake::moment;
use crate::variant_names::ABBREVIATIONS;
use jiff::Timestamp;

/// True without names of types and variants.
fn is_in_words(text: &str) -> bool {
    let is_name =
        |word: &str| word.chars().skip(1).zip(word.chars()).any(|(c, last)| c.is_uppercase() && last.is_lowercase());
    let is_of_tls = |word: &str| matches!(word.trim_end_matches(':'), "ClientHello" | "(ALPN)");
    !text.contains(['{', '_']) && !text.split(' ').any(|word| !is_of_tls(word) && (is_name(word) || word.contains('(')))
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
            "an incompatible server: no key exchange in common",
        ),
        (
            Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite),
            "a server that chose a cipher that was not offered",
        ),
        (
            Tls::PeerMisbehaved(PeerMisbehaved::DuplicateServerHelloExtensions),
            "a server that breaks the rules of TLS: duplicate server hello extensions",
        ),
        (Tls::InvalidMessage(InvalidMessage::MissingData("ProtocolVersion")), "a malformed TLS message: missing data"),
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
        assert!(is_in_words(&text), "{text}");
    }
}

#[test]
fn certificates_without_an_end_have_an_expiry() {
    assert!(moment(253_402_300_799).to_string().starts_with("9999-12-"));
    assert_eq!(moment(i64::MAX).as_second(), Timestamp::MAX.as_second());
}

#[test]
fn every_error_of_tls_is_in_words() {
    let other = || OtherError(Arc::new(io::Error::other("broken")));
    for error in [
        Tls::NoCertificatesPresented,
        Tls::UnsupportedNameType,
        Tls::DecryptError,
        Tls::EncryptError,
        Tls::FailedToGetCurrentTime,
        Tls::FailedToGetRandomBytes,
        Tls::HandshakeNotComplete,
        Tls::PeerSentOversizedRecord,
        Tls::NoApplicationProtocol,
        Tls::BadMaxFragmentSize,
        Tls::General("broken".to_owned()),
        Tls::Other(other()),
        Tls::InvalidCertificate(rustls::CertificateError::Other(other())),
        Tls::InvalidCertRevocationList(CertRevocationListError::ParseError),
        Tls::InvalidEncryptedClientHello(EncryptedClientHelloError::InvalidConfigList),
        Tls::InvalidEncryptedClientHello(EncryptedClientHelloError::NoCompatibleConfig),
        Tls::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired),
        Tls::InconsistentKeys(InconsistentKeys::KeyMismatch),
        Tls::InconsistentKeys(InconsistentKeys::Unknown),
        Tls::InvalidMessage(InvalidMessage::CertificatePayloadTooLarge),
        Tls::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge),
        Tls::InvalidMessage(InvalidMessage::InvalidCcs),
        Tls::InvalidMessage(InvalidMessage::InvalidContentType),
        Tls::InvalidMessage(InvalidMessage::InvalidCertificateStatusType),
        Tls::InvalidMessage(InvalidMessage::InvalidCertRequest),
        Tls::InvalidMessage(InvalidMessage::InvalidDhParams),
        Tls::InvalidMessage(InvalidMessage::InvalidEmptyPayload),
        Tls::InvalidMessage(InvalidMessage::InvalidKeyUpdate),
        Tls::InvalidMessage(InvalidMessage::InvalidServerName),
        Tls::InvalidMessage(InvalidMessage::MessageTooLarge),
        Tls::InvalidMessage(InvalidMessage::MessageTooShort),
        Tls::InvalidMessage(InvalidMessage::MissingData("X")),
        Tls::InvalidMessage(InvalidMessage::MissingKeyExchange),
        Tls::InvalidMessage(InvalidMessage::NoSignatureSchemes),
        Tls::InvalidMessage(InvalidMessage::TrailingData("X")),
        Tls::InvalidMessage(InvalidMessage::UnexpectedMessage("X")),
        Tls::InvalidMessage(InvalidMessage::UnknownProtocolVersion),
        Tls::InvalidMessage(InvalidMessage::UnsupportedCompression),
        Tls::InvalidMessage(InvalidMessage::UnsupportedCurveType),
        Tls::InvalidMessage(InvalidMessage::UnsupportedKeyExchangeAlgorithm(KeyExchangeAlgorithm::DHE)),
        Tls::InvalidMessage(InvalidMessage::EmptyTicketValue),
        Tls::InvalidMessage(InvalidMessage::IllegalEmptyList("X")),
        Tls::InvalidMessage(InvalidMessage::IllegalEmptyValue),
        Tls::InvalidMessage(InvalidMessage::DuplicateExtension(7)),
        Tls::InvalidMessage(InvalidMessage::PreSharedKeyIsNotFinalExtension),
        Tls::InvalidMessage(InvalidMessage::UnknownHelloRetryRequestExtension),
        Tls::InvalidMessage(InvalidMessage::UnknownCertificateExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported),
        Tls::PeerMisbehaved(PeerMisbehaved::BadCertChainExtensions),
        Tls::PeerMisbehaved(PeerMisbehaved::CipherSuiteDifferedOnRetry),
        Tls::PeerMisbehaved(PeerMisbehaved::DisallowedEncryptedExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::DuplicateClientHelloExtensions),
        Tls::PeerMisbehaved(PeerMisbehaved::DuplicateEncryptedExtensions),
        Tls::PeerMisbehaved(PeerMisbehaved::DuplicateHelloRetryRequestExtensions),
        Tls::PeerMisbehaved(PeerMisbehaved::DuplicateNewSessionTicketExtensions),
        Tls::PeerMisbehaved(PeerMisbehaved::DuplicateServerHelloExtensions),
        Tls::PeerMisbehaved(PeerMisbehaved::DuplicateServerNameTypes),
        Tls::PeerMisbehaved(PeerMisbehaved::EarlyDataAttemptedInSecondClientHello),
        Tls::PeerMisbehaved(PeerMisbehaved::EarlyDataExtensionWithoutResumption),
        Tls::PeerMisbehaved(PeerMisbehaved::EarlyDataOfferedWithVariedCipherSuite),
        Tls::PeerMisbehaved(PeerMisbehaved::EchAcceptanceVariedAfterRetry),
        Tls::PeerMisbehaved(PeerMisbehaved::HandshakeHashVariedAfterRetry),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithEmptyCookie),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithNoChanges),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithOfferedGroup),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithUnofferedCipherSuite),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithUnofferedNamedGroup),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithUnsupportedVersion),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithWrongSessionId),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalHelloRetryRequestWithInvalidEch),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalMiddleboxChangeCipherSpec),
        Tls::PeerMisbehaved(PeerMisbehaved::IllegalTlsInnerPlaintext),
        Tls::PeerMisbehaved(PeerMisbehaved::IncorrectBinder),
        Tls::PeerMisbehaved(PeerMisbehaved::InvalidCertCompression),
        Tls::PeerMisbehaved(PeerMisbehaved::InvalidMaxEarlyDataSize),
        Tls::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare),
        Tls::PeerMisbehaved(PeerMisbehaved::KeyEpochWithPendingFragment),
        Tls::PeerMisbehaved(PeerMisbehaved::KeyUpdateReceivedInQuicConnection),
        Tls::PeerMisbehaved(PeerMisbehaved::MessageInterleavedWithHandshakeMessage),
        Tls::PeerMisbehaved(PeerMisbehaved::MissingBinderInPskExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::MissingKeyShare),
        Tls::PeerMisbehaved(PeerMisbehaved::MissingPskExtensionInSecondClientHello),
        Tls::PeerMisbehaved(PeerMisbehaved::MissingPskModesExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::MissingQuicTransportParameters),
        Tls::PeerMisbehaved(PeerMisbehaved::OfferedDuplicateCertificateCompressions),
        Tls::PeerMisbehaved(PeerMisbehaved::OfferedDuplicateKeyShares),
        Tls::PeerMisbehaved(PeerMisbehaved::OfferedEarlyDataWithOldProtocolVersion),
        Tls::PeerMisbehaved(PeerMisbehaved::OfferedEmptyApplicationProtocol),
        Tls::PeerMisbehaved(PeerMisbehaved::OfferedIncorrectCompressions),
        Tls::PeerMisbehaved(PeerMisbehaved::PskExtensionMustBeLast),
        Tls::PeerMisbehaved(PeerMisbehaved::PskExtensionWithMismatchedIdsAndBinders),
        Tls::PeerMisbehaved(PeerMisbehaved::RefusedToFollowHelloRetryRequest),
        Tls::PeerMisbehaved(PeerMisbehaved::RejectedEarlyDataInterleavedWithHandshakeMessage),
        Tls::PeerMisbehaved(PeerMisbehaved::ResumptionAttemptedWithVariedEms),
        Tls::PeerMisbehaved(PeerMisbehaved::ResumptionOfferedWithVariedCipherSuite),
        Tls::PeerMisbehaved(PeerMisbehaved::ResumptionOfferedWithVariedEms),
        Tls::PeerMisbehaved(PeerMisbehaved::ResumptionOfferedWithIncompatibleCipherSuite),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedDifferentCipherSuiteAfterRetry),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedInvalidPsk),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedTls12UsingTls13VersionExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCertCompression),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCompression),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedKxGroup),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedPsk),
        Tls::PeerMisbehaved(PeerMisbehaved::SelectedUnusableCipherSuiteForVersion),
        Tls::PeerMisbehaved(PeerMisbehaved::ServerEchoedCompatibilitySessionId),
        Tls::PeerMisbehaved(PeerMisbehaved::ServerHelloMustOfferUncompressedEcPoints),
        Tls::PeerMisbehaved(PeerMisbehaved::ServerNameDifferedOnRetry),
        Tls::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName),
        Tls::PeerMisbehaved(PeerMisbehaved::SignedKxWithWrongAlgorithm),
        Tls::PeerMisbehaved(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme),
        Tls::PeerMisbehaved(PeerMisbehaved::TooManyEmptyFragments),
        Tls::PeerMisbehaved(PeerMisbehaved::TooManyKeyUpdateRequests),
        Tls::PeerMisbehaved(PeerMisbehaved::TooManyRenegotiationRequests),
        Tls::PeerMisbehaved(PeerMisbehaved::TooManyWarningAlertsReceived),
        Tls::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
        Tls::PeerMisbehaved(PeerMisbehaved::UnexpectedCleartextExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::UnsolicitedCertExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::UnsolicitedEncryptedExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::UnsolicitedSctList),
        Tls::PeerMisbehaved(PeerMisbehaved::UnsolicitedServerHelloExtension),
        Tls::PeerMisbehaved(PeerMisbehaved::WrongGroupForKeyShare),
        Tls::PeerMisbehaved(PeerMisbehaved::UnsolicitedEchExtension),
        Tls::PeerIncompatible(PeerIncompatible::EcPointsExtensionRequired),
        Tls::PeerIncompatible(PeerIncompatible::ExtendedMasterSecretExtensionRequired),
        Tls::PeerIncompatible(PeerIncompatible::IncorrectCertificateTypeExtension),
        Tls::PeerIncompatible(PeerIncompatible::KeyShareExtensionRequired),
        Tls::PeerIncompatible(PeerIncompatible::NamedGroupsExtensionRequired),
        Tls::PeerIncompatible(PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon),
        Tls::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
        Tls::PeerIncompatible(PeerIncompatible::NoEcPointFormatsInCommon),
        Tls::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon),
        Tls::PeerIncompatible(PeerIncompatible::NoSignatureSchemesInCommon),
        Tls::PeerIncompatible(PeerIncompatible::NullCompressionRequired),
        Tls::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
        Tls::PeerIncompatible(PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension),
        Tls::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig),
        Tls::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired),
        Tls::PeerIncompatible(PeerIncompatible::SupportedVersionsExtensionRequired),
        Tls::PeerIncompatible(PeerIncompatible::Tls12NotOffered),
        Tls::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled),
        Tls::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic),
        Tls::PeerIncompatible(PeerIncompatible::UncompressedEcPointsRequired),
        Tls::PeerIncompatible(PeerIncompatible::UnsolicitedCertificateTypeExtension),
        Tls::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(None)),
    ] {
        let text = said(&error).admit(&check::NoSecrets, 300).to_string();
        assert!(is_in_words(&text), "{error:?}: {text}");
        assert!(text.contains(' ') && !text.starts_with("an unknown error"), "{error:?}: {text}");
        assert!(!text.split(' ').any(|word| ABBREVIATIONS.iter().any(|(short, _)| *short == word)), "{text}");
    }
}

#[test]
fn every_alert_is_in_words() {
    for number in 0..=u8::MAX {
        let text = said(&Tls::AlertReceived(number.into())).admit(&check::NoSecrets, 300).to_string();
        assert!(is_in_words(&text), "{number}: {text}");
    }
}
