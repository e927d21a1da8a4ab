//! How real users fare, without our own attempts.

use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use login::Login;

/// What the demo platform's real users do in a window.
const REAL: (f64, f64) = (180.0, 12.0);

fn measured(observed: &Observed, metric: &str) -> Option<f64> {
    let attempt = observed.report.last_attempt().unwrap();
    attempt.measurements.iter().find(|measurement| measurement.metric == metric).map(|measurement| measurement.value)
}

#[tokio::test]
async fn our_own_attempts_are_taken_off() {
    let harness = Harness::<Login>::start().await;
    let expected = 100.0 * REAL.1 / (REAL.0 + REAL.1);
    for run in 1..=7 {
        let observed = harness.run().await;
        let rate = observed.metrics["LoginFailureRate"];
        assert!((rate - expected).abs() < 1e-9, "run {run}: {rate}, not {expected}");
        assert_eq!(observed.metrics["Lockouts"], 0.0);
        assert_eq!(measured(&observed, "LoginSuccessRate"), Some(100.0 - expected));
        assert_eq!(measured(&observed, "LogoutSuccessRate"), Some(100.0));
        assert!(!observed.metrics.contains_key("LoginSuccessRate"), "measured, not published");
    }
}

#[tokio::test]
async fn a_platform_that_leaves_synthetic_log_ins_out_has_nothing_taken_off() {
    let harness = Harness::<Login>::with(Options::default(), |settings| {
        let line = "counters.token = ";
        assert!(settings.contains(line));
        *settings = settings.replace(line, &format!("counters.includes_synthetic = false\n{line}"));
    })
    .await;
    let observed = harness.run().await;
    // This platform does count ours: one log-in, one refusal.
    let with_ours = 100.0 * (REAL.1 + 1.0) / (REAL.0 + REAL.1 + 2.0);
    assert!((observed.metrics["LoginFailureRate"] - with_ours).abs() < 1e-9, "{:?}", observed.metrics);
}

#[tokio::test]
async fn our_own_throttled_log_ins_are_no_lockouts_of_users() {
    let harness = Harness::<Login>::start().await;
    harness.platform.faults().activate(Fault::Throttled);
    for _ in 0..2 {
        let observed = harness.run().await;
        assert_eq!(measured(&observed, "Lockouts"), Some(0.0), "{:#?}", observed.report);
    }
}

#[tokio::test]
async fn a_window_with_too_few_attempts_has_no_rate() {
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
async fn counters_that_cannot_be_read_are_not_this_checks_failure() {
    for fault in [Fault::ServerError, Fault::HtmlInsteadOfJson] {
        let harness = Harness::<Login>::start().await;
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        assert_eq!(observed.step("counters"), Some("skipped"), "{fault}: {:#?}", observed.report);
    }
}
