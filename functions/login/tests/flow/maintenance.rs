//! Maintenance mode behind redirects, and at the end of a run.

use std::time::Duration;

use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::Options;
use hostile::{Action, Authority, Server, answer};
use login::Login;

use crate::flavours::use_plain_account;

const DOWN: &str = "503 Service Unavailable\r\nRetry-After: 60";
const PAGE: &str = "<html><head><title>Service Unavailable</title></head></html>";
const COOKIES: &str = "200 OK\r\nContent-Type: text/html\r\nSet-Cookie: just_driving_session=session-of-a-page-0001; Path=/\r\n\
                       Set-Cookie: XSRF-TOKEN=token-of-a-cookie-0001; Path=/";

/// Runs the check against a server with TLS.
async fn run(script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static) -> Observed {
    let authority = Authority::generate();
    let server = Server::tls(authority.server("localhost", (2020, 2100), &[]), Duration::ZERO, script).await;
    let base_url = format!("https://localhost:{}", server.address.port());
    let change = |file: &mut String| {
        use_plain_account(file);
        let trusted = format!("[network]\nca_certificates = ['''\n{}''']\n", authority.pem);
        *file = file.replace("[network]\n", &trusted);
    };
    let harness = Harness::<Login>::behind(Options::default(), change, async |_| base_url).await;
    harness.run().await
}

fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

fn to(location: &str) -> Vec<Action> {
    answer(&format!("302 Found\r\nLocation: {location}"), "")
}

#[tokio::test]
async fn maintenance_is_behind_a_redirect_to_plain_http() {
    let down = "which answered 503 Service Unavailable as in maintenance mode, for 60 s more";
    for (case, location, page, expected) in [
        ("its page", "http://localhost/down", "/down", Some("/login leads to /down")),
        ("its page, with a slash", "http://localhost/down", "/down/", Some("/login leads to /down/")),
        ("a healthy page", "http://localhost/home", "/down", None),
        ("another host", "http://elsewhere.example/down", "/down", None),
        ("a redirect to itself", "http://localhost/login", "/down", None),
    ] {
        let observed = run(move |request| match path(request) {
            "/login" => to(location),
            path if path == page => answer(DOWN, PAGE),
            "/down" => to("http://localhost/down/"),
            _ => answer("200 OK", "home"),
        })
        .await;
        match (&observed.report.outcome, expected) {
            (Outcome::Maintenance { detail }, Some(expected)) => {
                assert_eq!(detail.as_str(), format!("{expected}, {down}"), "{case}");
            }
            (Outcome::Failed { failures }, None) => {
                assert_eq!(failures[0].expected, "a redirect that stays encrypted", "{case}");
            }
            (other, _) => panic!("{case}: {other:#?}"),
        }
    }
}

#[tokio::test]
async fn leftover_of_a_run_names_maintenance() {
    for (case, log_out, expected) in [
        ("503", DOWN, "/api/logout answered 503 Service Unavailable as in maintenance mode, for 60 s more"),
        (
            "--redirect",
            "302 Found\r\nLocation: http://localhost/down",
            "/api/logout leads to /down, which answered 503 Service Unavailable as in maintenance mode, for 60 s more",
        ),
        ("--status", "200 OK", "/api/logout answered 200 OK as in maintenance mode"),
        (
            "another redirect",
            "307 Temporary Redirect\r\nLocation: /home?x",
            "status 307 Temporary Redirect, to /home?x at /api/logout",
        ),
    ] {
        let observed = run(move |request| match path(request) {
            "/login" | "/api/login" => answer(COOKIES, "<div id=app></div>"),
            "/api/logout" => answer(log_out, if log_out.starts_with("30") { "" } else { PAGE }),
            "/down" => answer(DOWN, PAGE),
            _ => answer("500 Internal Server Error", ""),
        })
        .await;
        let expected = format!("log-out failed: {expected}; the session or token may still be valid");
        let found: Vec<&str> = observed.report.leftovers.iter().map(|left| left.detail.as_str()).collect();
        assert!(!found.is_empty() && found.iter().all(|found| *found == expected), "{case}: {found:#?}");
    }
}
