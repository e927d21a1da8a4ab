//! Tests of the transport faults: each affects only its own endpoints, and ends when cleared.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use demo_platform::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wire::{Answer, JSON, SLOW, address, ask, get, platform, send, try_ask};

const PAGES: [&str; 2] = ["/", "/login"];
const ENDPOINTS: [&str; 3] = ["/api/status", "/health", "/api/schools"];

async fn all(base: &str) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for path in PAGES.into_iter().chain(ENDPOINTS) {
        answers.push((path, get(base, path, &[JSON]).await));
    }
    answers
}

async fn assert_healthy(base: &str) {
    for (path, answer) in all(base).await {
        assert_eq!(answer.status, if path == "/api/schools" { 401 } else { 200 }, "{path}");
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{path}");
    }
}

#[tokio::test]
async fn down_resets_connections_and_then_serves_again() {
    let platform = platform().await;
    let base = platform.base_url();
    for _ in 0..3 {
        platform.faults().activate(Fault::Down);
        for path in PAGES.into_iter().chain(ENDPOINTS) {
            let error = try_ask(base, "GET", path, &[]).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{path}: {error:?}");
        }
        platform.faults().clear(Fault::Down);
        assert_healthy(base).await;
    }
}

#[tokio::test]
async fn down_resets_open_connections() {
    let platform = platform().await;
    let mut idle = TcpStream::connect(address(platform.base_url())).await.unwrap();
    let request = format!("GET /api/status HTTP/1.1\r\nHost: {}\r\n\r\n", address(platform.base_url()));
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = [0; 4096];
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    platform.faults().activate(Fault::Down);
    // The answer may take several reads. A reset must follow, not an orderly end.
    let error = loop {
        match idle.read(&mut buffer).await {
            Ok(0) => panic!("expected a reset, found an orderly end"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn slow_answers_correctly_but_late() {
    let platform = platform().await;
    platform.faults().activate(Fault::Slow);
    for path in PAGES.into_iter().chain(ENDPOINTS).chain(["/nothing"]) {
        let started = Instant::now();
        let answer = get(platform.base_url(), path, &[JSON]).await;
        assert!(started.elapsed() >= SLOW, "{path}");
        assert!(answer.status < 500, "{path}");
    }
    assert_healthy(platform.base_url()).await;
    platform.faults().clear(Fault::Slow);
    assert_healthy(platform.base_url()).await;
}

#[tokio::test]
async fn hang_reads_the_request_and_never_answers() {
    let platform = platform().await;
    platform.faults().activate(Fault::Hang);
    let mut stream = send(platform.base_url(), "GET", "/health", &[]).await.unwrap();
    let silence = timeout(4 * SLOW, stream.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!(platform.requests().last()[0].status, None);
    platform.faults().clear(Fault::Hang);
    assert_healthy(platform.base_url()).await;
    let silence = timeout(Duration::from_millis(1), stream.read_u8()).await;
    assert!(silence.is_err(), "the hanging request was answered: {silence:?}");
}

#[tokio::test]
async fn the_500_is_laravels_generic_one_everywhere() {
    let platform = platform().await;
    platform.faults().activate(Fault::ServerError);
    for (path, answer) in all(platform.base_url()).await {
        assert_eq!((answer.status, answer.body.as_str()), (500, "{\n    \"message\": \"Server Error\"\n}"), "{path}");
    }
    let page = get(platform.base_url(), "/nothing", &[]).await;
    assert_eq!(page.status, 500);
    assert!(page.body.contains("<title>Server Error</title>"), "{}", page.body);
    platform.faults().clear(Fault::ServerError);
    assert_healthy(platform.base_url()).await;
}

#[tokio::test]
async fn html_instead_of_json_affects_every_json_endpoint() {
    let platform = platform().await;
    platform.faults().activate(Fault::HtmlInsteadOfJson);
    for path in ENDPOINTS {
        let answer = get(platform.base_url(), path, &[JSON]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=UTF-8")), "{path}");
        assert!(answer.body.contains("<title>Server Error</title>"), "{path}: {}", answer.body);
    }
    for path in PAGES {
        assert!(get(platform.base_url(), path, &[]).await.body.contains("Just Driving"), "{path}");
    }
    platform.faults().clear(Fault::HtmlInsteadOfJson);
    assert_healthy(platform.base_url()).await;
}

#[tokio::test]
async fn truncated_json_sends_half_of_its_content_length() {
    let platform = platform().await;
    let base = platform.base_url();
    let whole: Vec<_> = all(base).await.into_iter().map(|(path, answer)| (path, answer.status, answer.body)).collect();
    platform.faults().activate(Fault::TruncatedJson);
    for (path, status, whole) in whole {
        let cut = get(base, path, &[JSON]).await;
        assert_eq!(cut.status, status, "{path}");
        assert_eq!(cut.header("transfer-encoding"), None, "{path}");
        let content_length: usize = cut.header("content-length").unwrap().parse().unwrap();
        if ENDPOINTS.contains(&path) {
            assert_eq!(content_length, whole.len(), "{path}");
            assert_eq!(cut.body, whole[..content_length / 2], "{path}");
        } else {
            assert_eq!(content_length, cut.body.len(), "{path}");
        }
    }
    let head = ask(base, "HEAD", "/api/status", &[]).await;
    assert_eq!(head.status, 200);
    let redirect = get(base, "/api/schools", &[]).await;
    assert_eq!(redirect.header("content-length"), Some(redirect.body.len().to_string().as_str()));
    platform.faults().clear(Fault::TruncatedJson);
    assert_healthy(base).await;
}

#[tokio::test]
async fn redirect_loop_sends_each_page_to_itself() {
    let platform = platform().await;
    let base = platform.base_url();
    platform.faults().activate(Fault::RedirectLoop);
    for path in PAGES {
        let answer = get(base, path, &[]).await;
        assert_eq!((answer.status, answer.header("location")), (302, Some(format!("{base}{path}").as_str())));
    }
    for path in ENDPOINTS {
        assert_ne!(get(base, path, &[JSON]).await.status, 302, "{path}");
    }
    platform.faults().clear(Fault::RedirectLoop);
    assert_healthy(base).await;
}

#[tokio::test]
async fn maintenance_answers_like_artisan_down() {
    let platform = platform().await;
    platform.faults().activate(Fault::Maintenance);
    for path in PAGES.into_iter().chain(ENDPOINTS).chain(["/nothing"]) {
        let page = get(platform.base_url(), path, &[]).await;
        assert!(page.body.contains("<title>Service Unavailable</title>"), "{path}: {}", page.body);
        let json = get(platform.base_url(), path, &[JSON]).await;
        assert_eq!(json.body, "{\n    \"message\": \"Service Unavailable\"\n}", "{path}");
        for answer in [page, json] {
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("60")), "{path}");
            assert!(answer.all("set-cookie").is_empty(), "{path}");
        }
    }
    platform.faults().clear(Fault::Maintenance);
    assert_healthy(platform.base_url()).await;
}

#[tokio::test]
async fn several_faults_act_together_in_order() {
    let platform = platform().await;
    let base = platform.base_url();
    for fault in [Fault::RedirectLoop, Fault::TruncatedJson, Fault::ServerError, Fault::Slow, Fault::Maintenance] {
        platform.faults().activate(fault);
    }
    let started = Instant::now();
    assert_eq!(get(base, "/", &[]).await.status, 503);
    assert!(started.elapsed() >= SLOW);
    platform.faults().clear(Fault::Maintenance);
    assert_eq!(get(base, "/", &[]).await.status, 500);
    platform.faults().clear(Fault::ServerError);
    assert_eq!(get(base, "/", &[]).await.status, 302);
    let cut = get(base, "/health", &[]).await;
    assert_ne!(cut.header("content-length"), Some(cut.body.len().to_string().as_str()));
    platform.faults().clear_all();
    assert_healthy(base).await;
}
