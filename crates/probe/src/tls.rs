//! The TLS configuration that all clients of a process share.

mod evidence;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustls::{
    ClientConfig, NamedGroup, RootCertStore,
    client::WebPkiServerVerifier,
    client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption, Tls13ClientSessionValue},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    time_provider::{DefaultTimeProvider, TimeProvider},
};

pub(crate) use evidence::Handshake;
use evidence::NotingVerifier;

use crate::{
    Error,
    timing::{CURRENT, note},
};

/// Trust and ciphers, made once per process: building a client from it reads no file and parses no certificate.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    extra_roots: Arc<[CertificateDer<'static>]>,
}

impl Tls {
    /// Trusts Mozilla's authorities and, besides, `extra_roots` (DER): private authorities, and those of tests.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] when an extra root is not a certificate.
    pub fn new(extra_roots: &[CertificateDer<'_>]) -> Result<Self, Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in extra_roots {
            roots
                .add(root.clone().into_owned())
                .map_err(|error| Error::Request(format!("an extra root certificate is not valid: {error}")))?;
        }
        let roots = Arc::new(roots);
        let provider = evidence::provider();
        let broken = |error: &dyn fmt::Display| Error::Request(error.to_string());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| broken(&error))?;
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(ExchangeClock))
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(&error))?
            // Dangerous only in that a verifier can be careless; this one asks the usual one.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NotingVerifier::new(verifier, roots)))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.resumption = Resumption::store(Arc::new(NoSessions)).tls12_resumption(Tls12Resumption::Disabled);
        let extra_roots = extra_roots.iter().map(|root| root.clone().into_owned()).collect();
        Ok(Self { config: Arc::new(config), extra_roots })
    }

    /// The certificates of a text in PEM (RFC 7468); `None` when there is none, or one is broken.
    #[must_use]
    pub fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        found.ok().filter(|found| !found.is_empty())
    }

    /// What reqwest wants: by value. All that is large in it is behind pointers.
    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    pub(crate) fn extra_roots(&self) -> &[CertificateDer<'static>] {
        &self.extra_roots
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

/// Certificates are judged by the clock of the exchange, as everything else in a run.
#[derive(Debug)]
struct ExchangeClock;

impl TimeProvider for ExchangeClock {
    fn current_time(&self) -> Option<UnixTime> {
        match CURRENT.try_with(|recorder| recorder.now().as_second()) {
            Ok(now) => u64::try_from(now).ok().map(|now| UnixTime::since_unix_epoch(Duration::from_secs(now))),
            // A connection attempt that was left behind: its certificate is of no consequence.
            Err(_) => DefaultTimeProvider.current_time(),
        }
    }
}

/// Stores nothing, so that every handshake is a full one, as a new visitor's; and tells when a handshake begins, since
/// rustls asks it while writing the ClientHello.
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

/// When a certificate (DER) ends.
pub(crate) fn expiry(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}
