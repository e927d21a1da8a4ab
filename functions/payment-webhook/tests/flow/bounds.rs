//! Bounds on the number of requests under every fault, the polling intervals, and the order of deliveries.

use std::time::Duration;

use check_testkit::{Harness, Observed};
use demo_platform::faults::{FaultSpec, catalogue};
use demo_platform::{Fault, Recorded};
use jiff::Timestamp;
use payment_webhook::PaymentWebhook;

/// Requests of the flow, including the log-out but not repeated polls. Documented in `docs/deploy/accounts.md`.
const MAX_FLOW: usize = 24;
const MAX_CHAIN: usize = 10;
/// Compensation: lists payments, refunds them, polls seven times for the refund, voids the invoices.
const MAX_COMPENSATION: usize = 15;

async fn with(fault: Option<Fault>) -> (Harness<PaymentWebhook>, Observed) {
    let harness = Harness::<PaymentWebhook>::start().await;
    if let Some(fault) = fault {
        harness.platform.faults().activate(fault);
    }
    let observed = harness.run().await;
    (harness, observed)
}

/// Removes repeated polls from the exchanges, keeping the first of each step. Returns the number removed.
fn remove_polls(observed: &mut Observed) -> usize {
    let mut polls = 0;
    for step in &mut observed.report.attempts[0].steps {
        let is_poll = |method: &str| match step.name.as_str() {
            "processing" | "balance" => true,
            "refund" => method == "GET",
            _ => false,
        };
        let mut is_first = true;
        let before = step.exchanges.len();
        step.exchanges.retain(|exchange| !is_poll(&exchange.method) || std::mem::take(&mut is_first));
        polls += before - step.exchanges.len();
    }
    polls
}

#[tokio::test]
async fn no_fault_exceeds_the_request_bounds() {
    let own = |spec: &FaultSpec| spec.check == "payment-webhook";
    let faults = catalogue().unwrap().into_iter().filter(own).map(|spec| Some(spec.fault));
    for fault in faults.chain([None]) {
        let (harness, mut observed) = with(fault).await;
        let all = harness.platform.requests().last().len();
        let log_out = 1;
        let count = |observed: &Observed| {
            observed.report.attempts[0].steps.iter().map(|step| step.exchanges.len()).sum::<usize>()
        };
        let compensation = all - count(&observed) - log_out;
        assert!(compensation <= MAX_COMPENSATION, "{fault:?}: {compensation} requests of compensation");
        assert!(fault.is_some() || compensation == 0, "{compensation} requests of compensation without a fault");
        let polls = remove_polls(&mut observed);
        let flow = count(&observed) + log_out;
        assert!(flow <= MAX_FLOW, "{fault:?}: {flow} requests and {polls} polls");
        // The duration excludes the polls, so the chain does too.
        for step in &mut observed.report.attempts[0].steps {
            step.exchanges.retain(|exchange| match step.name.as_str() {
                "processing" => false,
                "refund" => exchange.method != "GET",
                _ => true,
            });
        }
        let chain = Harness::<PaymentWebhook>::longest_chain(&observed);
        assert!(chain <= MAX_CHAIN, "{fault:?}: {chain} requests in a row");
    }
}

#[tokio::test]
async fn pauses_between_polls_grow_to_a_limit() {
    let (_, observed) = with(Some(Fault::WebhookNeverProcessed)).await;
    let steps = &observed.report.attempts[0].steps;
    let step = steps.iter().find(|step| step.name == "processing").unwrap();
    let times: Vec<Timestamp> = step.exchanges.iter().map(|exchange| exchange.started).collect();
    let pauses: Vec<f64> = times.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs_f64()).collect();
    // The polls cover six seconds; each response adds some milliseconds to a pause.
    assert!((5..=8).contains(&pauses.len()), "{pauses:?}");
    assert!(pauses[0] < 0.7 && pauses.iter().all(|pause| *pause < 2.6), "{pauses:?}");
    let (rising, level) = pauses.split_at(4);
    assert!(rising.windows(2).all(|pair| pair[1] > pair[0] * 1.2), "{pauses:?}");
    assert!(level.iter().all(|pause| *pause > 1.2), "{pauses:?}");
}

#[tokio::test]
async fn unwanted_effects_are_checked_after_twice_the_delay() {
    for (fault, least) in [(None, 2.0), (Some(Fault::WebhookSlow), 7.0)] {
        let (harness, observed) = with(fault).await;
        let log = harness.platform.requests().last();
        let webhooks: Vec<&Recorded> = log.iter().filter(|request| request.path.ends_with("/webhook")).collect();
        let statuses: Vec<u16> = webhooks.iter().map(|request| request.status.unwrap()).collect();
        // Three refused events, two accepted ones without effect, then the valid event, its replay and the refund.
        assert_eq!(statuses[..5].iter().filter(|status| **status == 400).count(), 3, "{statuses:?}");
        assert_eq!(statuses[..5].iter().filter(|status| **status == 200).count(), 2, "{statuses:?}");
        assert_eq!(statuses[5..], [200, 200, 200], "{fault:?}");
        let (good, replay) = (webhooks[5].at, webhooks[6].at);
        let delay = Duration::from_secs_f64(observed.metrics["WebhookProcessingDelay"] / 1e3);
        let since = |later: Timestamp, earlier: Timestamp| later.duration_since(earlier).as_secs_f64();
        assert!(since(replay, good) >= delay.as_secs_f64() - 0.1, "replayed after the first delivery was processed");
        let checked = log.iter().find(|request| request.path.ends_with("/payments")).unwrap().at;
        let waited = since(checked, replay);
        assert!(waited >= least - 0.1 && waited >= delay.as_secs_f64() * 2.0 - 0.1, "{fault:?}: {waited} s, {delay:?}");
    }
}
