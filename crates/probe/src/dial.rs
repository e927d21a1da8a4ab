//! Connections for protocols other than HTTP: within the fence, encrypted or not, and classified when they fail.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use check::{FailureKind, Mismatch};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::{
    Client, Error,
    egress::Refused,
    excerpt::excerpt,
    fault::{io_words, is_ours, tls_words},
    timing::{CURRENT, Recorder},
    tls::Handshake,
};

/// A connection. What stands below it does not matter to a protocol.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Where a server is that speaks no HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address, as in a URL.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// As fences know it: they go by the hosts of URLs.
    #[must_use]
    pub fn url(&self) -> Option<Url> {
        Url::parse(&format!("https://{}:{}/", self.host, self.port)).ok()
    }
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Client {
    /// Connects, and encrypts when it should, trusting whom requests trust. The addresses of a name are tried one after the
    /// other.
    ///
    /// **Side effects:** a connection to the target.
    ///
    /// # Errors
    /// As [`Client::send`]: the target's failure, or ours.
    pub async fn dial(&self, place: &HostPort, encrypted: bool, deadline: Duration) -> Result<Box<dyn Duplex>, Error> {
        let recorder = Recorder::new(self.now());
        let end = Instant::now() + deadline;
        let left = || end.saturating_duration_since(Instant::now());
        let addresses = self.addresses(place, left()).await?;
        let mut failed = None;
        let mut stream = None;
        for address in addresses {
            match timeout(left(), TcpStream::connect(address)).await {
                Ok(Ok(connected)) => {
                    stream = Some(connected);
                    break;
                }
                Ok(Err(error)) => failed = Some(self.unconnected(place, &error)),
                Err(_) => {
                    failed = Some(self.late(place, "connecting", deadline));
                    break;
                }
            }
        }
        let Some(stream) = stream else {
            return Err(failed.unwrap_or_else(|| self.late(place, "connecting", deadline)));
        };
        // What is asked is a few bytes at a time.
        let _ = stream.set_nodelay(true);
        if !encrypted {
            return Ok(Box::new(stream));
        }
        let name = match &place.host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|error| Error::Request(error.to_string()))?
            }
            Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
        };
        let mut config = self.tls().config();
        // They name protocols of HTTP.
        config.alpn_protocols.clear();
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        match timeout(left(), CURRENT.scope(recorder.clone(), handshake)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => {
                let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                let (expected, actual) = match refused {
                    Some(refused) => ("a trusted TLS connection to", tls_words(refused, &recorder.handshake())),
                    None => ("a TLS connection to", format!("the handshake was cut: {}", io_words(&error))),
                };
                Err(self.failed(FailureKind::Tls, &format!("{expected} {place}"), &actual))
            }
            Err(_) => Err(self.late(place, "in the TLS handshake", deadline)),
        }
    }

    /// The addresses of a place that may be connected to; never none.
    ///
    /// # Errors
    /// As [`Self::dial`].
    pub async fn addresses(&self, place: &HostPort, deadline: Duration) -> Result<Vec<SocketAddr>, Error> {
        if !place.url().is_some_and(|url| self.egress().names(&url)) {
            let named = self.egress().hosts();
            return Err(Error::Request(format!(
                "connections go to hosts of the settings only ({named}), not to {place}"
            )));
        }
        let found: Vec<SocketAddr> = match &place.host {
            Host::Ipv4(address) => vec![((*address), place.port).into()],
            Host::Ipv6(address) => vec![((*address), place.port).into()],
            Host::Domain(name) => match timeout(deadline, lookup_host((name.as_str(), place.port))).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(error)) => {
                    let expected = format!("an address for {}", place.host);
                    return Err(self.failed(FailureKind::Dns, &expected, &error.to_string()));
                }
                Err(_) => return Err(self.late(place, "resolving the name", deadline)),
            },
        };
        let mut refused = Vec::new();
        let mut permitted = Vec::new();
        for address in found {
            match self.egress().permits(address.ip()) {
                Ok(()) => permitted.push(address),
                Err(why) => refused.extend(why.addresses),
            }
        }
        if permitted.is_empty() {
            let actual = match refused.is_empty() {
                true => "no address".to_owned(),
                false => format!("{}; `network.allow_addresses` may allow it", Refused { addresses: refused }),
            };
            let expected = format!("an address for {} that may be connected to", place.host);
            return Err(self.failed(FailureKind::Dns, &expected, &actual));
        }
        Ok(permitted)
    }

    /// The authorities that are trusted besides Mozilla's (DER), for clients with a TLS configuration of their own.
    #[must_use]
    pub fn ca_certificates(&self) -> &[CertificateDer<'static>] {
        self.tls().extra_roots()
    }

    /// What it means that a connection to a place failed: ours, or the place's. For clients with sockets of their own.
    #[must_use]
    pub fn unconnected(&self, place: &HostPort, error: &io::Error) -> Error {
        if is_ours(error) {
            return Error::Request(format!("this machine cannot open connections: {error}"));
        }
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(refused) => self.untrusted(place, refused),
            None => self.failed(FailureKind::Connect, &format!("a connection to {place}"), &io_words(error)),
        }
    }

    /// What it means that TLS with a place failed. For clients with a TLS configuration of their own.
    #[must_use]
    pub fn untrusted(&self, place: &HostPort, error: &rustls::Error) -> Error {
        let actual = tls_words(error, &Handshake::default());
        self.failed(FailureKind::Tls, &format!("a trusted TLS connection to {place}"), &actual)
    }

    fn late(&self, place: &HostPort, phase: &str, deadline: Duration) -> Error {
        let expected = format!("a connection to {place} within {} ms", deadline.as_millis());
        self.failed(FailureKind::Timeout, &expected, &format!("not done {phase}"))
    }

    fn failed(&self, kind: FailureKind, expected: &str, actual: &str) -> Error {
        let text = |text: &str| excerpt(text, self.redactor());
        let mismatch = Mismatch { kind, expected: text(expected), actual: text(actual), evidence: None };
        Error::Target { mismatch: Box::new(mismatch), transient: kind != FailureKind::Tls }
    }
}
