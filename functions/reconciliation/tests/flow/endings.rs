//! Failed and inconclusive runs: refused keys, a provider outage, limits, and no personal data in any output.

use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use hostile::{Server, answer};
use reconciliation::Reconciliation;
use serde_json::{Value, json};

fn cause(observed: &Observed) -> Cause {
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    inconclusive.cause
}

#[tokio::test]
async fn refused_provider_key_is_inconclusive() {
    let harness = Harness::<Reconciliation>::start().await;
    let with_wrong_key = |(path, value): (String, String)| {
        let value = if path == "reconciliation/provider-key" { "rk_of_another_account".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let secrets = harness.platform.credentials().into_iter().map(with_wrong_key);
    let ports = check_testkit::ports(&harness.memory, &harness.clock, secrets);
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    assert_eq!(cause(&observed), Cause::Credentials);
    assert_eq!(observed.step("match"), Some("skipped"));
}

#[tokio::test]
async fn provider_outage_fails_the_subject_provider() {
    let harness = Harness::<Reconciliation>::with(Options::default(), |settings| {
        *settings = settings.replace("provider.url = \"/_partners/stripe\"", "provider.url = \"/_partners/unknown\"");
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
async fn more_than_max_payments_is_inconclusive() {
    let options = Options { payments_every: Duration::from_secs(60), ..Options::default() };
    let harness = Harness::<Reconciliation>::with(options, |settings| {
        *settings = settings.replace("schools = [1, 3]", "schools = [1, 3]\nmax_payments = 100");
    })
    .await;
    assert_eq!(cause(&harness.run().await), Cause::Internal);
}

/// Runs the check against a provider that lists these payment intents on one page.
async fn run_with_intents(intents: &[Value]) -> Observed {
    let page = json!({ "data": intents, "has_more": false }).to_string();
    let server = Server::plain(move |_| answer("200 OK\r\nContent-Type: application/json", &page)).await;
    let url = format!("provider.url = \"http://{}\"", server.address);
    let harness = Harness::<Reconciliation>::with(Options::default(), |settings| {
        *settings = settings.replace("provider.url = \"/_partners/stripe\"", &url);
        *settings = settings.replace("schools = [1, 3]", "schools = [1, 3]\nmax_payments = 100");
    })
    .await;
    harness.run().await
}

fn intent(id: &str, currency: &str) -> Value {
    json!({ "id": id, "created": 1_795_000_000, "amount": 1, "currency": currency, "status": "succeeded" })
}

#[tokio::test]
async fn payments_beyond_the_bytes_to_hold_are_inconclusive() {
    let long = "x".repeat(10_000);
    let intents = |number| (0..number).map(|n| intent(&format!("pi_{n}"), &long)).collect::<Vec<_>>();
    let observed = run_with_intents(&intents(4)).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Internal);
    let detail = &inconclusive.detail;
    assert!(detail.starts_with("more than 40000 bytes of ids and currencies") && !detail.contains("xxx"), "{detail}");
    assert_eq!(run_with_intents(&intents(3)).await.step("provider-payments"), Some("passed"));
}

#[tokio::test]
async fn too_long_reference_fails_the_step_that_read_it() {
    let observed = run_with_intents(&[intent(&"x".repeat(256), "dkk")]).await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    let failure = &failures[0];
    assert_eq!((failures.len(), failure.subject.as_str(), failure.step.as_str()), (1, "provider", "provider-payments"));
    assert_eq!(
        (failure.expected.as_str(), failure.actual.as_str()),
        ("an id of at most 255 bytes at /id", "one of 256")
    );
    assert_eq!(observed.step("match"), Some("skipped"));
}

#[tokio::test]
async fn object_as_an_id_fails_the_step_that_read_it() {
    let harness = Harness::<Reconciliation>::with(Options::default(), |settings| {
        // The whole payment, as if it were the id.
        settings.push_str("\n[platform.school_payments]\nid = \"\"\n");
    })
    .await;
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!((failures.len(), failures[0].step.as_str()), (1, "platform-payments"), "{failures:?}");
    assert!(failures[0].expected.starts_with("an id at "), "{failures:?}");
    assert!(failures[0].actual.as_str() == "an object" && failures[0].evidence.is_none(), "{failures:?}");
}

/// The provider's responses contain names and payment methods. No fault may expose them.
#[tokio::test]
async fn no_fault_exposes_a_secret_or_personal_data() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Reconciliation>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        for _ in 0..2 {
            let observed = harness.run().await;
            let output = format!(
                "{observed:?} {} {:?}",
                serde_json::to_string(&observed.report).unwrap(),
                harness.memory.take_sent()
            );
            for secret in harness.platform.credentials().values() {
                assert!(!output.contains(secret), "{fault}: a secret is in {output}");
            }
            for private in ["last4", "exp_year", "Dalgaard", "eyJpdiI6"] {
                assert!(!output.contains(private), "{fault}: {private} is in {output}");
            }
        }
    }
}

#[tokio::test]
async fn evidence_names_the_payment_and_both_amounts() {
    let harness = Harness::<Reconciliation>::start().await;
    harness.platform.faults().activate(Fault::PaymentAmountDiffers);
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    let evidence = failures[0].evidence.clone().unwrap();
    assert!(
        evidence.starts_with("pi_demo_") && evidence.contains("(platform ") && evidence.contains(", provider "),
        "{evidence}"
    );
}
