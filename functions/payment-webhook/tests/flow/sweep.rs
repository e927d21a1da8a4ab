//! What earlier runs left is undone by later ones, and by a sweep.

use std::time::Duration;

use check::Outcome;
use demo_platform::Fault;
use payment_webhook::PaymentWebhook;
use runtime::AnyCheck;
use trial::Trial;

const MINUTES: Duration = Duration::from_secs(60);

/// A run whose refund is not worked off: its payment and invoice are left.
async fn left_behind() -> Trial<PaymentWebhook> {
    let trial = Trial::<PaymentWebhook>::start().await;
    trial.platform.faults().activate(Fault::RefundNeverProcessed);
    let seen = trial.run().await;
    assert_eq!(seen.step("refund"), Some("failed"), "{:#?}", seen.report);
    assert_eq!(seen.report.left_behind.len(), 1, "{:?}", seen.report.left_behind);
    assert!(seen.report.left_behind[0].detail.contains("not worked off yet"), "{:?}", seen.report.left_behind);
    let left = trial.platform.left_behind();
    assert!(left.iter().any(|left| left.starts_with("payment")), "{left:?}");
    trial.platform.faults().clear_all();
    trial
}

#[tokio::test]
async fn a_later_run_undoes_it_at_its_start() {
    let trial = left_behind().await;
    trial.clock.skip(16 * MINUTES);
    let seen = trial.run().await;
    assert_eq!((seen.step("sweep"), &seen.report.outcome), (Some("passed"), &Outcome::Passed), "{:#?}", seen.report);
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
    assert_eq!(trial.run().await.step("sweep"), None);
}

#[tokio::test]
async fn a_sweep_lists_and_undoes_when_it_is_told_to() {
    let trial = left_behind().await;
    trial.clock.skip(16 * MINUTES);
    let listed = trial.prepared.sweep(&trial.ports(), false).await.unwrap();
    assert!(!listed.leftovers.is_empty() && listed.leftovers.iter().all(|leftover| !leftover.removed), "{listed:#?}");
    assert!(listed.leftovers.iter().any(|leftover| leftover.what == "paid invoice"), "{listed:#?}");
    let swept = trial.prepared.sweep(&trial.ports(), true).await.unwrap();
    assert!(swept.leftovers.iter().all(|leftover| leftover.removed), "{swept:#?}");
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
    assert_eq!(trial.prepared.sweep(&trial.ports(), true).await.unwrap().leftovers, [], "undone once is undone");
}
