//! Platform variants: the documented one, one with other names for everything, and changes of daylight saving time.

use std::time::Duration;

use booking::Booking;
use check::Outcome;
use check_testkit::Harness;
use demo_platform::faults::{Shows, catalogue};
use demo_platform::{Fault, Flavour, Options};
use jiff::Timestamp;
use runtime::Clock;

use crate::steps;

const ALL: [(&str, &str); 10] = [
    ("log-in", "passed"),
    ("calendar", "passed"),
    ("availability", "passed"),
    ("counters", "passed"),
    ("create", "passed"),
    ("read-back", "passed"),
    ("double-booking", "passed"),
    ("reschedule", "passed"),
    ("cancel", "passed"),
    ("slot-released", "passed"),
];

/// Settings of a platform with other names for everything.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed() -> Harness<Booking> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn documented_platform_passes_within_the_request_bounds() {
    let harness = Harness::<Booking>::start().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), ALL);
    assert_eq!(observed.report.leftovers, []);
    assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
    // The log-out comes after the flow.
    let requests = harness.platform.requests().last();
    assert!(requests.len() <= 14, "{}: {requests:#?}", requests.len());
    assert!(Harness::<Booking>::longest_chain(&observed) <= 12, "{:#?}", observed.report);
    assert_eq!(requests.last().map(|request| request.path.as_str()), Some("/api/logout"));
}

#[tokio::test]
async fn renamed_platform_passes_with_its_settings() {
    let harness = renamed().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), ALL);
    assert!(observed.metrics.contains_key("BookingErrorRate"), "{:?}", observed.metrics);
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

#[tokio::test]
async fn faults_of_the_renamed_platform_are_caught() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "booking") {
        let Shows::Failures(expected) = &spec.shows else { continue };
        if spec.fault == Fault::CreateTimesOutButBooks {
            continue;
        }
        let harness = renamed().await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.run().await;
        assert_eq!(observed.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, observed.report);
        assert_eq!(!harness.platform.leftovers().is_empty(), spec.leaves_leftovers, "{}", spec.fault);
    }
}

#[tokio::test]
async fn lists_are_read_to_their_last_page() {
    for flavour in [Flavour::Documented, Flavour::Renamed] {
        let options = Options { flavour, per_page: Some(20), ..Options::default() };
        let harness = Harness::<Booking>::with(options, |settings| {
            if flavour == Flavour::Renamed {
                RENAMED.clone_into(settings);
            }
        })
        .await;
        assert_eq!(steps(&harness.run().await), ALL, "{flavour:?}");
        // Of two bookings with a lost answer, compensation finds both.
        harness.platform.faults().activate(Fault::CreateTimesOutButBooks);
        harness.platform.faults().activate(Fault::DoubleBookingAllowed);
        let observed = harness.run().await;
        assert_eq!(observed.report.leftovers, [], "{flavour:?}");
        assert_eq!(harness.platform.leftovers(), Vec::<String>::new(), "{flavour:?}");
    }
}

#[tokio::test]
async fn bearer_token_log_in_passes() {
    let harness = Harness::<Booking>::with(Options::default(), |settings| {
        settings.push_str("\n[platform.login]\nmode = \"token\"\n");
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), ALL);
}

/// Books lessons around the daylight saving changes of Copenhagen and around New Year, in every time format.
#[tokio::test]
async fn daylight_saving_changes_pass() {
    for today in ["2031-03-28T09:00:00Z", "2031-10-24T09:00:00Z", "2031-12-30T23:30:00Z"] {
        for written in ["utc", "offset", "local"] {
            let harness = Harness::<Booking>::with(Options::default(), |settings| {
                // Only the days around the change.
                let line = "student = 350";
                let lead_times = "min_lead_time = \"1h\"\nmax_lead_time = \"96h\"";
                *settings = settings.replace(line, &format!("{line}\n{lead_times}"));
                settings.push_str(&format!("\n[platform.times]\nwritten = \"{written}\"\n"));
            })
            .await;
            let ahead = today.parse::<Timestamp>().unwrap().duration_since(harness.clock.now());
            harness.clock.skip(Duration::try_from(ahead).unwrap());
            for _ in 0..8 {
                let observed = harness.run_after(Duration::from_secs(300), &harness.ports()).await;
                assert_eq!(observed.report.outcome, Outcome::Passed, "{today}, {written}: {:#?}", observed.report);
            }
            assert_eq!(harness.platform.leftovers(), Vec::<String>::new());
        }
    }
}

/// A wrong name must not look like a teacher without free slots, and nothing is booked then.
#[tokio::test]
async fn pointer_found_in_no_slot_is_a_failure() {
    for key in ["slot_starts_at", "slot_ends_at"] {
        let harness = Harness::<Booking>::with(Options::default(), |settings| {
            settings.push_str(&format!("\n[platform.booking]\n{key} = \"/no_such_member\"\n"));
        })
        .await;
        let observed = harness.run().await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{key}: {:#?}", observed.report) };
        assert_eq!(failures[0].expected.as_str(), "a value at /no_such_member in the items of the list", "{key}");
        assert_eq!((failures[0].step.as_str(), observed.step("create")), ("availability", Some("skipped")), "{key}");
    }
}
