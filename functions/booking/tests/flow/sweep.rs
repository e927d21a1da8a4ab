//! What earlier runs left is removed by later ones, and by a sweep.

use std::time::Duration;

use booking::Booking;
use check::Outcome;
use demo_platform::Fault;
use runtime::{AnyCheck, Swept};
use trial::Trial;

const MINUTES: Duration = Duration::from_secs(60);

/// A booking that its run could not cancel, so old.
async fn left_for(age: Duration) -> (Trial<Booking>, String) {
    let trial = Trial::<Booking>::start().await;
    trial.platform.faults().activate(Fault::CancelIgnored);
    let seen = trial.run().await;
    trial.platform.faults().clear(Fault::CancelIgnored);
    assert_eq!(trial.platform.left_behind().len(), 1);
    trial.clock.skip(age);
    (trial, seen.report.run_id)
}

async fn sweep(trial: &Trial<Booking>, remove: bool) -> Swept {
    trial.prepared.sweep(&trial.ports(), remove).await.unwrap()
}

#[tokio::test]
async fn a_later_run_removes_it_at_its_start_when_no_run_can_still_be_about_it() {
    let (trial, _) = left_for(5 * MINUTES).await;
    let seen = trial.run().await;
    assert_eq!((seen.step("sweep"), &seen.report.outcome), (None, &Outcome::Passed));
    assert_eq!(trial.platform.left_behind().len(), 1, "it may be a run's beside this one");
    let seen = trial.run_after(10 * MINUTES, &trial.ports()).await;
    assert_eq!((seen.step("sweep"), &seen.report.outcome), (Some("passed"), &Outcome::Passed));
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
    assert_eq!(trial.run().await.step("sweep"), None);
}

#[tokio::test]
async fn what_cannot_be_swept_is_reported_and_fails_nothing_by_itself() {
    let (trial, run_id) = left_for(20 * MINUTES).await;
    // Cancelling is answered rightly, and cancels nothing.
    trial.platform.faults().activate(Fault::CancelIgnored);
    let seen = trial.run().await;
    assert_eq!(seen.step("sweep"), Some("passed"));
    assert_eq!(seen.step("cancel"), Some("failed"), "that is what tells it");
    assert!(trial.platform.left_behind().iter().any(|left| left.contains(&run_id)));
}

#[tokio::test]
async fn a_sweep_lists_and_removes_when_it_is_told_to() {
    let (trial, run_id) = left_for(20 * MINUTES).await;
    let listed = sweep(&trial, false).await;
    assert_eq!(listed.outcome, Outcome::Passed);
    let [leftover] = &listed.leftovers[..] else { panic!("{listed:#?}") };
    assert_eq!((leftover.what.as_str(), &leftover.run_id, leftover.removed), ("booking", &run_id, false));
    assert_eq!(trial.platform.left_behind().len(), 1, "listing removes nothing");

    let swept = sweep(&trial, true).await;
    assert!(swept.leftovers[0].removed, "{swept:#?}");
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
    assert_eq!(sweep(&trial, true).await.leftovers, []);
}

#[tokio::test]
async fn a_sweep_that_could_not_look_says_so() {
    let (trial, _) = left_for(20 * MINUTES).await;
    trial.platform.faults().activate(Fault::Calendar500);
    let swept = sweep(&trial, true).await;
    assert!(matches!(swept.outcome, Outcome::Failed { .. }), "{swept:#?}");
}
