//! What earlier runs left is removed by later ones, and by a sweep.

use std::time::Duration;

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use demo_platform::Fault;
use runtime::{AnyCheck, CleanupReport};

const MINUTES: Duration = Duration::from_secs(60);

/// A booking that its run could not cancel, so old.
async fn left_for(age: Duration) -> (Harness<Booking>, String) {
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
async fn a_later_run_removes_it_at_its_start_when_no_run_can_still_be_about_it() {
    let (harness, _) = left_for(5 * MINUTES).await;
    let observed = harness.run().await;
    assert_eq!((observed.step("sweep"), &observed.report.outcome), (None, &Outcome::Passed));
    assert_eq!(harness.platform.leftovers().len(), 1, "it may be a run's beside this one");
    let observed = harness.run_after(10 * MINUTES, &harness.ports()).await;
    assert_eq!((observed.step("sweep"), &observed.report.outcome), (Some("passed"), &Outcome::Passed));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert_eq!(harness.run().await.step("sweep"), None);
}

#[tokio::test]
async fn what_cannot_be_swept_is_reported_and_fails_nothing_by_itself() {
    let (harness, run_id) = left_for(20 * MINUTES).await;
    // Cancelling is answered rightly, and cancels nothing.
    harness.platform.faults().activate(Fault::CancelIgnored);
    let observed = harness.run().await;
    assert_eq!(observed.step("sweep"), Some("passed"));
    assert_eq!(observed.step("cancel"), Some("failed"), "that is what tells it");
    assert!(harness.platform.leftovers().iter().any(|left| left.contains(&run_id)));
}

#[tokio::test]
async fn a_sweep_lists_and_removes_when_it_is_told_to() {
    let (harness, run_id) = left_for(20 * MINUTES).await;
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
async fn a_sweep_that_could_not_look_says_so() {
    let (harness, _) = left_for(20 * MINUTES).await;
    harness.platform.faults().activate(Fault::Calendar500);
    let cleaned = cleanup(&harness, true).await;
    assert!(matches!(cleaned.outcome, Outcome::Failed { .. }), "{cleaned:#?}");
}
