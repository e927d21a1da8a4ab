//! Redirects.

use hostile::Action;
use rustls::ServerConfig;

use super::{Answer, at_path, encrypted, page, raw};
use crate::row::{Ask, FINE, HOST, Row};

pub fn rows(config: &ServerConfig) -> Vec<Row> {
    let mut rows = locations();
    rows.extend([
        Row::new("a loop: `/` and `/b`", Ask::Body, |request| {
            let to = if request.starts_with("GET /b ") { "/" } else { "/b" };
            redirect("302 Found", &format!("Location: {to}"))(request)
        }),
        Row::new("a redirect to the same URL that sets a cookie", Ask::Body, |request| {
            match request.contains("seen=1") {
                true => page("Content-Type: text/plain", FINE)(request),
                false => redirect("302 Found", "Location: /\r\nSet-Cookie: seen=1")(request),
            }
        }),
        Row::new("15 redirects, then a page", Ask::Body, chain(15))
            .because("more than 10 redirects are a mistake of the platform, long before a browser gives up"),
        Row::new("25 redirects, then a page", Ask::Body, chain(25)),
        encrypted(config, Row::new("from https to plain http", Ask::Body, downgrade))
            .plain_too()
            .because("whatever follows can be read and changed on the way; the platform has a page for https"),
    ]);
    for (answer, status, wanted) in [
        ("301 after POST", "301 Moved Permanently", "GET"),
        ("302 after POST", "302 Found", "GET"),
        ("303 after POST", "303 See Other", "GET"),
        ("307 after POST", "307 Temporary Redirect", "POST with `a=b`"),
        ("308 after POST", "308 Permanent Redirect", "POST with `a=b`"),
    ] {
        rows.push(Row::new(answer, Ask::Post(wanted), at_path("/", redirect(status, "Location: /next"))));
    }
    rows
}

/// Reason of rows without a target.
const NOWHERE: &str = "users see a page that leads nowhere";

/// Rows about the header `Location`.
fn locations() -> Vec<Row> {
    // The path arrives in the form that the client sends.
    let to = |answer: &'static str, location: &[u8], path: &'static str| {
        let head =
            [b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: ", location, b"\r\nContent-Length: 0\r\n\r\n"]
                .concat();
        let (redirect, found) = (raw(head), page("Content-Type: text/plain", FINE));
        Row::new(answer, Ask::Body, move |request| {
            let asked = request.split(' ').nth(1).unwrap_or_default();
            if asked == path {
                found(request)
            } else if asked == "/" {
                redirect(request)
            } else {
                page("Content-Type: text/plain", format!("{asked} instead"))(request)
            }
        })
    };
    vec![
        to("`Location: next`", b"next", "/next"),
        to("`Location: ?a=b`", b"?a=b", "/?a=b"),
        to("`Location: /next#part`", b"/next#part", "/next"),
        to("`Location` with spaces around", b"  /next  ", "/next"),
        to("`Location` with a space inside", b"/a b", "/a%20b"),
        to("`Location` with a backslash", b"\\next", "/next"),
        to("`Location: /næste` in UTF-8", "/næste".as_bytes(), "/n%C3%A6ste"),
        to("`Location: /næste` in Latin-1", b"/n\xe6ste", "/n%E6ste"),
        to("the same `Location` twice", b"/next\r\nLocation: /next", "/next"),
        to("two different `Location`", b"/next\r\nLocation: /other", "/next"),
        to("`Location` of the scheme `mailto`", b"mailto:a@shop.example", "/next"),
        to("an empty `Location`", b"", "/next").because(NOWHERE),
        Row::new(
            "302 without `Location`",
            Ask::Body,
            raw("HTTP/1.1 302 Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfine"),
        )
        .because(NOWHERE),
    ]
}

/// Script that redirects from `/` to a page of the same server without TLS.
fn downgrade(request: &str) -> Vec<Action> {
    let port =
        request.lines().find_map(|line| line.strip_prefix("Host: ").or(line.strip_prefix("host: "))?.split(':').nth(1));
    let to = format!("Location: http://{HOST}:{}/plain", port.unwrap_or_default());
    at_path("/", redirect("302 Found", &to))(request)
}

/// Script of a redirect.
fn redirect(status: &str, line: &str) -> Answer {
    raw(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{line}\r\nContent-Length: 0\r\n\r\n"))
}

/// Script of this many redirects, then a page.
fn chain(length: usize) -> Answer {
    Box::new(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let number: usize = path.trim_start_matches('/').parse().unwrap_or(0);
        if number < length {
            redirect("302 Found", &format!("Location: /{}", number + 1))(request)
        } else {
            page("Content-Type: text/plain", FINE)(request)
        }
    })
}
