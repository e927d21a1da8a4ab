//! What else may come: refusals, partners that fail, and nothing told that people paid with.

use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use reconciliation::Reconciliation;

fn cause(observed: &Observed) -> Cause {
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    inconclusive.cause
}

#[tokio::test]
async fn a_key_that_is_refused_is_no_failure() {
    let harness = Harness::<Reconciliation>::start().await;
    let of_demo = |(path, value): (String, String)| {
        let value = if path == "reconciliation/provider-key" { "rk_of_somebody_else".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports =
        check_testkit::ports(&harness.memory, &harness.clock, harness.platform.credentials().into_iter().map(of_demo));
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    assert_eq!(cause(&observed), Cause::Credentials);
    assert_eq!(observed.step("match"), Some("skipped"));
}

#[tokio::test]
async fn a_provider_that_is_down_is_a_subject_of_its_own() {
    let harness = Harness::<Reconciliation>::with(Options::default(), |settings| {
        *settings = settings.replace("provider.url = \"/_partners/stripe\"", "provider.url = \"/_partners/nobody\"");
    })
    .await;
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].subject.as_str(), failures[0].step.as_str()), ("provider", "provider-payments"));
    assert!(failures[0].actual.contains("the payment provider answered 404"), "{:?}", failures[0]);
    assert!(!observed.metrics.contains_key("PaymentMismatches"));
}

#[tokio::test]
async fn more_payments_than_fit_are_said_and_not_judged() {
    let options = Options { payments_every: Duration::from_secs(60), ..Options::default() };
    let harness = Harness::<Reconciliation>::with(options, |settings| {
        *settings = settings.replace("schools = [1, 3]", "schools = [1, 3]\nmost_payments = 100");
    })
    .await;
    assert_eq!(cause(&harness.run().await), Cause::Internal);
}

/// The provider tells what people paid with, and who they are; nothing of it leaves the process, whatever goes wrong.
#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret_or_a_card() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Reconciliation>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        for _ in 0..2 {
            let observed = harness.run().await;
            let said = format!(
                "{observed:?} {} {:?}",
                serde_json::to_string(&observed.report).unwrap(),
                harness.memory.take_sent()
            );
            for secret in harness.platform.credentials().values() {
                assert!(!said.contains(secret), "{fault}: a secret is said in {said}");
            }
            for of_people in ["last4", "exp_year", "Dalgaard", "eyJpdiI6"] {
                assert!(!said.contains(of_people), "{fault}: {of_people} is said in {said}");
            }
        }
    }
}

#[tokio::test]
async fn a_mismatch_names_the_payment_and_what_differs() {
    let harness = Harness::<Reconciliation>::start().await;
    harness.platform.faults().activate(Fault::PaymentAmountDiffers);
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    let evidence = failures[0].evidence.clone().unwrap();
    assert!(
        evidence.starts_with("pi_demo_") && evidence.contains(" here, ") && evidence.contains(" there"),
        "{evidence}"
    );
}
