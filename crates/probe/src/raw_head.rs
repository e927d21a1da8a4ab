//! The header line that the HTTP library refuses, for the message: the library only says that there is one.

use std::time::Duration;

use check::{Phrase, ours, phrase};
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use url::Url;

use crate::{Client, dial::HostPort, redact::odd_line, wire_words::MALFORMED_LINE};

/// Maximum length of a head. **Units:** bytes.
const MAX_HEAD: u64 = 64 * 1024;
/// Maximum length of a quoted line in characters.
const MAX_LINE: usize = 120;

impl Client {
    /// Requests a page once more, over a new connection, and describes the first malformed header line of the answer. The line
    /// is not quoted when the answer has none this time or the time is over. A request that may change something is not sent.
    ///
    /// **Side effects:** a request to the target.
    pub(crate) async fn malformed_line(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        remaining: Duration,
    ) -> Phrase {
        if !method.is_safe() {
            return phrase!("{}; a {} is not sent again to quote it", MALFORMED_LINE, ours(method));
        }
        let again = timeout(remaining, self.head(url, &request(method, url, headers))).await;
        let found = again.ok().flatten().and_then(|head| find(&head));
        found.unwrap_or_else(|| phrase!("{}; a second request did not get it", MALFORMED_LINE))
    }

    async fn head(&self, url: &Url, request: &[u8]) -> Option<Vec<u8>> {
        let server = HostPort { host: url.host()?.to_owned(), port: url.port_or_known_default()? };
        // The caller has the deadline.
        let mut stream = self.dial(&server, url.scheme() == "https", Duration::from_secs(60)).await.ok()?;
        stream.write_all(request).await.ok()?;
        stream.flush().await.ok()?;
        let (mut head, mut answer) = (Vec::new(), stream.take(MAX_HEAD));
        while end(&head).is_none() && answer.read_buf(&mut head).await.is_ok_and(|length| length > 0) {}
        // The body has arrived with it.
        head.truncate(end(&head).unwrap_or(head.len()));
        Some(head)
    }
}

fn request(method: &Method, url: &Url, headers: &HeaderMap) -> Vec<u8> {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let mut request = format!("{method} {}{query} HTTP/1.1\r\nHost: {host}{port}\r\n", url.path()).into_bytes();
    for (name, value) in headers {
        request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"Connection: close\r\n\r\n");
    request
}

/// Length of the head of the final answer, after interim ones (RFC 9110, section 15.2). `None` when it is not complete.
fn end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let blank = |line: &[u8]| matches!(line, b"\n" | b"\r\n");
        let mut length = 0;
        let is_complete = rest.split_inclusive(|byte| *byte == b'\n').any(|line| {
            length += line.len();
            blank(line)
        });
        if !is_complete {
            return None;
        }
        from += length;
        let is_interim = rest.get(8..10).is_some_and(|status| status == b" 1");
        if !is_interim {
            return Some(from);
        }
    }
}

/// Describes the first malformed header line of a head, after a status that is itself a failure.
fn find(head: &[u8]) -> Option<Phrase> {
    let lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    // A status line begins a head, and only there. It is not continued.
    let (mut is_begin, mut follows_status, mut status) = (true, false, None);
    let (number, line) = (1_usize..).zip(lines).find(|(_, line)| {
        let is_status = is_begin && !line.is_empty();
        let is_read = is_begin || is_header(line) && !(follows_status && is_continuation(line));
        if is_status {
            status = line.get(9..12).and_then(|code| StatusCode::from_bytes(code).ok());
        }
        (is_begin, follows_status) = (line.is_empty(), is_status);
        !is_read
    })?;
    let line = phrase!("a malformed header line, number {} of the answer: {}", ours(number), odd_line(line, MAX_LINE));
    Some(match status.filter(|status| status.is_client_error() || status.is_server_error()) {
        Some(status) => phrase!("status {}, and {}", ours(status), line),
        None => line,
    })
}

/// True for a line that continues the one before (RFC 9112, section 5.2).
fn is_continuation(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'\t', ..])
}

