//! Platform variants: other names for everything, clock differences, schools without online payment.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use check::Outcome;
use check_testkit::Harness;
use demo_platform::faults::{Shows, catalogue};
use demo_platform::seed::Seed;
use demo_platform::{DemoPlatform, Fault, Flavour, Options};
use jiff::SignedDuration;
use probe::{EgressPolicy, Url};
use reconciliation::Reconciliation;
use runtime::{Clock, Prepared, SkippingClock};
use settings::Document;

/// Settings of a platform with other names for everything.
const RENAMED: &str = include_str!("renamed.toml");

async fn renamed() -> Harness<Reconciliation> {
    let options = Options { flavour: Flavour::Renamed, ..Options::default() };
    Harness::with(options, |settings| RENAMED.clone_into(settings)).await
}

#[tokio::test]
async fn renamed_platform_passes_with_its_settings() {
    let harness = renamed().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(observed.metrics["PaymentMismatches"], 0.0);
    let paths = harness.platform.requests().counts();
    assert!(!paths.keys().any(|route| route.contains("/api/") || route.contains(" /login")), "{paths:?}");
    // The platform's list has several pages.
    assert!(paths["GET /v2/driving-schools/{school}/receipts"] > 1, "{paths:?}");
}

#[tokio::test]
async fn faults_of_the_renamed_platform_are_caught() {
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == "reconciliation") {
        let Shows::Failures(expected) = &spec.shows else { continue };
        let harness = renamed().await;
        harness.platform.faults().activate(spec.fault);
        let observed = harness.run().await;
        assert_eq!(observed.failures(), expected.iter().cloned().collect(), "{}: {:#?}", spec.fault, observed.report);
        assert_eq!(observed.metrics["PaymentMismatches"], 1.0, "{}", spec.fault);
    }
}

/// Shortens the intent lifetime, so that runs read less from the provider.
fn short_lived(settings: &mut String) {
    *settings = settings.replace("schools = [1, 3]", "schools = [1, 3]\nintent_lifetime = \"1h\"");
}

#[tokio::test]
async fn skewed_platform_clock_is_not_a_mismatch() {
    for minutes in [-10, -3, 3, 10] {
        let clock = Arc::new(SkippingClock::default());
        let platform_clock = clock.clone();
        let options = Options {
            clock: Arc::new(move || platform_clock.now() + SignedDuration::from_mins(minutes)),
            payments_every: Duration::from_secs(45),
            ..Options::default()
        };
        let platform = DemoPlatform::start(options).await.unwrap();
        let mut harness = Harness::<Reconciliation>::with(Options::default(), short_lived).await;
        let base: Url = platform.base_url().parse().unwrap();
        harness.prepared.check.provider.url = base.join("/_partners/stripe").unwrap();
        harness.prepared.check.site.base_url = base;
        harness.platform = platform;
        harness.clock = clock;
        for _ in 0..6 {
            let observed = harness.run_after(Duration::from_secs(900), &harness.ports()).await;
            assert_eq!(observed.report.outcome, Outcome::Passed, "{minutes} minutes: {:#?}", observed.report);
        }
    }
}

#[tokio::test]
async fn skewed_provider_clock_is_not_a_mismatch() {
    for minutes in [-12, -4, 4, 12] {
        let options = Options {
            provider_ahead: SignedDuration::from_mins(minutes),
            payments_every: Duration::from_secs(90),
            ..Options::default()
        };
        let harness = Harness::<Reconciliation>::with(options, short_lived).await;
        for _ in 0..4 {
            let observed = harness.run_after(Duration::from_secs(900), &harness.ports()).await;
            assert_eq!(observed.report.outcome, Outcome::Passed, "{minutes} minutes: {:#?}", observed.report);
        }
    }
}

/// Options of a platform whose users pay ten hours after they begin.
fn slow_payers() -> Options {
    Options { pays_after: Duration::from_secs(36_000), ..Options::default() }
}

#[tokio::test]
async fn payment_of_an_old_intent_is_compared() {
    for (fault, subject) in [
        (Fault::PaymentMissingOnPlatform, "missing-on-platform"),
        (Fault::PaymentAmountDiffers, "amount"),
        (Fault::PaymentLate, "late"),
    ] {
        let harness = Harness::<Reconciliation>::with(slow_payers(), |_| {}).await;
        assert_eq!(harness.run().await.report.outcome, Outcome::Passed);
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        let subjects: Vec<String> = observed.failures().into_iter().map(|failure| failure.subject).collect();
        assert_eq!(subjects, [subject], "{fault}: {:#?}", observed.report);
    }
}

