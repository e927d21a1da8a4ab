//! Cookies.

use rustls::ServerConfig;

use super::{encrypted, page, plain};
use crate::row::{Ask, BRITISH, HOST, Row, SIBLING};

const SET: &str = "s=1";
/// Reason of rows with a cookie without `=`, or without a name before it.
const NAMELESS: &str = "such a cookie has no name, so no check can look for it, and PHP does not set one";

/// Text below the table.
pub const NOTE: &str = "\
After a redirect, `synthetics` sends the cookies of a session only to the scheme and host of the request's own URL, where a
browser sends them to other hosts of their domain too: a platform must not be able to pass a session on. Cookies that the
redirects of a request without a session set are sent as in a browser, and forgotten after the response.
";

pub fn rows(config: &ServerConfig) -> Vec<Row> {
    let set = |answer: &'static str, cookie: &[u8], ask: Ask| {
        let lines = [plain("Set-Cookie: ").as_bytes(), cookie, b"\r\nContent-Length: 4\r\n\r\nfine"].concat();
        Row::new(answer, ask, super::raw([b"HTTP/1.1 200 OK\r\nConnection: close\r\n", &lines[..]].concat()))
    };
    let http = |answer: &'static str, cookie: &str| set(answer, cookie.as_bytes(), Ask::Cookies(HOST, SET));
    let named = |answer: &'static str, cookie: &str, sent| set(answer, cookie.as_bytes(), Ask::Cookies(HOST, sent));
    let https = |row: Row| encrypted(config, row);
    let long = format!("s={}", "a".repeat(4_096));
    vec![
        http("`s=1`", "s=1; Path=/; HttpOnly; SameSite=Lax"),
        named("`s=køre` in UTF-8", "s=køre", "s=køre"),
        set("`s=køre` in Latin-1", b"s=k\xf8re", Ask::Cookies(HOST, "s=k\\xf8re")),
        named("a value in quotes", "s=\"1\"", "s=\"1\""),
        named("a value with spaces and commas", "s=a b, c", "s=a b, c"),
        named("a value with a tab", "s=a\tb", "s=a\tb"),
        named("a value with a control character", "s=a\x01b", "s=a\x01b"),
        named("a value without a name", "=1", "1").because(NAMELESS),
        named("a name without a value", "s", "s").because(NAMELESS),
        named("a value of 4096 bytes, after a name", &long, "4098 bytes"),
        http("`Max-Age=60` and an `Expires` in the past", "s=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        named("`s=1; Path=/`, and then `s=2; Path=/next`", "s=1; Path=/\r\nSet-Cookie: s=2; Path=/next", "s=2; s=1"),
        http("`Max-Age=0`", "s=1; Max-Age=0"),
        http("an `Expires` in the past", "s=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        http("an invalid `Expires`", "s=1; Expires=soon"),
        http("`Secure` over http", "s=1; Secure"),
        https(http("`Secure` over https", "s=1; Secure")),
        http("`SameSite=None` without `Secure`", "s=1; SameSite=None"),
        https(http("`SameSite=None` without `Secure`, over https", "s=1; SameSite=None")),
        https(http("`SameSite=None; Secure`", "s=1; SameSite=None; Secure")),
        http("`SameSite=Strict`", "s=1; SameSite=Strict"),
        https(http("`Partitioned` without `Secure`", "s=1; Partitioned")),
        https(named("`__Host-s=1; Secure; Path=/`", "__Host-s=1; Secure; Path=/", "__Host-s=1")),
        https(named("`__Host-s=1; Path=/`, without `Secure`", "__Host-s=1; Path=/", "__Host-s=1")),
        https(named("`__Host-s=1; Secure`, without `Path`, at `/`", "__Host-s=1; Secure", "__Host-s=1")),
        https(named(
            "`__Host-s=1; Secure; Path=/`, with `Domain`",
            "__Host-s=1; Secure; Path=/; Domain=shop.example",
            "__Host-s=1",
        )),
        https(named("`__Secure-s=1`, without `Secure`", "__Secure-s=1", "__Secure-s=1")),
        https(named("`__HOST-s=1; Path=/`, without `Secure`", "__HOST-s=1; Path=/", "__HOST-s=1")),
        https(named("`__Http-s=1; Secure`, without `HttpOnly`", "__Http-s=1; Secure", "__Http-s=1")),
        http("`Domain=shop.example`", "s=1; Domain=shop.example"),
        http("`Domain=.SHOP.example`", "s=1; Domain=.SHOP.example"),
        http("`Domain=example`, a public suffix", "s=1; Domain=example"),
        set("`Domain=co.uk`, a public suffix of two labels", b"s=1; Domain=co.uk", Ask::Cookies(BRITISH, SET))
            .at(BRITISH)
            .because("the probe has no list of public suffixes; it sends the cookie only to hosts of the settings"),
        http("`Domain` of another site", "s=1; Domain=other.example"),
        http("`Domain` of another host of the site", "s=1; Domain=account.shop.example"),
        set("`Domain=shop.example`, then another host", b"s=1; Domain=shop.example", Ask::Cookies(SIBLING, SET)),
        set("no `Domain`, then another host of the site", b"s=1", Ask::Cookies(SIBLING, SET)),
        http("`Path=/next`, set at `/`", "s=1; Path=/next"),
        http("`Path=/other`", "s=1; Path=/other"),
        http("`Path` that does not begin with a slash", "s=1; Path=other"),
        Row::new(
            "the same name twice",
            Ask::Cookies(HOST, "s=2"),
            page(&plain("Set-Cookie: s=1\r\nSet-Cookie: s=2"), "fine"),
        ),
    ]
}
