//! Second factor: a code is used once, and clock skew makes the run inconclusive.

use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use demo_platform::Options;
use login::Login;
use runtime::Clock;

use crate::steps;

const PERIOD: &str = "period = \"1s\"";

/// Starts a harness with the usual code period of authenticator apps, 30 s.
async fn harness_with_half_minute_codes() -> Harness<Login> {
    let options = Options { totp_period: Duration::from_secs(30), ..Options::default() };
    Harness::with(options, |settings| {
        assert!(settings.contains(PERIOD));
        *settings = settings.replace(PERIOD, "period = \"30s\"");
    })
    .await
}

#[tokio::test]
async fn second_log_in_in_a_period_waits_for_the_next_code() {
    let harness = harness_with_half_minute_codes().await;
    let ports = harness.ports();
    let first = harness.run_after(Duration::ZERO, &ports).await;
    assert_eq!(first.report.outcome, Outcome::Passed, "{:#?}", first.report);
    let before = harness.clock.now();
    // The platform refuses a used code, so a pass proves that this one is new.
    let second = harness.run_after(Duration::from_secs(1), &ports).await;
    assert_eq!(second.report.outcome, Outcome::Passed, "{:#?}", second.report);
    let waited = harness.clock.now().duration_since(before).as_secs_f64();
    assert!(waited <= 36.0, "waited {waited} s");
    let duration = second.report.last_attempt().unwrap().duration_ms;
    assert!(duration < 20_000.0, "the duration includes the wait: {duration} ms");
}

#[tokio::test]
async fn used_code_is_refused_when_memory_is_lost() {
    let mut harness = harness_with_half_minute_codes().await;
    // Starts at the beginning of a period, so that both log-ins fall into it.
    let into = harness.clock.now().as_second().rem_euclid(30).unsigned_abs();
    harness.clock.skip(Duration::from_secs(31 - into));
    let first = harness.runs(1, Duration::ZERO, &[]).await;
    assert_eq!(first.report.outcome, Outcome::Passed, "{:#?}", first.report);
    let second = harness.runs(1, Duration::from_secs(1), &[]).await;
    assert_eq!(second.step("second-factor"), Some("failed"), "{:?}", steps(&second));
}

#[tokio::test]
async fn code_refused_under_clock_skew_is_inconclusive() {
    let harness = Harness::<Login>::start().await;
    let ports = harness.ports();
    let ahead = std::sync::Arc::new(runtime::SkippingClock::default());
    ahead.skip(Duration::from_secs(120));
    let observed = harness.run_after(Duration::ZERO, &runtime::Ports { clock: ahead, ..ports }).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, check::Cause::ClockSkew);
    assert!(inconclusive.detail.contains("s ahead of the platform's"), "{}", inconclusive.detail);
}
