//! A minimal HTTP client: one request per connection, and the raw answer until the server closes the connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use demo_platform::{DemoPlatform, Options, Running};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const JSON: &str = "Accept: application/json";
pub const SLOW: Duration = Duration::from_millis(50);

/// Starts a platform at 2026-11-22T23:15:28.25Z.
pub async fn platform() -> Running {
    Clock::default().platform(Options::default()).await
}

/// A clock for the platform that advances only on request.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    pub fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-11-22T23:15:28.25Z".parse().unwrap();
        start + SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub async fn platform(&self, options: Options) -> Running {
        let clock = self.clone();
        let options = Options { clock: Arc::new(move || clock.now()), slow_delay: SLOW, ..options };
        DemoPlatform::start(options).await.unwrap()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    pub fn all(&self, name: &str) -> Vec<&str> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub fn reason(&self) -> &str {
        self.head.lines().next().unwrap().splitn(3, ' ').nth(2).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Host and port of a base URL.
pub fn address(base: &str) -> &str {
    base.strip_prefix("http://").unwrap()
}

/// Sends a request and returns the connection.
pub async fn send(base: &str, method: &str, path: &str, headers: &[&str]) -> io::Result<TcpStream> {
    send_body(base, method, path, headers, "").await
}

async fn send_body(base: &str, method: &str, path: &str, headers: &[&str], body: &str) -> io::Result<TcpStream> {
    let host = format!("Host: {}", address(base));
    let headers: Vec<&str> = headers.iter().copied().chain([host.as_str(), "Connection: close"]).collect();
    send_lines(base, &format!("{method} {path} HTTP/1.1"), &headers, body).await
}

async fn send_lines(base: &str, first: &str, headers: &[&str], body: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address(base)).await?;
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    stream.write_all(format!("{first}\r\n{headers}\r\n{body}").as_bytes()).await?;
    Ok(stream)
}

/// Sends a request with exactly these headers, so without `Host` unless it is among them.
pub async fn ask_lines(base: &str, first: &str, headers: &[&str]) -> Answer {
    let headers: Vec<&str> = headers.iter().copied().chain(["Connection: close"]).collect();
    read(send_lines(base, first, &headers, "").await.unwrap()).await.unwrap()
}

/// Sends a request and reads until the server closes the connection. A short body is not an error.
pub async fn try_ask(base: &str, method: &str, path: &str, headers: &[&str]) -> io::Result<Answer> {
    read(send(base, method, path, headers).await?).await
}

async fn read(mut stream: TcpStream) -> io::Result<Answer> {
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

pub async fn ask(base: &str, method: &str, path: &str, headers: &[&str]) -> Answer {
    try_ask(base, method, path, headers).await.unwrap()
}

/// Sends a POST request. `headers` must include the content type.
pub async fn post(base: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let headers: Vec<&str> = headers.iter().copied().chain([length.as_str()]).collect();
    read(send_body(base, "POST", path, &headers, body).await.unwrap()).await.unwrap()
}

pub async fn get(base: &str, path: &str, headers: &[&str]) -> Answer {
    ask(base, "GET", path, headers).await
}
