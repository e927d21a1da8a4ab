//! Other platforms: the settings alone fit the check to them.

use check::Outcome;
use demo_platform::{Flavour, Options};
use login::Login;
use trial::{Seen, Trial};

use crate::steps;

const ALL: [(&str, &str); 11] = [
    ("open-form", "passed"),
    ("log-in", "passed"),
    ("second-factor", "passed"),
    ("current-user", "passed"),
    ("own-school", "passed"),
    ("other-school", "passed"),
    ("log-out", "passed"),
    ("old-session", "passed"),
    ("wrong-password", "passed"),
    ("no-session", "passed"),
    ("counters", "passed"),
];

/// The settings of a platform that calls everything otherwise.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed(change: impl FnOnce(&mut String)) -> Trial<Login> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Trial::with(options, |settings| {
        RENAMED.clone_into(settings);
        change(settings);
    })
    .await
}

#[tokio::test]
async fn the_documented_platform_passes_step_by_step() {
    let seen = Trial::<Login>::start().await.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed);
    assert_eq!(steps(&seen), ALL);
    assert_eq!(seen.report.left_behind, []);
}

#[tokio::test]
async fn a_platform_of_other_names_passes_by_its_settings() {
    let trial = renamed(|_| {}).await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(steps(&seen), ALL);
    assert!(
        seen.metrics.contains_key("LoginFailureRate") && seen.metrics.contains_key("Lockouts"),
        "{:?}",
        seen.metrics
    );
    // None of the documented paths was asked for.
    let paths = trial.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

#[tokio::test]
async fn its_faults_are_seen_as_those_of_the_documented_one() {
    for spec in demo_platform::faults::catalogue().unwrap().into_iter().filter(|spec| spec.check == "login") {
        let demo_platform::faults::Shows::Failures(expected) = &spec.shows else { continue };
        let trial = renamed(|_| {}).await;
        trial.platform.faults().activate(spec.fault);
        let seen = trial.run().await;
        assert_eq!(seen.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, seen.report);
    }
}

#[tokio::test]
async fn a_throttled_log_in_that_is_answered_422_is_no_failure() {
    let trial = renamed(|_| {}).await;
    trial.platform.faults().activate(demo_platform::Fault::Throttled);
    let seen = trial.run().await;
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert_eq!(blindness.cause, check::Cause::Throttled, "{}", blindness.detail);
}

/// The documented names, held against the platform of other names: each message says what was not found, and where.
#[tokio::test]
async fn a_name_that_is_not_the_platforms_is_told() {
    let cases = [
        ("form_token_field = \"csrf\"", "form_token_field = \"_token\"", "open-form", "_token"),
        ("csrf_cookie = \"JD-CSRF\"", "csrf_cookie = \"XSRF-TOKEN\"", "open-form", "XSRF-TOKEN"),
        ("path = \"/v2/sessions\"", "path = \"/api/login\"", "log-in", "404"),
        ("email = \"/mail\"", "email = \"/email\"", "current-user", "/data/email or /email"),
        ("id = \"/identifier\"", "id = \"/id\"", "own-school", "/data/id or /id"),
    ];
    for (right, wrong, step, told) in cases {
        let trial = renamed(|settings| {
            assert!(settings.contains(right), "{right}");
            *settings = settings.replace(right, wrong);
        })
        .await;
        let seen = trial.run().await;
        let Outcome::Failed { failures } = &seen.report.outcome else { panic!("{wrong}: {:#?}", seen.report) };
        let failure = &failures[0];
        let text = format!("{} {}", failure.expected, failure.seen);
        assert_eq!(failure.step, step, "{wrong}: {text}");
        assert!(text.contains(told), "{wrong}: {text}");
        // What was there instead, to find the right name in.
        let evidence = failure.evidence.clone().unwrap_or_default();
        assert!(step == "open-form" || step == "log-in" || evidence.contains('{'), "{wrong}: {failure:?}");
    }
}

#[tokio::test]
async fn a_bearer_token_does_as_well_as_a_session() {
    let seen = in_token_mode(|_| {}).await.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(steps(&seen), without_second_factor());
}

#[tokio::test]
async fn a_second_factor_goes_with_tokens_too() {
    let by_token = |settings: &mut String| settings.push_str("\n[platform.login]\nmode = \"token\"\n");
    let seen = Trial::<Login>::with(Options::default(), by_token).await.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(steps(&seen), ALL);

    for spec in demo_platform::faults::catalogue().unwrap().into_iter().filter(|spec| spec.check == "login") {
        let demo_platform::faults::Shows::Failures(expected) = &spec.shows else { continue };
        // A script has no CSRF token, and a refusal gives it no session.
        if [demo_platform::Fault::CsrfBroken, demo_platform::Fault::RefusalLogsIn].contains(&spec.fault) {
            continue;
        }
        let trial = Trial::<Login>::with(Options::default(), by_token).await;
        trial.platform.faults().activate(spec.fault);
        let seen = trial.run().await;
        assert_eq!(seen.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, seen.report);
        assert_eq!(seen.report.left_behind, [], "{}", spec.fault);
    }
}

#[tokio::test]
async fn the_pages_own_form_does_as_well_as_the_api() {
    let by_form = "\n[platform.login]\npath = \"/login\"\nencoding = \"form\"\nstatus = [302]\n";
    let trial = with_plain_account(|settings| settings.push_str(by_form)).await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(steps(&seen), without_second_factor());
    assert_eq!(trial.platform.requests().counts().get("POST /login"), Some(&2));

    trial.platform.faults().activate(demo_platform::Fault::LoginRedirectsOutside);
    let failure = only_failure(&trial.run().await).clone();
    assert_eq!((failure.step.as_str(), failure.kind), ("log-in", check::FailureKind::Redirect), "{failure:?}");
}

fn without_second_factor() -> Vec<(&'static str, &'static str)> {
    ALL.into_iter().filter(|(name, _)| *name != "second-factor").collect()
}

#[tokio::test]
async fn a_token_that_is_not_where_the_settings_say_is_told() {
    let seen = in_token_mode(|settings| settings.push_str("token_pointer = \"/access_token\"\n")).await.run().await;
    let failure = only_failure(&seen);
    assert_eq!(failure.step, "log-in");
    assert!(failure.expected.contains("/access_token"), "{failure:?}");
    assert!(!failure.evidence.clone().unwrap_or_default().contains('|'), "the token is shown: {failure:?}");
}

async fn in_token_mode(change: impl FnOnce(&mut String)) -> Trial<Login> {
    with_plain_account(|settings| {
        settings.push_str("\n[platform.login]\nmode = \"token\"\n");
        change(settings);
    })
    .await
}

/// With the account that has no second factor.
async fn with_plain_account(change: impl FnOnce(&mut String)) -> Trial<Login> {
    Trial::with(Options::default(), |settings| {
        for (from, to) in [
            ("email = \"login@", "email = \"plain@"),
            ("/demo/login/password\"", "/demo/login/plain-password\""),
            ("account.role = \"student\"", "account.role = \"teacher\""),
        ] {
            assert!(settings.contains(from), "{from}");
            *settings = settings.replace(from, to);
        }
        let seed = settings.lines().find(|line| line.starts_with("account.totp_seed")).unwrap().to_owned();
        *settings = settings.replace(&seed, "");
        change(settings);
    })
    .await
}

fn only_failure(seen: &Seen) -> &check::Failure {
    let Outcome::Failed { failures } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    &failures[0]
}
