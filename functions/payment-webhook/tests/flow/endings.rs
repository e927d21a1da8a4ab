//! What ends a run, and what it leaves: nothing that can be undone.

use std::sync::Arc;
use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use payment_webhook::PaymentWebhook;
use runtime::Clock;

async fn with(fault: Fault) -> (Harness<PaymentWebhook>, Observed) {
    let harness = Harness::<PaymentWebhook>::start().await;
    harness.platform.faults().activate(fault);
    let observed = harness.run().await;
    (harness, observed)
}

#[tokio::test]
async fn a_webhook_that_is_down_is_told_as_that_and_not_as_a_refusal() {
    let (harness, observed) = with(Fault::Webhook500).await;
    assert_eq!((observed.step("forged"), observed.step("payment")), (Some("skipped"), Some("failed")));
    assert_eq!(observed.step("recorded"), Some("skipped"));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_paid_twice_or_by_a_stranger_is_paid_back() {
    for fault in [Fault::WebhookDuplicates, Fault::WebhookAcceptsForged, Fault::WebhookIgnoresAmount] {
        let (harness, observed) = with(fault).await;
        assert!(matches!(observed.report.outcome, Outcome::Failed { .. }), "{fault}");
        assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "{fault}: {:#?}", observed.report.leftovers);
        assert_eq!(observed.metrics["Leftovers"], 0.0, "{fault}");
    }
}

#[tokio::test]
async fn events_that_a_worker_works_off_after_their_run_was_undone_change_nothing() {
    let (harness, observed) = with(Fault::WebhookNeverProcessed).await;
    assert_eq!(observed.step("processing"), Some("failed"));
    assert_eq!(observed.report.leftovers, []);
    harness.platform.faults().clear_all();
    harness.clock.skip(Duration::from_secs(60));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "its invoices are void, and stay that");
    assert_eq!(harness.run().await.report.outcome, Outcome::Passed, "nor is the balance of the next run another");
}

#[tokio::test]
async fn a_payment_that_is_recorded_late_is_paid_back_by_a_later_run() {
    let (harness, observed) = with(Fault::PaymentNeverRecorded).await;
    assert_eq!((observed.step("recorded"), observed.report.leftovers.len()), (Some("failed"), 1));
    harness.platform.faults().clear_all();
    harness.clock.skip(Duration::from_secs(16 * 60));
    assert_eq!(harness.run().await.step("sweep"), Some("passed"));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn both_rates_are_missing_when_the_counters_are_and_that_is_said() {
    let (_, observed) = with(Fault::CountersMissing).await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    assert!(!observed.metrics.keys().any(|name| name.ends_with("Rate")), "{:?}", observed.metrics);
    let line = serde_json::to_string(&observed.report).unwrap();
    let said = "the counters hold no /webhooks_received, /webhooks_failed, /payments_attempted, /payments_failed";
    assert!(line.contains(said), "{line}");
}

#[tokio::test]
async fn a_run_that_is_cut_off_after_the_payment_pays_back() {
    let harness = Harness::<PaymentWebhook>::with(
        Options { slow_delay: Duration::from_millis(450), ..Options::default() },
        |settings| {
            let section = settings.find("[check.payment-webhook]").unwrap();
            let (before, own) = settings.split_at(section);
            let own = own.replace(
                "step_deadline = \"5s\"\nprocessing_deadline = \"6s\"",
                "step_deadline = \"1s\"\nprocessing_deadline = \"1s\"\ndeadline = \"4s\"",
            );
            *settings = format!("{before}{own}");
        },
    )
    .await;
    harness.platform.faults().activate(Fault::Slow);
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert!(failures[0].expected.starts_with("done within the run's"), "{failures:?}");
    let counts = harness.platform.requests().counts();
    assert!(counts.get("POST /api/payments/stripe/webhook").is_some_and(|came| *came > 5), "{counts:?}");
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "{:?}", observed.report.leftovers);
}

#[tokio::test]
async fn clocks_that_differ_are_no_failure() {
    let clock = Arc::new(runtime::SkippingClock::default());
    let ahead = clock.clone();
    let options =
        Options { clock: Arc::new(move || ahead.now() + jiff::SignedDuration::from_mins(7)), ..Options::default() };
    let platform = demo_platform::DemoPlatform::start(options).await.unwrap();
    let mut harness = Harness::<PaymentWebhook>::with(Options::default(), |settings| {
        *settings = settings.replace("http://127.0.0.1:8480", platform.base_url());
    })
    .await;
    // The trial's own platform is replaced by the one whose clock is ahead.
    harness.prepared.common.base_url = platform.base_url().parse().unwrap();
    harness.prepared.check.site.base_url = platform.base_url().parse().unwrap();
    harness.platform = platform;
    harness.clock = clock;
    let observed = harness.run().await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::ClockSkew, "{}", inconclusive.detail);
}

#[tokio::test]
async fn a_secret_that_does_not_resolve_creates_nothing() {
    let harness = Harness::<PaymentWebhook>::start().await;
    let known = harness.platform.credentials().into_iter().filter(|(path, _)| !path.ends_with("webhook-secret"));
    let known = known.map(|(path, value)| (format!("/just-driving/demo/{path}"), value));
    let ports = check_testkit::ports(&harness.memory, &harness.clock, known);
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Reference);
    assert!(harness.platform.requests().last().is_empty(), "what cannot be undone is not begun");
}

#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<PaymentWebhook>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        let said = format!(
            "{observed:?} {} {:?}",
            serde_json::to_string(&observed.report).unwrap(),
            harness.memory.take_sent()
        );
        for (path, secret) in harness.platform.credentials() {
            assert!(!said.contains(&secret), "{fault}: {path} is said in {said}");
        }
        assert!(!said.contains(",v1="), "{fault}: a signature is said in {said}");
    }
}

#[tokio::test]
async fn our_own_deliveries_are_taken_off() {
    let harness = Harness::<PaymentWebhook>::start().await;
    // What the demo platform's real users do in a window.
    let expected = [("WebhookFailureRate", 100.0 / 50.0), ("PaymentFailureRate", 100.0 * 2.0 / 40.0)];
    for run in 1..=4 {
        let observed = harness.run().await;
        for (metric, rate) in expected {
            let published = observed.metrics[metric];
            assert!((published - rate).abs() < 1e-9, "run {run}: {metric} is {published}, not {rate}");
        }
    }
}
