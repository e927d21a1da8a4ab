//! Scripted servers.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Action of a server. The connection closes at the end of a script.
#[derive(Clone)]
pub enum Action {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Sends these bytes until the client disconnects.
    Repeat(Vec<u8>),
    /// Sends these bytes until the client disconnects, and waits after each time.
    Drip(Vec<u8>, Duration),
    /// Sends nothing more until the client disconnects.
    Hang,
    /// Reads the next request on the same connection.
    KeepAlive,
}

/// Action that sends a text.
pub fn send(text: impl AsRef<[u8]>) -> Action {
    Action::Send(text.as_ref().to_vec())
}

/// Script of a complete answer.
pub fn answer(head: &str, body: impl AsRef<[u8]>) -> Vec<Action> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![Action::Send([head.as_bytes(), body].concat()), Action::KeepAlive]
}

/// Script of a normal answer.
pub fn ok() -> Vec<Action> {
    answer("200 OK", "fine")
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Script = Arc<dyn Fn(&str) -> Vec<Action> + Send + Sync>;

/// Any free port of this machine.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running server. Dropping it stops the server.
pub struct Server {
    /// Listening address.
    pub address: SocketAddr,
    received: Arc<Received>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Received {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

/// Behaviour of a server before it reads requests.
#[derive(Clone, Default)]
pub struct ConnectionBehavior {
    /// Closes connections with RST instead of FIN.
    pub reset: bool,
    /// Ends TLS without close_notify.
    pub is_abrupt: bool,
    /// With TLS, also answers requests without it.
    pub is_plain_too: bool,
    /// Uses TLS, and waits this long after the first byte of the client before the handshake.
    pub tls: Option<(Arc<ServerConfig>, Duration)>,
    /// Script that runs instead of reading requests.
    pub first: Vec<Action>,
}

impl Server {
    /// Starts a server without TLS.
    pub async fn plain(script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static) -> Self {
        Self::start(LOOPBACK, ConnectionBehavior::default(), script).await
    }

    /// Starts a server that closes connections with RST instead of FIN.
    pub async fn resetting(script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static) -> Self {
        Self::start(LOOPBACK, ConnectionBehavior { reset: true, ..ConnectionBehavior::default() }, script).await
    }

    /// Starts a server with TLS that delays each handshake after the first byte of the client.
    pub async fn tls(
        config: ServerConfig,
        wait: Duration,
        script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static,
    ) -> Self {
        Self::start(
            LOOPBACK,
            ConnectionBehavior { tls: Some((Arc::new(config), wait)), ..ConnectionBehavior::default() },
            script,
        )
        .await
    }

    /// Starts a server at an address.
    pub async fn start(
        address: SocketAddr,
        how: ConnectionBehavior,
        script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind(address).await.unwrap(), how, Duration::ZERO, script)
    }

    /// Starts a TLS server whose listen queue is full until `time` has passed. A client gets no answer to its SYN until
    /// then, and repeats it after one and after two more seconds (RFC 6298, section 2).
    pub async fn congested(
        config: ServerConfig,
        time: Duration,
        script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(LOOPBACK).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // The queue holds one more connection than configured.
        for _ in 0..2 {
            drop(TcpStream::connect(address).await.unwrap());
        }
        Self::on(
            listener,
            ConnectionBehavior { tls: Some((Arc::new(config), Duration::ZERO)), ..ConnectionBehavior::default() },
            time,
            script,
        )
    }

    /// Starts to accept connections after a delay.
    fn on(
        listener: TcpListener,
        how: ConnectionBehavior,
        after: Duration,
        script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static,
    ) -> Self {
        let script: Script = Arc::new(script);
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Received::default());
        let shared = received.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            while let Ok((stream, _)) = listener.accept().await {
                let (how, script, received) = (how.clone(), script.clone(), shared.clone());
                received.connections.fetch_add(1, SeqCst);
                received.open.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    // Many tests expect the client to disconnect early.
                    let _ = connection(stream, how, script, &received).await;
                    received.open.fetch_sub(1, SeqCst);
                });
            }
        });
        Self { address, received, task }
    }

    /// Received requests.
    pub fn requests(&self) -> Vec<String> {
        self.received.requests.lock().unwrap().clone()
    }

    /// Number of accepted connections.
    pub fn connections(&self) -> usize {
        self.received.connections.load(SeqCst)
    }

    /// Waits until every connection has ended.
    pub async fn idle(&self) {
        let ended = async {
            while self.received.open.load(SeqCst) > 0 {
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

async fn connection(
    stream: TcpStream,
    how: ConnectionBehavior,
    script: Script,
    received: &Received,
) -> std::io::Result<()> {
    // Sends every piece at once. Pieces joined by the operating system would shorten the wait between them.
    stream.set_nodelay(true)?;
    if how.reset {
        stream.set_zero_linger()?;
    }
    let mut stream: Box<dyn Io> = match how.tls {
        None => Box::new(stream),
        Some(_) if how.is_plain_too && !is_handshake(&stream).await? => Box::new(stream),
        Some((config, wait)) => {
            // The delay starts at the first byte, so that a slow client does not use it up.
            if wait > Duration::ZERO && stream.peek(&mut [0]).await? > 0 {
                tokio::time::sleep(wait).await;
            }
            let stream = TlsAcceptor::from(config).accept(stream).await?;
            if how.first.is_empty() && stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                return h2(stream, script, received).await;
            }
            Box::new(stream)
        }
    };
    if !how.first.is_empty() {
        run(&mut stream, how.first).await?;
        return if how.reset { Ok(()) } else { stream.shutdown().await };
    }
    while let Some(request) = read_request(&mut stream).await? {
        received.requests.lock().unwrap().push(request.clone());
        if run(&mut stream, script(&request)).await? == Then::Close {
            // Shutting down would send FIN before the RST, and close_notify before the FIN.
            return if how.reset || how.is_abrupt { Ok(()) } else { stream.shutdown().await };
        }
    }
    Ok(())
}

/// True when the client begins with a record of the TLS handshake (RFC 8446, section 5.1).
async fn is_handshake(stream: &TcpStream) -> std::io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? > 0 && first == [22])
}

