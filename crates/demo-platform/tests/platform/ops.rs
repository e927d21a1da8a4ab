//! The operations counters.

use demo_platform::{Fault, Running};
use serde_json::{Value, json};

use crate::visit::{BOTH, DOCUMENTED, Names, Visit, WRONG, code};
use crate::wire::{Clock, JSON, get};

async fn counters(platform: &Running, names: &Names) -> Value {
    let bearer = format!("Authorization: Bearer {}", platform.credentials()["login/ops-token"]);
    let answer = get(platform.base_url(), names.counters, &[JSON, &bearer]).await;
    assert!(answer.all("set-cookie").is_empty());
    answer.json()
}

/// These counters, whatever else is counted.
fn assert_holds(counted: &Value, expected: &Value) {
    for (name, count) in expected.as_object().unwrap() {
        assert_eq!(counted[name], *count, "{name} in {counted}");
    }
}

#[tokio::test]
async fn only_who_has_the_token_is_told() {
    for names in BOTH {
        let platform = names.platform(&Clock::default()).await;
        for header in ["X-Other: none", "Authorization: Bearer nonsense", "Authorization: Basic nonsense"] {
            let answer = get(platform.base_url(), names.counters, &[JSON, header]).await;
            assert_eq!((answer.status, answer.body.as_str()), (401, "{\n    \"message\": \"Unauthenticated.\"\n}"));
        }
    }
}

#[tokio::test]
async fn what_happened_in_the_last_five_minutes_is_added_to_what_users_do() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let nothing = json!({
        "window_seconds": 300, "logins_succeeded": 180, "logins_failed": 12, "logouts_succeeded": 90, "logouts_failed": 0,
        "lockouts": 0, "requests": 2601, "responses_5xx": 4,
    });
    assert_holds(&counters(&platform, &DOCUMENTED).await, &nothing);

    let mut visit = Visit::open(&platform, &DOCUMENTED).await;
    assert_eq!(visit.log_out().await.status, 401);
    visit.half_way().await;
    assert_eq!(counters(&platform, &DOCUMENTED).await["logins_succeeded"], 180, "the code decides");
    assert_eq!(visit.code("000").await.status, 422);
    visit.code(&code(&platform.credentials()["login/totp-seed"], clock.now())).await;
    assert_eq!(visit.log_out().await.status, 204);
    clock.pass(100);
    let mut visit = Visit::logged_in(&platform, &DOCUMENTED).await;
    assert_eq!(visit.log_out().await.status, 204);
    for _ in 0..7 {
        visit.log_in(WRONG, "wrong").await;
    }
    platform.faults().activate(Fault::ServerError);
    assert_eq!(get(platform.base_url(), "/", &[]).await.status, 500);
    platform.faults().clear_all();
    let counted = counters(&platform, &DOCUMENTED).await;
    let expected = json!({
        "window_seconds": 300, "logins_succeeded": 182, "logins_failed": 18, "logouts_succeeded": 92, "logouts_failed": 1,
        "lockouts": 2, "requests": counted["requests"], "responses_5xx": 5,
    });
    assert_holds(&counted, &expected);
    let recorded: u64 = platform.requests().counts().values().sum();
    assert_eq!(counted["requests"], 2_600 + recorded);

    clock.pass(200);
    let counted = counters(&platform, &DOCUMENTED).await;
    assert_eq!(
        (&counted["logins_succeeded"], &counted["logins_failed"]),
        (&json!(181), &json!(17)),
        "the first are 300 s ago"
    );
    clock.pass(100);
    let counted = counters(&platform, &DOCUMENTED).await;
    assert_eq!(counted["requests"], 2_602, "this one and the one before");
    assert_eq!(counters(&platform, &DOCUMENTED).await["logins_failed"], 12);
}

#[tokio::test]
async fn the_other_names_have_the_same_numbers() {
    let names = BOTH[1];
    let platform = names.platform(&Clock::default()).await;
    let mut visit = Visit::logged_in(&platform, names).await;
    visit.log_out().await;
    for _ in 0..6 {
        visit.log_in(WRONG, "wrong").await;
    }
    let expected = json!({
        "window": 300, "auth": {"ok": 181, "bad": 17, "locked": 1}, "sign_outs": {"ok": 91, "bad": 0},
    });
    assert_holds(&counters(&platform, names).await, &expected);
}
