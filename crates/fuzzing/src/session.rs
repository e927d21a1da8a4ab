//! Sessions: cookies, form pages and redirects of a hostile server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use platform::{Csrf, Session};
use probe::dns::{Addrs, Name, Resolve, Resolving};
use probe::{Client, Connections, EgressPolicy, Identity, Method, Redactor, Request, Sent, Tls, Url, expect};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::input::split;
use crate::oracle::{assert_presentable, assert_report};

/// Answers of the server, separated by a line `--`. The first line of each is the status, the lines up to an empty one are
/// headers, and the rest is the body. `PORT` is the port of the server, `$` 4,096 letters, and a header after `+` is sent 70 times, with
/// a number in place of `#`.
pub(crate) const SEEDS: &[&[u8]] = &[
    b"200\nSet-Cookie: XSRF-TOKEN=abcdefghijklmnop%3D; path=/; samesite=lax\nSet-Cookie: app_session=0123456789abcdef; path=/; httponly\nContent-Type: text/html\n\n<form><input type=hidden name=_token value=abcdefgh12345678></form>\n--\n200\n\n{}",
    b"302\nLocation: http://cdn.jd.example:PORT/x\nSet-Cookie: a=1; Domain=jd.example\nSet-Cookie: b=2; Path=/login\n--\n302\nLocation: http://app.jd.example:PORT/api/x\nSet-Cookie: c=3\n--\n200\n\nx",
    b"301\nLocation: //127.0.0.1/x\n--\n307\nLocation: ../login/x\nSet-Cookie: s=1; Secure",
    b"200\nSet-Cookie: a=1; Path=/other; Max-Age=0\nSet-Cookie: __Host-b=2; Domain=app.jd.example\nSet-Cookie: c\nSet-Cookie: =d\nSet-Cookie: e=\xff; Path=\n\n<meta name=csrf-token content=x>",
    b"307\nLocation: http://cdn.jd.example:PORT/login\n--\n200\nSet-Cookie: t=1; Domain=jd.example\n--\n200",
    b"200\n+Set-Cookie: c#=#; path=/\nContent-Type: text/html\n\n<form><input name=_token value=$$></form>\n--\n200\n+Set-Cookie: d#=#\n--\n200\n--\n200",
    // Found by the fuzzer: a cookie that goes on in the next line.
    b"200\nSet-Cookie: long=a; path=/\n path=/\n\n<form><input type=hidden name=_token value=x></form>\n--\n200\n\n{}",
    // Found by the fuzzer: white space of Latin-1 belongs to a name.
    b"200\nSet-Cookie:\xa0app=0123456789abcdef; path=/\n\n<form><input type=hidden name=_token value=x></form>\n--\n200\n\n{}",
    b"200\nSet-Cookie: long=$; path=/\nSet-Cookie: fits=1; path=/\n\n<form><input name=_token value=$$$></form>\n--\n200",
];

const HOME: &str = "app.jd.example";
/// Hosts that requests may reach: the second one by a redirect.
const HOSTS: [&str; 2] = [HOME, "cdn.jd.example"];
/// Number of times that a marked header is sent.
const REPEATED: usize = 70;
/// Number of answers that the server gives.
const MAX_ANSWERS: usize = 8;
/// Longest time of one request.
const DEADLINE: Duration = Duration::from_secs(2);
static TLS: LazyLock<Tls> = LazyLock::new(|| Tls::new(&[]).expect("a TLS configuration"));
const BEARER: &str = "bearer-4f1d0c9a7e";
/// Bounds of SECURITY.md: bytes of a cookie, cookies of one answer, cookies in all, bytes of a form's token.
const MAX_COOKIE: usize = 4_096;
const MAX_IN_ANSWER: usize = 64;
const MAX_STORED: usize = 256;
const MAX_TOKEN: usize = 8 * 1024;