/// True for a line that the HTTP library reads: a header, the continuation of one, or the blank line at the end.
fn is_header(line: &[u8]) -> bool {
    let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if line.is_empty() || is_continuation(line) {
        return line.iter().all(is_text);
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
    let (name, value) = line.split_at(colon);
    let name = name.trim_ascii_end();
    !name.is_empty() && name.iter().all(is_name) && value.iter().all(is_text)
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;

    use super::*;

    #[test]
    fn malformed_line_is_found_with_its_number() {
        for (head, expected) in [
            (&b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"[..], None),
            (b"HTTP/1.1 200 OK\r\nA : b\r\n folded\r\nB: k\xf8re\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nA: b\r\nPHP Warning:  x\r\n\r\n", Some("number 3 of the answer: PHP Warning: x")),
            (b"HTTP/1.1 200 OK\r\n<br />\r\n\r\n", Some("number 2 of the answer: <br />")),
            (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", Some("number 2 of the answer: A: b")),
            (b"HTTP/1.1 200 OK\n: b\n\n", Some("number 2 of the answer: : b")),
            (b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", Some("number 2 of the answer: A: \\u{0}")),
            (
                b"HTTP/1.1 200 OK\r\nSet-Cookie: just_driving_session=eyJpdiI6; Path=/; X=\x01\r\n\r\n",
                Some("number 2 of the answer: Set-Cookie: [redacted]"),
            ),
            (
                b"HTTP/1.1 200 OK\r\nSet Cookie: s=eyJpdiI6\r\n\r\n",
                Some("number 2 of the answer: Set Cookie: [redacted]"),
            ),
            (b"HTTP/1.1 200 OK\r\nX-Api-Token t0k3n\r\n\r\n", Some("number 2 of the answer: X-Api-Token [redacted]")),
            (
                b"HTTP/1.1 200 OK\r\nAuthorization Bearer t0k3n\r\n\r\n",
                Some("number 2 of the answer: Authorization [redacted]"),
            ),
            (
                b"HTTP/1.1 200 OK\r\nlaravel_session=eyJpdiI6\r\n\r\n",
                Some("number 2 of the answer: laravel_session= [redacted]"),
            ),
            (b"HTTP/1.1 200 OK\r\nid=eyJpdiI6; Path=/; HttpOnly\r\n\r\n", Some("number 2 of the answer: [redacted]")),
            (
                b"HTTP/1.1 200 OK\r\neyJpdiI6IkpXVCIsImFsZyI6IkhTMjU2In0\r\n\r\n",
                Some("number 2 of the answer: [redacted]"),
            ),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nodd\r\n\r\n", Some("number 4 of the answer: odd")),
            (b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n\r\n", Some("number 2 of the answer: HTTP/1.1 200 OK")),
            (b"HTTP/1.1 200 OK\r\nA: b\r\nHTTP/1.0 404 x\r\n\r\n", Some("number 3 of the answer: HTTP/1.0 404 x")),
            (b"\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", None),
        ] {
            let found = find(head).map(|found| found.admit(&NoSecrets, 200).to_string());
            let expected = expected.map(|expected| format!("a malformed header line, {expected}"));
            assert_eq!(found, expected, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn failing_status_is_named_before_the_line() {
        for (status, expected) in [
            ("500 Internal Server Error", "status 500 Internal Server Error, and a malformed header line"),
            ("503", "status 503 Service Unavailable, and a malformed header line"),
            ("404 Not Found", "status 404 Not Found, and a malformed header line"),
            ("302 Found", "a malformed header line"),
        ] {
            let found = find(format!("HTTP/1.1 {status}\r\nodd\r\n\r\n").as_bytes()).unwrap();
            assert_eq!(found.admit(&NoSecrets, 200).as_str(), format!("{expected}, number 2 of the answer: odd"));
        }
    }

    #[test]
    fn head_ends_after_the_final_answer() {
        for (bytes, expected) in [
            (&b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"[..], Some(25)),
            (b"HTTP/1.1 200 OK\nA: b\n\nbody", Some(22)),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n", None),
            (b"HTTP/1.1 100 Continue\r\n\r\n", None),
            (b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Some(41)),
            (b"", None),
        ] {
            assert_eq!(end(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
