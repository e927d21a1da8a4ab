//! Interrupted, failed and inconclusive runs: each removes its booking if possible, and no output contains a secret.

use std::time::Duration;

use booking::Booking;
use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use hostile::{Server, answer};

use crate::steps;

async fn with(fault: Fault) -> (Harness<Booking>, Observed) {
    let harness = Harness::<Booking>::start().await;
    harness.platform.faults().activate(fault);
    let observed = harness.run().await;
    (harness, observed)
}

#[tokio::test]
async fn steps_after_a_failure_are_skipped() {
    let (_, observed) = with(Fault::Create500).await;
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
    assert_eq!(steps(&observed), expected);
}

#[tokio::test]
async fn maintenance_ends_the_run_after_one_request() {
    let (harness, observed) = with(Fault::Maintenance).await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    assert_eq!(harness.platform.requests().last().len(), 1);
}

#[tokio::test]
async fn maintenance_in_the_middle_leaves_what_a_later_run_undoes() {
    let harness = Harness::<Booking>::start().await;
    let begin_maintenance = async {
        while harness.platform.leftovers().is_empty() {
            tokio::task::yield_now().await;
        }
        harness.platform.faults().activate(Fault::Maintenance);
    };
    let (observed, ()) = tokio::join!(harness.run(), begin_maintenance);
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    let leftovers = &observed.report.leftovers;
    let is_by_maintenance = |leftover: &check::Leftover| leftover.detail.contains("as in maintenance mode");
    assert!(!leftovers.is_empty() && leftovers.iter().all(is_by_maintenance), "{leftovers:?}");
    harness.platform.faults().clear_all();
    harness.clock.skip(Duration::from_secs(16 * 60));
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn refused_account_is_inconclusive() {
    let harness = Harness::<Booking>::start().await;
    let with_wrong_password = |(path, value): (String, String)| {
        let value = if path == "booking/password" { "not this account's".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let secrets = harness.platform.credentials().into_iter().map(with_wrong_password);
    let ports = check_testkit::ports(&harness.memory, &harness.clock, secrets);
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("booking@syntetisk.example"), "{}", inconclusive.detail);
    assert!(inconclusive.detail.contains("ssm:/just-driving/demo/booking/password"), "{}", inconclusive.detail);
}

#[tokio::test]
async fn run_at_its_deadline_removes_its_booking() {
    // Every response is slow: the attempt's time is up between the booking and its cancellation.
    let options = Options { slow_delay: Duration::from_millis(300), ..Options::default() };
    let harness = Harness::<Booking>::with(options, |settings| {
        let section = settings.find("[check.booking]").unwrap();
        let (before, own) = settings.split_at(section);
        let own =
            own.replace("step_deadline = \"5s\"\ndeadline = \"20s\"", "step_deadline = \"700ms\"\ndeadline = \"2s\"");
        *settings = format!("{before}{own}");
    })
    .await;
    harness.platform.faults().activate(Fault::Slow);
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert!(failures[0].expected.starts_with("done within the run's"), "{failures:?}");
    let counts = harness.platform.requests().counts();
    assert!(counts.get("POST /api/schools/{school}/bookings").is_some_and(|made| *made >= 1), "{counts:?}");
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert_eq!(observed.report.leftovers, []);
    assert_eq!(counts.get("POST /api/logout"), Some(&1), "the session ends after the booking is removed");
}

#[tokio::test]
async fn booking_with_a_lost_response_is_removed() {
    let harness = Harness::<Booking>::with(Options::default(), |settings| {
        *settings = settings.replace("step_deadline = \"5s\"", "step_deadline = \"500ms\"");
    })
    .await;
    harness.platform.faults().activate(Fault::CreateTimesOutButBooks);
    let observed = harness.run().await;
    assert_eq!(observed.step("create"), Some("failed"));
    assert_eq!(harness.platform.requests().counts().get("DELETE /api/bookings/{booking}"), Some(&1));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    assert_eq!(observed.metrics["Leftovers"], 0.0);
}

#[tokio::test]
async fn removing_a_removed_booking_is_harmless() {
    // The platform's answer to a cancellation says that the booking was already gone.
    let gone = |settings: &mut String| settings.push_str("\n[platform.booking]\ncancelled = [299]\ngone = [204]\n");
    // The flow has removed the booking but rejects the answer, so compensation finds nothing.
    let harness = Harness::<Booking>::with(Options::default(), gone).await;
    let observed = harness.run().await;
    assert_eq!((observed.step("cancel"), &observed.report.leftovers[..]), (Some("failed"), &[][..]));
    let counts = harness.platform.requests().counts();
    assert_eq!(counts.get("DELETE /api/bookings/{booking}"), Some(&1));
    // Compensation finds the booking, and its cancellation reports it as gone.
    let harness = Harness::<Booking>::with(Options::default(), gone).await;
    harness.platform.faults().activate(Fault::ReadBackDiffers);
    let observed = harness.run().await;
    assert_eq!((observed.step("read-back"), &observed.report.leftovers[..]), (Some("failed"), &[][..]));
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn missing_counters_are_reported_in_the_log_line() {
    let (_, observed) = with(Fault::CountersMissing).await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    assert!(!observed.metrics.contains_key("BookingErrorRate"), "{:?}", observed.metrics);
    let line = serde_json::to_string(&observed.report).unwrap();
    let reason = "the counters hold no /bookings_created, /bookings_updated, /booking_errors";
    assert!(line.contains(reason), "{line}");
}

#[tokio::test]
async fn leftover_is_reported_with_the_failure() {
    let (harness, observed) = with(Fault::CancelIgnored).await;
    assert_eq!(observed.step("cancel"), Some("failed"));
    let [left] = &observed.report.leftovers[..] else { panic!("{:#?}", observed.report) };
    assert_eq!(left.compensation, "booking");
    assert!(left.detail.starts_with("cancelled, but still listed: booking 9001 at 20"), "{}", left.detail);
    assert!(left.detail.contains(&format!("(notes synthetic:{})", observed.report.run_id)), "{}", left.detail);
    assert_eq!(observed.metrics["Leftovers"], 1.0);
    assert_eq!(harness.platform.leftovers().len(), 1);
}

#[tokio::test]
async fn no_fault_exposes_a_secret() {
    let slow = [Fault::Hang, Fault::CreateTimesOutButBooks];
    for fault in Fault::ALL.iter().copied().filter(|fault| !slow.contains(fault)) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Booking>::with(options, |_| {}).await;
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
        assert!(!output.contains("eyJpdiI6"), "{fault}: a cookie is in {output}");
    }
}

#[tokio::test]
async fn own_bookings_are_not_counted() {
    let harness = Harness::<Booking>::start().await;
    // Error rate of the demo platform's real users in a window.
    let expected = 100.0 * 3.0 / (60.0 + 37.0 + 3.0);
    for run in 1..=4 {
        let observed = harness.run().await;
        let rate = observed.metrics["BookingErrorRate"];
        assert!((rate - expected).abs() < 1e-9, "run {run}: expected {expected}, got {rate}");
    }
}

/// A log-in that leads to the front page, whether the password is right or wrong.
#[tokio::test]
async fn redirect_without_a_session_is_a_refused_account() {
    let page = "<form method=post action=/api/login><input name=email><input type=password name=password>\
                <input type=hidden name=_token value=token-of-a-form-0001></form>";
    let session = "Set-Cookie: just_driving_session=session-of-nobody-0001; Path=/";
    let server = Server::plain(move |request| match request.split(' ').take(2).collect::<Vec<_>>()[..] {
        ["GET", "/login"] => answer(&format!("200 OK\r\nContent-Type: text/html\r\n{session}"), page),
        ["POST", "/api/login"] => answer(&format!("302 Found\r\nLocation: /\r\n{session}"), ""),
        _ => answer("401 Unauthorized\r\nContent-Type: application/json", "{}"),
    })
    .await;
    let base_url = format!("http://{}", server.address);
    let change = |settings: &mut String| settings.push_str("\n[platform.login]\nencoding = 'form'\nstatus = [302]\n");
    let harness = Harness::<Booking>::behind(Options::default(), change, async |_| base_url).await;
    let observed = harness.run().await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
}