/// Whatever a server answers, a cookie goes only to the host and paths that it was set for, a bearer token and a body only to the
/// own origin, and a request only to hosts of the settings. Cookies and tokens are bounded, and texts are clean.
pub(crate) fn session(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (world, found) = runtime.block_on(async {
        let world = World::start(data).await;
        let found = world.visit().await;
        (world, found)
    });
    for sent in found {
        for exchange in &sent.exchanges {
            assert_report(&serde_json::to_value(exchange).expect("an exchange can be written"));
        }
        match sent.result {
            Err(error) => drop(error.into_mismatch().map(|mismatch| assert_presentable(&mismatch))),
            Ok(response) => match expect::form(&response, &expect::WantedForm::with_token("_token")) {
                Ok(form) => {
                    let length = form.token.expose_secret().len();
                    assert!(length <= MAX_TOKEN, "a token of {length}");
                }
                Err(mismatch) => assert_presentable(&mismatch),
            },
        }
    }
    world.assert_kept_at_home();
}

/// Replaces the first marks by 4,096 letters each.
fn large(text: &str) -> String {
    text.replacen('$', &"a".repeat(MAX_COOKIE), 4)
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Answer {
    fn read(part: &[u8], port: u16) -> Self {
        let (head, body) = match part.windows(2).position(|two| two == b"\n\n") {
            Some(end) => (&part[..end], &part[end + 2..]),
            None => (part, &b""[..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
        let status = lines.next().and_then(|line| String::from_utf8_lossy(&line).trim().parse().ok());
        let status = status.filter(|status| (200..600).contains(status)).unwrap_or(200);
        let with_port = |line: Vec<u8>| match String::from_utf8(line) {
            Ok(line) => large(&line.replace(":PORT", &format!(":{port}"))).into_bytes(),
            Err(line) => line.into_bytes(),
        };
        let repeated = |line: Vec<u8>| match line.strip_prefix(b"+") {
            Some(line) => (0..REPEATED)
                .map(|number| String::from_utf8_lossy(line).replace('#', &number.to_string()).into_bytes())
                .collect(),
            None => vec![line],
        };
        let headers = lines.map(with_port).flat_map(repeated).collect();
        Self { status, headers, body: large(&String::from_utf8_lossy(body)).into_bytes() }
    }

    fn bytes(&self) -> Vec<u8> {
        let own = [format!("HTTP/1.1 {} X", self.status), "Connection: close".to_owned()].map(String::into_bytes);
        let lines = own.iter().chain(&self.headers).flat_map(|line| [line, &b"\r\n"[..]]).flatten().copied();
        lines.chain(*b"\r\n").chain(self.body.iter().copied()).collect()
    }

    /// `Set-Cookie` lines, without their name. A line that begins with white space goes on with the one before.
    fn cookies(&self) -> impl Iterator<Item = String> {
        let mut lines: Vec<String> = Vec::new();
        for line in &self.headers {
            let line = String::from_utf8_lossy(line);
            match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
                (Some(rest), Some(last)) => last.extend([" ", rest.trim_start()]),
                _ => lines.push(line.into_owned()),
            }
        }
        lines.into_iter().filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("set-cookie").then(|| value.trim().to_owned())
        })
    }
}

/// Request as the server received it, and the answer it got.
struct Arrived {
    host: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
    answer: Answer,
}

struct World {
    client: Client,
    port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

/// Resolver that leads every name to this machine.
struct Here;

impl Resolve for Here {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Ok(Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0)))) as Addrs) })
    }
}

impl World {
    async fn start(data: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let arrived: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let kept = arrived.clone();
        let parts = split(data, b"\n--\n").into_iter().take(MAX_ANSWERS);
        let answers: Vec<Answer> = parts.map(|part| Answer::read(part, port)).collect();
        tokio::spawn(async move {
            let mut answers = answers.into_iter();
            while let (Ok((connection, _)), Some(answer)) = (listener.accept().await, answers.next()) {
                if let Some(request) = serve(connection, answer).await {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                }
            }
        });
        let home = format!("http://{HOME}/").parse().expect("a URL");
        let loopback = "127.0.0.0/8".parse().expect("a network");
        let egress = EgressPolicy::new([HOSTS[1].to_owned()], vec![loopback]).allow_host(&home);
        let identity = Identity { run_id: "run".to_owned(), trace_id: "1".repeat(32) };
        let now = Arc::new(Timestamp::now);
        let (redactor, here) = (Redactor::default(), Arc::new(Here));
        let client = Client::with_resolver(&TLS, &egress, identity, redactor, now, Connections::Fresh, here);
        Self { client: client.unwrap_or_else(|error| panic!("{error:?}")), port, arrived }
    }

