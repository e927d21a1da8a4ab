//! A platform that calls everything otherwise: the settings alone fit the check to it. There, Horizon is behind the log-in.

use check::Outcome;
use demo_platform::faults::{Shows, catalogue};
use demo_platform::{Flavour, Options};
use queues::Queues;
use trial::Trial;

/// The settings of a platform that calls everything otherwise.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed() -> Trial<Queues> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Trial::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn a_platform_of_other_names_passes_by_its_settings() {
    let trial = renamed().await;
    trial.run().await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    for metric in ["QueueBacklog", "OldestJobAge", "FailedJobs", "JobDelay", "ScheduledTaskLateness"] {
        assert!(seen.metrics.contains_key(metric), "{metric}: {:?}", seen.metrics);
    }
    let paths = trial.platform.requests().counts();
    let documented =
        |route: &String| route.contains(" /api/") || route.contains(" /horizon") || route.contains(" /login");
    assert!(!paths.keys().any(documented), "{paths:?}");
}

#[tokio::test]
async fn its_faults_are_seen_as_those_of_the_documented_one() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "queues") {
        let Shows::Failures(expected) = &spec.shows else { continue };
        let mut trial = renamed().await;
        trial.platform.faults().activate(spec.fault);
        let seen = trial.runs(spec.runs.get(), spec.every, &[]).await;
        assert_eq!(seen.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, seen.report);
    }
}
