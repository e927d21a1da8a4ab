//! What ends a run, and what it leaves: the session is ended whatever happens, and what cannot be judged is said.

use std::time::Duration;

use check::{Cause, Outcome};
use demo_platform::{Fault, Options};
use login::Login;
use trial::{Seen, Trial};

use crate::steps;

fn count(trial: &Trial<Login>, route: &str) -> u64 {
    trial.platform.requests().counts().get(route).copied().unwrap_or_default()
}

fn cause(seen: &Seen) -> Cause {
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    blindness.cause
}

#[tokio::test]
async fn a_run_that_is_cut_off_logs_out_all_the_same() {
    let options = Options { slow_delay: Duration::from_millis(400), ..Options::default() };
    let trial = Trial::<Login>::with(options, |settings| {
        *settings = settings
            .replace("step_deadline = \"5s\"\ndeadline = \"20s\"", "step_deadline = \"700ms\"\ndeadline = \"2s\"");
    })
    .await;
    trial.platform.faults().activate(Fault::Slow);
    let seen = trial.run().await;
    let Outcome::Failed { failures } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert!(failures[0].expected.starts_with("done within the run's"), "{:?}", failures[0]);
    assert!(!steps(&seen).iter().any(|(name, _)| *name == "log-out"), "{:?}", steps(&seen));
    assert_eq!(count(&trial, "POST /api/logout"), 1, "{:?}", trial.platform.requests().counts());
    assert_eq!(seen.report.left_behind, []);
    assert_eq!(seen.metrics["LeftBehind"], 0.0);
}

#[tokio::test]
async fn a_run_that_logged_out_does_not_do_so_twice() {
    let trial = Trial::<Login>::start().await;
    assert_eq!(trial.run().await.report.outcome, Outcome::Passed);
    assert_eq!(count(&trial, "POST /api/logout"), 1);
}

#[tokio::test]
async fn a_wrong_password_that_logs_in_is_logged_out_again() {
    let trial = Trial::<Login>::start().await;
    trial.platform.faults().activate(Fault::WrongPasswordAccepted);
    let seen = trial.run().await;
    assert_eq!(seen.step("wrong-password"), Some("failed"), "{:?}", steps(&seen));
    assert_eq!(count(&trial, "POST /api/logout"), 2);
    assert_eq!(seen.report.left_behind, []);
}

#[tokio::test]
async fn a_log_in_that_is_down_does_not_hide_the_rest() {
    let trial = Trial::<Login>::start().await;
    trial.platform.faults().activate(Fault::Login500);
    let seen = trial.run().await;
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
    assert_eq!(steps(&seen), expected);
}

#[tokio::test]
async fn maintenance_is_no_failure_and_nothing_more_is_asked() {
    let trial = Trial::<Login>::start().await;
    trial.platform.faults().activate(Fault::Maintenance);
    let seen = trial.run().await;
    assert!(matches!(seen.report.outcome, Outcome::Maintenance { .. }), "{:#?}", seen.report);
    assert_eq!(trial.platform.requests().last().len(), 1);
    assert_eq!(seen.step("wrong-password"), Some("skipped"));
}

#[tokio::test]
async fn six_log_ins_in_a_minute_are_our_own_mistake() {
    let trial = Trial::<Login>::start().await;
    let ports = trial.ports();
    for _ in 0..3 {
        let seen = trial.run_after(Duration::from_secs(8), &ports).await;
        assert_ne!(seen.report.outcome, Outcome::Maintenance { detail: String::new() });
    }
    let mut last = None;
    for _ in 0..4 {
        last = Some(trial.run_after(Duration::from_secs(8), &ports).await);
    }
    let last = last.unwrap();
    assert_eq!(cause(&last), Cause::Throttled, "{:#?}", last.report);
    // A minute later there is room again.
    let later = trial.run_after(Duration::from_secs(61), &ports).await;
    assert_eq!(later.report.outcome, Outcome::Passed, "{:#?}", later.report);
}

#[tokio::test]
async fn a_secret_that_does_not_resolve_is_no_failure() {
    let trial = Trial::<Login>::start().await;
    let ports = trial::ports(&trial.memory, &trial.clock, []);
    let seen = trial.run_after(Duration::ZERO, &ports).await;
    assert_eq!(cause(&seen), Cause::Reference);
    assert!(seen.step("wrong-password") == Some("passed"), "{:?}", steps(&seen));
}

#[tokio::test]
async fn an_operations_token_that_is_refused_is_no_failure() {
    let trial = Trial::<Login>::start().await;
    let of_demo = |(path, value): (String, String)| {
        let value = if path == "login/ops-token" { "not the token of this platform".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports = trial::ports(&trial.memory, &trial.clock, trial.platform.credentials().into_iter().map(of_demo));
    let seen = trial.run_after(Duration::ZERO, &ports).await;
    assert_eq!(cause(&seen), Cause::Credentials);
    // The log-in itself was judged, so an incident of it can end.
    let verdicts = seen.report.last_attempt().unwrap().verdicts();
    assert_eq!(verdicts[&check::Subject::whole()], check::Verdict::Healthy);
}

#[tokio::test]
async fn what_leaks_from_others_is_told_but_not_quoted() {
    for (fault, others) in [
        (Fault::TenantLeak, ["Fjordbyens", "Roskilde"]),
        (Fault::WrongUser, ["login-wrong@syntetisk.example", "Forkert"]),
    ] {
        let trial = Trial::<Login>::start().await;
        trial.platform.faults().activate(fault);
        let seen = trial.run().await;
        let Outcome::Failed { failures } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
        let said = format!("{failures:?}");
        assert!(said.contains("not quoted"), "{said}");
        assert!(!others.iter().any(|other| said.contains(other)), "{said}");
    }
}

/// Everything a run says, held against every secret that the platform drew or handed out.
#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let trial = Trial::<Login>::with(options, |_| {}).await;
        trial.platform.faults().activate(fault);
        let seen = trial.run().await;
        let said =
            format!("{:?} {} {:?}", seen, serde_json::to_string(&seen.report).unwrap(), trial.memory.take_sent());
        for (path, secret) in trial.platform.credentials() {
            assert!(!said.contains(&secret), "{fault}: {path} is said in {said}");
        }
        // How every sealed cookie begins: `{"iv":` in Base64.
        assert!(!said.contains("eyJpdiI6"), "{fault}: a cookie is said in {said}");
    }
}
