//! Cleanup of leftovers, by a later run and by `synthetics cleanup`.

use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use demo_platform::Fault;
use payment_webhook::PaymentWebhook;
use runtime::AnyCheck;

const MINUTES: Duration = Duration::from_secs(60);

/// Leaves the payment and invoice of a run whose refund was never processed.
async fn with_leftovers() -> Harness<PaymentWebhook> {
    let harness = Harness::<PaymentWebhook>::start().await;
    harness.platform.faults().activate(Fault::RefundNeverProcessed);
    let observed = harness.run().await;
    assert_eq!(observed.step("refund"), Some("failed"), "{:#?}", observed.report);
    assert_eq!(observed.report.leftovers.len(), 1, "{:?}", observed.report.leftovers);
    assert!(observed.report.leftovers[0].detail.contains("not processed yet"), "{:?}", observed.report.leftovers);
    let left = harness.platform.leftovers();
    assert!(left.iter().any(|left| left.starts_with("payment")), "{left:?}");
    harness.platform.faults().clear_all();
    harness
}

#[tokio::test]
async fn later_run_removes_leftovers() {
    let harness = with_leftovers().await;
    harness.clock.skip(16 * MINUTES);
    let observed = harness.run().await;
    assert_eq!(
        (observed.step("cleanup"), &observed.report.outcome),
        (Some("passed"), &Outcome::Passed),
        "{:#?}",
        observed.report
    );
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert_eq!(harness.run().await.step("cleanup"), None);
}

#[tokio::test]
async fn cleanup_lists_leftovers_and_removes_them_on_request() {
    let harness = with_leftovers().await;
    harness.clock.skip(16 * MINUTES);
    let listed = harness.prepared.cleanup(&harness.ports(), false).await.unwrap();
    assert!(!listed.leftovers.is_empty() && listed.leftovers.iter().all(|leftover| !leftover.removed), "{listed:#?}");
    assert!(listed.leftovers.iter().any(|leftover| leftover.what == "paid invoice"), "{listed:#?}");
    let cleaned = harness.prepared.cleanup(&harness.ports(), true).await.unwrap();
    assert!(cleaned.leftovers.iter().all(|leftover| leftover.removed), "{cleaned:#?}");
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert_eq!(harness.prepared.cleanup(&harness.ports(), true).await.unwrap().leftovers, [], "nothing remains");
}
