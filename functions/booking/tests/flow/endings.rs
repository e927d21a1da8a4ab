//! What ends a run, and what it leaves: nothing that can be removed.

use std::time::Duration;

use booking::Booking;
use check::{Cause, Outcome};
use demo_platform::{Fault, Options};
use trial::{Seen, Trial};

use crate::steps;

async fn with(fault: Fault) -> (Trial<Booking>, Seen) {
    let trial = Trial::<Booking>::start().await;
    trial.platform.faults().activate(fault);
    let seen = trial.run().await;
    (trial, seen)
}

#[tokio::test]
async fn what_comes_after_a_failure_is_not_done_and_said_so() {
    let (_, seen) = with(Fault::Create500).await;
    let expected = [
        ("log-in", "passed"),
        ("calendar", "passed"),
        ("availability", "passed"),
        ("counters", "passed"),
        ("create", "failed"),
        ("read-back", "skipped"),
        ("double-booking", "skipped"),
        ("reschedule", "skipped"),
        ("cancel", "skipped"),
        ("slot-released", "skipped"),
    ];
    assert_eq!(steps(&seen), expected);
}

#[tokio::test]
async fn maintenance_is_no_failure_and_nothing_more_is_asked() {
    let (trial, seen) = with(Fault::Maintenance).await;
    assert!(matches!(seen.report.outcome, Outcome::Maintenance { .. }), "{:#?}", seen.report);
    assert_eq!(trial.platform.requests().last().len(), 1);
}

#[tokio::test]
async fn an_account_of_ours_that_is_refused_is_no_failure() {
    let trial = Trial::<Booking>::start().await;
    let of_demo = |(path, value): (String, String)| {
        let value = if path == "booking/password" { "not this account's".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports = trial::ports(&trial.memory, &trial.clock, trial.platform.credentials().into_iter().map(of_demo));
    let seen = trial.run_after(Duration::ZERO, &ports).await;
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert_eq!(blindness.cause, Cause::Credentials);
    assert!(blindness.detail.contains("booking@syntetisk.example"), "{}", blindness.detail);
    assert!(blindness.detail.contains("ssm:/just-driving/demo/booking/password"), "{}", blindness.detail);
}

#[tokio::test]
async fn a_run_that_is_cut_off_removes_what_it_made() {
    // Every answer comes late: the attempt's time is up between the booking and its cancellation.
    let options = Options { slow_delay: Duration::from_millis(300), ..Options::default() };
    let trial = Trial::<Booking>::with(options, |settings| {
        let section = settings.find("[check.booking]").unwrap();
        let (before, own) = settings.split_at(section);
        let own =
            own.replace("step_deadline = \"5s\"\ndeadline = \"20s\"", "step_deadline = \"700ms\"\ndeadline = \"2s\"");
        *settings = format!("{before}{own}");
    })
    .await;
    trial.platform.faults().activate(Fault::Slow);
    let seen = trial.run().await;
    let Outcome::Failed { failures } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert!(failures[0].expected.starts_with("done within the run's"), "{failures:?}");
    let counts = trial.platform.requests().counts();
    assert!(counts.get("POST /api/schools/{school}/bookings").is_some_and(|made| *made >= 1), "{counts:?}");
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
    assert_eq!(seen.report.left_behind, []);
    assert_eq!(counts.get("POST /api/logout"), Some(&1), "the session is given back after the booking");
}

#[tokio::test]
async fn a_booking_that_was_made_and_never_answered_is_found_and_removed() {
    let trial = Trial::<Booking>::with(Options::default(), |settings| {
        *settings = settings.replace("step_deadline = \"5s\"", "step_deadline = \"500ms\"");
    })
    .await;
    trial.platform.faults().activate(Fault::CreateTimesOutButBooks);
    let seen = trial.run().await;
    assert_eq!(seen.step("create"), Some("failed"));
    assert_eq!(trial.platform.requests().counts().get("DELETE /api/bookings/{booking}"), Some(&1));
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
    assert_eq!(seen.metrics["LeftBehind"], 0.0);
}

#[tokio::test]
async fn undoing_does_no_harm_when_it_is_done_already() {
    // Cancelling is answered as if the booking had been gone before.
    let gone = |settings: &mut String| settings.push_str("\n[platform.booking]\ncancelled = [299]\ngone = [204]\n");
    // Undone by the flow itself, which did not understand the answer: nothing is left to be found.
    let trial = Trial::<Booking>::with(Options::default(), gone).await;
    let seen = trial.run().await;
    assert_eq!((seen.step("cancel"), &seen.report.left_behind[..]), (Some("failed"), &[][..]));
    let counts = trial.platform.requests().counts();
    assert_eq!(counts.get("DELETE /api/bookings/{booking}"), Some(&1));
    // Found, and gone by the time it is to be cancelled.
    let trial = Trial::<Booking>::with(Options::default(), gone).await;
    trial.platform.faults().activate(Fault::ReadBackDiffers);
    let seen = trial.run().await;
    assert_eq!((seen.step("read-back"), &seen.report.left_behind[..]), (Some("failed"), &[][..]));
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
}

#[tokio::test]
async fn counters_that_are_missing_are_said_in_the_table_and_the_log_line() {
    let (_, seen) = with(Fault::CountersMissing).await;
    assert_eq!(seen.report.outcome, Outcome::Passed);
    assert!(!seen.metrics.contains_key("BookingErrorRate"), "{:?}", seen.metrics);
    let line = serde_json::to_string(&seen.report).unwrap();
    let said = "the counters hold no /bookings_created, /bookings_updated, /booking_errors";
    assert!(line.contains(said), "{line}");
}

#[tokio::test]
async fn what_cannot_be_removed_is_said_beside_the_failure() {
    let (trial, seen) = with(Fault::CancelIgnored).await;
    assert_eq!(seen.step("cancel"), Some("failed"));
    let [left] = &seen.report.left_behind[..] else { panic!("{:#?}", seen.report) };
    assert_eq!(left.compensation, "booking");
    assert!(left.detail.starts_with("cancelled, but still there: booking 9001 at 20"), "{}", left.detail);
    assert!(left.detail.contains(&format!("(notes synthetic:{})", seen.report.run_id)), "{}", left.detail);
    assert_eq!(seen.metrics["LeftBehind"], 1.0);
    assert_eq!(trial.platform.left_behind().len(), 1);
}

#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    let slow = [Fault::Hang, Fault::CreateTimesOutButBooks];
    for fault in Fault::ALL.iter().copied().filter(|fault| !slow.contains(fault)) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let trial = Trial::<Booking>::with(options, |_| {}).await;
        trial.platform.faults().activate(fault);
        let seen = trial.run().await;
        let said = format!("{seen:?} {} {:?}", serde_json::to_string(&seen.report).unwrap(), trial.memory.take_sent());
        for (path, secret) in trial.platform.credentials() {
            assert!(!said.contains(&secret), "{fault}: {path} is said in {said}");
        }
        assert!(!said.contains("eyJpdiI6"), "{fault}: a cookie is said in {said}");
    }
}

#[tokio::test]
async fn our_own_bookings_are_taken_off() {
    let trial = Trial::<Booking>::start().await;
    // What the demo platform's real users do in a window.
    let expected = 100.0 * 3.0 / (60.0 + 37.0 + 3.0);
    for run in 1..=4 {
        let seen = trial.run().await;
        let rate = seen.metrics["BookingErrorRate"];
        assert!((rate - expected).abs() < 1e-9, "run {run}: {rate}, not {expected}");
    }
}
