//! Redirects and their hops.

use std::time::Duration;

use check::FailureKind::Redirect;
use probe::{Connections, Cookies, Method, Request, StatusCode};

use crate::server::*;

fn to(location: &str) -> Vec<Action> {
    answer(&format!("302 Found\r\nLocation: {location}"), "Redirecting")
}

#[tokio::test]
async fn every_hop_is_recorded() {
    for connections in [Connections::Fresh, Connections::Reused] {
        let server = Server::plain(|request| match request.lines().next().unwrap_or_default() {
            "POST /login HTTP/1.1" => to("/welcome?token=abc"),
            "GET /welcome?token=abc HTTP/1.1" => to("./home"),
            "GET /home HTTP/1.1" => ok(),
            other => answer("404 Not Found", other),
        })
        .await;
        let client = client_with(&tls(), connections, Names(Duration::ZERO));
        let sent = client.send(Request::new(Method::POST, url(&server, "/login")).body("user=a")).await;
        let response = sent.result.unwrap();
        assert_eq!((response.status, response.url.path()), (StatusCode::OK, "/home"));
        let hops: Vec<_> = sent
            .exchanges
            .iter()
            .map(|hop| (hop.method.as_str(), hop.status.unwrap(), hop.location.as_deref()))
            .collect();
        let first = ("POST", 302, Some("/welcome?token=[redacted]"));
        assert_eq!(hops, [first, ("GET", 302, Some("./home")), ("GET", 200, None)]);
        assert!(server.requests()[0].ends_with("user=a") && server.requests()[1].ends_with("\r\n\r\n"));
        assert!(sent.exchanges[1].url.ends_with("/welcome?token=[redacted]"));
    }
}

#[tokio::test]
async fn unfollowed_redirect_is_the_response() {
    let server = Server::plain(|_| to("https://elsewhere.test/")).await;
    let sent = client(&tls()).send(get(url(&server, "/")).max_redirects(0)).await;
    let response = sent.result.unwrap();
    assert_eq!((response.status, response.text().as_ref()), (StatusCode::FOUND, "Redirecting"));
    assert_eq!(response.header("location"), Some("https://elsewhere.test/"));
    assert_eq!(sent.exchanges[0].location.as_deref(), Some("https://elsewhere.test/"));
}

#[tokio::test]
async fn credentials_are_not_sent_to_another_host() {
    let server = Server::plain(|request| {
        let port = request.split("127.0.0.1:").nth(1).map(|rest| rest.lines().next().unwrap_or_default().to_owned());
        match port {
            Some(port) if request.starts_with("GET /there") => to(&format!("http://other.test:{port}/away")),
            Some(_) => to("/there"),
            None => ok(),
        }
    })
    .await;
    let request = get(url(&server, "/"))
        .header("Authorization", "Bearer canary-token")
        .header("Cookie", "session=canary")
        .secret_header("X-Key", "canary-key")
        .header("X-Plain", "stays");
    client(&tls()).send(request).await.result.unwrap();
    let [first, second, third] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    for own in [first, second] {
        assert!(own.contains("canary-token") && own.contains("session=canary") && own.contains("canary-key"), "{own}");
    }
    assert!(third.contains("host: other.test") && third.contains("x-plain: stays"), "{third}");
    assert!(!third.contains("canary"), "{third}");
    assert!(third.contains("x-synthetic-run: run-7"), "every host receives the run id: {third}");
}

#[tokio::test]
async fn invalid_redirect_chains_are_classified() {
    let server = Server::plain(|request| match request.split(' ').nth(1).unwrap_or_default() {
        "/loop" => to("/back"),
        "/back" => to("/loop"),
        "/self" => to("/self"),
        "/missing" => answer("302 Found", ""),
        "/broken" => to("http://[/"),
        "/script" => to("javascript:alert(1)"),
        // A longer path each time: an endless chain without a loop.
        other => to(&format!("{other}/x")),
    })
    .await;
    for (path, hops, expected, actual) in [
        ("/loop", 2, "redirects that end", "back at GET"),
        ("/self", 1, "redirects that end", "back at GET"),
        ("/missing", 1, "a valid redirect", "without a Location"),
        ("/broken", 1, "a valid redirect", "a Location that is not a URL"),
        ("/script", 1, "a valid redirect", "not HTTP"),
        ("/endless", 4, "at most 3 redirects", "one more, to "),
    ] {
        let client = client(&tls());
        let sent = client.send(get(url(&server, path)).max_redirects(3)).await;
        let error = sent.result.expect_err(path);
        assert_eq!(sent.refused.is_none(), expected == "redirects that end", "{path}");
        if let Some(refused) = sent.refused {
            assert_eq!(refused.status, StatusCode::FOUND, "{path}");
            let last = &sent.exchanges.last().unwrap().url;
            assert_eq!(refused.url.path(), last.split_once(&server.address.to_string()).unwrap().1);
        }
        assert!(!error.is_retryable());
        let failed = shown(&client, error);
        assert_eq!((failed.kind, failed.expected.as_str()), (Redirect, expected), "{path}: {failed:?}");
        assert!(failed.actual.contains(actual), "{path}: {failed:?}");
        assert_eq!(sent.exchanges.len(), hops, "{path}");
        assert!(failed.evidence.unwrap().contains(" 302 -> "), "{path}");
    }
}

