//! Metrics of real users, without the check's own attempts.

use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use login::Login;

/// Successful and failed log-ins of the demo platform's real users in a window.
const REAL_USERS: (f64, f64) = (180.0, 12.0);

fn measured(observed: &Observed, metric: &str) -> Option<f64> {
    let attempt = observed.report.last_attempt().unwrap();
    attempt.measurements.iter().find(|measurement| measurement.metric == metric).map(|measurement| measurement.value)
}

#[tokio::test]
async fn own_attempts_are_not_counted() {
    let harness = Harness::<Login>::start().await;
    let expected = 100.0 * REAL_USERS.1 / (REAL_USERS.0 + REAL_USERS.1);
    for run in 1..=7 {
        let observed = harness.run().await;
        let rate = observed.metrics["LoginFailureRate"];
        assert!((rate - expected).abs() < 1e-9, "run {run}: expected {expected}, got {rate}");
        assert_eq!(observed.metrics["Lockouts"], 0.0);
        assert_eq!(measured(&observed, "LoginSuccessRate"), Some(100.0 - expected));
        assert_eq!(measured(&observed, "LogoutSuccessRate"), Some(100.0));
        assert!(!observed.metrics.contains_key("LoginSuccessRate"), "measured, not published");
    }
}

#[tokio::test]
async fn nothing_is_subtracted_without_includes_synthetic() {
    let harness = Harness::<Login>::with(Options::default(), |settings| {
        let line = "counters.token = ";
        assert!(settings.contains(line));
        *settings = settings.replace(line, &format!("counters.includes_synthetic = false\n{line}"));
    })
    .await;
    let observed = harness.run().await;
    // The demo platform does count this run: one log-in, one refusal.
    let with_synthetic = 100.0 * (REAL_USERS.1 + 1.0) / (REAL_USERS.0 + REAL_USERS.1 + 2.0);
    assert!((observed.metrics["LoginFailureRate"] - with_synthetic).abs() < 1e-9, "{:?}", observed.metrics);
}

#[tokio::test]
async fn own_throttled_log_ins_are_not_lockouts() {
    let harness = Harness::<Login>::start().await;
    harness.platform.faults().activate(Fault::Throttled);
    for _ in 0..2 {
        let observed = harness.run().await;
        assert_eq!(measured(&observed, "Lockouts"), Some(0.0), "{:#?}", observed.report);
    }
}

#[tokio::test]
async fn too_few_attempts_give_no_rate() {
    let harness = Harness::<Login>::with(Options::default(), |settings| {
        let line = "counters.token = ";
        assert!(settings.contains(line));
        *settings = settings.replace(line, &format!("counters.minimum_count = 1000\n{line}"));
    })
    .await;
    let observed = harness.run().await;
    assert!(!observed.metrics.contains_key("LoginFailureRate"), "{:?}", observed.metrics);
    assert!(observed.metrics.contains_key("Lockouts"), "a count needs no minimum: {:?}", observed.metrics);
}

#[tokio::test]
async fn unreadable_counters_do_not_fail_the_check() {
    for fault in [Fault::ServerError, Fault::HtmlInsteadOfJson] {
        let harness = Harness::<Login>::start().await;
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        assert_eq!(observed.step("counters"), Some("skipped"), "{fault}: {:#?}", observed.report);
    }
}

#[tokio::test]
async fn each_rate_needs_both_of_its_counters() {
    for (settings, [failures, lockouts, logouts], reason) in [
        ("", [true, true, true], None),
        (r#"logins_succeeded = "/a""#, [false, true, true], Some("the counters hold no /a")),
        (r#"logins_failed = "/queue""#, [false, true, true], Some("unreadable counters: /queue is {")),
        (r#"lockouts = "/a""#, [true, false, true], Some("the counters hold no /a")),
        // No published metric needs failed log-outs, so a platform may leave them out.
        (r#"logouts_failed = "/a""#, [true, true, false], None),
        (r#"logouts_failed = "/queue""#, [true, true, false], Some("unreadable counters: /queue is {")),
    ] {
        let harness = Harness::<Login>::with(Options::default(), |file| {
            file.push_str(&format!("\n[platform.counters]\n{settings}\n"));
        })
        .await;
        let observed = harness.run().await;
        let names = ["LoginFailureRate", "Lockouts", "LogoutSuccessRate"];
        let actual = names.map(|name| measured(&observed, name).is_some());
        assert_eq!(actual, [failures, lockouts, logouts], "{settings}");
        assert_eq!(observed.step("counters"), Some(if reason.is_none() { "passed" } else { "skipped" }), "{settings}");
        let line = serde_json::to_string(&observed.report).unwrap();
        assert!(reason.is_none_or(|reason| line.contains(reason)), "{settings}: {line}");
    }
}
