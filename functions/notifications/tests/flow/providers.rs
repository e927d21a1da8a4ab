//! Delivery status from a provider if the platform has none.

use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use notifications::Notifications;

use crate::{reason, step};

const TWILIO: &str = "sms.provider = { kind = \"twilio\", url = \"/_partners/twilio\", account = \"AC00000000000000000000000000000001\", key = \"ssm:/just-driving/demo/notifications/provider-key\" }";
const SPARKPOST: &str = "email.provider = { kind = \"sparkpost\", url = \"/_partners/sparkpost\", key = \"ssm:/just-driving/demo/notifications/provider-key\" }";
const MAILTRAP: &str = "email.provider = { kind = \"mailtrap\", url = \"/_partners/mailtrap\", account = \"1\", inbox = \"2\", key = \"ssm:/just-driving/demo/notifications/provider-key\" }";

/// Starts a platform without delivery receipts from its providers, and adds these settings to the demo's.
async fn without_receipts(providers: &[&str]) -> Harness<Notifications> {
    with_settings(providers, "").await
}

/// Does the same, with more tables of settings.
async fn with_settings(providers: &[&str], tables: &str) -> Harness<Notifications> {
    let options = Options { receipts: false, ..Options::default() };
    Harness::with(options, |settings| {
        // TOML does not allow additions to an inline table.
        let email = "email = { to = \"canary@syntetisk.example\", every = \"10s\", delivered_within = \"20s\" }";
        let sms = "sms = { to = \"+4500000000\", every = \"20s\", delivered_within = \"20s\" }";
        let open = |line: &str| {
            let (name, rest) = line.split_once(" = { ").unwrap();
            let keys = rest.trim_end_matches(" }").split(", ").map(|key| format!("{name}.{key}"));
            keys.collect::<Vec<_>>().join("\n")
        };
        assert!(settings.contains(email) && settings.contains(sms));
        *settings =
            settings.replace(email, &format!("{}\n{}", open(email), providers.join("\n"))).replace(sms, &open(sms));
        settings.push_str(tables);
    })
    .await
}

async fn second_run(harness: &Harness<Notifications>) -> Observed {
    harness.run().await;
    harness.run().await
}

#[tokio::test]
async fn canary_without_receipt_and_provider_is_late() {
    let observed = second_run(&without_receipts(&[]).await).await;
    assert_eq!(
        (step(&observed, "email", "delivery"), step(&observed, "sms", "delivery")),
        (Some("failed"), Some("failed"))
    );
    let reason = reason(&observed, "email", "delivery");
    assert!(reason.contains("status sent on the platform, 60 s after"), "{reason}");
}

#[tokio::test]
async fn provider_reports_arrival_and_its_time() {
    for email in [SPARKPOST, MAILTRAP] {
        let observed = second_run(&without_receipts(&[email, TWILIO]).await).await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        for channel in ["email", "sms"] {
            let delay = observed.metrics[&format!("NotificationDeliveryDelay.{channel}")];
            // The providers' times have a resolution of one second.
            assert!((2.5..4.5).contains(&delay), "{channel}: {delay}");
        }
    }
}

#[tokio::test]
async fn canary_missing_in_the_record_is_found_at_the_provider() {
    for (email, arrives) in [(Some(SPARKPOST), true), (Some(MAILTRAP), true), (None, false)] {
        let providers: Vec<&str> = email.into_iter().chain([TWILIO]).collect();
        let harness = without_receipts(&providers).await;
        harness.run().await;
        // The platform's record has neither of these ids.
        let mut memory: serde_json::Value =
            serde_json::from_str(&harness.memory.memory_of("notifications").unwrap()).unwrap();
        for channel in ["email", "sms"] {
            memory["data"][channel]["pending"][0]["id"] = "4711".into();
        }
        harness.memory.set_memory("notifications", &memory.to_string());
        let observed = harness.run().await;
        assert_eq!(step(&observed, "email", "delivery"), Some(if arrives { "passed" } else { "failed" }), "{email:?}");
        let reason = reason(&observed, "sms", "delivery");
        assert!(reason.contains("not in the platform's record, without an id at the provider"), "{reason}");
    }
}

#[tokio::test]
async fn object_as_a_providers_id_fails_the_delivery() {
    // The whole record, as if it were the id.
    let harness = with_settings(&[SPARKPOST, TWILIO], "\n[platform.notification]\nprovider_id = \"\"\n").await;
    let observed = second_run(&harness).await;
    let Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    for failure in failures {
        assert_eq!((failure.step.as_str(), failure.evidence.is_none()), ("delivery", true), "{failures:?}");
        assert!(failure.expected.starts_with("an id at "), "{failures:?}");
        assert_eq!(failure.actual.as_str(), "an object", "{failures:?}");
    }
    assert_eq!(failures.len(), 2, "{failures:?}");
    assert!(!harness.platform.requests().counts().keys().any(|route| route.contains("_partners")));
}

#[tokio::test]
async fn provider_reports_loss_and_its_reason() {
    for (fault, email, channel, why) in [
        (Fault::EmailBounced, SPARKPOST, "email", "SparkPost: bounce 550 5.1.1"),
        (Fault::EmailBounced, MAILTRAP, "email", "not in the Mailtrap inbox"),
        (Fault::SmsFailed, SPARKPOST, "sms", "Twilio: undelivered, error 30003"),
        (Fault::SmsStuck, SPARKPOST, "sms", "status queued on the platform, without an id at the provider"),
    ] {
        let harness = without_receipts(&[email, TWILIO]).await;
        harness.platform.faults().activate(fault);
        let observed = second_run(&harness).await;
        assert_eq!(step(&observed, channel, "delivery"), Some("failed"), "{fault}");
        let reason = reason(&observed, channel, "delivery");
        assert!(reason.contains(why), "{fault}: {reason}");
        assert!(!reason.contains("canary@syntetisk.example"), "{reason}");
    }
}

#[tokio::test]
async fn refused_provider_key_is_inconclusive() {
    let harness = without_receipts(&[SPARKPOST, TWILIO]).await;
    let with_wrong_key = |(path, value): (String, String)| {
        let value =
            if path == "notifications/provider-key" { "another key than the provider's".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let secrets = harness.platform.credentials().into_iter().map(with_wrong_key);
    let ports = check_testkit::ports(&harness.memory, &harness.clock, secrets);
    let minute = std::time::Duration::from_secs(60);
    harness.run_after(minute, &ports).await;
    let observed = harness.run_after(minute, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("provider-key"), "{}", inconclusive.detail);
}
