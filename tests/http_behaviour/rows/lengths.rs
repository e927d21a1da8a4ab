//! The end of a body.

use rustls::ServerConfig;

use super::{encrypted, plain, raw};
use crate::row::{Ask, Row};

/// Reason of rows with a length that is not a number.
const UNCLEAR: &str = "proxies disagree about the end of such an answer, and may take a part of it for another one";

pub fn rows(config: &ServerConfig) -> Vec<Row> {
    let sent = |answer: &'static str, version: &str, lines: &str, body: &str| {
        Row::new(answer, Ask::Body, raw(format!("HTTP/{version} 200 OK\r\n{}\r\n\r\n{body}", plain(lines))))
    };
    vec![
        sent("no length, and the connection ends", "1.1", "X-Other: 1", "fine"),
        sent("HTTP/1.0 without a length", "1.0", "X-Other: 1", "fine"),
        sent("`Content-Length: 4` twice", "1.1", "Content-Length: 4\r\nContent-Length: 4", "fine"),
        sent("`Content-Length: 4, 4`", "1.1", "Content-Length: 4, 4", "fine"),
        sent("`Content-Length: 4` and `Content-Length: 5`", "1.1", "Content-Length: 4\r\nContent-Length: 5", "fine"),
        sent("`Content-Length: +4`", "1.1", "Content-Length: +4", "fine").because(UNCLEAR),
        sent("`Content-Length: four`", "1.1", "Content-Length: four", "fine").because(UNCLEAR),
        sent("fewer bytes than `Content-Length`", "1.1", "Content-Length: 9", "fine"),
        sent("more bytes than `Content-Length`", "1.1", "Content-Length: 4", "fine and more"),
        sent("`Transfer-Encoding: Chunked`", "1.1", "Transfer-Encoding: Chunked", "4\r\nfine\r\n0\r\n\r\n"),
        sent(
            "chunked, and `Content-Length: 9`",
            "1.1",
            "Transfer-Encoding: chunked\r\nContent-Length: 9",
            "4\r\nfine\r\n0\r\n\r\n",
        ),
        sent(
            "chunks with a space and an extension",
            "1.1",
            "Transfer-Encoding: chunked",
            "4 ;a=b\r\nfine\r\n0\r\n\r\n",
        ),
        sent("chunks without the last one", "1.1", "Transfer-Encoding: chunked", "4\r\nfine\r\n"),
        sent("chunks without the empty line at the end", "1.1", "Transfer-Encoding: chunked", "4\r\nfine\r\n0\r\n"),
        sent("a chunk whose length is not hexadecimal", "1.1", "Transfer-Encoding: chunked", "x\r\nfine\r\n0\r\n\r\n"),
        encrypted(config, sent("no length, TLS, without close_notify", "1.1", "X-Other: 1", "fine"))
            .abrupt()
            .because("a crash or an attacker may have cut the body, and nothing shows it (RFC 9112, section 9.8)"),
        encrypted(config, sent("a length, TLS, without close_notify", "1.1", "Content-Length: 4", "fine")).abrupt(),
    ]
}
