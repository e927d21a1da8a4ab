//! Servers that do what a script says, and clients that reach them.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use check::{FailureKind, Mismatch};
use jiff::Timestamp;
use probe::{
    CertificateDer, Client, Connections, Fence, Identity, Method, Redactor, Request, Tls, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The trace id of all tests.
pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What a server does with a request. At the end of a script the connection closes.
#[derive(Clone)]
pub enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    /// Sends this until the client goes.
    Repeat(Vec<u8>),
    /// Says nothing more until the client goes.
    Hang,
    /// Reads the next request on the same connection.
    KeepAlive,
}

pub fn send(text: impl AsRef<[u8]>) -> Act {
    Act::Send(text.as_ref().to_vec())
}

/// A whole answer.
pub fn answer(head: &str, body: impl AsRef<[u8]>) -> Vec<Act> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![Act::Send([head.as_bytes(), body].concat()), Act::KeepAlive]
}

pub fn ok() -> Vec<Act> {
    answer("200 OK", "fine")
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Script = Arc<dyn Fn(&str) -> Vec<Act> + Send + Sync>;

/// A server on a port of its own, until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

#[derive(Clone, Default)]
struct How {
    reset: bool,
    tls: Option<(Arc<ServerConfig>, Duration)>,
}

impl Server {
    pub async fn plain(script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start(How::default(), Arc::new(script)).await
    }

    /// Closes connections with RST instead of FIN.
    pub async fn resetting(script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::start(How { reset: true, tls: None }, Arc::new(script)).await
    }

    /// Waits before each handshake.
    pub async fn tls(
        config: ServerConfig,
        wait: Duration,
        script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::start(How { reset: false, tls: Some((Arc::new(config), wait)) }, Arc::new(script)).await
    }

    async fn start(how: How, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let shared = seen.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (how, script, seen) = (how.clone(), script.clone(), shared.clone());
                seen.connections.fetch_add(1, SeqCst);
                seen.open.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    // A client that goes is what many tests are about.
                    let _ = connection(stream, how, script, &seen).await;
                    seen.open.fetch_sub(1, SeqCst);
                });
            }
        });
        Self { address, seen, task }
    }

    /// A URL with an IP literal.
    pub fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    /// A URL with a name, which the tests' resolver knows.
    pub fn named(&self, scheme: &str, host: &str, path: &str) -> Url {
        format!("{scheme}://{host}:{}{path}", self.address.port()).parse().unwrap()
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(SeqCst)
    }

    /// Waits until every connection has ended.
    pub async fn idle(&self) {
        let ended = async {
            while self.seen.open.load(SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), ended).await.expect("a connection was left open");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(stream: TcpStream, how: How, script: Script, seen: &Seen) -> std::io::Result<()> {
    if how.reset {
        stream.set_zero_linger()?;
    }
    let mut stream: Box<dyn Io> = match how.tls {
        None => Box::new(stream),
        Some((config, wait)) => {
            tokio::time::sleep(wait).await;
            let stream = TlsAcceptor::from(config).accept(stream).await?;
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                return h2(stream, script, seen).await;
            }
            Box::new(stream)
        }
    };
    'requests: loop {
        let Some(request) = read_request(&mut stream).await? else { return Ok(()) };
        seen.requests.lock().unwrap().push(request.clone());
        for act in script(&request) {
            match act {
                Act::Send(bytes) => stream.write_all(&bytes).await?,
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Repeat(bytes) => loop {
                    stream.write_all(&bytes).await?;
                },
                Act::Hang => drop(stream.read_u8().await),
                Act::KeepAlive => continue 'requests,
            }
        }
        // Shutting down would send FIN before the RST.
        return if how.reset { Ok(()) } else { stream.shutdown().await };
    }
}

async fn read_request(stream: &mut Box<dyn Io>) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
            if body.len() >= length.parse().unwrap() {
                return Ok(Some(text));
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// HTTP/2 answers every request with the protocol it came in.
async fn h2(stream: tokio_rustls::server::TlsStream<TcpStream>, script: Script, seen: &Seen) -> std::io::Result<()> {
    let service = hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        seen.requests.lock().unwrap().push(format!("{} {:?}", request.method(), request.headers()));
        let wait = script("h2").into_iter().find_map(|act| if let Act::Wait(time) = act { Some(time) } else { None });
        async move {
            tokio::time::sleep(wait.unwrap_or_default()).await;
            Ok::<_, std::convert::Infallible>(hyper::Response::new(format!("{:?}", request.version())))
        }
    });
    hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
        .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
        .await
        .map_err(std::io::Error::other)
}

