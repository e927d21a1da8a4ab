//! Tests of the log-in faults in both flavours: each breaks only the log-in, not the targets of `availability`, and ends when
//! cleared.

use std::time::{Duration, Instant};

use demo_platform::{Fault, Running};

use crate::visit::{BOTH, Browser, LOGIN, Names, PLAIN, WRONG, code, decoded};
use crate::wire::{Answer, Clock, JSON, SLOW, get, platform, post};

/// Starts a platform with the fault, and one without.
async fn with_and_without(fault: Fault, names: &Names) -> [(Running, Clock, bool); 2] {
    let clocks = [Clock::default(), Clock::default()];
    let (one, two) = (names.platform(&clocks[0]).await, names.platform(&clocks[1]).await);
    one.faults().activate(fault);
    // A cleared fault must have no lasting effect.
    two.faults().activate(fault);
    two.faults().clear(fault);
    let [first, second] = clocks;
    [(one, first, true), (two, second, false)]
}

async fn plain_log_in<'p>(platform: &'p Running, names: &'static Names) -> (Browser<'p>, Answer) {
    let mut browser = Browser::open(platform, names).await;
    let answer = browser.log_in(PLAIN, &platform.credentials()["login/plain-password"]).await;
    (browser, answer)
}

#[tokio::test]
async fn csrf_broken_rejects_tokens_but_not_stateless_requests() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::CsrfBroken, names).await {
            let (_, answer) = plain_log_in(&platform, names).await;
            assert_eq!(answer.status, if is_broken { 419 } else { names.logged_in });
            let stateless = post(platform.base_url(), names.login, &[JSON], "").await;
            assert_eq!(stateless.status, 422);
        }
    }
}

#[tokio::test]
async fn wrong_password_accepted_logs_in() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::WrongPasswordAccepted, names).await {
            let mut browser = Browser::open(&platform, names).await;
            let answer = browser.log_in(WRONG, "wrong").await;
            assert_eq!(answer.status, if is_broken { names.logged_in } else { names.refused });
            assert_eq!(browser.me().await.status, if is_broken { 200 } else { 401 });
            assert_eq!(browser.log_in("nobody@syntetisk.example", "wrong").await.status, names.refused);
        }
    }
}

#[tokio::test]
async fn refusal_logs_in_despite_the_rejection() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::RefusalLogsIn, names).await {
            let mut browser = Browser::open(&platform, names).await;
            assert_eq!(browser.log_in(WRONG, "wrong").await.status, names.refused);
            assert_eq!(browser.me().await.status, if is_broken { 200 } else { 401 });
        }
    }
}

#[tokio::test]
async fn session_survives_logout_despite_the_usual_answer() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::SessionSurvivesLogout, names).await {
            let mut browser = Browser::logged_in(&platform, names).await;
            let before = browser.clone();
            assert_eq!(browser.log_out().await.status, names.logged_out);
            assert_eq!(before.clone().me().await.status, if is_broken { 200 } else { 401 });
        }
    }
}

#[tokio::test]
async fn school_faults_show_or_hide_the_wrong_school() {
    for names in BOTH {
        let cases = [
            (Fault::TenantLeak, [200, 200, 404], [200, names.hidden, 404]),
            (Fault::OwnSchoolHidden, [404, names.hidden, 404], [200, names.hidden, 404]),
        ];
        for (fault, broken, sound) in cases {
            for (platform, _, is_broken) in with_and_without(fault, names).await {
                let mut browser = Browser::logged_in(&platform, names).await;
                for ((id, broken), sound) in ["3", "1", "99"].into_iter().zip(broken).zip(sound) {
                    let expected = if is_broken { broken } else { sound };
                    assert_eq!(browser.school(id).await.status, expected, "{fault}: {id}");
                }
            }
        }
    }
}

#[tokio::test]
async fn wrong_user_prefers_an_account_of_the_same_role() {
    for names in BOTH {
        for (platform, clock, is_broken) in with_and_without(Fault::WrongUser, names).await {
            let mut student = Browser::open(&platform, names).await;
            student.submit_password().await;
            student.code(&code(&platform.credentials()["login/totp-seed"], clock.now())).await;
            let mut only_teacher = Browser::logged_in(&platform, names).await;
            let admin = "astrid.holmgaard@fjordbyen.example";
            for (browser, own, other) in [(&mut student, LOGIN, WRONG), (&mut only_teacher, PLAIN, admin)] {
                let me = browser.me().await;
                let expected = if is_broken { other } else { own };
                assert!(me.status == 200 && me.body.contains(&format!("\"{expected}\"")), "{}", me.body);
            }
        }
    }
}

