//! Successful exchanges, as seen by both sides.

use std::time::Duration;

use check::NoSecrets;
use probe::{Client, Connections, Error, Identity, Method, Redactor, Request, expect};
use serde_json::json;

use crate::server::*;

#[tokio::test]
async fn plain_exchange_is_recorded() {
    let server = Server::plain(|_| answer("200 OK\r\nX-Mark: a", "Kørelærer")).await;
    let sent = client(&tls()).send(get(url(&server, "/path?a=1"))).await;
    let response = sent.result.unwrap();
    expect::status(&response, &[200]).unwrap();
    expect::header_equals(&response, "x-mark", "a").unwrap();
    assert_eq!((response.text().as_ref(), response.url.path()), ("Kørelærer", "/path"));
    let [exchange] = &sent.exchanges[..] else { panic!("one hop: {:?}", sent.exchanges) };
    assert_eq!((exchange.method.as_str(), exchange.url.as_str()), ("GET", url(&server, "/path?a=1").as_str()));
    assert_eq!((exchange.status, exchange.protocol.as_deref()), (Some(200), Some("HTTP/1.1")));
    assert_eq!(exchange.remote, Some(server.address.to_string()));
    assert_eq!((exchange.body_bytes, exchange.certificate_expires), (11, None));
    let phases = &exchange.phases;
    assert!(phases.dns_ms.is_none() && phases.tls_ms.is_none(), "an IP literal over plain TCP: {phases:?}");
    assert!(phases.connect_ms.is_some() && phases.first_byte_ms.is_some() && phases.transfer_ms.is_some());
}

#[tokio::test]
async fn every_request_identifies_the_run() {
    let server = Server::plain(|_| ok()).await;
    let client = client(&tls());
    let request = Request::new(Method::POST, url(&server, "/"))
        .header("User-Agent", "another agent")
        .header("traceparent", "00-another")
        .header("x-synthetic-run", "another")
        .secret_header("X-Key", "abc")
        .json(&json!({"a": 1}));
    client.send(request.clone()).await.result.unwrap();
    client.send(request).await.result.unwrap();
    let requests = server.requests();
    let mut spans = Vec::new();
    for request in &requests {
        let lines: Vec<_> = request.lines().collect();
        assert_eq!(lines[0], "POST / HTTP/1.1");
        let agent = concat!("JustDrivingSynthetics/", env!("CARGO_PKG_VERSION"));
        for line in [
            &format!("user-agent: {agent} (+https://github.com/just-driving/synthetics)"),
            "x-synthetic-run: run-7",
            "x-key: abc",
            "content-type: application/json",
            r#"{"a":1}"#,
        ] {
            assert!(lines.contains(&line), "{line} in {request}");
        }
        let traces: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("traceparent: ")).collect();
        let [trace] = traces[..] else { panic!("one traceparent: {request}") };
        let span = trace.strip_prefix(&format!("00-{TRACE}-")).unwrap().strip_suffix("-01").unwrap();
        assert!(span.len() == 16 && span != "0000000000000000", "{span}");
        spans.push(span.to_owned());
        assert!(!request.to_lowercase().contains("referer"), "{request}");
    }
    assert_eq!(spans.len(), 2);
    assert_ne!(spans[0], spans[1], "each exchange needs its own span");
}

#[tokio::test]
async fn tls_and_http2_are_supported() {
    let authority = Authority::generate();
    for (protocols, spoken) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")] {
        let server =
            Server::tls(authority.server("platform.test", (2020, 2999), protocols), Duration::ZERO, |_| ok()).await;
        let sent = client(&trusting(&authority)).send(get(at(&server, "https", "platform.test", "/"))).await;
        let response = sent.result.unwrap();
        let exchange = &sent.exchanges[0];
        assert_eq!(exchange.protocol.as_deref(), Some(spoken), "{protocols:?}");
        assert_eq!(exchange.remote, Some(server.address.to_string()));
        let expires = Some("2999-01-01T00:00:00Z".parse().unwrap());
        assert_eq!((response.certificate_expires, exchange.certificate_expires), (expires, expires));
        let phases = &exchange.phases;
        assert!(phases.dns_ms.is_some() && phases.connect_ms.is_some() && phases.tls_ms.is_some(), "{phases:?}");
        assert!(server.requests()[0].contains("run-7"), "{:?}", server.requests());
    }
}