/// Action after a script.
#[derive(PartialEq)]
enum Then {
    Close,
    KeepAlive,
}

/// Runs a script on a connection of another protocol than HTTP.
///
/// # Errors
/// When the client has disconnected.
pub async fn play(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), script: Vec<Action>) -> std::io::Result<()> {
    run(stream, script).await.map(|_| ())
}

async fn run(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), script: Vec<Action>) -> std::io::Result<Then> {
    for act in script {
        match act {
            Action::Send(bytes) => stream.write_all(&bytes).await?,
            Action::Wait(time) => tokio::time::sleep(time).await,
            Action::Repeat(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Action::Drip(bytes, wait) => loop {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                tokio::time::sleep(wait).await;
            },
            Action::Hang => while stream.read(&mut [0; 4096]).await? > 0 {},
            Action::KeepAlive => return Ok(Then::KeepAlive),
        }
    }
    stream.flush().await?;
    Ok(Then::Close)
}

/// Reads a request. Bytes that are not UTF-8 are written as `\xf8`.
async fn read_request(stream: &mut Box<dyn Io>) -> std::io::Result<Option<String>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(END.len()).position(|window| window == END) {
            let head = text(&bytes[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
            if bytes.len() - end - END.len() >= length.parse().unwrap() {
                return Ok(Some(text(&bytes)));
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    let invalid = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    bytes.utf8_chunks().map(|chunk| chunk.valid().to_owned() + &invalid(chunk.invalid())).collect()
}

/// Serves HTTP/2: answers every request with its protocol version, after the wait and with the headers `X-…` of the script.
async fn h2(
    stream: tokio_rustls::server::TlsStream<TcpStream>,
    script: Script,
    received: &Received,
) -> std::io::Result<()> {
    let service = hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        received.requests.lock().unwrap().push(format!("{} {:?}", request.method(), request.headers()));
        let (mut wait, mut response) = (None, hyper::Response::builder());
        for action in script("h2") {
            match action {
                Action::Wait(time) => _ = wait.get_or_insert(time),
                Action::Send(bytes) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let own =
                        text.lines().filter(|line| line.starts_with("X-")).filter_map(|line| line.split_once(": "));
                    response = own.fold(response, |response, (name, value)| response.header(name, value));
                }
                _ => {}
            }
        }
        async move {
            tokio::time::sleep(wait.unwrap_or_default()).await;
            Ok::<_, std::convert::Infallible>(response.body(format!("{:?}", request.version())).unwrap())
        }
    });
    hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
        .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
        .await
        .map_err(std::io::Error::other)
}

/// Compresses bytes with gzip.
pub fn compressed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Start of a gzip stream, and compressed zeros that may follow any number of times: 1 MB in a few bytes.
pub fn endless_gzip() -> ([u8; 10], Vec<u8>) {
    // Without name, time and checksum; the compression is deflate (RFC 1952).
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    let mut zeros = Vec::with_capacity(1 << 16);
    // A full flush ends at a byte, and the next block refers to nothing before it.
    compress.compress_vec(&vec![0; 1 << 20], &mut zeros, flate2::FlushCompress::Full).unwrap();
    (header, zeros)
}
