//! Each fault of the log-in, under either name: what it breaks, that it breaks nothing else that availability asks for,
//! and that it is over when it is cleared.

use std::time::{Duration, Instant};

use demo_platform::{Fault, Running};

use crate::visit::{BOTH, LOGIN, Names, PLAIN, Visit, WRONG, code, decoded};
use crate::wire::{Answer, Clock, JSON, SLOW, get, platform, post};

/// A platform with the fault, and one without.
async fn with_and_without(fault: Fault, names: &Names) -> [(Running, Clock, bool); 2] {
    let clocks = [Clock::default(), Clock::default()];
    let (one, two) = (names.platform(&clocks[0]).await, names.platform(&clocks[1]).await);
    one.faults().activate(fault);
    // What was wrong and is cleared is as if it never was.
    two.faults().activate(fault);
    two.faults().clear(fault);
    let [first, second] = clocks;
    [(one, first, true), (two, second, false)]
}

async fn plain_log_in<'p>(platform: &'p Running, names: &'static Names) -> (Visit<'p>, Answer) {
    let mut visit = Visit::open(platform, names).await;
    let answer = visit.log_in(PLAIN, &platform.credentials()["login/plain-password"]).await;
    (visit, answer)
}

#[tokio::test]
async fn csrf_broken_refuses_every_token_but_not_those_who_need_none() {
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
async fn wrong_password_accepted_logs_in_with_any() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::WrongPasswordAccepted, names).await {
            let mut visit = Visit::open(&platform, names).await;
            let answer = visit.log_in(WRONG, "wrong").await;
            assert_eq!(answer.status, if is_broken { names.logged_in } else { names.refused });
            assert_eq!(visit.me().await.status, if is_broken { 200 } else { 401 });
            assert_eq!(visit.log_in("nobody@syntetisk.example", "wrong").await.status, names.refused);
        }
    }
}

#[tokio::test]
async fn refusal_logs_in_behind_a_right_answer() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::RefusalLogsIn, names).await {
            let mut visit = Visit::open(&platform, names).await;
            assert_eq!(visit.log_in(WRONG, "wrong").await.status, names.refused);
            assert_eq!(visit.me().await.status, if is_broken { 200 } else { 401 });
        }
    }
}

#[tokio::test]
async fn session_survives_logout_behind_a_right_answer() {
    for names in BOTH {
        for (platform, _, is_broken) in with_and_without(Fault::SessionSurvivesLogout, names).await {
            let mut visit = Visit::logged_in(&platform, names).await;
            let before = visit.clone();
            assert_eq!(visit.log_out().await.status, names.logged_out);
            assert_eq!(before.clone().me().await.status, if is_broken { 200 } else { 401 });
        }
    }
}

#[tokio::test]
async fn schools_are_shown_or_hidden_wrongly() {
    for names in BOTH {
        let cases = [
            (Fault::TenantLeak, [200, 200, 404], [200, names.hidden, 404]),
            (Fault::OwnSchoolHidden, [404, names.hidden, 404], [200, names.hidden, 404]),
        ];
        for (fault, broken, sound) in cases {
            for (platform, _, is_broken) in with_and_without(fault, names).await {
                let mut visit = Visit::logged_in(&platform, names).await;
                for ((id, broken), sound) in ["3", "1", "99"].into_iter().zip(broken).zip(sound) {
                    let expected = if is_broken { broken } else { sound };
                    assert_eq!(visit.school(id).await.status, expected, "{fault}: {id}");
                }
            }
        }
    }
}

#[tokio::test]
async fn wrong_user_shows_somebody_else_of_the_same_role_if_there_is_one() {
    for names in BOTH {
        for (platform, clock, is_broken) in with_and_without(Fault::WrongUser, names).await {
            let mut student = Visit::open(&platform, names).await;
            student.half_way().await;
            student.code(&code(&platform.credentials()["login/totp-seed"], clock.now())).await;
            let mut only_teacher = Visit::logged_in(&platform, names).await;
            let admin = "astrid.holmgaard@fjordbyen.example";
            for (visit, own, other) in [(&mut student, LOGIN, WRONG), (&mut only_teacher, PLAIN, admin)] {
                let me = visit.me().await;
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
            let mut visit = Visit::open(&platform, names).await;
            let password = platform.credentials()["login/plain-password"].clone();
            let started = Instant::now();
            assert_eq!(visit.log_in(PLAIN, &password).await.status, names.logged_in);
            assert!(!is_broken || started.elapsed() >= SLOW);
            let started = Instant::now();
            visit.me().await;
            assert!(started.elapsed() < SLOW + Duration::from_secs(1));
        }
    }
}

#[tokio::test]
async fn throttled_refuses_the_first_log_in() {
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
async fn second_factor_skipped_lets_the_password_do_and_takes_the_code_all_the_same() {
    for names in BOTH {
        for (platform, clock, is_broken) in with_and_without(Fault::SecondFactorSkipped, names).await {
            let mut visit = Visit::open(&platform, names).await;
            assert!(visit.half_way().await.body.contains("two_factor"));
            assert_eq!(visit.me().await.status, if is_broken { 200 } else { 401 });
            let code = code(&platform.credentials()["login/totp-seed"], clock.now());
            assert_eq!(visit.code(&code).await.status, names.logged_in);
            assert!(visit.me().await.body.contains(LOGIN));
        }
    }
}

#[tokio::test]
async fn login_redirects_outside_on_the_answer_that_completes_it() {
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
            let mut visit = Visit::open(&platform, names).await;
            assert_eq!(visit.half_way().await.header("location"), None, "the code is awaited");
            let answer = visit.code(&code(&platform.credentials()["login/totp-seed"], clock.now())).await;
            assert_eq!((answer.status, answer.header("location")), expected);
        }
    }
}

#[tokio::test]
async fn availability_sees_nothing_of_them() {
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
async fn nothing_secret_is_recorded_or_told() {
    let platform = platform().await;
    let visit = Visit::logged_in(&platform, BOTH[0]).await;
    let answered = [
        get(platform.admin_url(), "/requests", &[]).await.body,
        format!("{:?} {:?}", platform.requests(), platform.seed()),
        serde_json::to_string(platform.seed()).unwrap(),
    ];
    let credentials = platform.credentials();
    let cookies = visit.cookies.values().flat_map(|value| [value.clone(), decoded(value)]);
    for secret in credentials.values().cloned().chain(cookies).chain([visit.form_token.clone()]) {
        assert!(answered.iter().all(|text| !text.contains(&secret)));
    }
}
