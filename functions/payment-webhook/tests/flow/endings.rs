//! Interrupted, failed and inconclusive runs: each is compensated if possible, and no output contains a secret.

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
async fn webhook_outage_fails_payment_and_not_the_refusals() {
    let (harness, observed) = with(Fault::Webhook500).await;
    assert_eq!((observed.step("forged"), observed.step("payment")), (Some("skipped"), Some("failed")));
    assert_eq!(observed.step("recorded"), Some("skipped"));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn server_error_for_an_old_signature_fails_that_step() {
    let (harness, observed) = with(Fault::WebhookStale500).await;
    let results =
        ["forged", "stale", "tampered", "mismatching", "payment", "recorded", "refund"].map(|step| observed.step(step));
    let [passed, failed, skipped] = ["passed", "failed", "skipped"].map(Some);
    assert_eq!(results, [passed, failed, passed, passed, passed, passed, skipped]);
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn duplicate_and_forged_payments_are_refunded() {
    for fault in [Fault::WebhookDuplicates, Fault::WebhookAcceptsForged, Fault::WebhookIgnoresAmount] {
        let (harness, observed) = with(fault).await;
        assert!(matches!(observed.report.outcome, Outcome::Failed { .. }), "{fault}");
        assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "{fault}: {:#?}", observed.report.leftovers);
        assert_eq!(observed.metrics["Leftovers"], 0.0, "{fault}");
    }
}

#[tokio::test]
async fn events_processed_after_compensation_have_no_effect() {
    let (harness, observed) = with(Fault::WebhookNeverProcessed).await;
    assert_eq!(observed.step("processing"), Some("failed"));
    assert_eq!(observed.report.leftovers, []);
    harness.platform.faults().clear_all();
    harness.clock.skip(Duration::from_secs(60));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "the invoices stay void");
    assert_eq!(harness.run().await.report.outcome, Outcome::Passed, "the balance of the next run is right");
}

