//! The code after the password.

use serde_json::json;

use crate::visit::{BOTH, DOCUMENTED, LOGIN, PERIOD, Visit, code};
use crate::wire::Clock;

#[tokio::test]
async fn the_password_alone_is_not_enough_and_the_code_moves_the_session() {
    for names in BOTH {
        let clock = Clock::default();
        let platform = names.platform(&clock).await;
        let seed = platform.credentials()["login/totp-seed"].clone();
        let mut visit = Visit::open(&platform, names).await;
        let answer = visit.half_way().await;
        assert_eq!(answer.json(), json!({"two_factor": true}));
        assert_eq!(visit.me().await.status, 401);
        let before = visit.clone();
        let answer = visit.code(&code(&seed, clock.now())).await;
        assert_eq!((answer.status, answer.body.as_str()), (names.logged_in, ""));
        assert!(visit.me().await.body.contains(LOGIN));
        assert_eq!(before.clone().me().await.status, 401, "the id of before is dead");
        let mut stale = visit.clone();
        stale.cookies.insert(names.cookies[1].to_owned(), before.cookies[names.cookies[1]].clone());
        assert_eq!(stale.log_out().await.status, 419, "the token of before is dead");
        assert_eq!(visit.log_out().await.status, names.logged_out);
    }
}

#[tokio::test]
async fn codes_of_the_periods_beside_are_taken_and_none_further_off() {
    let period = i64::try_from(PERIOD).unwrap();
    for (periods, expected) in [(-2, 422), (-1, 204), (0, 204), (1, 204), (2, 422)] {
        let clock = Clock::default();
        let platform = DOCUMENTED.platform(&clock).await;
        let mut visit = Visit::open(&platform, &DOCUMENTED).await;
        visit.half_way().await;
        let shown = clock.now() + jiff::SignedDuration::from_secs(periods * period);
        let code = code(&platform.credentials()["login/totp-seed"], shown);
        assert_eq!(visit.code(&code).await.status, expected, "{periods} periods off");
    }
}

#[tokio::test]
async fn a_code_is_taken_once() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let seed = platform.credentials()["login/totp-seed"].clone();
    let first = code(&seed, clock.now());
    for (code, expected) in [(first.clone(), 204), (first, 422)] {
        let mut visit = Visit::open(&platform, &DOCUMENTED).await;
        visit.half_way().await;
        let answer = visit.code(&code).await;
        assert_eq!(answer.status, expected);
        assert_eq!(visit.me().await.status, if expected == 204 { 200 } else { 401 });
        if expected == 422 {
            let words = "The provided two factor authentication code was invalid.";
            assert_eq!(answer.json()["errors"], json!({"code": [words]}));
        }
    }
    clock.pass(i64::try_from(PERIOD).unwrap());
    let mut visit = Visit::open(&platform, &DOCUMENTED).await;
    visit.half_way().await;
    assert_eq!(visit.code(&code(&seed, clock.now())).await.status, 204, "the next one");
}

#[tokio::test]
async fn without_a_password_before_it_a_code_is_worth_nothing() {
    let clock = Clock::default();
    let platform = DOCUMENTED.platform(&clock).await;
    let code = code(&platform.credentials()["login/totp-seed"], clock.now());
    let mut visit = Visit::open(&platform, &DOCUMENTED).await;
    assert_eq!(visit.code(&code).await.status, 401);
    visit.half_way().await;
    let answer = visit.post("/api/two-factor-challenge", &[]).await;
    assert_eq!(answer.json()["errors"], json!({"code": ["The code field is required."]}));
}

#[tokio::test]
async fn secrets_are_drawn_at_each_start_and_none_twice() {
    let (one, two) = (DOCUMENTED.platform(&Clock::default()).await, DOCUMENTED.platform(&Clock::default()).await);
    let (one, two) = (one.credentials(), two.credentials());
    for path in ["login/ops-token", "login/password", "login/plain-password", "login/totp-seed", "booking/password"] {
        assert!(one.contains_key(path), "{path}");
    }
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    // The counters have one token, and the providers one key, whoever reads them.
    let of_its_own = |(path, secret): (&String, &String)| {
        (!path.ends_with("/ops-token") && !path.ends_with("/provider-key")).then(|| secret.clone())
    };
    let all: Vec<String> = one.iter().chain(&two).filter_map(of_its_own).collect();
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    assert_ne!(one["login/ops-token"], two["login/ops-token"]);
}
