//! The log-in of the demo platform as a journey.

use check::{Cause, Outcome};
use demo_platform::Fault;

use crate::{failures, run, run_with, steps, with};

/// The log-in in 15 lines.
pub(crate) const LOG_IN: &str = include_str!("log_in.toml");

/// A wrong password.
const WRONG: &str = r#"
[check.journeys]
[[check.journeys.flows]]
id = "wrong-password"
steps = [
    { name = "form", path = "/login" },
    { name = "refused", path = "/api/login", method = "POST", body.json = { email = "login-wrong@syntetisk.example", password = "wrong-{run_id}" }, expect.status = [401, 422] },
    { name = "no session", path = "/api/me", expect.status = [401] },
]
"#;

#[tokio::test]
async fn log_in_passes_and_ends_its_session() {
    assert!(LOG_IN.trim().lines().count() <= 15);
    let harness = with(LOG_IN).await;
    let observed = run(&harness).await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert!(steps(&observed.report).iter().all(|(_, result)| *result == "passed"), "{:?}", steps(&observed.report));
    assert_eq!(harness.platform.logged_in(), 0);
    assert_eq!(observed.report.leftovers, []);
    let observed = run(&with(WRONG).await).await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
}

#[tokio::test]
async fn faults_of_the_log_in_are_seen() {
    for (journeys, fault, expected) in [
        (LOG_IN, Fault::CsrfBroken, "log-in/log in status"),
        (LOG_IN, Fault::TenantLeak, "log-in/other school status"),
        (LOG_IN, Fault::OwnSchoolHidden, "log-in/own school status"),
        (LOG_IN, Fault::WrongUser, "log-in/user assertion"),
        (LOG_IN, Fault::Login500, "log-in/log in status"),
        (WRONG, Fault::RefusalLogsIn, "wrong-password/no session status"),
        (WRONG, Fault::WrongPasswordAccepted, "wrong-password/refused status"),
    ] {
        let (harness, observed) = run_with(journeys, fault).await;
        assert_eq!(failures(&observed), [expected], "{fault:?}");
        assert_eq!(observed.report.attempts.len(), 2, "{fault:?}: confirmed within the run");
        if journeys == LOG_IN {
            assert_eq!(harness.platform.logged_in(), 0, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn throttling_and_maintenance_are_no_failures() {
    let (_, observed) = run_with(LOG_IN, Fault::Throttled).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Throttled);
    let (_, observed) = run_with(LOG_IN, Fault::Maintenance).await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    let reasons = format!("{:?}", observed.report.last_attempt().unwrap().steps);
    assert!(reasons.contains("the platform is in maintenance"), "{reasons}");
}

#[tokio::test]
async fn password_is_in_no_report() {
    for fault in [Fault::CsrfBroken, Fault::Login500] {
        let (harness, observed) = run_with(LOG_IN, fault).await;
        let report = serde_json::to_string(&observed.report).unwrap();
        assert!(!report.contains(&harness.platform.credentials()["booking/password"]), "{fault:?}");
    }
}

#[tokio::test]
async fn missing_secret_is_inconclusive() {
    let harness = with(LOG_IN).await;
    let observed = harness.run().await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Reference);
}
