//! A booking of the demo platform as a journey, with cleanup.

use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::Fault;
use journeys::Journeys;

use crate::{failures, ports, run, run_with, steps, with};

/// Books, reads back and cancels.
const BOOKING: &str = include_str!("booking.toml");

/// Removes by the marker: works without the id of the booking too.
const BY_MARKER: &str = r#"
[[check.journeys.flows.steps]]
name = "find"
always = true
path = "/api/schools/3/bookings?from={day}&to={day}"
expect.text = ["{marker}"]
capture.left = { regex = '"id":\s*(\d+)' }

[[check.journeys.flows.steps]]
name = "remove"
always = true
method = "DELETE"
path = "/api/bookings/{left}"
expect.status = [200, 204]
"#;

fn nothing_left(harness: &Harness<Journeys>, case: &str) {
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "{case}");
    assert_eq!(harness.platform.logged_in(), 0, "{case}");
}

#[tokio::test]
async fn booking_passes_and_leaves_nothing() {
    let harness = with(BOOKING).await;
    for _ in 0..2 {
        let observed = run(&harness).await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        assert_eq!((&observed.report.leftovers[..], observed.metrics["Leftovers"]), (&[][..], 0.0));
        nothing_left(&harness, "passed");
    }
}

#[tokio::test]
async fn faults_of_the_booking_are_seen_and_cleaned_up() {
    for (fault, expected) in [
        (Fault::Create500, "booking/book status"),
        (Fault::Calendar500, "booking/calendar status"),
        (Fault::DoubleBookingAllowed, "booking/taken status"),
    ] {
        let (harness, observed) = run_with(BOOKING, fault).await;
        assert_eq!(failures(&observed), [expected], "{fault:?}");
        assert_eq!(observed.report.attempts.len(), 1, "{fault:?}: the next run confirms it");
        if fault != Fault::DoubleBookingAllowed {
            nothing_left(&harness, expected);
        }
    }
}

#[tokio::test]
async fn steps_after_a_failure_are_skipped_but_cleanup_runs() {
    let (_, observed) = run_with(BOOKING, Fault::Calendar500).await;
    let expected = [
        ("form", "passed"),
        ("log in", "passed"),
        ("book", "passed"),
        ("read back", "passed"),
        ("taken", "passed"),
        ("calendar", "failed"),
        ("cancel", "passed"),
        ("released", "skipped"),
        ("log out", "passed"),
    ];
    assert_eq!(steps(&observed.report), expected);
    let (_, observed) = run_with(BOOKING, Fault::Create500).await;
    let cancel = steps(&observed.report)[6];
    assert_eq!(cancel, ("cancel", "skipped"), "nothing was created");
}

#[tokio::test]
async fn failed_cleanup_is_a_leftover() {
    let (harness, observed) = run_with(BOOKING, Fault::CancelIgnored).await;
    assert_eq!(failures(&observed), ["booking/released assertion"]);
    assert_eq!(harness.platform.leftovers().len(), 1);
    // Only a status that the platform does not answer shows it to the step itself.
    let text = BOOKING.replacen("expect.status = [200, 204]", "expect.status = [205]", 1);
    let (_, observed) = run_with(&text, Fault::CancelIgnored).await;
    assert_eq!(failures(&observed), ["booking/cancel status"]);
    let [leftover] = &observed.report.leftovers[..] else { panic!("{:#?}", observed.report) };
    assert_eq!(leftover.compensation.as_str(), "booking/cancel");
    assert_eq!(observed.metrics["Leftovers"], 1.0);
}

#[tokio::test]
async fn unknown_id_is_a_leftover_unless_a_step_finds_it() {
    let (harness, observed) = run_with(BOOKING, Fault::CreateTimesOutButBooks).await;
    assert_eq!(failures(&observed), ["booking/book timeout"]);
    let [leftover] = &observed.report.leftovers[..] else { panic!("{:#?}", observed.report) };
    let expected = "the step book may have created something, but gave no value for {booking}";
    assert_eq!(leftover.detail.as_str(), expected);
    assert_eq!(harness.platform.leftovers().len(), 1);

    let cancel = BOOKING.find("[[check.journeys.flows.steps]]\nname = \"cancel\"").unwrap();
    let released = BOOKING.find("[[check.journeys.flows.steps]]\nname = \"released\"").unwrap();
    let log_out = BOOKING.find("[[check.journeys.flows.steps]]\nname = \"log out\"").unwrap();
    assert!(cancel < released && released < log_out);
    let text = format!("{}{BY_MARKER}\n{}", &BOOKING[..cancel], &BOOKING[log_out..]);
    let (harness, observed) = run_with(&text, Fault::CreateTimesOutButBooks).await;
    assert_eq!(failures(&observed), ["booking/book timeout"]);
    assert_eq!(observed.report.leftovers, []);
    nothing_left(&harness, "found by its marker");
}

#[tokio::test]
async fn interrupt_after_any_request_leaves_nothing() {
    let requests = 9;
    for count in 1..requests {
        let harness = with(BOOKING).await;
        let ports = ports(&harness);
        let stop = async {
            while harness.platform.requests().last().len() < count {
                tokio::task::yield_now().await;
            }
            ports.interrupt.cancel();
        };
        let run = harness.run_after(std::time::Duration::from_secs(300), &ports);
        let (observed, ()): (Observed, ()) = tokio::join!(run, stop);
        assert_eq!(observed.report.leftovers, [], "{count}");
        nothing_left(&harness, &count.to_string());
        let is_late = count >= requests - 2;
        assert!(
            is_late || matches!(observed.report.outcome, Outcome::Inconclusive { .. }),
            "{count}: {:#?}",
            observed.report
        );
    }
}
