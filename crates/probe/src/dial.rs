//! Connections for protocols other than HTTP: subject to the egress policy, optionally encrypted, with classified failures.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use reqwest::dns::Addrs;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::{
    Client, Error,
    egress::Refused,
    fault::is_local,
    handshake::Handshake,
    timing::{CURRENT, Recorder},
    tls_words::describe_tls,
    wire_words::describe_io,
};

/// Bidirectional byte stream, plain or encrypted.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Host and port of a server that does not speak HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Host name or address, as in a URL.
    pub host: Host,
    /// Port.
    pub port: u16,
}

impl HostPort {
    /// URL for the egress policy, which compares the hosts of URLs.
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
    /// Connects, with TLS if requested, and with the same trusted authorities as for requests. The addresses of a name are
    /// tried in turn.
    ///
    /// **Side effects:** a connection to the target.
    ///
    /// # Errors
    /// A failure of the target, or an error of this machine, as in [`Client::send`].
    pub async fn dial(&self, server: &HostPort, encrypted: bool, deadline: Duration) -> Result<Box<dyn Duplex>, Error> {
        let ends = Instant::now() + deadline;
        let remaining = || ends.saturating_duration_since(Instant::now());
        let addresses = self.addresses(server, remaining()).await?;
        let mut refusal = None;
        let mut stream = None;
        for address in addresses {
            match timeout(remaining(), TcpStream::connect(address)).await {
                Ok(Ok(connected)) => {
                    stream = Some(connected);
                    break;
                }
                Ok(Err(error)) => refusal = Some(self.connect_error(server, &error)),
                Err(_) => {
                    refusal = Some(timeout_error(server, "connecting", deadline));
                    break;
                }
            }
        }
        let Some(stream) = stream else {
            return Err(refusal.unwrap_or_else(|| timeout_error(server, "connecting", deadline)));
        };
        // Commands are a few bytes each, so do not wait to combine them.
        let _ = stream.set_nodelay(true);
        if encrypted { self.encrypt(server, stream, remaining()).await } else { Ok(Box::new(stream)) }
    }

    /// Encrypts a connection with TLS, with the same trusted authorities as for requests.
    ///
    /// # Errors
    /// Those of [`Self::dial`].
    pub async fn encrypt(
        &self,
        server: &HostPort,
        stream: impl Duplex + 'static,
        deadline: Duration,
    ) -> Result<Box<dyn Duplex>, Error> {
        let recorder = Recorder::new(self.now());
        let name = match &server.host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|error| Error::Request(foreign(error.to_string()).into()))?
            }
            Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
        };
        let mut config = self.tls().config();
        // ALPN lists HTTP versions only.
        config.alpn_protocols.clear();
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        match timeout(deadline, CURRENT.scope(recorder.clone(), handshake)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => {
                let refused = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                let (expected, actual) = match refused {
                    Some(refused) => ("a trusted TLS connection to", describe_tls(refused, &recorder.handshake())),
                    None => ("a TLS connection to", phrase!("the handshake was interrupted: {}", describe_io(&error))),
                };
                Err(failed(FailureKind::Tls, phrase!("{} {}", expected, ours(server)), actual))
            }
            Err(_) => Err(timeout_error(server, "in the TLS handshake", deadline)),
        }
    }

    /// Resolves a server to the addresses that the egress policy permits; never empty.
    ///
    /// # Errors
    /// Those of [`Self::dial`].
    async fn addresses(&self, server: &HostPort, deadline: Duration) -> Result<Vec<SocketAddr>, Error> {
        if !server.url().is_some_and(|url| self.egress().allows_host(&url)) {
            let hosts = self.egress().host_list();
            return Err(Error::Request(phrase!(
                "expected a host in the settings ({}), found {}",
                ours(hosts),
                foreign(server.to_string())
            )));
        }
        let found: Vec<SocketAddr> = match &server.host {
            Host::Ipv4(address) => vec![((*address), server.port).into()],
            Host::Ipv6(address) => vec![((*address), server.port).into()],
            Host::Domain(name) => match timeout(deadline, self.look_up(name)).await {
                Ok(Ok(found)) => found.map(|address| (address.ip(), server.port).into()).collect(),
                Ok(Err(error)) => {
                    let expected = phrase!("an address for {}", ours(&server.host));
                    return Err(failed(FailureKind::Dns, expected, foreign(error.to_string())));
                }
                Err(_) => return Err(timeout_error(server, "resolving the name", deadline)),
            },
        };
        let mut refused = Vec::new();
        let mut permitted = Vec::new();
        for address in found {
            match self.egress().permits(address.ip()) {
                Ok(()) => permitted.push(address),
                Err(denied) => refused.extend(denied.addresses),
            }
        }
        if permitted.is_empty() {
            let actual = match refused.is_empty() {
                true => Phrase::from("no address"),
                false => {
                    phrase!("{}; `network.allow_addresses` can allow it", ours(Refused { addresses: refused }))
                }
            };
            let expected = phrase!("a permitted address for {}", ours(&server.host));
            return Err(failed(FailureKind::Dns, expected, actual));
        }
        Ok(permitted)
    }

    async fn look_up(&self, name: &str) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
        self.resolver().resolve(name.parse()?).await
    }

    /// Classifies a broken connection as a failure of the target or of this machine.
    #[must_use]
    pub fn connect_error(&self, server: &HostPort, error: &io::Error) -> Error {
        if is_local(error) {
            return Error::Request(phrase!("this machine cannot open connections: {}", foreign(error.to_string())));
        }
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(refused) => {
                let actual = describe_tls(refused, &Handshake::default());
                failed(FailureKind::Tls, phrase!("a trusted TLS connection to {}", ours(server)), actual)
            }
            None => failed(FailureKind::Connect, phrase!("a connection to {}", ours(server)), describe_io(error)),
        }
    }
}

fn timeout_error(server: &HostPort, phase: &'static str, deadline: Duration) -> Error {
    let expected = phrase!("a connection to {} within {} ms", ours(server), deadline.as_millis());
    failed(FailureKind::Timeout, expected, phrase!("still {}", phase))
}

fn failed(kind: FailureKind, expected: impl Into<Phrase>, actual: impl Into<Phrase>) -> Error {
    let mismatch = Mismatch::new(kind, expected, actual);
    Error::Target { mismatch: Box::new(mismatch), transient: kind != FailureKind::Tls }
}
