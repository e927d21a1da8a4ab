//! Tests of the operations counters.

use demo_platform::{Fault, Running};
use serde_json::{Value, json};

use crate::visit::{BOTH, Browser, DOCUMENTED, Names, WRONG, code};
use crate::wire::{Clock, JSON, get};

async fn counters(platform: &Running, names: &Names) -> Value {
    let bearer = format!("Authorization: Bearer {}", platform.credentials()["login/ops-token"]);
    let answer = get(platform.base_url(), names.counters, &[JSON, &bearer]).await;
    assert!(answer.all("set-cookie").is_empty());
    answer.json()
}

/// Compares only the listed counters.
fn assert_contains(counted: &Value, expected: &Value) {
    for (name, count) in expected.as_object().unwrap() {
        assert_eq!(counted[name], *count, "{name} in {counted}");
    }
}

#[tokio::test]
async fn counters_require_the_token() {
    for names in BOTH {
        let platform = names.platform(&Clock::default()).await;
        for header in ["X-Other: none", "Authorization: Bearer nonsense", "Authorization: Basic nonsense"] {
            let answer = get(platform.base_url(), names.counters, &[JSON, header]).await;
            assert_eq!((answer.status, answer.body.as_str()), (401, "{\n    \"message\": \"Unauthenticated.\"\n}"));
        }
    }
}

#[tokio::test]
async fn recent_events_are_added_to_those_of_fictional_users() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let nothing = json!({
        "window_seconds": 300, "logins_succeeded": 180, "logins_failed": 12, "logouts_succeeded": 90, "logouts_failed": 0,
        "lockouts": 0, "requests": 2601, "responses_5xx": 4,
    });
    assert_contains(&counters(&platform, &DOCUMENTED).await, &nothing);

    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    assert_eq!(browser.log_out().await.status, 401);
    browser.submit_password().await;
    assert_eq!(counters(&platform, &DOCUMENTED).await["logins_succeeded"], 180, "the log-in counts after the code");
    assert_eq!(browser.code("000").await.status, 422);
    browser.code(&code(&platform.credentials()["login/totp-seed"], clock.now())).await;
    assert_eq!(browser.log_out().await.status, 204);
    clock.advance(100);
    let mut browser = Browser::logged_in(&platform, &DOCUMENTED).await;
    assert_eq!(browser.log_out().await.status, 204);
    for _ in 0..7 {
        browser.log_in(WRONG, "wrong").await;
    }
    platform.faults().activate(Fault::ServerError);
    assert_eq!(get(platform.base_url(), "/", &[]).await.status, 500);
    platform.faults().clear_all();
    let counted = counters(&platform, &DOCUMENTED).await;
    let expected = json!({
        "window_seconds": 300, "logins_succeeded": 182, "logins_failed": 18, "logouts_succeeded": 92, "logouts_failed": 1,
        "lockouts": 2, "requests": counted["requests"], "responses_5xx": 5,
    });
    assert_contains(&counted, &expected);
    let recorded: u64 = platform.requests().counts().values().sum();
    assert_eq!(counted["requests"], 2_600 + recorded);

    clock.advance(200);
    let counted = counters(&platform, &DOCUMENTED).await;
    assert_eq!(
        (&counted["logins_succeeded"], &counted["logins_failed"]),
        (&json!(181), &json!(17)),
        "the first events are 300 s old"
    );
    clock.advance(100);
    let counted = counters(&platform, &DOCUMENTED).await;
    assert_eq!(counted["requests"], 2_602, "this request and the previous one");
    assert_eq!(counters(&platform, &DOCUMENTED).await["logins_failed"], 12);
}

#[tokio::test]
async fn the_renamed_flavour_has_the_same_numbers() {
    let names = BOTH[1];
    let platform = names.platform(&Clock::default()).await;
    let mut browser = Browser::logged_in(&platform, names).await;
    browser.log_out().await;
    for _ in 0..6 {
        browser.log_in(WRONG, "wrong").await;
    }
    let expected = json!({
        "window": 300, "auth": {"ok": 181, "bad": 17, "locked": 1}, "sign_outs": {"ok": 91, "bad": 0},
    });
    assert_contains(&counters(&platform, names).await, &expected);
}
