//! A code is used once, and is refused for our clock's fault only.

use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use demo_platform::Options;
use login::Login;
use runtime::Clock;

use crate::steps;

const PERIOD: &str = "period = \"1s\"";

/// With codes that live as long as authenticator apps show them.
async fn harness_with_half_minute_codes() -> Harness<Login> {
    let options = Options { totp_period: Duration::from_secs(30), ..Options::default() };
    Harness::with(options, |settings| {
        assert!(settings.contains(PERIOD));
        *settings = settings.replace(PERIOD, "period = \"30s\"");
    })
    .await
}

#[tokio::test]
async fn a_second_log_in_within_the_period_waits_for_the_next_code() {
    let harness = harness_with_half_minute_codes().await;
    let ports = harness.ports();
    let first = harness.run_after(Duration::ZERO, &ports).await;
    assert_eq!(first.report.outcome, Outcome::Passed, "{:#?}", first.report);
    let before = harness.clock.now();
    // The platform refuses a code that was used, so a pass proves that this one was not.
    let second = harness.run_after(Duration::from_secs(1), &ports).await;
    assert_eq!(second.report.outcome, Outcome::Passed, "{:#?}", second.report);
    let passed = harness.clock.now().duration_since(before).as_secs_f64();
    assert!(passed <= 36.0, "waited {passed} s");
    let duration = second.report.last_attempt().unwrap().duration_ms;
    assert!(duration < 20_000.0, "the wait is part of the duration: {duration} ms");
}

#[tokio::test]
async fn without_its_memory_a_used_code_is_refused_which_is_what_the_wait_is_for() {
    let mut harness = harness_with_half_minute_codes().await;
    // At the start of a period, so that both log-ins are in the same one.
    let into = harness.clock.now().as_second().rem_euclid(30).unsigned_abs();
    harness.clock.skip(Duration::from_secs(31 - into));
    let first = harness.runs(1, Duration::ZERO, &[]).await;
    assert_eq!(first.report.outcome, Outcome::Passed, "{:#?}", first.report);
    let second = harness.runs(1, Duration::from_secs(1), &[]).await;
    assert_eq!(second.step("second-factor"), Some("failed"), "{:?}", steps(&second));
}

#[tokio::test]
async fn a_code_refused_while_the_clocks_differ_is_not_the_platforms_fault() {
    let harness = Harness::<Login>::start().await;
    let ports = harness.ports();
    let ahead = std::sync::Arc::new(runtime::SkippingClock::default());
    ahead.skip(Duration::from_secs(120));
    let observed = harness.run_after(Duration::ZERO, &runtime::Ports { clock: ahead, ..ports }).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, check::Cause::ClockSkew);
    assert!(inconclusive.detail.contains("s ahead of the platform's"), "{}", inconclusive.detail);
}
