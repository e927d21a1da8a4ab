//! TLS configuration that all clients of a process share.

mod evidence;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{DecodeError, Engine, engine::general_purpose::STANDARD};
use check::{Phrase, foreign};
use jiff::Timestamp;
use rustls::{
    ClientConfig, NamedGroup, RootCertStore,
    client::WebPkiServerVerifier,
    client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption, Tls13ClientSessionValue},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::SingleCertAndKey,
    time_provider::{DefaultTimeProvider, TimeProvider},
};

use evidence::RecordingVerifier;

use crate::handshake::moment;
use crate::timing::{CURRENT, note};

/// Trusted authorities and ciphers, created once per process. Building a client from it reads no file and parses no
/// certificate.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    extra_roots: Arc<[CertificateDer<'static>]>,
}

impl Tls {
    /// Trusts Mozilla's authorities and the `extra_roots` (DER): private authorities, also as servers, and those of tests.
    ///
    /// # Errors
    ///
    /// When an extra root is not a certificate, which those of [`Self::certificates`] are.
    pub fn new(extra_roots: &[CertificateDer<'_>]) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let extra_roots: Vec<_> = extra_roots.iter().map(|root| root.clone().into_owned()).collect();
        for root in &extra_roots {
            roots.add(root.clone())?;
        }
        let (roots, kept) = (Arc::new(roots), extra_roots.clone().into());
        let provider = evidence::provider();
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(ExchangeClock))
            .with_safe_default_protocol_versions()?
            // Custom verifiers can be unsafe; this one delegates to the standard verifier.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(RecordingVerifier::new(verifier, roots, extra_roots)))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.resumption = Resumption::store(Arc::new(NoSessions)).tls12_resumption(Tls12Resumption::Disabled);
        Ok(Self { config: Arc::new(config), extra_roots: kept })
    }

    /// Names and expiry times of the extra roots that have expired. The verifier of servers does not look at the dates of an
    /// authority; other clients do.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Vec<(Phrase, Timestamp)> {
        let expired = |root| evidence::owner(root).filter(|(_, expires)| *expires < now);
        self.extra_roots.iter().filter_map(expired).map(|(name, expires)| (foreign(name).into(), expires)).collect()
    }

    /// Parses certificates in PEM (RFC 7468). Lines may be indented, or joined by spaces, as settings and variables of
    /// pipelines leave them. Text between certificates is ignored.
    ///
    /// # Errors
    /// What is wrong, without any of the text, which may be a private key.
    pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        let mut found = Vec::new();
        for (number, rest) in (1..).zip(pem.split(BEGIN).skip(1)) {
            let Some((base64, _)) = rest.split_once(END) else {
                return Err(format!("certificate {number} has no `{END}`: it was cut"));
            };
            let base64: String = base64.replace("\\n", "").split_whitespace().collect();
            let der = STANDARD
                .decode(base64)
                .map_err(|error| format!("certificate {number} is not Base64: {}", base64_problem(error)))?;
            // What follows a certificate, or is none, would only be noticed when a server is verified.
            let Ok(([], parsed)) = x509_parser::parse_x509_certificate(&der) else {
                return Err(format!("certificate {number} does not decode: it was cut or changed"));
            };
            if !parsed.is_ca() && parsed.subject().as_raw() != parsed.issuer().as_raw() {
                return Err(format!(
                    "certificate {number} has no effect: an authority signed it for a server; leave it out, and give the \
                     certificate of the authority"
                ));
            }
            let der = CertificateDer::from(der);
            if webpki::anchor_from_trusted_cert(&der).is_err() {
                return Err(format!("certificate {number} cannot be trusted: it breaks the rules of X.509 (RFC 5280)"));
            }
            found.push(der);
        }
        match found.is_empty() {
            false => Ok(found),
            true if pem.contains("PRIVATE KEY-----") => Err(format!("it holds a private key, but no `{BEGIN}`")),
            true => Err(format!("it holds no `{BEGIN}`")),
        }
    }

    /// Configuration by value, as reqwest expects it. The copy is cheap, since large parts are behind pointers.
    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    /// Copy of the configuration with a certificate of the client.
    pub(crate) fn with_identity(&self, identity: SingleCertAndKey) -> Self {
        let mut config = self.config();
        config.client_auth_cert_resolver = Arc::new(identity);
        Self { config: Arc::new(config), extra_roots: self.extra_roots.clone() }
    }

    pub(crate) fn provider(&self) -> &CryptoProvider {
        self.config.crypto_provider()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Describes why a text is not Base64. It shows a character only if it is none of Base64.
fn base64_problem(error: DecodeError) -> String {
    match error {
        DecodeError::InvalidByte(_, b'=') => "it has `=` before its end".to_owned(),
        DecodeError::InvalidByte(_, byte) if byte.is_ascii_graphic() && !byte.is_ascii_alphanumeric() => {
            format!("it has the character `{}`", char::from(byte))
        }
        DecodeError::InvalidByte(..) => "it has a character that is not printable or beyond ASCII".to_owned(),
        DecodeError::InvalidLength(_) | DecodeError::InvalidLastSymbol(..) | DecodeError::InvalidPadding => {
            "characters are missing or were added".to_owned()
        }
    }
}

/// Clock for verifying certificates: that of the exchange.
#[derive(Debug)]
struct ExchangeClock;

impl TimeProvider for ExchangeClock {
    fn current_time(&self) -> Option<UnixTime> {
        match CURRENT.try_with(|recorder| recorder.now().as_second()) {
            Ok(now) => u64::try_from(now).ok().map(|now| UnixTime::since_unix_epoch(Duration::from_secs(now))),
            // The certificate of an abandoned connection attempt is not used.
            Err(_) => DefaultTimeProvider.current_time(),
        }
    }
}

/// Session store without sessions, so that every handshake is a full one, as for a new user. It also records the start of
/// the handshake, since rustls queries it while writing the ClientHello.
#[derive(Debug)]
struct NoSessions;

impl ClientSessionStore for NoSessions {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        note(|marks| marks.handshaking = Some(Instant::now()));
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// Expiry time of a certificate (DER).
pub(crate) fn expiry(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(moment(certificate.validity().not_after.timestamp()))
}
