//! Platforms as they are: the documented one, one that calls everything otherwise, and changes of clocks.

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

/// The settings of a platform that calls everything otherwise.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed() -> Harness<Booking> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn the_documented_platform_passes_within_its_requests() {
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
async fn a_platform_of_other_names_passes_by_its_settings() {
    let harness = renamed().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), ALL);
    assert!(observed.metrics.contains_key("BookingErrorRate"), "{:?}", observed.metrics);
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

#[tokio::test]
async fn its_faults_are_seen_as_those_of_the_documented_one() {
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
async fn a_bearer_token_does_as_well_as_a_session() {
    let harness = Harness::<Booking>::with(Options::default(), |settings| {
        settings.push_str("\n[platform.login]\nmode = \"token\"\n");
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(steps(&observed), ALL);
}

/// Lessons before, on and after the days on which the clocks of Copenhagen change, in every way that times are written.
#[tokio::test]
async fn changes_of_clocks_are_no_failures() {
    for today in ["2031-03-28T09:00:00Z", "2031-10-24T09:00:00Z", "2031-12-30T23:30:00Z"] {
        for written in ["utc", "offset", "local"] {
            let harness = Harness::<Booking>::with(Options::default(), |settings| {
                // Only the days around the change.
                let line = "student = 350";
                *settings = settings.replace(line, &format!("{line}\nnotice = \"1h\"\nhorizon = \"96h\""));
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
