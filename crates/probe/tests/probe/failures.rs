//! Failures of a target, and their classification.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use check::FailureKind::{Body, Connect, Dns, Protocol, Tls as TlsKind};
use probe::{Connections, Method, Request};
use tokio::net::TcpListener;

use crate::server::*;

/// Response with this many headers of this size.
fn flood(headers: usize, size: usize) -> Vec<Action> {
    let lines: String = (0..headers).map(|i| format!("X-{i}: {}\r\n", "a".repeat(size))).collect();
    vec![send(format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n")), Action::KeepAlive]
}

#[tokio::test]
async fn server_failures_are_classified() {
    let gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n";
    for (case, script, kind, expected, retryable) in [
        ("closed before a response", vec![], Connect, "the connection was closed before a response", true),
        ("closed within the headers", vec![send("HTTP/1.1 200 OK\r\nX-")], Connect, "closed before a response", true),
        ("another protocol", vec![send("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Action::Hang], Protocol, "not HTTP", false),
        (
            "an invalid header",
            vec![send("HTTP/1.1 200 OK\r\nX\0: a\r\n\r\n"), Action::Hang],
            Protocol,
            "a malformed header line, number 2 of the answer: X\\u{0}: a",
            false,
        ),
        (
            "a header value with a NUL",
            vec![send("HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n"), Action::Hang],
            Protocol,
            "a malformed header line, number 2 of the answer: X: a\\u{0}",
            false,
        ),
        (
            "a warning among the headers",
            vec![send("HTTP/1.1 200 OK\r\nPHP Warning:  a module\r\n\r\n"), Action::Hang],
            Protocol,
            "a malformed header line, number 2 of the answer: PHP Warning: a module",
            false,
        ),
        (
            "an invalid status",
            vec![send("HTTP/1.1 2000 OK\r\n\r\n"), Action::Hang],
            Protocol,
            "a malformed status line: bytes that are not HTTP",
            false,
        ),
        (
            "an invalid length",
            vec![send("HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nabcd"), Action::Hang],
            Protocol,
            "a Content-Length that is not a number",
            false,
        ),
        (
            "a header line too many",
            flood(301, 1),
            Protocol,
            "headers larger or more than allowed: at most 300 lines and 400 KB together",
            false,
        ),
        ("a header of 10 MB", flood(1, 10_000_000), Protocol, "headers larger", false),
        (
            "headers without end",
            vec![send("HTTP/1.1 200 OK\r\n"), Action::Repeat(b"X: a\r\n".repeat(100))],
            Protocol,
            "headers larger",
            false,
        ),
        (
            "a body cut short",
            vec![send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcd")],
            Body,
            "cut short after 4 bytes",
            true,
        ),
        ("a chunked body cut short", vec![send(chunked)], Body, "cut short after 4 bytes", true),
        (
            "an invalid chunk length",
            vec![send(chunked), send("zz\r\n"), Action::Hang],
            Body,
            "a broken chunk after 4 bytes",
            false,
        ),
        (
            "a chunk length that is too large",
            vec![send(chunked), send("fffffffffffffffff\r\n"), Action::Hang],
            Body,
            "a broken chunk after 4 bytes",
            false,
        ),
        (
            "a trailer without a colon",
            vec![send(chunked), send("0\r\nodd trailer\r\n\r\n"), Action::Hang],
            Body,
            "a malformed trailer after 4 bytes",
            false,
        ),
        (
            "a second status line",
            vec![send("HTTP/1.1 200 OK\r\nHTTP/1.0 200 OK\r\n\r\n"), Action::Hang],
            Protocol,
            "a malformed header line, number 2 of the answer: HTTP/1.0 200 OK",
            false,
        ),
        (
            "a warning among the headers of an error",
            vec![send("HTTP/1.1 500 Internal Server Error\r\nPHP Warning:  a module\r\n\r\n"), Action::Hang],
            Protocol,
            "status 500 Internal Server Error, and a malformed header line, number 2 of the answer: PHP Warning: a module",
            false,
        ),
        ("corrupt gzip", vec![send(gzip), send("not gzip!!"), Action::KeepAlive], Body, "does not decode", false),
        (
            "truncated gzip",
            vec![send(gzip), send(&compressed(b"Hello, hello, hello")[..10]), Action::KeepAlive],
            Body,
            "ends early",
            false,
        ),
        (
            "an unrequested encoding",
            answer("200 OK\r\nContent-Encoding: zstd", "abc"),
            Body,
            "content-encoding zstd",
            false,
        ),
    ] {
        let server = Server::plain(move |_| script.clone()).await;
        let client = client(&tls());
        let sent = client.send(get(url(&server, "/"))).await;
        let error = sent.result.expect_err(case);
        assert_eq!(error.is_retryable(), retryable, "{case}: {error:?}");
        let failed = shown(&client, error);
        assert_eq!(failed.kind, kind, "{case}: {failed:?}");
        assert!(failed.actual.contains(expected), "{case}: {failed:?}");
        assert!(failed.evidence.is_none(), "{case}: words of the library: {failed:?}");
        // The line is read from a second answer.
        let requests = if expected.contains("a malformed header line") { 2 } else { 1 };
        assert_eq!(server.requests().len(), requests, "{case}: the request was retried");
        assert_eq!(sent.exchanges.len(), 1, "{case}: expected one recorded exchange");
        assert_eq!(sent.exchanges[0].status.is_some(), kind == Body, "{case}: {:?}", sent.exchanges);
    }
}

#[tokio::test]
async fn unsafe_request_is_not_repeated_for_a_malformed_line() {
    let server = Server::plain(|_| vec![send("HTTP/1.1 200 OK\r\nodd\r\n\r\n"), Action::Hang]).await;
    let client = client(&tls());
    let sent = client.send(Request::new(Method::POST, url(&server, "/")).body("x")).await;
    let failed = shown(&client, sent.result.unwrap_err());
    assert_eq!(
        failed.actual.as_str(),
        "a malformed header line: one without a colon, or with characters that HTTP does not allow; a POST is not sent again to \
         quote it"
    );
    assert_eq!(failed.evidence, None, "expected no words of the library");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn malformed_line_is_found_by_the_resolver_of_the_client() {
    let server = Server::plain(|_| vec![send("HTTP/1.1 200 OK\r\nodd\r\n\r\n"), Action::Hang]).await;
    let client = client(&tls());
    let page = format!("http://platform.test:{}/", server.address.port()).parse().unwrap();
    let failed = shown(&client, client.send(get(page)).await.result.unwrap_err());
    assert_eq!(failed.actual.as_str(), "a malformed header line, number 2 of the answer: odd");
}

#[tokio::test]
async fn line_that_does_not_come_again_is_not_sought_in_the_body() {
    let is_second = AtomicBool::new(false);
    let server = Server::plain(move |_| match is_second.swap(true, SeqCst) {
        false => vec![send("HTTP/1.1 200 OK\r\nodd\r\n\r\n"), Action::Hang],
        true => answer("200 OK", "{\n\"status\n"),
    })
    .await;
    let client = client(&tls());
    let failed = shown(&client, client.send(get(url(&server, "/"))).await.result.unwrap_err());
    assert_eq!(
        failed.actual.as_str(),
        "a malformed header line: one without a colon, or with characters that HTTP does not allow; a second request did not get \
         it"
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn network_failures_are_classified() {
    let client = client(&tls());
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let resetting = Server::resetting(|_| vec![]).await;
    let half = Server::resetting(|_| {
        vec![send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcd"), Action::Wait(Duration::from_millis(50))]
    })
    .await;
    for (case, url, kind, expected) in [
        ("an unknown name", "http://unknown.invalid/".parse().unwrap(), Dns, "no address"),
        ("a name without addresses", "http://empty.invalid/".parse().unwrap(), Dns, "no address"),
        ("a closed port", format!("http://{closed}/").parse().unwrap(), Connect, "the connection was refused"),
        ("a reset before the response", url(&resetting, "/"), Connect, "the connection was reset"),
        ("a reset within the body", url(&half, "/"), Body, "cut short after 4 bytes"),
    ] {
        let failed = failure(&client, get(url), kind).await;
        assert!(failed.actual.contains(expected), "{case}: {failed:?}");
    }
}

#[tokio::test]
async fn system_resolver_errors_are_dns_failures() {
    let identity = probe::Identity { run_id: "run-7".to_owned(), trace_id: TRACE.to_owned() };
    let now = std::sync::Arc::new(jiff::Timestamp::now);
    // The label is too long, so the resolver rejects it without a query.
    let url: probe::Url = format!("http://{}.invalid/", "a".repeat(64)).parse().unwrap();
    let egress = egress().allow_host(&url);
    let redactor = probe::Redactor::default();
    let client = probe::Client::new(&tls(), &egress, identity, redactor, now, Connections::Fresh).unwrap();
    let failed = failure(&client, get(url), Dns).await;
    assert!(failed.evidence.is_some(), "{failed:?}");
}

#[tokio::test]
async fn tls_failures_are_classified() {
    let authority = Authority::generate();
    let trusting = client(&trusting(&authority));
    let years = (2020, 2999);
    for (case, config, client, expected) in [
        ("expired", authority.server("a.test", (2019, 2020), &[]), &trusting, "expired 2020-01-01T00:00:00Z"),
        (
            "not yet valid",
            authority.server("a.test", (2998, 2999), &[]),
            &trusting,
            "not valid before 2998-01-01T00:00:00Z",
        ),
        ("another host", authority.server("b.test", years, &[]), &trusting, "another host: b.test"),
        ("an unknown issuer", Authority::generate().server("a.test", years, &[]), &trusting, "no trusted authority"),
        (
            "no protocol in common",
            authority.server("a.test", years, &["smtp"]),
            &trusting,
            "the alert \"no application protocol\"",
        ),
    ] {
        let server = Server::tls(config, Duration::ZERO, |_| ok()).await;
        let sent = client.send(get(at(&server, "https", "a.test", "/"))).await;
        let error = sent.result.expect_err(case);
        assert!(!error.is_retryable(), "{case}");
        let failed = shown(client, error);
        assert_eq!(failed.kind, TlsKind, "{case}: {failed:?}");
        assert!(failed.actual.contains(expected), "{case}: {failed:?}");
        assert!(sent.exchanges[0].phases.first_byte_ms.is_none(), "{case}: expected no later phases");
        let expires = sent.exchanges[0].certificate_expires.map(|time| time.to_string());
        assert_eq!(expires.is_some(), case != "no protocol in common", "{case}: {expires:?}");
    }

    let speaks_first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let greeting = speaks_first.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = speaks_first.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let failed = failure(&trusting, get(format!("https://{greeting}/").parse().unwrap()), TlsKind).await;
    assert!(failed.actual.contains("a response without TLS"), "{failed:?}");

    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closing.local_addr().unwrap();
    tokio::spawn(async move { drop(closing.accept().await) });
    let failed = failure(&trusting, get(format!("https://{address}/").parse().unwrap()), TlsKind).await;
    assert!(failed.actual.contains("the handshake was interrupted"), "{failed:?}");
}

#[tokio::test]
async fn failures_inside_tls_are_classified() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let authority = Authority::generate();
    let unbounded: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nabcd";
    for (case, protocol, response, kind, expected) in [
        ("a closed h2 connection", "h2", &b""[..], Connect, "closed"),
        (
            "another protocol instead of h2",
            "h2",
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            Protocol,
            "bytes that are not HTTP/2",
        ),
        ("a body without length and close_notify", "http/1.1", unbounded, Body, "TLS ended without close_notify"),
    ] {
        let acceptor =
            tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(authority.server("a.test", (2020, 2999), &[protocol])));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(response).await;
            let _ = stream.flush().await;
        });
        let url = format!("https://a.test:{port}/").parse().unwrap();
        let failed = failure(&client(&trusting(&authority)), get(url), kind).await;
        assert!(failed.actual.contains(expected), "{case}: {failed:?}");
    }
}

#[tokio::test]
async fn headers_over_http_2_are_limited() {
    let authority = Authority::generate();
    let config = || authority.server("a.test", (2020, 2999), &["h2"]);
    let allowed = "headers that HTTP/2 does not allow, or more than 256 KB of them";
    for (kilobytes, expected) in [(200, None), (300, Some(allowed)), (2_000, Some("headers that do not decompress"))] {
        let line = format!("X-Long: {}\n", "a".repeat(1_000));
        let lines: String = (0..kilobytes).map(|number| line.replacen("Long", &number.to_string(), 1)).collect();
        let server = Server::tls(config(), Duration::ZERO, move |_| vec![send(&lines)]).await;
        let client = client(&trusting(&authority));
        let result = client.send(get(at(&server, "https", "a.test", "/"))).await.result;
        let failed = result.err().map(|error| shown(&client, error));
        let actual = failed.as_ref().map(|failed| failed.actual.as_str());
        assert_eq!(actual.is_some(), expected.is_some(), "{kilobytes} KB: {actual:?}");
        assert!(actual.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{kilobytes} KB: {actual:?}");
        assert!(failed.is_none_or(|failed| failed.evidence.is_none()), "{kilobytes} KB: words of the library");
    }
}

#[tokio::test]
async fn exhausted_local_resources_are_not_target_failures() {
    let sent = client(&tls()).send(get("http://exhausted.invalid/".parse().unwrap())).await;
    assert!(matches!(sent.result, Err(probe::Error::Request(_))), "{:?}", sent.result);
}

#[tokio::test]
async fn certificates_are_verified_at_the_runs_time() {
    let authority = Authority::generate();
    let server = Server::tls(authority.server("a.test", (2020, 2021), &[]), Duration::ZERO, |_| ok()).await;
    let then = "2020-06-01T00:00:00Z".parse().unwrap();
    let client = client_at(&trusting(&authority), Connections::Fresh, Names(Duration::ZERO), then);
    let sent = client.send(get(at(&server, "https", "a.test", "/"))).await;
    assert_eq!(sent.exchanges[0].started, then);
    sent.result.unwrap();
}
