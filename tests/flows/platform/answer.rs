//! Answers of the platform, as the server in front of it gets them.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};

/// An answer of the platform.
pub struct Answer {
    /// Status line and headers, each with its line end; without the length of the body.
    pub head: String,
    pub body: Vec<u8>,
}

/// Headers of one connection, which each side sets by itself.
const OWN: [&str; 4] = ["accept-encoding", "connection", "content-length", "transfer-encoding"];

impl Answer {
    /// Forwards a request and reads the answer to its end.
    ///
    /// # Errors
    /// When the platform does not answer.
    pub fn fetch(platform: &str, request: &str) -> Result<Self> {
        let address = platform.strip_prefix("http://").context("expected an http URL")?;
        let (head, body) = request.split_once("\r\n\r\n").context("expected a complete request")?;
        let mut connection = TcpStream::connect(address).context("failed to connect to the platform")?;
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!("{}Connection: close\r\n{length}\r\n{body}", without_own(head));
        connection.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes)?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("expected an answer")?;
        let head = std::str::from_utf8(&bytes[..end]).context("expected headers in UTF-8")?;
        ensure!(!head.to_lowercase().contains("transfer-encoding"), "expected a body with a length");
        Ok(Self { head: without_own(head), body: bytes[end + 4..].to_vec() })
    }

    /// Status 200 in place of one without a body.
    pub fn with_body_allowed(self) -> Self {
        let head = self.head.replacen(" 204 No Content", " 200 OK", 1);
        Self { head, ..self }
    }

    /// Complete answer, after which the connection closes.
    pub fn bytes(&self) -> Vec<u8> {
        let is_without_body = self.head.contains(" 204 No Content");
        let length = if is_without_body { String::new() } else { format!("Content-Length: {}\r\n", self.body.len()) };
        [format!("{}Connection: close\r\n{length}\r\n", self.head).as_bytes(), &self.body].concat()
    }
}

fn without_own(head: &str) -> String {
    let is_own = |line: &&str| line.split_once(':').is_some_and(|(name, _)| OWN.contains(&&*name.to_lowercase()));
    head.split("\r\n").filter(|line| !is_own(line)).flat_map(|line| [line, "\r\n"]).collect()
}