#[tokio::test]
async fn login_500_is_laravels_generic_one() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::Login500, names).await {
            let (_, answer) = plain_log_in(&platform, names).await;
            let expected =
                if is_broken { (500, "{\n    \"message\": \"Server Error\"\n}") } else { (names.logged_in, "") };
            assert_eq!((answer.status, answer.body.as_str()), expected);
        }
    }
}

#[tokio::test]
async fn login_slow_logs_in_late() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::LoginSlow, names).await {
            let mut browser = Browser::open(&platform, names).await;
            let password = platform.credentials()["login/plain-password"].clone();
            let started = Instant::now();
            assert_eq!(browser.log_in(PLAIN, &password).await.status, names.logged_in);
            assert!(!is_broken || started.elapsed() >= SLOW);
            let started = Instant::now();
            browser.me().await;
            assert!(started.elapsed() < SLOW + Duration::from_secs(1));
        }
    }
}

#[tokio::test]
async fn throttled_rejects_the_first_log_in() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::Throttled, names).await {
            let (_, answer) = plain_log_in(&platform, names).await;
            let answered = (answer.status, answer.header("retry-after"), answer.header("x-ratelimit-remaining"));
            let expected = match (is_broken, names.refused) {
                (true, 422) => (429, Some("60"), Some("0")),
                (true, _) => (422, None, None),
                (false, 422) => (204, None, Some("4")),
                (false, _) => (201, None, None),
            };
            assert_eq!(answered, expected);
        }
    }
}

#[tokio::test]
async fn second_factor_skipped_logs_in_with_the_password() {
    for names in BOTH {
        for (platform, clock, is_broken) in with_and_without(Fault::SecondFactorSkipped, names).await {
            let mut browser = Browser::open(&platform, names).await;
            assert!(browser.submit_password().await.body.contains("two_factor"));
            assert_eq!(browser.me().await.status, if is_broken { 200 } else { 401 });
            let code = code(&platform.credentials()["login/totp-seed"], clock.now());
            assert_eq!(browser.code(&code).await.status, names.logged_in);
            assert!(browser.me().await.body.contains(LOGIN));
        }
    }
}

#[tokio::test]
async fn login_redirects_outside_with_the_final_answer() {
    const OUTSIDE: (u16, Option<&str>) = (302, Some("http://login.just-driving.invalid/"));
    for names in BOTH {
        for (platform, clock, is_broken) in with_and_without(Fault::LoginRedirectsOutside, names).await {
            let expected = if is_broken { OUTSIDE } else { (names.logged_in, None) };
            let (_, plain) = plain_log_in(&platform, names).await;
            assert_eq!((plain.status, plain.header("location")), expected);
            let [email, password] = names.fields;
            let body = format!("{email}={PLAIN}&{password}={}", platform.credentials()["login/plain-password"]);
            let form = "Content-Type: application/x-www-form-urlencoded";
            let token = post(platform.base_url(), names.login, &[JSON, form], &body).await;
            assert_eq!(token.header("location"), expected.1, "without a session");
            let mut browser = Browser::open(&platform, names).await;
            assert_eq!(browser.submit_password().await.header("location"), None, "redirected before the code");
            let answer = browser.code(&code(&platform.credentials()["login/totp-seed"], clock.now())).await;
            assert_eq!((answer.status, answer.header("location")), expected);
        }
    }
}

#[tokio::test]
async fn log_in_faults_do_not_affect_availability() {
    let platform = platform().await;
    for spec in demo_platform::faults::catalogue().unwrap().into_iter().filter(|spec| spec.check == "login") {
        platform.faults().activate(spec.fault);
        for (path, status) in
            [("/", 200), ("/login", 200), ("/api/status", 200), ("/health", 200), ("/api/schools", 401)]
        {
            let answer = get(platform.base_url(), path, &[JSON]).await;
            assert_eq!(answer.status, status, "{}: {path}", spec.fault);
            assert_eq!(answer.body.contains("name=\"_token\""), path == "/login", "{}: {path}", spec.fault);
        }
        platform.faults().clear(spec.fault);
    }
}

#[tokio::test]
async fn secrets_are_neither_recorded_nor_reported() {
    let platform = platform().await;
    let browser = Browser::logged_in(&platform, BOTH[0]).await;
    let answered = [
        get(platform.admin_url(), "/requests", &[]).await.body,
        format!("{:?} {:?}", platform.requests(), platform.seed()),
        serde_json::to_string(platform.seed()).unwrap(),
    ];
    let credentials = platform.credentials();
    let cookies = browser.cookies.values().flat_map(|value| [value.clone(), decoded(value)]);
    for secret in credentials.values().cloned().chain(cookies).chain([browser.form_token.clone()]) {
        assert!(answered.iter().all(|text| !text.contains(&secret)));
    }
}
