//! Cleanup of leftovers, by a later run and by `synthetics cleanup`.

use std::time::Duration;

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use demo_platform::Fault;
use runtime::{AnyCheck, CleanupReport};

const MINUTES: Duration = Duration::from_secs(60);

/// Leaves a booking of this age that its run failed to cancel. Returns the run's id too.
async fn with_leftover(age: Duration) -> (Harness<Booking>, String) {
    let harness = Harness::<Booking>::start().await;
    harness.platform.faults().activate(Fault::CancelIgnored);
    let observed = harness.run().await;
    harness.platform.faults().clear(Fault::CancelIgnored);
    assert_eq!(harness.platform.leftovers().len(), 1);
    harness.clock.skip(age);
    (harness, observed.report.run_id)
}

async fn cleanup(harness: &Harness<Booking>, remove: bool) -> CleanupReport {
    harness.prepared.cleanup(&harness.ports(), remove).await.unwrap()
}

#[tokio::test]
async fn later_run_removes_a_leftover_of_a_finished_run() {
    let (harness, _) = with_leftover(5 * MINUTES).await;
    let observed = harness.run().await;
    assert_eq!((observed.step("cleanup"), &observed.report.outcome), (None, &Outcome::Passed));
    assert_eq!(harness.platform.leftovers().len(), 1, "it may belong to a concurrent run");
    let observed = harness.run_after(10 * MINUTES, &harness.ports()).await;
    assert_eq!((observed.step("cleanup"), &observed.report.outcome), (Some("passed"), &Outcome::Passed));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert_eq!(harness.run().await.step("cleanup"), None);
}

#[tokio::test]
async fn failed_cleanup_fails_only_the_step_cancel() {
    let (harness, run_id) = with_leftover(20 * MINUTES).await;
    // The platform confirms the cancellation but keeps the booking.
    harness.platform.faults().activate(Fault::CancelIgnored);
    let observed = harness.run().await;
    assert_eq!(observed.step("cleanup"), Some("passed"));
    assert_eq!(observed.step("cancel"), Some("failed"), "the flow detects the fault");
    assert!(harness.platform.leftovers().iter().any(|left| left.contains(&run_id)));
}

#[tokio::test]
async fn cleanup_lists_leftovers_and_removes_them_on_request() {
    let (harness, run_id) = with_leftover(20 * MINUTES).await;
    let listed = cleanup(&harness, false).await;
    assert_eq!(listed.outcome, Outcome::Passed);
    let [leftover] = &listed.leftovers[..] else { panic!("{listed:#?}") };
    assert_eq!((leftover.what.as_str(), &leftover.run_id, leftover.removed), ("booking", &run_id, false));
    assert_eq!(harness.platform.leftovers().len(), 1, "listing removes nothing");

    let cleaned = cleanup(&harness, true).await;
    assert!(cleaned.leftovers[0].removed, "{cleaned:#?}");
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert_eq!(cleanup(&harness, true).await.leftovers, []);
}

#[tokio::test]
async fn cleanup_fails_when_the_calendar_is_unreadable() {
    let (harness, _) = with_leftover(20 * MINUTES).await;
    harness.platform.faults().activate(Fault::Calendar500);
    let cleaned = cleanup(&harness, true).await;
    assert!(matches!(cleaned.outcome, Outcome::Failed { .. }), "{cleaned:#?}");
}
