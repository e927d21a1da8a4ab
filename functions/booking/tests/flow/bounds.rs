//! How much a run asks, whatever goes wrong: what the flow sends, looking again, and undoing, each with a bound of its own.

use booking::Booking;
use check_testkit::{Harness, Observed};
use demo_platform::faults::{FaultSpec, catalogue};
use demo_platform::{Fault, Options};

/// With the log-out. `docs/operations.md` says so.
const MOST_SENT: usize = 14;
const LONGEST_CHAIN: usize = 12;
/// Looking again whether a slot is free: twice the calendar and the teacher's free times.
const MOST_LOOKS: usize = 4;
/// Looks into the calendar, cancels what is there, looks again.
const MOST_UNDOING: usize = 5;

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
async fn no_fault_makes_a_run_ask_more_than_its_bounds() {
    let own = |spec: &FaultSpec| spec.check == "booking";
    let faults = catalogue().unwrap().into_iter().filter(own).map(|spec| Some(spec.fault));
    for fault in faults.chain([None]) {
        let (harness, mut observed) = with(fault).await;
        let all = harness.platform.requests().last().len();
        let steps = &mut observed.report.attempts[0].steps;
        let attempt: usize = steps.iter().map(|step| step.exchanges.len()).sum();
        let mut looks = 0;
        for step in steps.iter_mut().filter(|step| step.name == "slot-released") {
            // The first look counts.
            looks += step.exchanges.split_off(step.exchanges.len().min(1)).len();
        }
        let log_out = 1;
        let (sent, undoing) = (attempt - looks + log_out, all - attempt - log_out);
        assert!(sent <= MOST_SENT, "{fault:?}: {sent} requests");
        assert!(looks <= MOST_LOOKS, "{fault:?}: {looks} looks");
        assert!(undoing <= MOST_UNDOING, "{fault:?}: {undoing} requests to undo it");
        let chain = Harness::<Booking>::longest_chain(&observed) + log_out;
        assert!(chain <= LONGEST_CHAIN, "{fault:?}: {chain} one after the other");
        match fault {
            None => assert_eq!((looks, undoing), (0, 0)),
            Some(Fault::SlotNotReleased) => assert_eq!(looks, MOST_LOOKS, "somebody may have been faster"),
            Some(Fault::DoubleBookingAllowed | Fault::CancelIgnored) => {
                assert_eq!(looks, 1, "{fault:?}: a booking of its own explains it");
            }
            Some(_) => {}
        }
    }
}