#[tokio::test]
async fn payment_that_is_not_looked_up_waits_for_a_later_run() {
    // About thirty payments have intents older than the range read from the provider.
    let harness = Harness::<Reconciliation>::with(slow_payers(), |settings| {
        *settings = settings.replace("schools = [1, 3]", "schools = [1, 3]\nintent_lifetime = \"0s\"");
    })
    .await;
    let missing_at_provider = |observed: &check_testkit::Observed| {
        let steps = &observed.report.last_attempt().unwrap().steps;
        let step = steps.iter().find(|step| step.subject.as_str() == "missing-at-provider").unwrap();
        format!("{:?}", step.result)
    };
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert!(
        missing_at_provider(&observed).contains("and a run looks up 10 at the provider"),
        "{}",
        missing_at_provider(&observed)
    );
    assert_eq!(observed.metrics["PaymentMismatches"], 0.0);
    harness.platform.faults().activate(Fault::PaymentMissingAtProvider);
    let mut found = 0;
    for _ in 0..40 {
        let observed = harness.run().await;
        assert!(
            observed.failures().iter().all(|failure| failure.subject == "missing-at-provider"),
            "{:#?}",
            observed.report
        );
        found += observed.failures().len();
    }
    assert!((1..40).contains(&found), "found by {found} of 40 runs");
}

#[tokio::test]
async fn payment_on_two_pages_counts_once() {
    // A new payment shifts the pages, newest first. Reading a school twice has the same effect.
    let twice = |settings: &mut String| *settings = settings.replace("schools = [1, 3]", "schools = [1, 1]");
    let harness = Harness::<Reconciliation>::with(Options::default(), twice).await;
    assert_eq!(harness.run().await.report.outcome, Outcome::Passed);
    harness.platform.faults().activate(Fault::PaymentRecordedTwice);
    let subjects: Vec<String> = harness.run().await.failures().into_iter().map(|failure| failure.subject).collect();
    assert_eq!(subjects, ["twice"]);
}

#[tokio::test]
async fn no_payment_is_missed_between_two_runs() {
    // A run detects a lost payment at any offset within its 15 minutes.
    for offset in [0, 200, 400, 600, 800] {
        let harness = Harness::<Reconciliation>::start().await;
        harness.clock.skip(Duration::from_secs(offset));
        harness.platform.faults().activate(Fault::PaymentMissingOnPlatform);
        let observed = harness.run_after(Duration::from_secs(900), &harness.ports()).await;
        assert_eq!(observed.failures().len(), 1, "{offset}: {:#?}", observed.report);
    }
}

#[tokio::test]
async fn fault_is_seen_at_any_time_of_day() {
    // The demo platform disturbs its newest payment, and one payment in 25 is a refunded one.
    let harness = Harness::<Reconciliation>::start().await;
    harness.platform.faults().activate(Fault::PaymentRecordedTwice);
    let between_payments = Options::default().payments_every;
    for payment in 1..=50 {
        let observed = harness.run_after(between_payments, &harness.ports()).await;
        let subjects: Vec<String> = observed.failures().into_iter().map(|failure| failure.subject).collect();
        assert_eq!(subjects, ["twice"], "payment {payment}: {:#?}", observed.report);
    }
}

#[tokio::test]
async fn school_without_online_payment_is_skipped_if_configured() {
    let mut seed = Seed::default();
    seed.schools.iter_mut().for_each(|school| school.online_payment = false);
    let harness = Harness::<Reconciliation>::with(Options { seed, ..Options::default() }, |settings| {
        settings.push_str("\n[platform.school_payments]\nunsupported_statuses = [409]\n");
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!((observed.step("platform-payments"), observed.step("match")), (Some("skipped"), Some("skipped")));
    assert!(!observed.metrics.contains_key("PaymentMismatches"));
}

#[test]
fn egress_policy_allows_only_platform_and_provider() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/layer/settings/production.example.toml");
    let settings = std::fs::read_to_string(shipped).unwrap();
    let document = Document::parse("production.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Reconciliation> =
        Prepared::read(&document).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let host = |url: &str| url.parse::<Url>().unwrap();
    // The provider's host is a default, absent from the file.
    let expected =
        EgressPolicy::default().allow_host(&prepared.common.base_url).allow_host(&host("https://api.stripe.com/"));
    assert_eq!(prepared.egress, expected);
}

/// A wrong name must not look like a school without payments.
#[tokio::test]
async fn pointer_found_in_no_payment_is_a_failure() {
    for key in ["reference", "amount", "currency", "status", "created_at"] {
        let harness = Harness::<Reconciliation>::with(Options::default(), |settings| {
            settings.push_str(&format!("\n[platform.school_payments]\n{key} = \"/no_such_member\"\n"));
        })
        .await;
        let observed = harness.run().await;
        let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{key}: {:#?}", observed.report) };
        assert_eq!(failures[0].expected.as_str(), "a value at /no_such_member in the items of the list", "{key}");
        assert!(failures[0].actual.as_str().contains("which have amount, "), "{key}: {:?}", failures[0]);
        assert!(!observed.metrics.contains_key("PaymentMismatches"), "{key}");
    }
}
