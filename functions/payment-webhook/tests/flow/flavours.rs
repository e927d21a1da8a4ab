//! Platform variants: the documented one, one with other names for everything, and a school without online payment.

use check::{FailureKind, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::faults::{Shows, catalogue};
use demo_platform::seed::Seed;
use demo_platform::{Fault, Flavour, Options};
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

/// Settings of a platform with other names for everything.
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
async fn documented_platform_passes_within_the_request_bounds() {
    let harness = Harness::<PaymentWebhook>::start().await;
    let mut observed = harness.run().await;
    assert_all_passed(&observed);
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    let delay = observed.metrics["WebhookProcessingDelay"];
    assert!((150.0..5_000.0).contains(&delay), "{delay}");
    // Without faults, each step polls once, so the bound holds for all requests. The chain excludes polls.
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
async fn duration_excludes_waits_and_polls() {
    let harness = Harness::<PaymentWebhook>::start().await;
    let observed = harness.run().await;
    // The run waits at least two seconds for unwanted effects.
    let took = observed.report.ended.duration_since(observed.report.started).as_secs_f64();
    assert!(observed.metrics["Duration"] <= (took - 2.0) * 1e3, "{took}: {:?}", observed.metrics);
}

#[tokio::test]
async fn renamed_platform_passes_with_its_settings() {
    let harness = renamed().await;
    let observed = harness.run().await;
    assert_all_passed(&observed);
    assert!(observed.metrics.contains_key("WebhookFailureRate") && observed.metrics.contains_key("PaymentFailureRate"));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

/// Lists of two rows a page, the oldest first: the run's own rows are on the last pages.
#[tokio::test]
async fn lists_are_read_to_their_last_page() {
    for flavour in [Flavour::Documented, Flavour::Renamed] {
        let options = Options { flavour, per_page: Some(2), ..Options::default() };
        let harness = Harness::<PaymentWebhook>::with(options, |settings| {
            if flavour == Flavour::Renamed {
                RENAMED.clone_into(settings);
            }
        })
        .await;
        for _ in 0..3 {
            assert_all_passed(&harness.run().await);
        }
        harness.platform.faults().activate(Fault::WebhookAcceptsForged);
        let observed = harness.run().await;
        assert!(matches!(observed.report.outcome, Outcome::Failed { .. }), "{flavour:?}");
        assert_eq!(observed.report.leftovers, [], "{flavour:?}");
        assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "{flavour:?}");
    }
}

#[tokio::test]
async fn faults_of_the_renamed_platform_are_caught() {
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
async fn school_without_online_payment_is_skipped_if_configured() {
    let seed = || {
        let mut seed = Seed::default();
        seed.schools.iter_mut().for_each(|school| school.online_payment = false);
        seed
    };
    let harness = Harness::<PaymentWebhook>::with(Options { seed: seed(), ..Options::default() }, |settings| {
        settings.push_str("\n[platform.invoice]\nunsupported_statuses = [409]\n");
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!((observed.step("invoices"), observed.step("payment")), (Some("skipped"), Some("skipped")));
    assert!(harness.platform.requests().counts().keys().all(|route| !route.contains("webhook")));

    let default = Harness::<PaymentWebhook>::with(Options { seed: seed(), ..Options::default() }, |_| {}).await;
    assert_eq!(default.run().await.step("invoices"), Some("failed"), "no status means unsupported by default");
}

/// A word that the settings do not know fails where it is read, and not as a late payment.
#[tokio::test]
async fn unknown_status_is_named_where_it_is_read() {
    for (section, key, step, expected, actual) in [
        ("invoice", "open_status", "new-invoices", "one of the statuses other, paid, void", "open; if"),
        ("invoice", "paid_status", "processing", "one of the statuses open, other, void", "paid; if"),
        ("payment", "refunded_status", "refund", "one of the statuses succeeded, other", "refunded; if"),
    ] {
        let harness = Harness::<PaymentWebhook>::with(Options::default(), |settings| {
            settings.push_str(&format!("\n[platform.{section}]\n{key} = \"other\"\n"));
        })
        .await;
        let observed = harness.run().await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{key}: {:#?}", observed.report) };
        let failure = failures.iter().find(|failure| failure.step == step);
        let failure = failure.unwrap_or_else(|| panic!("{key}: {failures:#?}"));
        assert_eq!((failure.kind, failure.expected.as_str()), (FailureKind::Assertion, expected), "{key}");
        assert!(failure.actual.starts_with(actual), "{key}: {}", failure.actual);
        assert!(failure.actual.ends_with(&format!("set `platform.{section}.{key}`")), "{key}: {}", failure.actual);
    }
}
