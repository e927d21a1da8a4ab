//! How much a run asks, whatever goes wrong, when it asks, and in which order it delivers.

use std::time::Duration;

use check_testkit::{Harness, Observed};
use demo_platform::faults::{FaultSpec, catalogue};
use demo_platform::{Fault, Recorded};
use jiff::Timestamp;
use payment_webhook::PaymentWebhook;

/// With the log-out, beside looking. `docs/operations.md` says so.
const MOST_SENT: usize = 24;
const LONGEST_CHAIN: usize = 10;
/// Looks for payments, pays back what is there, looks seven times whether that was worked off, makes invoices void.
const MOST_UNDOING: usize = 15;

async fn with(fault: Option<Fault>) -> (Harness<PaymentWebhook>, Observed) {
    let harness = Harness::<PaymentWebhook>::start().await;
    if let Some(fault) = fault {
        harness.platform.faults().activate(fault);
    }
    let observed = harness.run().await;
    (harness, observed)
}

/// Takes the looks away that come after the first of each kind; the first counts as any other request.
fn without_looking(observed: &mut Observed) -> usize {
    let mut looks = 0;
    for step in &mut observed.report.attempts[0].steps {
        let is_look = |method: &str| match step.name.as_str() {
            "processing" | "balance" => true,
            "refund" => method == "GET",
            _ => false,
        };
        let mut is_first = true;
        let before = step.exchanges.len();
        step.exchanges.retain(|exchange| !is_look(&exchange.method) || std::mem::take(&mut is_first));
        looks += before - step.exchanges.len();
    }
    looks
}

#[tokio::test]
async fn no_fault_makes_a_run_ask_more_than_its_bounds() {
    let own = |spec: &FaultSpec| spec.check == "payment-webhook";
    let faults = catalogue().unwrap().into_iter().filter(own).map(|spec| Some(spec.fault));
    for fault in faults.chain([None]) {
        let (harness, mut observed) = with(fault).await;
        let all = harness.platform.requests().last().len();
        let log_out = 1;
        let count = |observed: &Observed| {
            observed.report.attempts[0].steps.iter().map(|step| step.exchanges.len()).sum::<usize>()
        };
        let undoing = all - count(&observed) - log_out;
        assert!(undoing <= MOST_UNDOING, "{fault:?}: {undoing} requests to undo it");
        assert!(fault.is_some() || undoing == 0, "{undoing} requests to undo what is undone");
        let looks = without_looking(&mut observed);
        let sent = count(&observed) + log_out;
        assert!(sent <= MOST_SENT, "{fault:?}: {sent} requests beside {looks} looks");
        // The first looks are waited for beside the flow, and no part of its length.
        for step in &mut observed.report.attempts[0].steps {
            step.exchanges.retain(|exchange| match step.name.as_str() {
                "processing" => false,
                "refund" => exchange.method != "GET",
                _ => true,
            });
        }
        let chain = Harness::<PaymentWebhook>::longest_chain(&observed);
        assert!(chain <= LONGEST_CHAIN, "{fault:?}: {chain} one after the other");
    }
}

#[tokio::test]
async fn looks_come_less_and_less_often() {
    let (_, observed) = with(Some(Fault::WebhookNeverProcessed)).await;
    let steps = &observed.report.attempts[0].steps;
    let step = steps.iter().find(|step| step.name == "processing").unwrap();
    let times: Vec<Timestamp> = step.exchanges.iter().map(|exchange| exchange.started).collect();
    let pauses: Vec<f64> = times.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs_f64()).collect();
    // Six seconds are looked through; each answer takes some milliseconds of a pause.
    assert!((5..=8).contains(&pauses.len()), "{pauses:?}");
    assert!(pauses[0] < 0.7 && pauses.iter().all(|pause| *pause < 2.6), "{pauses:?}");
    let (rising, level) = pauses.split_at(4);
    assert!(rising.windows(2).all(|pair| pair[1] > pair[0] * 1.2), "{pauses:?}");
    assert!(level.iter().all(|pause| *pause > 1.2), "{pauses:?}");
}

#[tokio::test]
async fn what_must_have_no_effect_goes_first_and_is_judged_after_twice_the_time_of_a_slow_queue() {
    for (fault, least) in [(None, 2.0), (Some(Fault::WebhookSlow), 7.0)] {
        let (harness, observed) = with(fault).await;
        let log = harness.platform.requests().last();
        let webhooks: Vec<&Recorded> = log.iter().filter(|request| request.path.ends_with("/webhook")).collect();
        let statuses: Vec<u16> = webhooks.iter().map(|request| request.status.unwrap()).collect();
        // Three are refused, those of another amount and of a failed payment are taken; then the good one, again, the refund.
        assert_eq!(statuses[..5].iter().filter(|status| **status == 400).count(), 3, "{statuses:?}");
        assert_eq!(statuses[..5].iter().filter(|status| **status == 200).count(), 2, "{statuses:?}");
        assert_eq!(statuses[5..], [200, 200, 200], "{fault:?}");
        let (good, replay) = (webhooks[5].at, webhooks[6].at);
        let delay = Duration::from_secs_f64(observed.metrics["WebhookProcessingDelay"] / 1e3);
        let since = |later: Timestamp, earlier: Timestamp| later.duration_since(earlier).as_secs_f64();
        assert!(since(replay, good) >= delay.as_secs_f64() - 0.1, "again when the first was worked off");
        let judged = log.iter().find(|request| request.path.ends_with("/payments")).unwrap().at;
        let waited = since(judged, replay);
        assert!(waited >= least - 0.1 && waited >= delay.as_secs_f64() * 2.0 - 0.1, "{fault:?}: {waited} s, {delay:?}");
    }
}