/// Answers as a page that opens only to browsers that keep cookies.
fn cookie_check(request: &str) -> Vec<Action> {
    let set = |location: &str| answer(&format!("302 Found\r\nLocation: {location}\r\nSet-Cookie: seen=1; Path=/"), "");
    let count = request.split_once("count=").map_or("", |(_, rest)| rest.lines().next().unwrap_or_default());
    match request.split(' ').nth(1).unwrap_or_default() {
        "/count" => answer(&format!("302 Found\r\nLocation: /count\r\nSet-Cookie: count=x{count}"), ""),
        "/in-vain" => set("/in-vain"),
        _ if request.contains("seen=1") => ok(),
        "/self" => set("/self"),
        "/two" => to("/check"),
        "/check" => set("/two"),
        "/query" => to("/query?c=1"),
        // The cookie of another path changes what comes after it.
        "/deep" if request.contains("ready=1") => ok(),
        "/deep" => to("/auth/check"),
        "/auth/check" if request.contains("step=1") => {
            answer("302 Found\r\nLocation: /deep\r\nSet-Cookie: ready=1; Path=/", "")
        }
        "/auth/check" => answer("302 Found\r\nLocation: /deep\r\nSet-Cookie: step=1; Path=/auth", ""),
        _ => set("/query"),
    }
}

#[tokio::test]
async fn redirect_that_sets_a_cookie_is_no_loop() {
    let server = Server::plain(cookie_check).await;
    let jar = Cookies::default();
    for (path, hops) in [("/self", 2), ("/two", 3), ("/query", 3)] {
        let own = get(url(&server, path)).header("Cookie", "own=1");
        for (case, request) in [
            ("a visitor", get(url(&server, path))),
            ("a session", get(url(&server, path)).cookies(&jar.copy())),
            ("a header", own),
        ] {
            let sent = client(&tls()).send(request).await;
            assert_eq!(sent.result.unwrap().status, StatusCode::OK, "{path}, {case}");
            assert_eq!(sent.exchanges.len(), hops, "{path}, {case}");
        }
        assert!(server.requests().last().unwrap().contains("cookie: own=1; seen=1\r\n"), "{path}");
    }
    for request in [get(url(&server, "/deep")), get(url(&server, "/deep")).cookies(&Cookies::default())] {
        let sent = client(&tls()).send(request).await;
        assert_eq!((sent.result.unwrap().status, sent.exchanges.len()), (StatusCode::OK, 5));
    }
    for (path, most, hops, cookies) in [
        ("/in-vain", 3, 2, ""),
        ("/count", 5, 3, ", only with other values of cookies"),
        ("/count", 1, 2, ", only with other values of cookies"),
    ] {
        let there = url(&server, path);
        let sent = client(&tls()).send(get(there.clone()).max_redirects(most)).await;
        let failed = shown(&client(&tls()), sent.result.unwrap_err());
        assert_eq!(failed.expected, "redirects that end", "{path}");
        assert_eq!(failed.actual.to_string(), format!("back at GET {there}{cookies}"));
        assert_eq!((sent.exchanges.len(), sent.refused.is_none()), (hops, true), "{path} {most}");
    }
}

#[tokio::test]
async fn cookies_of_another_host_are_for_visitors_only() {
    let server = Server::plain(|request| match request.split("host: other.test:").nth(1) {
        Some(_) => cookie_check(request),
        None => to(&format!(
            "http://other.test:{}/self",
            request.split("127.0.0.1:").nth(1).unwrap().lines().next().unwrap()
        )),
    })
    .await;
    let visitor = client(&tls()).send(get(url(&server, "/"))).await;
    assert_eq!(visitor.result.unwrap().status, StatusCode::OK);
    let session = failure(&client(&tls()), get(url(&server, "/")).cookies(&Cookies::default()), Redirect).await;
    assert!(session.actual.starts_with("back at GET http://other.test:"), "{session:?}");
}

#[tokio::test]
async fn other_3xx_statuses_are_not_redirects() {
    for head in ["300 Multiple Choices\r\nLocation: /x", "304 Not Modified\r\nLocation: /x"] {
        let server = Server::plain(move |_| answer(head, "")).await;
        let sent = client(&tls()).send(get(url(&server, "/"))).await;
        assert!(sent.result.unwrap().status.is_redirection());
        assert_eq!(sent.exchanges.len(), 1);
    }
}

#[tokio::test]
async fn url_that_cannot_be_requested_is_the_platforms_failure() {
    let long = format!("/{}", "a".repeat(70_000));
    let location = long.clone();
    let server = Server::plain(move |_| to(&location)).await;
    let length = url(&server, &long).as_str().len();
    let actual = format!("a URL of {length} bytes: at most 65534 can be requested");
    for (path, expected, requests) in [("/", "a valid redirect", 1), (&long, "a link that can be requested", 0)] {
        let before = server.requests().len();
        let failed = failure(&client(&tls()), get(url(&server, path)), Redirect).await;
        assert_eq!((failed.expected.as_str(), failed.actual.as_str()), (expected, actual.as_str()));
        assert_eq!(server.requests().len() - before, requests, "{expected}");
    }
}
