//! Other outcomes: consecutive failures, refused keys, throttling, and answers that are never quoted.

use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::Harness;
use demo_platform::{Fault, Options};
use integrations::Integrations;

use crate::{item, step};

const PARTNERS: [&str; 6] = ["stripe", "twilio", "sparkpost", "e-teori", "findkoreskole", "accounting"];

#[tokio::test]
async fn partners_are_subjects_and_checked_concurrently() {
    let harness = Harness::<Integrations>::start().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    for partner in PARTNERS {
        assert_eq!(step(&observed, partner, "answer"), Some("passed"), "{partner}");
    }
    assert_eq!(Harness::<Integrations>::longest_chain(&observed), 1);
    assert_eq!(observed.metrics["IntegrationFailures"], 0.0);
    assert_eq!(item(&observed, "IntegrationFailures"), None);
    let attempt = observed.report.last_attempt().unwrap();
    let headroom = attempt.measurements.iter().find(|m| m.metric == "RateLimitHeadroom").unwrap();
    assert_eq!((headroom.value, headroom.item.as_deref()), (94.0, Some("accounting")));
    assert!(!observed.metrics.contains_key("RateLimitHeadroom"), "the log line alone holds it");
}

#[tokio::test]
async fn consecutive_failed_runs_are_counted() {
    let harness = Harness::<Integrations>::start().await;
    harness.platform.faults().activate(Fault::PartnerDown);
    for expected in [1.0, 2.0, 3.0] {
        let observed = harness.run().await;
        assert_eq!(observed.report.attempts.len(), 2, "confirmed within the run");
        assert_eq!(observed.metrics["IntegrationFailures"], expected);
        assert_eq!(item(&observed, "IntegrationFailures").as_deref(), Some("e-teori"));
    }
    // An inconclusive partner keeps its count, which does not hide the count of another.
    harness.platform.faults().activate(Fault::PartnerUnauthorized);
    assert_eq!(harness.run().await.metrics["IntegrationFailures"], 4.0);
    harness.platform.faults().clear_all();
    assert_eq!(harness.run().await.metrics["IntegrationFailures"], 0.0);
}

#[tokio::test]
async fn refused_key_and_throttling_are_inconclusive() {
    for (fault, cause, detail) in [
        (
            Fault::PartnerUnauthorized,
            Cause::Credentials,
            "the accounting system answered 401 to the key\nput a valid one at \
             ssm:/just-driving/demo/integrations/provider-key, and check whether the platform's own key is refused too",
        ),
        (
            Fault::PartnerThrottled,
            Cause::Throttled,
            "the accounting system throttles the calls of this check (429, for 30 s more)\n",
        ),
    ] {
        let harness = Harness::<Integrations>::start().await;
        harness.platform.faults().activate(fault);
        let observed = harness.run().await;
        let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
        assert_eq!(inconclusive.cause, cause);
        assert!(inconclusive.detail.starts_with(detail), "{}", inconclusive.detail);
        assert_eq!(step(&observed, "stripe", "answer"), Some("passed"), "the others are still judged");
        assert_eq!(observed.metrics["IntegrationFailures"], 0.0);
    }
}

#[tokio::test]
async fn faults_of_the_platform_do_not_affect_its_partners() {
    for fault in [Fault::ServerError, Fault::Maintenance] {
        let harness = Harness::<Integrations>::start().await;
        harness.platform.faults().activate(fault);
        assert_eq!(harness.run().await.report.outcome, Outcome::Passed, "{fault}");
    }
}

#[tokio::test]
async fn unresolved_reference_affects_its_partners_only() {
    let harness = Harness::<Integrations>::start().await;
    let ports = check_testkit::ports(&harness.memory, &harness.clock, []);
    let observed = harness.run_after(Duration::from_secs(60), &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Reference);
    assert_eq!(step(&observed, "stripe", "request"), Some("inconclusive"));
    assert_eq!(step(&observed, "e-teori", "answer"), Some("passed"));
}

#[tokio::test]
async fn refusal_passes_if_the_settings_expect_it() {
    let harness = Harness::<Integrations>::with(Options::default(), |settings| {
        let key =
            "header = \"X-Api-Key\"\nkey = \"ssm:/just-driving/demo/integrations/provider-key\"\ndeadline = \"5s\"\n";
        assert!(settings.contains(key), "{settings}");
        *settings = settings.replace(key, "status = [401]\n");
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
}

#[tokio::test]
async fn answer_to_an_authenticated_call_is_never_quoted() {
    let harness = Harness::<Integrations>::with(Options::default(), |settings| {
        *settings = settings.replacen("kind = \"stripe\"\n", "kind = \"stripe\"\ntext = \"not there\"\n", 1);
    })
    .await;
    let observed = harness.run().await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!((failures[0].subject.as_str(), failures[0].step.as_str()), ("stripe", "answer"));
    assert_eq!(failures[0].evidence, None);
    assert!(!format!("{:?}", observed.report).contains("payment_intent\""), "{:#?}", observed.report);
}
