//! How often a canary is sent, and what that means for incidents.

use std::time::Duration;

use check::Outcome;
use demo_platform::{Fault, Options};
use notifications::Notifications;
use runtime::{Invocation, execute};
use trial::{Seen, Trial};

use crate::{reason, step};

const CADENCE: Duration = Duration::from_secs(300);

/// With the pace of production.
async fn at_its_own_pace() -> Trial<Notifications> {
    Trial::with(Options::default(), |settings| {
        let fast = ", every = \"10s\", delivered_within = \"20s\"";
        let faster = ", every = \"20s\", delivered_within = \"20s\"";
        assert!(settings.contains(fast) && settings.contains(faster));
        *settings = settings.replace(fast, "").replace(faster, "");
    })
    .await
}

fn sent(trial: &Trial<Notifications>) -> (u64, u64) {
    let counts = trial.platform.requests().counts();
    let of = |route: &str| counts.get(route).copied().unwrap_or_default();
    (of("POST /api/notifications/email"), of("POST /api/notifications/sms"))
}

async fn next(trial: &Trial<Notifications>) -> Seen {
    trial.run_after(CADENCE, &trial.ports()).await
}

#[tokio::test]
async fn four_e_mails_and_one_sms_an_hour_and_each_is_seen_to_arrive() {
    let trial = at_its_own_pace().await;
    let (mut emails, mut texts) = (0, 0);
    for _ in 0..288 {
        let seen = next(&trial).await;
        assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
        for (channel, arrived) in [("email", &mut emails), ("sms", &mut texts)] {
            if let Some(delay) = seen.metrics.get(&format!("NotificationDeliveryDelay.{channel}")) {
                // By the record, and not when the next run saw it.
                assert!((3.9..30.0).contains(delay), "{channel}: {delay}");
                *arrived += 1;
            }
        }
        // Three requests to log in and look, one to log out, one for the counters, and the canaries.
        assert!(seen.report.last_attempt().unwrap().duration_ms < 3_900.0, "a run never waits for one");
    }
    // A day: the last e-mail and SMS are still to be judged.
    assert_eq!(sent(&trial), (96, 24));
    assert!((95..=96).contains(&emails) && (23..=24).contains(&texts), "{emails}, {texts}");
}

#[tokio::test]
async fn a_canary_on_its_way_is_neither_passed_nor_failed() {
    let trial = at_its_own_pace().await;
    trial.platform.faults().activate(Fault::EmailStuck);
    assert_eq!(step(&next(&trial).await, "email", "delivery"), Some("skipped"), "none was sent yet");
    let seen = next(&trial).await;
    assert_eq!(step(&seen, "email", "delivery"), Some("skipped"));
    assert!(reason(&seen, "email", "delivery").contains("on its way for 300 s: the platform says queued"), "{seen:?}");
    assert_eq!(seen.report.outcome, Outcome::Passed);
    let seen = next(&trial).await;
    assert_eq!(step(&seen, "email", "delivery"), Some("failed"), "older than its bound");
}

#[tokio::test]
async fn one_that_is_late_opens_an_incident_and_its_arrival_ends_it() {
    let trial = at_its_own_pace().await;
    trial.platform.faults().activate(Fault::EmailStuck);
    for _ in 0..4 {
        next(&trial).await;
    }
    let told = trial.memory.take_sent();
    let opened = |delivery: &runtime::Delivery| {
        let notification = &delivery.notification;
        notification.event == check::message::Event::Opened
            && notification.subjects[0].failure.subject.as_str() == "email"
    };
    assert!(told.iter().any(opened), "{told:#?}");
    trial.platform.faults().clear(Fault::EmailStuck);
    let mut told = Vec::new();
    for _ in 0..3 {
        next(&trial).await;
        told.extend(trial.memory.take_sent());
    }
    assert!(told.iter().any(|delivery| delivery.notification.event == check::message::Event::Recovered), "{told:#?}");
}

#[tokio::test]
async fn one_that_failed_is_confirmed_by_another_at_once_and_wakes_nobody_alone() {
    let trial = at_its_own_pace().await;
    trial.platform.faults().activate(Fault::SmsFailed);
    next(&trial).await;
    let seen = next(&trial).await;
    assert_eq!((step(&seen, "sms", "delivery"), step(&seen, "sms", "send")), (Some("failed"), Some("passed")));
    assert_eq!(sent(&trial).1, 2, "an hour has not passed");
    assert!(trial.memory.take_sent().is_empty(), "one SMS that fails wakes nobody");
    trial.platform.faults().clear_all();
    for _ in 0..3 {
        assert_eq!(next(&trial).await.report.outcome, Outcome::Passed);
    }
    assert!(trial.memory.take_sent().is_empty(), "and it was one alone");
    assert_eq!(sent(&trial).1, 3, "two that arrived have settled it");
}

#[tokio::test]
async fn a_lost_canary_is_forgotten_when_a_later_one_arrives() {
    let trial = at_its_own_pace().await;
    next(&trial).await;
    // The platform forgets the first: it is in no record.
    let mut memory: serde_json::Value =
        serde_json::from_str(&trial.memory.memory_of("notifications").unwrap()).unwrap();
    memory["email"]["pending"][0]["id"] = "4711".into();
    trial.memory.set_memory("notifications", &memory.to_string());
    for _ in 0..2 {
        next(&trial).await;
    }
    let mut late = 0;
    for _ in 0..4 {
        let seen = next(&trial).await;
        late += u32::from(step(&seen, "email", "delivery") == Some("failed"));
    }
    assert!(late <= 2, "{late} times late although later ones arrive");
    assert_eq!(next(&trial).await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_run_by_hand_sends_nothing_unless_it_is_told_to() {
    let trial = at_its_own_pace().await;
    let dry = Invocation { may_send: false, ..Invocation::manual() };
    let report = execute(&trial.prepared, &trial.ports(), &dry).await.unwrap();
    assert_eq!(report.outcome, Outcome::Passed);
    assert_eq!(sent(&trial), (0, 0));
    let said = format!("{report:?}");
    assert!(said.contains("without --send") && said.contains("nothing to judge"), "{said}");
}
