//! Interrupted, failed and inconclusive runs: every run ends its session, and no output contains a secret.

use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use login::Login;

use crate::steps;

fn count(harness: &Harness<Login>, route: &str) -> u64 {
    harness.platform.requests().counts().get(route).copied().unwrap_or_default()
}

fn cause(observed: &Observed) -> Cause {
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    inconclusive.cause
}

#[tokio::test]
async fn run_at_its_deadline_still_logs_out() {
    let options = Options { slow_delay: Duration::from_millis(400), ..Options::default() };
    let harness = Harness::<Login>::with(options, |settings| {
        *settings = settings
            .replace("step_deadline = \"5s\"\ndeadline = \"20s\"", "step_deadline = \"700ms\"\ndeadline = \"2s\"");
    })
    .await;
    harness.platform.faults().activate(Fault::Slow);
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert!(failures[0].expected.starts_with("done within the run's"), "{:?}", failures[0]);
    assert!(!steps(&observed).iter().any(|(name, _)| *name == "log-out"), "{:?}", steps(&observed));
    assert_eq!(count(&harness, "POST /api/logout"), 1, "{:?}", harness.platform.requests().counts());
    assert_eq!(observed.report.leftovers, []);
    assert_eq!(observed.metrics["Leftovers"], 0.0);
}

#[tokio::test]
async fn completed_run_logs_out_once() {
    let harness = Harness::<Login>::start().await;
    assert_eq!(harness.run().await.report.outcome, Outcome::Passed);
    assert_eq!(count(&harness, "POST /api/logout"), 1);
}

#[tokio::test]
async fn session_of_an_accepted_wrong_password_is_ended() {
    let harness = Harness::<Login>::start().await;
    harness.platform.faults().activate(Fault::WrongPasswordAccepted);
    let observed = harness.run().await;
    assert_eq!(observed.step("wrong-password"), Some("failed"), "{:?}", steps(&observed));
    assert_eq!(count(&harness, "POST /api/logout"), 2);
    assert_eq!(observed.report.leftovers, []);
}

#[tokio::test]
async fn log_in_outage_does_not_hide_later_steps() {
    let harness = Harness::<Login>::start().await;
    harness.platform.faults().activate(Fault::Login500);
    let observed = harness.run().await;
    let expected = [
        ("open-form", "passed"),
        ("log-in", "failed"),
        ("second-factor", "skipped"),
        ("current-user", "skipped"),
        ("own-school", "skipped"),
        ("other-school", "skipped"),
        ("log-out", "skipped"),
        ("old-session", "skipped"),
        ("wrong-password", "failed"),
        ("no-session", "skipped"),
        ("counters", "passed"),
    ];
    assert_eq!(steps(&observed), expected);
}

#[tokio::test]
async fn maintenance_ends_the_run_after_one_request() {
    let harness = Harness::<Login>::start().await;
    harness.platform.faults().activate(Fault::Maintenance);
    let observed = harness.run().await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    assert_eq!(harness.platform.requests().last().len(), 1);
    assert_eq!(observed.step("wrong-password"), Some("skipped"));
}

#[tokio::test]
async fn six_log_ins_in_a_minute_are_inconclusive() {
    let harness = Harness::<Login>::start().await;
    let ports = harness.ports();
    for _ in 0..3 {
        let observed = harness.run_after(Duration::from_secs(8), &ports).await;
        assert_ne!(observed.report.outcome, Outcome::Maintenance { detail: check::Text::default() });
    }
    let mut last = None;
    for _ in 0..4 {
        last = Some(harness.run_after(Duration::from_secs(8), &ports).await);
    }
    let last = last.unwrap();
    assert_eq!(cause(&last), Cause::Throttled, "{:#?}", last.report);
    // The limit is per minute.
    let later = harness.run_after(Duration::from_secs(61), &ports).await;
    assert_eq!(later.report.outcome, Outcome::Passed, "{:#?}", later.report);
}

#[tokio::test]
async fn unresolved_secret_is_inconclusive() {
    let harness = Harness::<Login>::start().await;
    let ports = check_testkit::ports(&harness.memory, &harness.clock, []);
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    assert_eq!(cause(&observed), Cause::Reference);
    assert!(observed.step("wrong-password") == Some("passed"), "{:?}", steps(&observed));
}

#[tokio::test]
async fn refused_operations_token_is_inconclusive() {
    let harness = Harness::<Login>::start().await;
    let with_wrong_token = |(path, value): (String, String)| {
        let value = if path == "login/ops-token" { "not the token of this platform".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let secrets = harness.platform.credentials().into_iter().map(with_wrong_token);
    let ports = check_testkit::ports(&harness.memory, &harness.clock, secrets);
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    assert_eq!(cause(&observed), Cause::Credentials);
    // The log-in itself has a verdict, so its incident can end.
    let verdicts = observed.report.last_attempt().unwrap().verdicts();
    assert_eq!(verdicts[&check::Subject::whole()], check::Verdict::Healthy);
}

#[tokio::test]
async fn leaked_data_is_reported_but_not_quoted() {
    for (fault, leaked) in [
        (Fault::TenantLeak, ["Fjordbyens", "Roskilde"]),
        (Fault::WrongUser, ["login-wrong@syntetisk.example", "Forkert"]),
    ] {
        let harness = Harness::<Login>::start().await;
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
        let text = format!("{failures:?}");
        assert!(text.contains("not quoted"), "{text}");
        assert!(!leaked.iter().any(|value| text.contains(value)), "{text}");
    }
}

/// Compares all output of a run with every secret that the platform generated.
#[tokio::test]
async fn no_fault_exposes_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Login>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        let output = format!(
            "{:?} {} {:?}",
            observed,
            serde_json::to_string(&observed.report).unwrap(),
            harness.memory.take_sent()
        );
        for (path, secret) in harness.platform.credentials() {
            assert!(!output.contains(&secret), "{fault}: {path} is in {output}");
        }
        // Every sealed cookie begins with `{"iv":` in Base64.
        assert!(!output.contains("eyJpdiI6"), "{fault}: a cookie is in {output}");
    }
}
