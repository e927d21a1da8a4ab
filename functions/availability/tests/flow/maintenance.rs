//! Maintenance mode is recognised however a target is asked.

use std::time::Duration;

use check::Outcome;
use hostile::{Authority, Server, answer};

use crate::{report, report_at};

const DOWN: &str = "503 Service Unavailable\r\nRetry-After: 60";
const PAGE: &str = "<html><head><title>Service Unavailable</title></head></html>";

#[tokio::test]
async fn maintenance_is_recognised_with_any_method_and_redirect() {
    let down = "/ answered 503 Service Unavailable as in maintenance mode, for 60 s more";
    let behind = "/ leads to /down, which answered 503 Service Unavailable as in maintenance mode, for 60 s more";
    let redirect = "302 Found\r\nLocation: /down";
    for (case, root, page, keys, expected) in [
        ("GET", DOWN, DOWN, "", Ok(down)),
        ("HEAD", DOWN, DOWN, "method = \"HEAD\"", Ok(down)),
        ("--status", "200 OK", DOWN, "", Ok("/ answered 200 OK as in maintenance mode")),
        (
            "--redirect, followed",
            redirect,
            DOWN,
            "",
            Ok("/down answered 503 Service Unavailable as in maintenance mode, for 60 s more"),
        ),
        ("--redirect, not followed", redirect, DOWN, "max_redirects = 0", Ok(behind)),
        ("--redirect, HEAD", redirect, DOWN, "max_redirects = 0\nmethod = \"HEAD\"", Ok(behind)),
        (
            "expected, elsewhere",
            redirect,
            DOWN,
            "max_redirects = 0\nexpect.status = [302]\nexpect.headers = { location = \"/login\" }",
            Ok(behind),
        ),
        ("expected", redirect, DOWN, "max_redirects = 0\nexpect.status = [302]", Ok(behind)),
        ("a redirect to a healthy page", redirect, "200 OK", "max_redirects = 0", Err("failed")),
        ("a server error on HEAD", "500 Internal Server Error", DOWN, "method = \"HEAD\"", Err("failed")),
    ] {
        let server = Server::plain(move |request| {
            let head = if request.starts_with("GET /down") { page } else { root };
            // An answer to HEAD has no body, and a redirect need not have one.
            let is_page =
                request.starts_with("GET") && !head.starts_with("302") && (head == DOWN || case == "--status");
            answer(head, if is_page { PAGE } else { "" })
        })
        .await;
        let outcome = report(&server, keys).await.outcome;
        assert_eq!(found(&outcome), expected, "{case}: {outcome:?}");
    }
}

#[tokio::test]
async fn maintenance_is_behind_a_refused_redirect() {
    let behind = "/ leads to /down, which answered 503 Service Unavailable as in maintenance mode, for 60 s more";
    for (case, location, status, keys, expected) in [
        ("plain http", "http://localhost/down", DOWN, "", Ok(behind)),
        ("plain http, HEAD", "http://localhost/down", DOWN, "method = \"HEAD\"", Ok(behind)),
        ("one redirect too many", "/again", DOWN, "max_redirects = 1", Ok(&*behind.replace("/ leads", "/again leads"))),
        ("a healthy page", "http://localhost/down", "200 OK", "", Err("failed")),
        ("another host", "http://other.example/down", DOWN, "", Err("failed")),
    ] {
        let authority = Authority::generate();
        let config = authority.server("localhost", (2020, 2100), &[]);
        let server = Server::tls(config, Duration::ZERO, move |request| match request.split(' ').nth(1) {
            Some("/down") => answer(status, if request.starts_with("GET") && status == DOWN { PAGE } else { "" }),
            Some("/again") => answer("302 Found\r\nLocation: /down", ""),
            _ => answer(&format!("302 Found\r\nLocation: {location}"), ""),
        })
        .await;
        let base_url = format!("https://localhost:{}", server.address.port());
        let network = format!("ca_certificates = ['''\n{}''']\n", authority.pem);
        let report = report_at(&base_url, &network, keys).await;
        assert_eq!(found(&report.outcome), expected, "{case}: {report:#?}");
        assert_eq!(report.attempts.len(), if expected.is_ok() { 1 } else { 2 }, "{case}");
    }
}

fn found(outcome: &Outcome) -> Result<&str, &str> {
    match outcome {
        Outcome::Maintenance { detail } => Ok(detail.as_str()),
        Outcome::Passed => Err("passed"),
        _ => Err("failed"),
    }
}
