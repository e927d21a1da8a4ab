//! Intervals between canaries, and their consequences for incidents.

use std::time::Duration;

use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use notifications::Notifications;
use runtime::{Invocation, execute};

use crate::{reason, step};

const CADENCE: Duration = Duration::from_secs(300);

/// Starts a harness with the default intervals.
async fn with_default_intervals() -> Harness<Notifications> {
    Harness::with(Options::default(), |settings| {
        let email = ", every = \"10s\", delivered_within = \"20s\"";
        let sms = ", every = \"20s\", delivered_within = \"20s\"";
        assert!(settings.contains(email) && settings.contains(sms));
        *settings = settings.replace(email, "").replace(sms, "");
    })
    .await
}

fn sent(harness: &Harness<Notifications>) -> (u64, u64) {
    let counts = harness.platform.requests().counts();
    let count = |route: &str| counts.get(route).copied().unwrap_or_default();
    (count("POST /api/notifications/email"), count("POST /api/notifications/sms"))
}

async fn next(harness: &Harness<Notifications>) -> Observed {
    harness.run_after(CADENCE, &harness.ports()).await
}

#[tokio::test]
async fn four_emails_and_one_sms_an_hour_arrive() {
    let harness = with_default_intervals().await;
    let (mut emails, mut texts) = (0, 0);
    for _ in 0..288 {
        let observed = next(&harness).await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        for (channel, arrived) in [("email", &mut emails), ("sms", &mut texts)] {
            if let Some(delay) = observed.metrics.get(&format!("NotificationDeliveryDelay.{channel}")) {
                // The delay is from the record and does not depend on the next run.
                assert!((3.9..30.0).contains(delay), "{channel}: {delay}");
                *arrived += 1;
            }
        }
        // The log-in, record, log-out, counters and canaries take less time than a delivery.
        assert!(observed.report.last_attempt().unwrap().duration_ms < 3_900.0, "a run never waits for a delivery");
    }
    // One day: the last e-mail and SMS may still be pending.
    assert_eq!(sent(&harness), (96, 24));
    assert!((95..=96).contains(&emails) && (23..=24).contains(&texts), "{emails}, {texts}");
}

#[tokio::test]
async fn pending_canary_skips_the_delivery_step() {
    let harness = with_default_intervals().await;
    harness.platform.faults().activate(Fault::EmailStuck);
    assert_eq!(step(&next(&harness).await, "email", "delivery"), Some("skipped"), "none was sent yet");
    let observed = next(&harness).await;
    assert_eq!(step(&observed, "email", "delivery"), Some("skipped"));
    assert!(
        reason(&observed, "email", "delivery").contains("on its way for 300 s: status queued on the platform"),
        "{observed:?}"
    );
    assert_eq!(observed.report.outcome, Outcome::Passed);
    let observed = next(&harness).await;
    assert_eq!(step(&observed, "email", "delivery"), Some("failed"), "later than delivered_within");
}

#[tokio::test]
async fn late_canary_opens_an_incident_until_it_arrives() {
    let harness = with_default_intervals().await;
    harness.platform.faults().activate(Fault::EmailStuck);
    for _ in 0..4 {
        next(&harness).await;
    }
    let sent = harness.memory.take_sent();
    let opened = |delivery: &runtime::Delivery| {
        let notification = &delivery.notification;
        notification.event == check::message::Event::Opened
            && notification.subjects[0].failure.subject.as_str() == "email"
    };
    assert!(sent.iter().any(opened), "{sent:#?}");
    harness.platform.faults().clear(Fault::EmailStuck);
    let mut sent = Vec::new();
    for _ in 0..3 {
        next(&harness).await;
        sent.extend(harness.memory.take_sent());
    }
    assert!(sent.iter().any(|delivery| delivery.notification.event == check::message::Event::Recovered), "{sent:#?}");
}

#[tokio::test]
async fn one_failed_canary_is_retried_without_an_incident() {
    let harness = with_default_intervals().await;
    harness.platform.faults().activate(Fault::SmsFailed);
    next(&harness).await;
    let observed = next(&harness).await;
    assert_eq!((step(&observed, "sms", "delivery"), step(&observed, "sms", "send")), (Some("failed"), Some("passed")));
    assert_eq!(sent(&harness).1, 2, "a second SMS before the hour is over");
    assert!(harness.memory.take_sent().is_empty(), "one failed SMS opens no incident");
    harness.platform.faults().clear_all();
    for _ in 0..3 {
        assert_eq!(next(&harness).await.report.outcome, Outcome::Passed);
    }
    assert!(harness.memory.take_sent().is_empty(), "no incident, so no recovery");
    assert_eq!(sent(&harness).1, 3, "two arrivals end the retries");
}

#[tokio::test]
async fn lost_canary_is_forgotten_when_a_later_one_arrives() {
    let harness = with_default_intervals().await;
    next(&harness).await;
    // The platform's record does not have the first canary.
    let mut memory: serde_json::Value =
        serde_json::from_str(&harness.memory.memory_of("notifications").unwrap()).unwrap();
    memory["data"]["email"]["pending"][0]["id"] = "4711".into();
    harness.memory.set_memory("notifications", &memory.to_string());
    for _ in 0..2 {
        next(&harness).await;
    }
    let mut late = 0;
    for _ in 0..4 {
        let observed = next(&harness).await;
        late += u32::from(step(&observed, "email", "delivery") == Some("failed"));
    }
    assert!(late <= 2, "{late} times late although later ones arrive");
    assert_eq!(next(&harness).await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn manual_run_sends_nothing_without_send_canaries() {
    let harness = with_default_intervals().await;
    let dry = Invocation { may_send: false, ..Invocation::manual() };
    let report = execute(&harness.prepared, &harness.ports(), &dry).await.unwrap();
    assert_eq!(report.outcome, Outcome::Passed);
    assert_eq!(sent(&harness), (0, 0));
    let text = format!("{report:?}");
    assert!(text.contains("without --send-canaries") && text.contains("nothing to judge"), "{text}");
}
