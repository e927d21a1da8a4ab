//! How often a canary is sent, and what that means for incidents.

use std::time::Duration;

use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use notifications::Notifications;
use runtime::{Invocation, execute};

use crate::{reason, step};

const CADENCE: Duration = Duration::from_secs(300);

/// With the pace of production.
async fn at_its_own_pace() -> Harness<Notifications> {
    Harness::with(Options::default(), |settings| {
        let fast = ", every = \"10s\", delivered_within = \"20s\"";
        let faster = ", every = \"20s\", delivered_within = \"20s\"";
        assert!(settings.contains(fast) && settings.contains(faster));
        *settings = settings.replace(fast, "").replace(faster, "");
    })
    .await
}

fn sent(harness: &Harness<Notifications>) -> (u64, u64) {
    let counts = harness.platform.requests().counts();
    let of = |route: &str| counts.get(route).copied().unwrap_or_default();
    (of("POST /api/notifications/email"), of("POST /api/notifications/sms"))
}

async fn next(harness: &Harness<Notifications>) -> Observed {
    harness.run_after(CADENCE, &harness.ports()).await
}

#[tokio::test]
async fn four_e_mails_and_one_sms_an_hour_and_each_is_seen_to_arrive() {
    let harness = at_its_own_pace().await;
    let (mut emails, mut texts) = (0, 0);
    for _ in 0..288 {
        let observed = next(&harness).await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        for (channel, arrived) in [("email", &mut emails), ("sms", &mut texts)] {
            if let Some(delay) = observed.metrics.get(&format!("NotificationDeliveryDelay.{channel}")) {
                // By the record, and not when the next run saw it.
                assert!((3.9..30.0).contains(delay), "{channel}: {delay}");
                *arrived += 1;
            }
        }
        // Three requests to log in and look, one to log out, one for the counters, and the canaries.
        assert!(observed.report.last_attempt().unwrap().duration_ms < 3_900.0, "a run never waits for one");
    }
    // A day: the last e-mail and SMS are still to be judged.
    assert_eq!(sent(&harness), (96, 24));
    assert!((95..=96).contains(&emails) && (23..=24).contains(&texts), "{emails}, {texts}");
}

#[tokio::test]
async fn a_canary_on_its_way_is_neither_passed_nor_failed() {
    let harness = at_its_own_pace().await;
    harness.platform.faults().activate(Fault::EmailStuck);
    assert_eq!(step(&next(&harness).await, "email", "delivery"), Some("skipped"), "none was sent yet");
    let observed = next(&harness).await;
    assert_eq!(step(&observed, "email", "delivery"), Some("skipped"));
    assert!(
        reason(&observed, "email", "delivery").contains("on its way for 300 s: the platform says queued"),
        "{observed:?}"
    );
    assert_eq!(observed.report.outcome, Outcome::Passed);
    let observed = next(&harness).await;
    assert_eq!(step(&observed, "email", "delivery"), Some("failed"), "older than its bound");
}

#[tokio::test]
async fn one_that_is_late_opens_an_incident_and_its_arrival_ends_it() {
    let harness = at_its_own_pace().await;
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
async fn one_that_failed_is_confirmed_by_another_at_once_and_wakes_nobody_alone() {
    let harness = at_its_own_pace().await;
    harness.platform.faults().activate(Fault::SmsFailed);
    next(&harness).await;
    let observed = next(&harness).await;
    assert_eq!((step(&observed, "sms", "delivery"), step(&observed, "sms", "send")), (Some("failed"), Some("passed")));
    assert_eq!(sent(&harness).1, 2, "an hour has not passed");
    assert!(harness.memory.take_sent().is_empty(), "one SMS that fails wakes nobody");
    harness.platform.faults().clear_all();
    for _ in 0..3 {
        assert_eq!(next(&harness).await.report.outcome, Outcome::Passed);
    }
    assert!(harness.memory.take_sent().is_empty(), "and it was one alone");
    assert_eq!(sent(&harness).1, 3, "two that arrived have settled it");
}

#[tokio::test]
async fn a_lost_canary_is_forgotten_when_a_later_one_arrives() {
    let harness = at_its_own_pace().await;
    next(&harness).await;
    // The platform forgets the first: it is in no record.
    let mut memory: serde_json::Value =
        serde_json::from_str(&harness.memory.memory_of("notifications").unwrap()).unwrap();
    memory["email"]["pending"][0]["id"] = "4711".into();
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
async fn a_run_by_hand_sends_nothing_unless_it_is_told_to() {
    let harness = at_its_own_pace().await;
    let dry = Invocation { may_send: false, ..Invocation::manual() };
    let report = execute(&harness.prepared, &harness.ports(), &dry).await.unwrap();
    assert_eq!(report.outcome, Outcome::Passed);
    assert_eq!(sent(&harness), (0, 0));
    let said = format!("{report:?}");
    assert!(said.contains("without --send-canaries") && said.contains("nothing to judge"), "{said}");
}
