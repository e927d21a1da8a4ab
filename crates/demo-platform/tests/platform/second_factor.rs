//! Tests of the second factor.

use serde_json::json;

use crate::visit::{BOTH, Browser, DOCUMENTED, LOGIN, PERIOD, code};
use crate::wire::Clock;

#[tokio::test]
async fn the_code_completes_the_log_in_and_renews_the_session() {
    for names in BOTH {
        let clock = Clock::default();
        let platform = names.platform(&clock).await;
        let seed = platform.credentials()["login/totp-seed"].clone();
        let mut browser = Browser::open(&platform, names).await;
        let answer = browser.submit_password().await;
        assert_eq!(answer.json(), json!({"two_factor": true}));
        assert_eq!(browser.me().await.status, 401);
        let before = browser.clone();
        let answer = browser.code(&code(&seed, clock.now())).await;
        assert_eq!((answer.status, answer.body.as_str()), (names.logged_in, ""));
        assert!(browser.me().await.body.contains(LOGIN));
        assert_eq!(before.clone().me().await.status, 401, "the id of before is dead");
        let mut stale = browser.clone();
        stale.cookies.insert(names.cookies[1].to_owned(), before.cookies[names.cookies[1]].clone());
        assert_eq!(stale.log_out().await.status, 419, "the token of before is dead");
        assert_eq!(browser.log_out().await.status, names.logged_out);
    }
}

#[tokio::test]
async fn codes_of_adjacent_periods_are_accepted() {
    let period = i64::try_from(PERIOD).unwrap();
    for (periods, expected) in [(-2, 422), (-1, 204), (0, 204), (1, 204), (2, 422)] {
        let clock = Clock::default();
        let platform = DOCUMENTED.platform(&clock).await;
        let mut browser = Browser::open(&platform, &DOCUMENTED).await;
        browser.submit_password().await;
        let shown = clock.now() + jiff::SignedDuration::from_secs(periods * period);
        let code = code(&platform.credentials()["login/totp-seed"], shown);
        assert_eq!(browser.code(&code).await.status, expected, "{periods} periods off");
    }
}

#[tokio::test]
async fn a_code_is_accepted_once() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let seed = platform.credentials()["login/totp-seed"].clone();
    let first = code(&seed, clock.now());
    for (code, expected) in [(first.clone(), 204), (first, 422)] {
        let mut browser = Browser::open(&platform, &DOCUMENTED).await;
        browser.submit_password().await;
        let answer = browser.code(&code).await;
        assert_eq!(answer.status, expected);
        assert_eq!(browser.me().await.status, if expected == 204 { 200 } else { 401 });
        if expected == 422 {
            let message = "The provided two factor authentication code was invalid.";
            assert_eq!(answer.json()["errors"], json!({"code": [message]}));
        }
    }
    clock.advance(i64::try_from(PERIOD).unwrap());
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    browser.submit_password().await;
    assert_eq!(browser.code(&code(&seed, clock.now())).await.status, 204, "the next code");
}

#[tokio::test]
async fn a_code_without_a_password_is_rejected() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let code = code(&platform.credentials()["login/totp-seed"], clock.now());
    let mut browser = Browser::open(&platform, &DOCUMENTED).await;
    assert_eq!(browser.code(&code).await.status, 401);
    browser.submit_password().await;
    let answer = browser.post("/api/two-factor-challenge", &[]).await;
    assert_eq!(answer.json()["errors"], json!({"code": ["The code field is required."]}));
}

#[tokio::test]
async fn every_start_generates_new_secrets() {
    let (one, two) = (DOCUMENTED.platform(&Clock::default()).await, DOCUMENTED.platform(&Clock::default()).await);
    let (one, two) = (one.credentials(), two.credentials());
    for path in ["login/ops-token", "login/password", "login/plain-password", "login/totp-seed", "booking/password"] {
        assert!(one.contains_key(path), "{path}");
    }
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    // All checks share one counters token and one provider key.
    let unshared = |(path, secret): (&String, &String)| {
        (!path.ends_with("/ops-token") && !path.ends_with("/provider-key")).then(|| secret.clone())
    };
    let all: Vec<String> = one.iter().chain(&two).filter_map(unshared).collect();
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    assert_ne!(one["login/ops-token"], two["login/ops-token"]);
}
