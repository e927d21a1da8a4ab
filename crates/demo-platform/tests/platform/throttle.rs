//! Tests of the limit on log-ins.

use std::time::Duration;

use demo_platform::{Options, Throttle};

use crate::visit::{BOTH, Browser, DOCUMENTED, PLAIN, WRONG, code};
use crate::wire::{Answer, Clock, post};

fn headers<'a>(answer: &'a Answer, names: &[&str]) -> Vec<Option<&'a str>> {
    names.iter().map(|name| answer.header(name)).collect()
}

const LIMITS: [&str; 2] = ["x-ratelimit-limit", "x-ratelimit-remaining"];

#[tokio::test]
async fn the_sixth_log_in_within_a_minute_is_429() {
    let clock = Clock::default();
    let platform = clock.platform(Options::default()).await;
    let password = platform.credentials()["login/plain-password"].clone();
    for remaining in ["4", "3", "2", "1", "0"] {
        let answer = Browser::open(&platform, &DOCUMENTED).await.log_in(PLAIN, &password).await;
        assert_eq!((answer.status, headers(&answer, &LIMITS)), (204, vec![Some("5"), Some(remaining)]));
        clock.advance(2);
    }
    let answer = Browser::open(&platform, &DOCUMENTED).await.log_in(&PLAIN.to_uppercase(), &password).await;
    assert_eq!((answer.status, answer.body.as_str()), (429, "{\n    \"message\": \"Too Many Attempts.\"\n}"));
    assert_eq!(headers(&answer, &LIMITS), [Some("5"), Some("0")]);
    // The window started with the first attempt.
    let until = [Some("50"), Some("1795389388")];
    assert_eq!(headers(&answer, &["retry-after", "x-ratelimit-reset"]), until);

    let other = Browser::open(&platform, &DOCUMENTED).await.log_in(WRONG, "wrong").await;
    assert_eq!((other.status, headers(&other, &LIMITS)), (422, vec![Some("5"), Some("4")]), "another e-mail");
    clock.advance(50);
    assert_eq!(Browser::open(&platform, &DOCUMENTED).await.log_in(PLAIN, &password).await.status, 204);
}

#[tokio::test]
async fn the_csrf_check_precedes_the_limit() {
    let platform = Clock::default().platform(Options::default()).await;
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    for _ in 0..6 {
        let answer = browser.post_with("/api/login", &[], &[("email", WRONG), ("password", "wrong")]).await;
        assert_eq!((answer.status, headers(&answer, &LIMITS)), (419, vec![None, None]));
    }
    assert_eq!(
        browser.log_in(WRONG, "wrong").await.header("x-ratelimit-remaining"),
        Some("4"),
        "rejected requests counted"
    );
}

#[tokio::test]
async fn the_form_has_the_same_limit() {
    let login_throttle = Throttle { attempts: 2, per: Duration::from_secs(10) };
    let platform = Clock::default().platform(Options { login_throttle, ..Options::default() }).await;
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    assert_eq!(browser.log_in(WRONG, "wrong").await.status, 422);
    let body = format!("_token={}&email={WRONG}&password=wrong", browser.form_token);
    for expected in [(302, Some("0"), None), (429, Some("0"), Some("10"))] {
        let lines = browser.headers();
        let form = "Content-Type: application/x-www-form-urlencoded";
        let answer = post(platform.base_url(), "/login", &[&lines[0], &lines[1], form], &body).await;
        let answer = browser.keep(answer);
        let actual = (answer.status, answer.header("x-ratelimit-remaining"), answer.header("retry-after"));
        assert_eq!(actual, expected, "{answer:?}");
    }
    let json = browser.post("/login", &[("email", WRONG), ("password", "wrong")]).await;
    assert_eq!((json.status, json.header("content-type")), (429, Some("application/json")));
}

#[tokio::test]
async fn codes_and_passwords_have_separate_limits() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    assert_eq!(browser.submit_password().await.header("x-ratelimit-remaining"), Some("4"));
    for remaining in ["4", "3", "2", "1", "0"] {
        let answer = browser.code("not a code").await;
        assert_eq!((answer.status, headers(&answer, &LIMITS)), (422, vec![Some("5"), Some(remaining)]));
    }
    let right = code(&platform.credentials()["login/totp-seed"], clock.now());
    assert_eq!(browser.code(&right).await.status, 429);
    clock.advance(60);
    let right = code(&platform.credentials()["login/totp-seed"], clock.now());
    assert_eq!(browser.code(&right).await.status, 204);
}

#[tokio::test]
async fn a_scaffold_reports_the_limit_as_an_invalid_field() {
    let names = BOTH[1];
    let platform = names.platform(&Clock::default()).await;
    let mut browser = Browser::open(&platform, names).await;
    for _ in 0..5 {
        let answer = browser.log_in(WRONG, "wrong").await;
        assert_eq!((answer.status, headers(&answer, &LIMITS)), (401, vec![None, None]));
    }
    let answer = browser.log_in(WRONG, "wrong").await;
    assert_eq!((answer.status, headers(&answer, &["retry-after", LIMITS[0], LIMITS[1]])), (422, vec![None; 3]));
    let message = "Too many login attempts. Please try again in 42 seconds.";
    assert_eq!(answer.json()["errors"], serde_json::json!({"username": [message]}));
}
