//! A platform with other names: settings alone adapt the check to it.

use std::collections::BTreeSet;

use application::Application;
use check::Outcome;
use check_testkit::Harness;
use demo_platform::faults::{ExpectedFailure, Shows, catalogue};
use demo_platform::{Flavour, Options};

/// Settings for the renamed platform.
const RENAMED: &str = include_str!("renamed.toml");

/// Metrics of a platform that reports everything.
const METRICS: [&str; 8] = [
    "Requests",
    "ErrorRate",
    "Exceptions",
    "SlowQueries",
    "PartnerCallFailureRate",
    "DiskUsed",
    "CpuLoad",
    "MemoryUsed",
];

async fn renamed() -> Harness<Application> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn renamed_platform_yields_the_same_measurements() {
    let documented = Harness::<Application>::start().await.run().await;
    let harness = renamed().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    for metric in METRICS {
        assert!(observed.metrics[metric] > 0.0, "{:?}", observed.metrics);
        assert!((observed.metrics[metric] - documented.metrics[metric]).abs() <= 1.0, "{:?}", observed.metrics);
    }
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /health")), "{paths:?}");
}

/// Subjects that results with other names have on the renamed platform.
fn translated(failure: &ExpectedFailure) -> ExpectedFailure {
    let subject = if failure.subject == "used-disk-space" { "disk".to_owned() } else { failure.subject.clone() };
    ExpectedFailure { subject, ..failure.clone() }
}

#[tokio::test]
async fn renamed_platform_fails_like_the_documented_one() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "application") {
        let mut harness = renamed().await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.runs(spec.runs.get(), spec.every, &[]).await;
        match &spec.shows {
            Shows::Failures(expected) => {
                let expected: BTreeSet<_> = expected.iter().map(translated).collect();
                assert_eq!(observed.failures(), expected, "{}: {:#?}", spec.fault, observed.report);
            }
            Shows::Metric { name, bound } => {
                assert!(bound.is_passed_by(observed.metrics[name]), "{}: {:?}", spec.fault, observed.metrics)
            }
            other => panic!("{}: {other:?}", spec.fault),
        }
    }
}
