//! What the platform does not know, the provider is asked.

use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use notifications::Notifications;

use crate::{reason, step};

const TWILIO: &str = "sms.provider = { kind = \"twilio\", url = \"/_partners/twilio\", account = \"AC00000000000000000000000000000001\", key = \"ssm:/just-driving/demo/notifications/provider-key\" }";
const SPARKPOST: &str = "email.provider = { kind = \"sparkpost\", url = \"/_partners/sparkpost\", key = \"ssm:/just-driving/demo/notifications/provider-key\" }";
const MAILTRAP: &str = "email.provider = { kind = \"mailtrap\", url = \"/_partners/mailtrap\", account = \"1\", inbox = \"2\", key = \"ssm:/just-driving/demo/notifications/provider-key\" }";

/// A platform that is told by no provider what became of its messages, and these settings beside the demo's.
async fn without_receipts(providers: &[&str]) -> Harness<Notifications> {
    let options = Options { receipts: false, ..Options::default() };
    Harness::with(options, |settings| {
        // Inline tables cannot be added to.
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
    })
    .await
}

async fn second(harness: &Harness<Notifications>) -> Observed {
    harness.run().await;
    harness.run().await
}

#[tokio::test]
async fn without_receipts_and_providers_a_canary_is_late() {
    let observed = second(&without_receipts(&[]).await).await;
    assert_eq!(
        (step(&observed, "email", "delivery"), step(&observed, "sms", "delivery")),
        (Some("failed"), Some("failed"))
    );
    assert!(reason(&observed, "email", "delivery").contains("the platform says sent, 60 s after"), "{observed:?}");
}

#[tokio::test]
async fn providers_know_what_arrived_and_when() {
    for email in [SPARKPOST, MAILTRAP] {
        let observed = second(&without_receipts(&[email, TWILIO]).await).await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        for channel in ["email", "sms"] {
            let delay = observed.metrics[&format!("NotificationDeliveryDelay.{channel}")];
            // Their times are to the second.
            assert!((2.5..4.5).contains(&delay), "{channel}: {delay}");
        }
    }
}

#[tokio::test]
async fn a_canary_that_is_in_no_record_is_looked_for_at_the_provider_where_that_needs_no_id() {
    for (email, arrives) in [(Some(SPARKPOST), true), (Some(MAILTRAP), true), (None, false)] {
        let providers: Vec<&str> = email.into_iter().chain([TWILIO]).collect();
        let harness = without_receipts(&providers).await;
        harness.run().await;
        // The platform has forgotten both.
        let mut memory: serde_json::Value =
            serde_json::from_str(&harness.memory.memory_of("notifications").unwrap()).unwrap();
        for channel in ["email", "sms"] {
            memory[channel]["pending"][0]["id"] = "4711".into();
        }
        harness.memory.set_memory("notifications", &memory.to_string());
        let observed = harness.run().await;
        assert_eq!(step(&observed, "email", "delivery"), Some(if arrives { "passed" } else { "failed" }), "{email:?}");
        let said = reason(&observed, "sms", "delivery");
        assert!(said.contains("it is not in the platform's record, and no id of the provider is told"), "{said}");
    }
}

#[tokio::test]
async fn providers_know_what_was_lost_and_why() {
    for (fault, email, channel, why) in [
        (Fault::EmailBounced, SPARKPOST, "email", "SparkPost: bounce 550 5.1.1"),
        (Fault::EmailBounced, MAILTRAP, "email", "it is not in the Mailtrap inbox"),
        (Fault::SmsFailed, SPARKPOST, "sms", "Twilio: undelivered, error 30003"),
        (Fault::SmsStuck, SPARKPOST, "sms", "the platform says queued, and no id of the provider is told"),
    ] {
        let harness = without_receipts(&[email, TWILIO]).await;
        harness.platform.faults().activate(fault);
        let observed = second(&harness).await;
        assert_eq!(step(&observed, channel, "delivery"), Some("failed"), "{fault}");
        let said = reason(&observed, channel, "delivery");
        assert!(said.contains(why), "{fault}: {said}");
        assert!(!said.contains("canary@syntetisk.example"), "{said}");
    }
}

#[tokio::test]
async fn a_provider_that_refuses_our_key_is_no_failure_of_the_platform() {
    let harness = without_receipts(&[SPARKPOST, TWILIO]).await;
    let of_demo = |(path, value): (String, String)| {
        let value =
            if path == "notifications/provider-key" { "another key than the provider's".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports =
        check_testkit::ports(&harness.memory, &harness.clock, harness.platform.credentials().into_iter().map(of_demo));
    let minute = std::time::Duration::from_secs(60);
    harness.run_after(minute, &ports).await;
    let observed = harness.run_after(minute, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("provider-key"), "{}", inconclusive.detail);
}
