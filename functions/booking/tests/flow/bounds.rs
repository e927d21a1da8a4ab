//! Bounds on the number of requests under every fault: one for the flow, one for retries, one for compensation.

use booking::Booking;
use check_testkit::{Harness, Observed};
use demo_platform::faults::{FaultSpec, catalogue};
use demo_platform::{Fault, Options};

/// Requests of the flow, including the log-out. Documented in `docs/deploy/accounts.md`.
const MAX_FLOW: usize = 14;
const MAX_CHAIN: usize = 12;
/// Retries in `slot-released`: the calendar and the teacher's free times, twice each.
const MAX_RETRIES: usize = 4;
/// Compensation: reads the calendar, cancels the bookings in it, reads it again.
const MAX_COMPENSATION: usize = 5;

async fn with(fault: Option<Fault>) -> (Harness<Booking>, Observed) {
    let harness = Harness::<Booking>::with(Options::default(), |settings| {
        if fault == Some(Fault::CreateTimesOutButBooks) {
            *settings = settings.replace("step_deadline = \"5s\"", "step_deadline = \"500ms\"");
        }
    })
    .await;
    if let Some(fault) = fault {
        harness.platform.faults().activate(fault);
    }
    let observed = harness.run().await;
    (harness, observed)
}

#[tokio::test]
async fn no_fault_exceeds_the_request_bounds() {
    let own = |spec: &FaultSpec| spec.check == "booking";
    let faults = catalogue().unwrap().into_iter().filter(own).map(|spec| Some(spec.fault));
    for fault in faults.chain([None]) {
        let (harness, mut observed) = with(fault).await;
        let all = harness.platform.requests().last().len();
        let steps = &mut observed.report.attempts[0].steps;
        let attempt: usize = steps.iter().map(|step| step.exchanges.len()).sum();
        let mut retries = 0;
        for step in steps.iter_mut().filter(|step| step.name == "slot-released") {
            // The first request belongs to the flow.
            retries += step.exchanges.split_off(step.exchanges.len().min(1)).len();
        }
        let log_out = 1;
        let (flow, compensation) = (attempt - retries + log_out, all - attempt - log_out);
        assert!(flow <= MAX_FLOW, "{fault:?}: {flow} requests");
        assert!(retries <= MAX_RETRIES, "{fault:?}: {retries} retries");
        assert!(compensation <= MAX_COMPENSATION, "{fault:?}: {compensation} requests of compensation");
        let chain = Harness::<Booking>::longest_chain(&observed) + log_out;
        assert!(chain <= MAX_CHAIN, "{fault:?}: {chain} requests in a row");
        match fault {
            None => assert_eq!((retries, compensation), (0, 0)),
            Some(Fault::SlotNotReleased) => assert_eq!(retries, MAX_RETRIES, "another user may have been faster"),
            Some(Fault::DoubleBookingAllowed | Fault::CancelIgnored) => {
                assert_eq!(retries, 1, "{fault:?}: the run's own booking explains it");
            }
            Some(_) => {}
        }
    }
}
