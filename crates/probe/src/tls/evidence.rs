//! What a TLS handshake showed: noted from inside rustls, since neither it nor reqwest reports it when it fails.
//!
//! The chain is noted by the verifier, which sees it before it judges; version and cipher by the suites themselves: rustls
//! begins to hash the handshake with the hash of the suite as soon as the server has chosen it, before any certificate.

use std::sync::{Arc, OnceLock};

use check::Certificate;
use jiff::Timestamp;
use rustls::{
    CipherSuite, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite,
    Tls13CipherSuite,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CipherSuiteCommon, CryptoProvider, hash},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use x509_parser::{parse_x509_certificate, x509::X509Name};

use crate::timing::note_tls;

/// The most certificates of a chain that are told; a server may send hundreds.
const MAX_CHAIN: usize = 8;

/// What is known of a handshake so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    pub(crate) version: Option<&'static str>,
    pub(crate) cipher: Option<String>,
    pub(crate) chain: Vec<Certificate>,
    /// When the first certificate ends of those between the server and the authority.
    pub(crate) expires: Option<Timestamp>,
}

/// Judges as [`WebPkiServerVerifier`] does, and notes what it is shown.
#[derive(Debug)]
pub(super) struct NotingVerifier {
    inner: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
}

impl NotingVerifier {
    pub(super) fn new(inner: Arc<WebPkiServerVerifier>, roots: Arc<RootCertStore>) -> Self {
        Self { inner, roots }
    }
}

impl ServerCertVerifier for NotingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown: Vec<Shown> = std::iter::once(end_entity).chain(intermediates).filter_map(Shown::read).collect();
        note_tls(|handshake| {
            handshake.chain = shown.iter().take(MAX_CHAIN).map(|shown| shown.certificate.clone()).collect();
            handshake.expires = path(&shown, &self.roots).map(|shown| shown.certificate.expires).min();
        });
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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
struct Shown {
    certificate: Certificate,
    /// The names' encodings, by which a chain is linked (RFC 5280, section 6.1).
    subject: Vec<u8>,
    issuer: Vec<u8>,
}

impl Shown {
    fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(certificate).ok()?;
        let described = Certificate {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            expires: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
        };
        let (subject, issuer) = (certificate.subject().as_raw().to_vec(), certificate.issuer().as_raw().to_vec());
        Some(Self { certificate: described, subject, issuer })
    }
}

/// The common name, or the whole name where there is none: certificates of hosts often have neither.
fn name(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|name| name.as_str().ok());
    common.map_or_else(|| name.to_string(), str::to_owned)
}

/// Those from the server up to the one that a trusted authority has signed. What a server sends beyond it, such as a
/// certificate for devices of old, may have ended long ago and does no harm.
fn path<'a>(shown: &'a [Shown], roots: &RootCertStore) -> impl Iterator<Item = &'a Shown> {
    let is_trusted = |issuer: &[u8]| roots.roots.iter().any(|root| holds_name(issuer, root.subject.as_ref()));
    let mut path: Vec<&Shown> = shown.first().into_iter().collect();
    while let Some(last) = path.last()
        && !is_trusted(&last.issuer)
        && path.len() <= shown.len()
        && let Some(next) = shown[1..].iter().find(|next| next.subject == last.issuer)
    {
        path.push(next);
    }
    path.into_iter()
}

/// Whether an encoded name has these contents: a trust anchor holds them without their tag and length.
fn holds_name(name: &[u8], contents: &[u8]) -> bool {
    name.len() > contents.len() && name.len() - contents.len() <= 4 && name.ends_with(contents)
}

/// The provider of all connections: aws-lc, with suites that note that they were chosen. Made once, and never dropped.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites = provider.cipher_suites.into_iter().map(noting).collect();
        Arc::new(provider)
    };
    PROVIDER.get_or_init(make).clone()
}

fn noting(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    // rustls wants suites that live for ever.
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

fn common(of: &CipherSuiteCommon, version: &'static str) -> CipherSuiteCommon {
    let noting = NotingHash { version, suite: of.suite, inner: of.hash_provider };
    CipherSuiteCommon {
        suite: of.suite,
        hash_provider: Box::leak(Box::new(noting)),
        confidentiality_limit: of.confidentiality_limit,
    }
}

/// A suite's hash, which notes that the hashing of a handshake begins.
struct NotingHash {
    version: &'static str,
    suite: CipherSuite,
    inner: &'static dyn hash::Hash,
}

impl hash::Hash for NotingHash {
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