    fn url(&self, host: &str, path: &str) -> Url {
        format!("http://{host}:{}{path}", self.port).parse().expect("a URL")
    }

    /// Opens a page, as a browser does, then sends requests with the cookies, and one with a bearer token.
    async fn visit(&self) -> Vec<Sent> {
        let base = self.url(HOME, "/");
        let session = Session::new(&base, Csrf::default());
        let mut script = Session::stateless(&base);
        script.authorize(SecretString::from(BEARER));
        let requests: [&dyn Fn() -> Request; 4] = [
            &|| session.page(self.url(HOME, "/login")),
            &|| session.request(Method::POST, self.url(HOME, "/api/x")).max_redirects(2).body("secret-body"),
            &|| session.request(Method::POST, self.url(HOSTS[1], "/api/x")).body("no-secret"),
            &|| script.request(Method::GET, self.url(HOME, "/api/y")).max_redirects(2),
        ];
        let mut found = Vec::new();
        for request in requests {
            found.push(self.client.send(request().deadline(DEADLINE)).await);
        }
        found
    }

    fn assert_kept_at_home(&self) {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, request) in arrived.iter().enumerate() {
            let host = request.host.split(':').next().unwrap_or_default();
            assert!(HOSTS.contains(&host), "a request to {host}");
            let header = |name: &str| request.headers.get(name);
            if host != HOME {
                for name in ["cookie", "x-xsrf-token", "authorization", "origin"] {
                    assert_eq!(header(name), None, "{name} at {host}");
                }
                assert!(!request.body.contains("secret-body"), "the body at {host}");
            }
            let Some(cookies) = header("cookie") else { continue };
            let pairs: Vec<&str> = cookies.split("; ").collect();
            let answers = arrived[..index].iter().filter(|earlier| earlier.host == request.host).count();
            assert!(pairs.len() <= MAX_STORED.min(MAX_IN_ANSWER * answers), "{} cookies", pairs.len());
            for pair in pairs {
                assert!(pair.len() <= MAX_COOKIE + 1, "a cookie of {} bytes", pair.len());
                let mut set = arrived[..index]
                    .iter()
                    .filter(|earlier| earlier.host == request.host)
                    .flat_map(|earlier| earlier.answer.cookies().map(move |line| (earlier, line)));
                assert!(
                    set.any(|(earlier, line)| allows(&line, &earlier.path, pair, &request.path)),
                    "{pair:?} was not set for {}",
                    request.path
                );
            }
        }
    }
}

/// True when a `Set-Cookie` line in the answer at one path sets this pair for another path.
fn allows(line: &str, set_at: &str, pair: &str, path: &str) -> bool {
    let mut parts = line.split(';').map(str::trim);
    let own = parts.next().unwrap_or_default();
    let (name, value) = pair.split_once('=').unwrap_or_default();
    let Some((own_name, own_value)) = own.split_once('=') else { return false };
    if (own_name.trim(), own_value.trim().trim_matches('"')) != (name, value.trim_matches('"')) {
        return false;
    }
    let attributes: Vec<(String, &str)> = parts
        .map(|part| part.split_once('=').map_or((part, ""), |(name, value)| (name.trim(), value.trim())))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let is_secure = attributes.iter().any(|(name, _)| name == "secure");
    let only = attributes.iter().rev().find(|(name, _)| name == "path").map(|(_, path)| *path);
    let is_in = |only: &str| {
        path == only || path.strip_prefix(only).is_some_and(|rest| only.ends_with('/') || rest.starts_with('/'))
    };
    // RFC 6265, section 5.1.4.
    let default = set_at.rfind('/').map_or("/", |end| &set_at[..end.max(1)]);
    !is_secure && is_in(only.filter(|only| only.starts_with('/')).unwrap_or(default))
}

/// Reads one request and sends one answer.
async fn serve(mut connection: TcpStream, answer: Answer) -> Option<Arrived> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match connection.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.split('?').next()?.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < end + 4 + length {
        match connection.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    // The client may have seen enough.
    let _ = connection.write_all(&answer.bytes()).await;
    let _ = connection.shutdown().await;
    Some(Arrived { host: headers.get("host")?.clone(), path, headers, body, answer })
}
