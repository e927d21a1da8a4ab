//! Platforms as they are: the documented one, one that calls everything otherwise, and a school without online payment.

use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::faults::{Shows, catalogue};
use demo_platform::seed::Seed;
use demo_platform::{Flavour, Options};
use payment_webhook::PaymentWebhook;

use crate::steps;

const ALL: [&str; 16] = [
    "log-in",
    "invoices",
    "counters",
    "new-invoices",
    "forged",
    "stale",
    "tampered",
    "mismatching",
    "payment",
    "processing",
    "replay",
    "recorded",
    "wrong-amount",
    "failed-payment",
    "balance",
    "refund",
];

/// The settings of a platform that calls everything otherwise.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed() -> Harness<PaymentWebhook> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| RENAMED.clone_into(settings)).await
}

fn assert_all_passed(observed: &Observed) {
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(observed), ALL.map(|name| (name, "passed")));
    assert_eq!(observed.report.leftovers, []);
}

#[tokio::test]
async fn the_documented_platform_passes_within_its_requests() {
    let harness = Harness::<PaymentWebhook>::start().await;
    let mut observed = harness.run().await;
    assert_all_passed(&observed);
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    let delay = observed.metrics["WebhookProcessingDelay"];
    assert!((150.0..5_000.0).contains(&delay), "{delay}");
    // Looking whether something has happened is apart: the first look at each counts, and nothing is asked beside it.
    let requests = harness.platform.requests().last();
    assert!(requests.len() <= 24, "{}: {requests:#?}", requests.len());
    let attempt = &mut observed.report.attempts[0];
    attempt.steps.retain(|step| step.name != "processing");
    let refund = attempt.steps.iter_mut().find(|step| step.name == "refund").unwrap();
    refund.exchanges.retain(|exchange| exchange.method != "GET");
    let chain = Harness::<PaymentWebhook>::longest_chain(&observed);
    assert!(chain <= 10, "{chain}: {:#?}", observed.report);
}

#[tokio::test]
async fn waits_and_looking_are_no_part_of_its_duration() {
    let harness = Harness::<PaymentWebhook>::start().await;
    let observed = harness.run().await;
    // By the clock of the platform it took two seconds at least.
    let took = observed.report.ended.duration_since(observed.report.started).as_secs_f64();
    assert!(observed.metrics["Duration"] <= (took - 2.0) * 1e3, "{took}: {:?}", observed.metrics);
}

#[tokio::test]
async fn a_platform_of_other_names_passes_by_its_settings() {
    let harness = renamed().await;
    let observed = harness.run().await;
    assert_all_passed(&observed);
    assert!(observed.metrics.contains_key("WebhookFailureRate") && observed.metrics.contains_key("PaymentFailureRate"));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

#[tokio::test]
async fn its_faults_are_seen_as_those_of_the_documented_one() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "payment-webhook") {
        let Shows::Failures(expected) = &spec.shows else { continue };
        let harness = renamed().await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.run().await;
        assert_eq!(observed.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, observed.report);
        assert_eq!(!harness.platform.leftovers().is_empty(), spec.leaves_leftovers, "{}", spec.fault);
    }
}

#[tokio::test]
async fn a_school_without_online_payment_is_skipped_when_the_settings_say_how_it_shows() {
    let seed = || {
        let mut seed = Seed::default();
        seed.schools.iter_mut().for_each(|school| school.online_payment = false);
        seed
    };
    let harness = Harness::<PaymentWebhook>::with(Options { seed: seed(), ..Options::default() }, |settings| {
        settings.push_str("\n[platform.invoice]\nnot_offered = [409]\n");
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!((observed.step("invoices"), observed.step("payment")), (Some("skipped"), Some("skipped")));
    assert!(harness.platform.requests().counts().keys().all(|route| !route.contains("webhook")));

    let unsaid = Harness::<PaymentWebhook>::with(Options { seed: seed(), ..Options::default() }, |_| {}).await;
    assert_eq!(unsaid.run().await.step("invoices"), Some("failed"), "a refusal must not look like that by itself");
}
