//! Comparison of thousands of payments.

use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use demo_platform::{Fault, Options};
use reconciliation::Reconciliation;

#[tokio::test]
async fn thousands_of_payments_are_compared_page_by_page() {
    // A payment every ten seconds: the provider lists about five hours, the platform at least four, in whole days.
    let options = Options { payments_every: Duration::from_secs(10), ..Options::default() };
    let harness = Harness::<Reconciliation>::with(options, |settings| {
        let more = "schools = [1, 3]\nmax_payments = 100000\nintent_lifetime = \"1h\"";
        *settings = settings.replace("schools = [1, 3]", more);
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:?}", observed.report.outcome);
    let counts = harness.platform.requests().counts();
    let pages = counts["GET /_partners/stripe/v1/payment_intents"];
    assert!((18..=20).contains(&pages), "{pages} pages of 100");
    let pages = counts["GET /api/schools/{school}/payments"];
    assert!(pages >= 25, "{pages} pages of 50");
    harness.platform.faults().activate(Fault::PaymentMissingOnPlatform);
    assert_eq!(harness.run().await.metrics["PaymentMismatches"], 1.0, "one of thousands");
}
