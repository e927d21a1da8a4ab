//! A platform with other names and Horizon behind its log-in: settings alone adapt the check to it.

use check::Outcome;
use check_testkit::Harness;
use demo_platform::faults::{Shows, catalogue};
use demo_platform::{Flavour, Options};
use queues::Queues;

/// Settings for the renamed platform.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed() -> Harness<Queues> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn renamed_platform_passes_with_its_settings() {
    let harness = renamed().await;
    harness.run().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    for metric in ["QueueBacklog", "OldestJobAge", "FailedJobs", "JobDelay", "ScheduledTaskLateness"] {
        assert!(observed.metrics.contains_key(metric), "{metric}: {:?}", observed.metrics);
    }
    let paths = harness.platform.requests().counts();
    let documented =
        |route: &String| route.contains(" /api/") || route.contains(" /horizon") || route.contains(" /login");
    assert!(!paths.keys().any(documented), "{paths:?}");
}

#[tokio::test]
async fn renamed_platform_fails_like_the_documented_one() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "queues") {
        let Shows::Failures(expected) = &spec.shows else { continue };
        let mut harness = renamed().await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.runs(spec.runs.get(), spec.every, &[]).await;
        assert_eq!(observed.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, observed.report);
    }
}
