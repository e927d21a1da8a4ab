//! Evidence from TLS handshakes, recorded inside rustls, since neither rustls nor reqwest reports it for a failed one.
//!
//! The verifier records the chain before it verifies it. The cipher suites record version and cipher: rustls starts to
//! hash the handshake with the hash of the suite as soon as the server has chosen it, before any certificate.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rustls::{
    CertificateError, CipherSuite, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CipherSuiteCommon, CryptoProvider, hash},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use x509_parser::{
    certificate::X509Certificate,
    parse_x509_certificate,
    public_key::PublicKey,
    x509::{SubjectPublicKeyInfo, X509Name},
};

use crate::handshake::{Presented, moment, timestamp};
use crate::timing::note_tls;

/// Maximum number of certificates in the evidence; a server may send hundreds.
const MAX_CHAIN: usize = 8;

/// Extensions that the verifier knows: key usage, alternative names, basic constraints, name constraints, revocation lists,
/// extended key usage, timestamps of certificate transparency.
const KNOWN_EXTENSIONS: [&str; 7] =
    ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.37", "1.3.6.1.4.1.11129.2.4.2"];

/// Delegates to [`WebPkiServerVerifier`], and records the chain.
#[derive(Debug)]
pub(super) struct RecordingVerifier {
    inner: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    /// Certificates that the settings trust.
    trusted: Vec<CertificateDer<'static>>,
}

impl RecordingVerifier {
    pub(super) fn new(
        inner: Arc<WebPkiServerVerifier>,
        roots: Arc<RootCertStore>,
        trusted: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self { inner, roots, trusted }
    }

    /// Accepts a trusted authority's own certificate as that of a server, as browsers and OpenSSL do: `openssl req -x509`
    /// makes every certificate one of an authority. [`WebPkiServerVerifier`] refuses it for this only after it has checked its
    /// dates; the names and the purpose are left.
    fn accept_trusted(
        &self,
        certificate: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        refusal: Error,
    ) -> Result<ServerCertVerified, Error> {
        if !is_authority_refused(&refusal) || !self.trusted.iter().any(|trusted| trusted == certificate) {
            return Err(refusal);
        }
        verify_server_name(&certificate.try_into()?, server_name)?;
        if is_for_servers(certificate) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::InvalidPurpose.into())
        }
    }
}

/// True when a certificate is refused only because it is one of an authority.
fn is_authority_refused(refusal: &Error) -> bool {
    matches!(
        refusal,
        Error::InvalidCertificate(CertificateError::Other(OtherError(reason)))
            if reason.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
    )
}

/// True unless a certificate is limited to other purposes than those of a server.
fn is_for_servers(certificate: &CertificateDer<'_>) -> bool {
    parse_x509_certificate(certificate).is_ok_and(|(_, certificate)| {
        let purposes = certificate.extended_key_usage().ok().flatten();
        purposes.is_none_or(|purposes| purposes.value.server_auth)
    })
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<ParsedCertificate> =
            std::iter::once(end_entity).chain(intermediates).filter_map(ParsedCertificate::read).collect();
        note_tls(|handshake| {
            handshake.chain = chain.iter().take(MAX_CHAIN).map(|parsed| parsed.certificate.clone()).collect();
            let path = path(&chain, &self.roots, now);
            handshake.expires = path.iter().map(|parsed| parsed.certificate.expires).min();
            handshake.end = path.last().map(|end| end.certificate.clone());
            handshake.is_anchored = path.last().is_some_and(|end| is_trusted(&end.issuer, &self.roots));
        });
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .or_else(|refusal| self.accept_trusted(end_entity, server_name, refusal))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// A certificate of the chain.
struct ParsedCertificate {
    certificate: Presented,
    /// Encoded names, which link the chain (RFC 5280, section 6.1).
    subject: Vec<u8>,
    issuer: Vec<u8>,
}

impl ParsedCertificate {
    fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(certificate).ok()?;
        let (subject, issuer) = (certificate.subject().as_raw().to_vec(), certificate.issuer().as_raw().to_vec());
        let summary = Presented {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            is_self_issued: subject == issuer,
            begins: moment(certificate.validity().not_before.timestamp()),
            expires: moment(certificate.validity().not_after.timestamp()),
            rsa_bits: rsa_bits(certificate.public_key()),
            unknown_extension: unknown_extension(&certificate),
        };
        Some(Self { certificate: summary, subject, issuer })
    }
}

