//! Platforms with other names or log-in methods: settings alone adapt the check to them.

use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::{Flavour, Options};
use login::Login;

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

/// Settings of a platform with other names for everything.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed(change: impl FnOnce(&mut String)) -> Harness<Login> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| {
        RENAMED.clone_into(settings);
        change(settings);
    })
    .await
}

#[tokio::test]
async fn documented_platform_passes_every_step() {
    let observed = Harness::<Login>::start().await.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    assert_eq!(steps(&observed), ALL);
    assert_eq!(observed.report.leftovers, []);
}

#[tokio::test]
async fn renamed_platform_passes_with_its_settings() {
    let harness = renamed(|_| {}).await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), ALL);
    assert!(
        observed.metrics.contains_key("LoginFailureRate") && observed.metrics.contains_key("Lockouts"),
        "{:?}",
        observed.metrics
    );
    // The check requested none of the documented paths.
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

#[tokio::test]
async fn faults_of_the_renamed_platform_are_caught() {
    for spec in demo_platform::faults::catalogue().unwrap().into_iter().filter(|spec| spec.check == "login") {
        let demo_platform::faults::Shows::Failures(expected) = &spec.shows else { continue };
        let harness = renamed(|_| {}).await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.run().await;
        assert_eq!(observed.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, observed.report);
    }
}

#[tokio::test]
async fn throttled_log_in_answered_422_is_inconclusive() {
    let harness = renamed(|_| {}).await;
    harness.platform.faults().activate(demo_platform::Fault::Throttled);
    let observed = harness.run().await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, check::Cause::Throttled, "{}", inconclusive.detail);
}

/// Uses a documented name on the renamed platform. Each message names the missing item and its place.
#[tokio::test]
async fn wrong_name_in_settings_is_reported() {
    let cases = [
        ("form_token_field = \"csrf\"", "form_token_field = \"_token\"", "open-form", "_token"),
        ("csrf_cookie = \"JD-CSRF\"", "csrf_cookie = \"XSRF-TOKEN\"", "open-form", "XSRF-TOKEN"),
        ("path = \"/v2/sessions\"", "path = \"/api/login\"", "log-in", "404"),
        ("email = \"/mail\"", "email = \"/email\"", "current-user", "/data/email or /email"),
        ("id = \"/identifier\"", "id = \"/id\"", "own-school", "/data/id or /id"),
    ];
    for (right, wrong, step, message) in cases {
        let harness = renamed(|settings| {
            assert!(settings.contains(right), "{right}");
            *settings = settings.replace(right, wrong);
        })
        .await;
        let observed = harness.run().await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{wrong}: {:#?}", observed.report) };
        let failure = &failures[0];
        let text = format!("{} {}", failure.expected, failure.actual);
        assert_eq!(failure.step, step, "{wrong}: {text}");
        assert!(text.contains(message), "{wrong}: {text}");
        // The evidence shows the answer, where the reader finds the right name.
        let evidence = failure.evidence.clone().unwrap_or_default();
        assert!(step == "open-form" || step == "log-in" || evidence.contains('{'), "{wrong}: {failure:?}");
    }
}

#[tokio::test]
async fn bearer_token_log_in_passes() {
    let observed = in_token_mode(|_| {}).await.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), without_second_factor());
}

#[tokio::test]
async fn bearer_token_log_in_needs_no_page() {
    let without_page = |settings: &mut String| settings.push_str("form = \"/no-such-page\"\n");
    let observed = in_token_mode(without_page).await.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed)[..2], [("open-form", "skipped"), ("log-in", "passed")]);

    let session = with_plain_account(|settings| settings.push_str("\n[platform.login]\nform = \"/no-such-page\"\n"));
    let observed = session.await.run().await;
    assert_eq!(steps(&observed)[0], ("open-form", "failed"), "a session needs one");
}

#[tokio::test]
async fn bearer_token_with_second_factor_passes() {
    let by_token = |settings: &mut String| settings.push_str("\n[platform.login]\nmode = \"token\"\n");
    let observed = Harness::<Login>::with(Options::default(), by_token).await.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), ALL);

    for spec in demo_platform::faults::catalogue().unwrap().into_iter().filter(|spec| spec.check == "login") {
        let demo_platform::faults::Shows::Failures(expected) = &spec.shows else { continue };
        // An API client has no CSRF token, and a refusal cannot create its session.
        if [demo_platform::Fault::CsrfBroken, demo_platform::Fault::RefusalLogsIn].contains(&spec.fault) {
            continue;
        }
        let harness = Harness::<Login>::with(Options::default(), by_token).await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.run().await;
        assert_eq!(observed.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, observed.report);
        assert_eq!(observed.report.leftovers, [], "{}", spec.fault);
    }
}

#[tokio::test]
async fn html_form_log_in_passes() {
    let by_form = "\n[platform.login]\npath = \"/login\"\nencoding = \"form\"\nstatus = [302]\n";
    let harness = with_plain_account(|settings| settings.push_str(by_form)).await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), without_second_factor());
    assert_eq!(harness.platform.requests().counts().get("POST /login"), Some(&2));

    harness.platform.faults().activate(demo_platform::Fault::LoginRedirectsOutside);
    let failure = only_failure(&harness.run().await).clone();
    assert_eq!((failure.step.as_str(), failure.kind), ("log-in", check::FailureKind::Redirect), "{failure:?}");
}

fn without_second_factor() -> Vec<(&'static str, &'static str)> {
    ALL.into_iter().filter(|(name, _)| *name != "second-factor").collect()
}

#[tokio::test]
async fn missing_token_is_reported_with_its_pointer() {
    let observed = in_token_mode(|settings| settings.push_str("token_pointer = \"/access_token\"\n")).await.run().await;
    let failure = only_failure(&observed);
    assert_eq!(failure.step, "log-in");
    assert!(failure.expected.contains("/access_token"), "{failure:?}");
    assert!(!failure.evidence.clone().unwrap_or_default().contains('|'), "the token is shown: {failure:?}");
}

async fn in_token_mode(change: impl FnOnce(&mut String)) -> Harness<Login> {
    with_plain_account(|settings| {
        settings.push_str("\n[platform.login]\nmode = \"token\"\n");
        change(settings);
    })
    .await
}

/// Starts a harness with an account without a second factor.
async fn with_plain_account(change: impl FnOnce(&mut String)) -> Harness<Login> {
    Harness::with(Options::default(), |settings| {
        use_plain_account(settings);
        change(settings);
    })
    .await
}

/// Changes the settings to an account without a second factor.
pub(crate) fn use_plain_account(settings: &mut String) {
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
}

fn only_failure(observed: &Observed) -> &check::Failure {
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    &failures[0]
}
