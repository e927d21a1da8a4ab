//! Tests of stateless requests: without a referring page of this host, only a bearer token identifies the caller.

use serde_json::json;

use crate::visit::{BOTH, Browser, DOCUMENTED, LOGIN, PLAIN, code};
use crate::wire::{Answer, Clock, JSON, get, platform, post};

const KIND: &str = "Content-Type: application/json";

async fn request_token(base: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    post(base, "/api/login", &[JSON, KIND], &body).await
}

#[tokio::test]
async fn a_token_is_valid_until_its_log_out() {
    let platform = platform().await;
    let base = platform.base_url();
    let answer = request_token(base, PLAIN, &platform.credentials()["login/plain-password"]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.all("set-cookie").is_empty());
    let body = answer.json();
    let (id, secret) = body["token"].as_str().unwrap().split_once('|').unwrap();
    assert!(id.parse::<u32>().is_ok() && secret.len() == 40);

    let bearer = format!("Authorization: Bearer {id}|{secret}");
    let me = get(base, "/api/me", &[JSON, &bearer]).await;
    assert_eq!((me.status, &me.json()["data"]["email"]), (200, &json!(PLAIN)));
    assert!(me.all("set-cookie").is_empty());
    let page = format!("Referer: {base}/");
    assert_eq!(get(base, "/api/me", &[JSON, &bearer, &page]).await.status, 200, "a token together with a session");
    assert_eq!(get(base, "/api/schools/3", &[JSON, &bearer]).await.status, 200);
    assert_eq!(get(base, "/api/schools/1", &[JSON, &bearer]).await.status, 403);
    assert_eq!(post(base, "/api/logout", &[JSON, &bearer], "").await.status, 204);
    assert_eq!(get(base, "/api/me", &[JSON, &bearer]).await.status, 401);
    assert_eq!(post(base, "/api/logout", &[JSON, &bearer], "").await.status, 401);
}

#[tokio::test]
async fn the_first_token_is_valid_only_for_the_code() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let (base, secrets) = (platform.base_url(), platform.credentials());
    let first = request_token(base, LOGIN, &secrets["login/password"]).await.json();
    assert_eq!(first["two_factor"], true);
    let bearer = |answer: &serde_json::Value| format!("Authorization: Bearer {}", answer["token"].as_str().unwrap());
    let before = bearer(&first);
    assert_eq!(get(base, "/api/me", &[JSON, &before]).await.status, 401);

    let body = |code: &str| json!({ "code": code }).to_string();
    let right = body(&code(&secrets["login/totp-seed"], clock.now()));
    assert_eq!(
        post(base, "/api/two-factor-challenge", &[JSON, KIND], &right).await.status,
        401,
        "a code without a token"
    );
    assert_eq!(post(base, "/api/two-factor-challenge", &[JSON, KIND, &before], &body("000000")).await.status, 422);
    let second = post(base, "/api/two-factor-challenge", &[JSON, KIND, &before], &right).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(get(base, "/api/me", &[JSON, &bearer(&second.json())]).await.status, 200);
    assert_eq!(
        post(base, "/api/two-factor-challenge", &[JSON, KIND, &before], &right).await.status,
        401,
        "the code was used before"
    );
}

#[tokio::test]
async fn only_a_first_party_request_has_a_session() {
    let platform = platform().await;
    let base = platform.base_url();
    let browser = Browser::logged_in(&platform, &DOCUMENTED).await;
    let cookie = browser.headers().swap_remove(0);
    let elsewhere = base.replace("127.0.0.1", "localhost");
    let cases = [
        (format!("Referer: {base}/login"), 200),
        (format!("Origin: {base}"), 200),
        (format!("Referer: {elsewhere}/login"), 401),
        ("Referer: https://just-driving.invalid/".to_owned(), 401),
        ("Origin: null".to_owned(), 401),
        ("X-Other: none".to_owned(), 401),
    ];
    for (line, status) in cases {
        let answer = get(base, "/api/me", &[JSON, &cookie, &line]).await;
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.all("set-cookie").len(), if status == 200 { 2 } else { 0 }, "{line}");
    }
}

#[tokio::test]
async fn the_renamed_flavour_issues_tokens() {
    let names = BOTH[1];
    let platform = names.platform(&Clock::default()).await;
    let body = json!({"username": PLAIN, "passphrase": platform.credentials()["login/plain-password"]}).to_string();
    let answer = post(platform.base_url(), names.login, &[JSON, KIND], &body).await;
    assert_eq!(answer.status, 201);
    let bearer = format!("Authorization: Bearer {}", answer.json()["token"].as_str().unwrap());
    assert_eq!(get(platform.base_url(), names.me, &[JSON, &bearer]).await.status, 200);
}