/// An authority that the tests' clients trust, or one that it has signed.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub name: String,
    pub certificate: CertificateDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        // Authorities of the same name would be taken for one with a wrong signature.
        let name = format!("{:x?}", &key.public_key_raw()[..8]);
        let params = Self::params(&name);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), name, certificate }
    }

    /// One in between.
    pub fn intermediate(&self, name: &str, years: (i32, i32)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = Self::params(name);
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), name: name.to_owned(), certificate }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    pub fn tls(&self) -> Tls {
        Tls::new(std::slice::from_ref(&self.certificate)).unwrap()
    }

    /// A server's configuration for a host, with a certificate of these years.
    pub fn server(&self, host: &str, years: (i32, i32), protocols: &[&str]) -> ServerConfig {
        self.server_with(host, years, protocols, rustls::DEFAULT_VERSIONS)
    }

    /// The same, with these versions of TLS.
    pub fn server_with(
        &self,
        host: &str,
        years: (i32, i32),
        protocols: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let (chain, key) = self.sign(host, years);
        let mut config = config(vec![chain], key, versions);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }

    /// The same, with these certificates behind its own.
    pub fn server_with_chain(&self, host: &str, years: (i32, i32), chain: &[CertificateDer<'static>]) -> ServerConfig {
        let (own, key) = self.sign(host, years);
        config([&[own], chain].concat(), key, rustls::DEFAULT_VERSIONS)
    }

    fn sign(&self, host: &str, years: (i32, i32)) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        (params.signed_by(&key, &self.issuer).unwrap().der().clone(), key)
    }
}

/// A server whose certificate nobody else has signed.
pub fn self_signed(host: &str) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    config(vec![certificate], key, rustls::DEFAULT_VERSIONS)
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key.into())
        .unwrap()
}

/// Knows every name as the loopback, except those that end in `.invalid`; after a while.
pub struct Names(pub Duration);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let wait = self.0;
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            match name.as_str() {
                "empty.invalid" => Ok(Box::new(std::iter::empty()) as Addrs),
                "exhausted.invalid" => Err(std::io::Error::from_raw_os_error(24).into()),
                name if name.ends_with(".invalid") => Err("no such name".into()),
                _ => Ok(Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))) as Addrs),
            }
        })
    }
}

pub fn tls() -> Tls {
    Tls::new(&[]).unwrap()
}

pub fn client(tls: &Tls) -> Client {
    client_with(tls, Connections::Fresh, Names(Duration::ZERO))
}

pub fn client_with(tls: &Tls, connections: Connections, names: Names) -> Client {
    client_at(tls, connections, names, Timestamp::now())
}

pub fn client_at(tls: &Tls, connections: Connections, names: Names, now: Timestamp) -> Client {
    let identity = Identity { run_id: "run-7".to_owned(), trace_id: TRACE.to_owned() };
    let now = Arc::new(move || now);
    Client::with_resolver(tls, &fence(), identity, Redactor::default(), now, connections, Arc::new(names)).unwrap()
}

/// The hosts of the tests, all of them on the loopback; `redirected.test` is only for redirects.
pub fn fence() -> Fence {
    let hosts =
        ["127.0.0.1", "a.test", "other.test", "platform.test", "nobody.invalid", "empty.invalid", "exhausted.invalid"];
    let fence = Fence::new(["redirected.test".to_owned()], vec!["127.0.0.0/8".parse().unwrap()]);
    hosts.iter().fold(fence, |fence, host| fence.with_host_of(&format!("http://{host}/").parse().unwrap()))
}

pub fn get(url: Url) -> Request {
    Request::new(Method::GET, url).deadline(Duration::from_secs(10))
}

/// Sends a request that must fail as this kind; returns how.
pub async fn failure(client: &Client, request: Request, kind: FailureKind) -> Mismatch {
    let sent = client.send(request).await;
    let failed =
        sent.result.expect_err("the request should have failed").into_mismatch().expect("the target's failure");
    assert_eq!(failed.kind, kind, "{failed:?}");
    failed
}