/// Name and expiry time of a certificate's owner.
pub(super) fn owner(certificate: &CertificateDer<'_>) -> Option<(String, Timestamp)> {
    ParsedCertificate::read(certificate).map(|read| (read.certificate.subject, read.certificate.expires))
}

/// Common name, or the whole distinguished name without one. Certificates of hosts often have neither.
fn name(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|name| name.as_str().ok());
    common.map_or_else(|| name.to_string(), str::to_owned)
}

/// Length of an RSA key in bits.
fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    match key.parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()).filter(|bits| *bits > 0),
        _ => None,
    }
}

/// Identifier of the first critical extension that is not among those of the verifier.
fn unknown_extension(certificate: &X509Certificate<'_>) -> Option<String> {
    let critical = certificate.extensions().iter().filter(|extension| extension.critical);
    critical.map(|extension| extension.oid.to_id_string()).find(|id| !KNOWN_EXTENSIONS.contains(&id.as_str()))
}

/// Certificates from the server's up to the one that a trusted authority signed, or whose issuer was not sent. A server may
/// send more, such as an expired certificate for old devices, which is harmless. Of several certificates with the issuer's
/// name, such as an intermediate that was renewed, the verifier takes a valid one.
fn path<'a>(chain: &'a [ParsedCertificate], roots: &RootCertStore, now: UnixTime) -> Vec<&'a ParsedCertificate> {
    let now = timestamp(now).unwrap_or(Timestamp::MAX);
    let preference = |next: &&ParsedCertificate| {
        let Presented { is_self_issued, begins, expires, .. } = next.certificate;
        (!is_self_issued, begins <= now, expires)
    };
    let mut path: Vec<&ParsedCertificate> = chain.first().into_iter().collect();
    while let Some(last) = path.last()
        && !last.certificate.is_self_issued
        && !is_trusted(&last.issuer, roots)
        && path.len() <= chain.len()
        && let Some(next) = chain[1..].iter().filter(|next| next.subject == last.issuer).max_by_key(preference)
    {
        path.push(next);
    }
    path
}

/// True when a trusted authority has this encoded name.
fn is_trusted(name: &[u8], roots: &RootCertStore) -> bool {
    roots.roots.iter().any(|root| has_contents(name, root.subject.as_ref()))
}

/// True when an encoded name has these contents: a trust anchor stores them without tag and length.
fn has_contents(name: &[u8], contents: &[u8]) -> bool {
    name.len() > contents.len() && name.len() - contents.len() <= 4 && name.ends_with(contents)
}

/// Crypto provider of all connections: aws-lc, with cipher suites that record their use. Created once and never dropped.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites = provider.cipher_suites.into_iter().map(recording_suite).collect();
        Arc::new(provider)
    };
    PROVIDER.get_or_init(make).clone()
}

fn recording_suite(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    // rustls requires `'static` suites.
    match suite {
        SupportedCipherSuite::Tls12(suite) => SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
            common: common(&suite.common, "TLS 1.2"),
            prf_provider: suite.prf_provider,
            kx: suite.kx,
            sign: suite.sign,
            aead_alg: suite.aead_alg,
        }))),
        SupportedCipherSuite::Tls13(suite) => SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
            common: common(&suite.common, "TLS 1.3"),
            hkdf_provider: suite.hkdf_provider,
            aead_alg: suite.aead_alg,
            quic: None,
        }))),
    }
}

fn common(original: &CipherSuiteCommon, version: &'static str) -> CipherSuiteCommon {
    let recording = RecordingHash { version, suite: original.suite, inner: original.hash_provider };
    CipherSuiteCommon {
        suite: original.suite,
        hash_provider: Box::leak(Box::new(recording)),
        confidentiality_limit: original.confidentiality_limit,
    }
}

/// Hash of a suite that records the start of a handshake.
struct RecordingHash {
    version: &'static str,
    suite: CipherSuite,
    inner: &'static dyn hash::Hash,
}

impl hash::Hash for RecordingHash {
    fn start(&self) -> Box<dyn hash::Context> {
        note_tls(|handshake| {
            handshake.version = Some(self.version);
            handshake.cipher = Some(format!("{:?}", self.suite));
        });
        self.inner.start()
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        self.inner.hash(data)
    }

    fn output_len(&self) -> usize {
        self.inner.output_len()
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        self.inner.algorithm()
    }

    fn fips(&self) -> bool {
        self.inner.fips()
    }
}
