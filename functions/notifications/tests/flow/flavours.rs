//! A platform with other names for everything: settings alone adapt the check to it.

use check::Outcome;
use check_testkit::Harness;
use demo_platform::faults::{Shows, catalogue};
use demo_platform::{Flavour, Options};
use notifications::Notifications;

/// Settings of a platform with other names for everything.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed() -> Harness<Notifications> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn renamed_platform_passes_with_its_settings() {
    let harness = renamed().await;
    harness.run().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    for metric in ["NotificationDeliveryDelay", "NotificationQueue", "NotificationFailures"] {
        for channel in ["email", "sms"] {
            assert!(observed.metrics.contains_key(&format!("{metric}.{channel}")), "{:?}", observed.metrics);
        }
    }
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
}

#[tokio::test]
async fn record_is_read_to_the_page_of_a_canary() {
    let options = Options { per_page: Some(1), ..Options::default() };
    let harness = Harness::<Notifications>::with(options, |_| {}).await;
    for run in 0..4 {
        let observed = harness.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        assert_eq!(observed.metrics.contains_key("NotificationDeliveryDelay.sms"), run > 0, "{:?}", observed.metrics);
    }
}

#[tokio::test]
async fn faults_of_the_renamed_platform_are_caught() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "notifications") {
        let Shows::Failures(expected) = &spec.shows else { continue };
        let mut harness = renamed().await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.runs(spec.runs.get(), spec.every, &[]).await;
        assert_eq!(observed.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, observed.report);
    }
}
