//! Platforms as they are: the documented one, one that calls everything otherwise, and changes of clocks.

use std::time::Duration;

use booking::Booking;
use check::Outcome;
use demo_platform::faults::{Shows, catalogue};
use demo_platform::{Fault, Flavour, Options};
use jiff::Timestamp;
use runtime::Clock;
use trial::Trial;

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

async fn renamed() -> Trial<Booking> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Trial::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn the_documented_platform_passes_within_its_requests() {
    let trial = Trial::<Booking>::start().await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(steps(&seen), ALL);
    assert_eq!(seen.report.left_behind, []);
    assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
    // The log-out comes after the flow.
    let requests = trial.platform.requests().last();
    assert!(requests.len() <= 14, "{}: {requests:#?}", requests.len());
    assert!(Trial::<Booking>::longest_chain(&seen) <= 12, "{:#?}", seen.report);
    assert_eq!(requests.last().map(|request| request.path.as_str()), Some("/api/logout"));
}

#[tokio::test]
async fn a_platform_of_other_names_passes_by_its_settings() {
    let trial = renamed().await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(steps(&seen), ALL);
    assert!(seen.metrics.contains_key("BookingErrorRate"), "{:?}", seen.metrics);
    let paths = trial.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

#[tokio::test]
async fn its_faults_are_seen_as_those_of_the_documented_one() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "booking") {
        let Shows::Failures(expected) = &spec.shows else { continue };
        if spec.fault == Fault::CreateTimesOutButBooks {
            continue;
        }
        let trial = renamed().await;
        trial.platform.faults().activate(spec.fault);
        let seen = trial.run().await;
        assert_eq!(seen.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, seen.report);
        assert_eq!(!trial.platform.left_behind().is_empty(), spec.leaves_behind, "{}", spec.fault);
    }
}

#[tokio::test]
async fn a_bearer_token_does_as_well_as_a_session() {
    let trial = Trial::<Booking>::with(Options::default(), |settings| {
        settings.push_str("\n[platform.login]\nmode = \"token\"\n");
    })
    .await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(steps(&seen), ALL);
}

/// Lessons before, on and after the days on which the clocks of Copenhagen change, in every way that times are written.
#[tokio::test]
async fn changes_of_clocks_are_no_failures() {
    for today in ["2031-03-28T09:00:00Z", "2031-10-24T09:00:00Z", "2031-12-30T23:30:00Z"] {
        for written in ["utc", "offset", "local"] {
            let trial = Trial::<Booking>::with(Options::default(), |settings| {
                // Only the days around the change.
                let line = "student = 350";
                *settings = settings.replace(line, &format!("{line}\nnotice = \"1h\"\nhorizon = \"96h\""));
                settings.push_str(&format!("\n[platform.times]\nwritten = \"{written}\"\n"));
            })
            .await;
            let ahead = today.parse::<Timestamp>().unwrap().duration_since(trial.clock.now());
            trial.clock.skip(Duration::try_from(ahead).unwrap());
            for _ in 0..8 {
                let seen = trial.run_after(Duration::from_secs(300), &trial.ports()).await;
                assert_eq!(seen.report.outcome, Outcome::Passed, "{today}, {written}: {:#?}", seen.report);
            }
            assert_eq!(trial.platform.left_behind(), Vec::<String>::new());
        }
    }
}