#[tokio::test]
async fn payment_recorded_late_is_refunded_by_a_later_run() {
    let (harness, observed) = with(Fault::PaymentNeverRecorded).await;
    assert_eq!((observed.step("recorded"), observed.report.leftovers.len()), (Some("failed"), 1));
    harness.platform.faults().clear_all();
    harness.clock.skip(Duration::from_secs(16 * 60));
    assert_eq!(harness.run().await.step("cleanup"), Some("passed"));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

/// Runs the check, and changes the platform's faults as soon as its requests and leftovers are as wanted.
async fn run_until(
    harness: &Harness<PaymentWebhook>,
    is_reached: impl Fn(&Harness<PaymentWebhook>) -> bool,
    change: impl FnOnce(&demo_platform::faults::Faults),
) -> Observed {
    let turn = async {
        while !is_reached(harness) {
            tokio::task::yield_now().await;
        }
        change(harness.platform.faults());
    };
    tokio::join!(harness.run(), turn).0
}

#[tokio::test]
async fn payment_processed_before_voiding_is_refunded_too() {
    let harness = Harness::<PaymentWebhook>::start().await;
    harness.platform.faults().activate(Fault::WebhookNeverProcessed);
    let lists = |harness: &Harness<PaymentWebhook>| {
        harness.platform.requests().counts().get("GET /api/students/{student}/invoices").copied().unwrap_or_default()
    };
    // The first list is read by the flow, the second by compensation, after that of the payments.
    let is_voiding = |harness: &Harness<PaymentWebhook>| lists(harness) == 2;
    let observed = run_until(&harness, is_voiding, |faults| faults.clear_all()).await;
    assert_eq!(observed.step("processing"), Some("failed"), "{:#?}", observed.report);
    assert_eq!(observed.report.leftovers, []);
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert!(lists(&harness) > 2, "the invoices were voided at once, so no payment was processed in between");
}

#[tokio::test]
async fn payments_that_cannot_be_read_keep_no_unpaid_invoice() {
    let harness = Harness::<PaymentWebhook>::with(Options::default(), |settings| {
        settings.push_str("\n[platform.payment]\namount = \"/created_at\"\n");
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.step("recorded"), Some("failed"), "{:#?}", observed.report);
    let leftovers = &observed.report.leftovers;
    let reason = "undoing the test payment failed: expected a number at /created_at";
    assert!(leftovers.len() == 1 && leftovers[0].detail.starts_with(reason), "{leftovers:?}");
    let left = harness.platform.leftovers();
    let is_paid = |line: &String| line.contains(" paid (") || line.starts_with("payment ");
    assert!(left.len() == 2 && left.iter().all(is_paid), "expected the paid invoice and its payment: {left:?}");
}

#[tokio::test]
async fn maintenance_in_the_middle_leaves_what_a_later_run_undoes() {
    let harness = Harness::<PaymentWebhook>::start().await;
    let has_created = |harness: &Harness<PaymentWebhook>| !harness.platform.leftovers().is_empty();
    let observed = run_until(&harness, has_created, |faults| faults.activate(Fault::Maintenance)).await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    let leftovers = &observed.report.leftovers;
    let is_by_maintenance = |leftover: &check::Leftover| leftover.detail.contains("as in maintenance mode");
    assert!(!leftovers.is_empty() && leftovers.iter().all(is_by_maintenance), "{leftovers:?}");
    harness.platform.faults().clear_all();
    harness.clock.skip(Duration::from_secs(16 * 60));
    assert_eq!(harness.run().await.step("cleanup"), Some("passed"));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn missing_counters_are_reported_in_the_log_line() {
    let (_, observed) = with(Fault::CountersMissing).await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    assert!(!observed.metrics.keys().any(|name| name.ends_with("Rate")), "{:?}", observed.metrics);
    let line = serde_json::to_string(&observed.report).unwrap();
    let reason = "the counters hold no /webhooks_received, /webhooks_failed, /payments_attempted, /payments_failed";
    assert!(line.contains(reason), "{line}");
}

#[tokio::test]
async fn each_rate_needs_both_of_its_counters() {
    let (webhooks, payments) = ("WebhookFailureRate", "PaymentFailureRate");
    for (settings, published, reason) in [
        (r#"webhooks_received = "/a""#, [false, true], "the counters hold no /a"),
        (r#"webhooks_failed = "/a""#, [false, true], "the counters hold no /a"),
        (r#"payments_attempted = "/queue/payments""#, [true, false], "unreadable counters: /queue/payments is {"),
        ("payments_failed = \"/a\"\nwebhooks_failed = \"/b\"", [false, false], "the counters hold no /b, /a"),
    ] {
        let harness = Harness::<PaymentWebhook>::with(Options::default(), |file| {
            file.push_str(&format!("\n[platform.counters]\n{settings}\n"));
        })
        .await;
        let observed = harness.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{settings}: {:#?}", observed.report);
        let actual = [webhooks, payments].map(|name| observed.metrics.contains_key(name));
        assert_eq!(actual, published, "{settings}");
        let line = serde_json::to_string(&observed.report).unwrap();
        assert!(line.contains(reason), "{settings}: {line}");
    }
}

#[tokio::test]
async fn object_as_an_id_fails_the_step_that_received_it() {
    let harness = Harness::<PaymentWebhook>::with(Options::default(), |settings| {
        // The whole invoice, as if it were the id.
        settings.push_str("\n[platform.invoice]\nid = \"\"\n");
    })
    .await;
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!((failures.len(), failures[0].step.as_str()), (1, "new-invoices"), "{failures:?}");
    assert!(failures[0].expected.starts_with("an id at "), "{failures:?}");
    assert!(failures[0].actual.as_str() == "an object" && failures[0].evidence.is_none(), "{failures:?}");
    // Compensation cannot void an invoice without its id, and says so.
    let leftovers = &observed.report.leftovers;
    let reason = "undoing the test payment failed: expected an id at , found an object";
    assert!(leftovers.len() == 1 && leftovers[0].detail.starts_with(reason), "{leftovers:?}");
}

#[tokio::test]
async fn run_at_its_deadline_refunds_its_payment() {
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
    assert!(counts.get("POST /api/payments/stripe/webhook").is_some_and(|count| *count > 5), "{counts:?}");
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "{:?}", observed.report.leftovers);
}

#[tokio::test]
async fn clock_skew_is_inconclusive() {
    let clock = Arc::new(runtime::SkippingClock::default());
    let ahead = clock.clone();
    let options =
        Options { clock: Arc::new(move || ahead.now() + jiff::SignedDuration::from_mins(7)), ..Options::default() };
    let platform = demo_platform::DemoPlatform::start(options).await.unwrap();
    let mut harness = Harness::<PaymentWebhook>::with(Options::default(), |settings| {
        *settings = settings.replace("http://127.0.0.1:8480", platform.base_url());
    })
    .await;
    // Replaces the harness's platform with one whose clock is ahead.
    harness.prepared.common.base_url = platform.base_url().parse().unwrap();
    harness.prepared.check.site.base_url = platform.base_url().parse().unwrap();
    harness.platform = platform;
    harness.clock = clock;
    let observed = harness.run().await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::ClockSkew, "{}", inconclusive.detail);
}

#[tokio::test]
async fn unresolved_secret_creates_nothing() {
    let harness = Harness::<PaymentWebhook>::start().await;
    let known = harness.platform.credentials().into_iter().filter(|(path, _)| !path.ends_with("webhook-secret"));
    let known = known.map(|(path, value)| (format!("/just-driving/demo/{path}"), value));
    let ports = check_testkit::ports(&harness.memory, &harness.clock, known);
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Reference);
    assert!(harness.platform.requests().last().is_empty(), "without the secret, nothing could be undone");
}

#[tokio::test]
async fn no_fault_exposes_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<PaymentWebhook>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        let output = format!(
            "{observed:?} {} {:?}",
            serde_json::to_string(&observed.report).unwrap(),
            harness.memory.take_sent()
        );
        for (path, secret) in harness.platform.credentials() {
            assert!(!output.contains(&secret), "{fault}: {path} is in {output}");
        }
        assert!(!output.contains(",v1="), "{fault}: a signature is in {output}");
    }
}

#[tokio::test]
async fn own_deliveries_are_not_counted() {
    let harness = Harness::<PaymentWebhook>::start().await;
    // Rates of the demo platform's real users in a window.
    let expected = [("WebhookFailureRate", 100.0 / 50.0), ("PaymentFailureRate", 100.0 * 2.0 / 40.0)];
    for run in 1..=4 {
        let observed = harness.run().await;
        for (metric, rate) in expected {
            let published = observed.metrics[metric];
            assert!((published - rate).abs() < 1e-9, "run {run}: {metric}: expected {rate}, got {published}");
        }
    }
}