#[tokio::test]
async fn connections_are_fresh_unless_kept() {
    let authority = Authority::generate();
    for (connections, protocols, opened) in [
        (Connections::Fresh, "http/1.1", 3),
        (Connections::Fresh, "h2", 3),
        (Connections::Reused, "http/1.1", 1),
        (Connections::Reused, "h2", 1),
    ] {
        let server =
            Server::tls(authority.server("a.test", (2020, 2999), &[protocols]), Duration::ZERO, |_| ok()).await;
        let client = client_with(&trusting(&authority), connections, Names(Duration::ZERO));
        let mut handshakes = 0;
        for _ in 0..3 {
            let sent = client.send(get(at(&server, "https", "a.test", "/"))).await;
            sent.result.unwrap();
            let exchange = &sent.exchanges[0];
            assert!(exchange.certificate_expires.is_some(), "expected the expiry on a kept connection, too");
            assert_eq!(exchange.phases.tls_ms.is_some(), exchange.phases.dns_ms.is_some(), "{:?}", exchange.phases);
            handshakes += usize::from(exchange.phases.tls_ms.is_some());
            // Lets the connection's task return it to the pool.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!((server.connections(), handshakes), (opened, opened), "{connections:?} over {protocols}");
    }
}

#[tokio::test]
async fn credentials_in_the_url_are_sent_but_not_reported() {
    let server = Server::plain(|_| ok()).await;
    let mut url = url(&server, "/");
    url.set_username("user").unwrap();
    url.set_password(Some("pass-word")).unwrap();
    let sent = client(&tls()).send(get(url)).await;
    assert!(server.requests()[0].contains("authorization: Basic dXNlcjpwYXNzLXdvcmQ="), "{:?}", server.requests());
    assert!(sent.exchanges[0].url.contains("://[redacted]@"), "{}", sent.exchanges[0].url);
    let text = format!("{sent:?}");
    assert!(!text.contains("pass-word") && !text.contains("dXNlcjp"), "{text}");
}

#[tokio::test]
async fn invalid_requests_are_not_target_failures() {
    let identity = |run_id: &str, trace_id: &str| Identity { run_id: run_id.to_owned(), trace_id: trace_id.to_owned() };
    for (case, identity) in [
        ("a short trace id", identity("run", "abc")),
        ("a trace id of zeros", identity("run", &"0".repeat(32))),
        ("an upper-case trace id", identity("run", &TRACE.to_uppercase())),
        ("a run id with a line end", identity("run\n7", TRACE)),
    ] {
        let now = std::sync::Arc::new(jiff::Timestamp::now);
        let built = Client::new(&tls(), &egress(), identity, Redactor::default(), now, Connections::Fresh);
        assert!(matches!(built, Err(Error::Request(_))), "{case}");
    }
    for (case, request) in [
        ("another scheme", get("ftp://a.test/".parse().unwrap())),
        ("a header name with a space", get("http://a.test/".parse().unwrap()).header("a b", "c")),
        ("a header value with a line end", get("http://a.test/".parse().unwrap()).secret_header("a", "canary\r\nb: c")),
    ] {
        let sent = client(&tls()).send(request).await;
        let error = sent.result.unwrap_err();
        assert!(matches!(error, Error::Request(_)) && !error.is_retryable(), "{case}: {error:?}");
        let text = error.describe().admit(&NoSecrets, 1_000);
        assert!(!text.contains("canary"), "{case}: {text}");
        assert!(sent.exchanges.is_empty(), "{case}");
    }
}

#[tokio::test]
async fn dropped_request_closes_its_connection() {
    let server = Server::plain(|_| vec![Action::Hang]).await;
    let client = client_with(&tls(), Connections::Reused, Names(Duration::ZERO));
    {
        let sending = client.send(get(url(&server, "/")));
        tokio::select! {
            _ = sending => panic!("the server does not answer"),
            () = async { while server.requests().is_empty() { tokio::time::sleep(Duration::from_millis(1)).await } } => {}
        }
    }
    server.idle().await;
}

#[tokio::test]
async fn echoed_credentials_are_redacted() {
    let server = Server::plain(|request| answer("200 OK", request)).await;
    let request = get(url(&server, "/"))
        .header("Authorization", "Bearer canary-token")
        .header("Cookie", "session=canary-cookie")
        .secret_header("X-Key", "canary-key");
    let response = client(&tls()).send(request).await.result.unwrap();
    assert!(response.text().contains("canary-token"), "expected the unredacted response");
    for header in ["authorization: ", "cookie: ", "x-key: "] {
        let text = expect::body_lacks(&response, header).unwrap_err().evidence.unwrap();
        let text = text.admit(&response.redactor, 500);
        assert!(text.contains(&format!("{header}[redacted]")) && !text.contains("canary"), "{text}");
    }
}
