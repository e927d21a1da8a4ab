use std::collections::BTreeSet;
use std::time::Duration;

use check::incident::{NotificationReason, Phase, Severity};
use check::message::Event;
use jiff::SignedDuration;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn second_subject_is_notified_while_the_first_is_down() {
    let world = World::new();
    let check = reads(script(&["a=x b=.", "a=x b=.", "a=x b=x", "a=x b=x", "a=x b=x", "a=x b=x"]));
    world.run(&check, 0).await;
    assert_eq!(world.notified(), ["oncall opened a", "events opened a"]);
    let report = world.run(&check, 1).await;
    assert_eq!(
        reasons(&report),
        [("a", NotificationReason::SuppressedAlreadyNotified), ("b", NotificationReason::Opened)]
    );
    assert_eq!(world.notified(), ["oncall opened b", "events opened b"]);
    assert_eq!(
        reasons(&world.run(&check, 2).await),
        [("a", NotificationReason::SuppressedAlreadyNotified), ("b", NotificationReason::SuppressedAlreadyNotified)]
    );
    assert_eq!(world.notified(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn several_subjects_in_one_run_make_one_message() {
    let world = World::new();
    let report = world.run(&reads(script(&["a=x b=x c=."])), 0).await;
    assert_eq!(world.notified(), ["oncall opened a,b", "events opened a,b"]);
    assert_eq!(report.notifications.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn recovery_message_states_the_downtime() {
    let world = World::new();
    let check = reads(script(&["web=.", "web=x", "web=x", "web=."]));
    let good = world.run(&check, 0).await;
    let opening = world.run(&check, 1).await;
    let opened = world.memory.take_sent().remove(0).notification;
    assert_eq!(opened.last_successful_run.unwrap().run_id, good.run_id);
    assert_eq!((opened.run_id, opened.trace_id), (opening.run_id, opening.trace_id));
    assert_eq!(opened.links.runbook, "https://docs.example/fake.md");
    assert_eq!(opened.contact.details, "+45 00 00 00 00");
    assert_eq!((opened.subjects[0].closed_at, opened.subjects[0].downtime_seconds), (None, None));

    assert_eq!(reasons(&world.run(&check, 2).await), [("web", NotificationReason::SuppressedNotYetRecovered)]);
    assert_eq!(world.notified(), [""; 0]);
    assert_eq!(reasons(&world.run(&check, 3).await), [("web", NotificationReason::Recovered)]);
    let sent = world.memory.take_sent();
    assert_eq!(sent.iter().map(short).collect::<Vec<_>>(), ["oncall recovered web", "events recovered web"]);
    let recovered = &sent[0].notification;
    assert_eq!(recovered.event, Event::Recovered);
    let report = &recovered.subjects[0];
    assert_eq!(report.incident_id, opened.subjects[0].incident_id);
    assert_eq!((report.since, report.closed_at, report.downtime_seconds), (minute(1), Some(minute(3)), Some(120)));
    assert_eq!((report.failure.expected.as_str(), report.failure.actual.as_str()), ("status 200", "status 500"));
    // Kept for an hour, to detect flapping.
    assert_eq!(world.item().await.state.subjects[&subject("web")].phase, Phase::Healthy);
    world.run(&reads(script(&["web=."])), 62).await;
    assert!(world.item().await.state.subjects.is_empty());
}

#[tokio::test(start_paused = true)]
async fn open_incident_is_reminded_after_the_interval() {
    let world = World::new();
    let mut check = reads(script(&["web=x"]));
    check.run.policy.remind_every = Duration::from_secs(120);
    let notified: Vec<_> = [
        world.run(&check, 0).await,
        world.run(&check, 1).await,
        world.run(&check, 2).await,
        world.run(&check, 3).await,
    ]
    .iter()
    .map(|report| report.reasons[0].notification_reason)
    .collect();
    assert_eq!(
        notified,
        [
            NotificationReason::Opened,
            NotificationReason::SuppressedAlreadyNotified,
            NotificationReason::Reminded,
            NotificationReason::SuppressedAlreadyNotified
        ]
    );
    let events = world.notified();
    assert_eq!(events, ["oncall opened web", "events opened web", "oncall reminded web", "events reminded web"]);
}

#[tokio::test(start_paused = true)]
async fn severity_selects_the_topic_for_people() {
    let world = World::new();
    let mut check = reads(script(&["web=x"]));
    check.run.policy.severity = Severity::Warning;
    world.run(&check, 0).await;
    assert_eq!(world.notified(), ["warnings opened web", "events opened web"]);
}

#[tokio::test(start_paused = true)]
async fn two_locations_must_agree() {
    let world = World::new();
    let elsewhere = world.elsewhere();
    let healthy = reads(script(&["web=."]));
    world.run(&healthy, 0).await;
    elsewhere.run(&healthy, 0).await;
    let check = reads(script(&["web=x"]));
    assert_eq!(reasons(&world.run(&check, 1).await), [("web", NotificationReason::SuppressedOutvoted)]);
    assert_eq!(reasons(&elsewhere.run(&check, 1).await), [("web", NotificationReason::Opened)]);
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
}

#[tokio::test(start_paused = true)]
async fn links_contain_the_window_of_the_incident() {
    let world = World::new();
    let mut check = creates(script(&["web=x"]));
    check.common.links.logs = Some("https://logs.example/{environment}/{location}?from={from}&to={to_ms}".to_owned());
    world.run(&check, 0).await;
    world.run(&check, 1).await;
    let opened = world.memory.take_sent().remove(0).notification;
    // Five minutes before the first failed run; up to now.
    let to = (minute(1) + SignedDuration::from_secs(5)).as_millisecond();
    let expected = format!("https://logs.example/test/home?from=2026-11-23T04:44:00Z&to={to}");
    assert_eq!(opened.links.logs, Some(expected));
}

#[tokio::test(start_paused = true)]
async fn incident_of_a_removed_subject_is_dropped() {
    let world = World::new();
    world.run(&reads(script(&["gone=x kept=x"])), 0).await;
    assert_eq!(world.notified().len(), 2);
    let mut check = reads(script(&["kept=x"]));
    check.check.subjects = Some(BTreeSet::from([subject("kept")]));
    let report = world.run(&check, 1).await;
    assert_eq!(
        reasons(&report),
        [("gone", NotificationReason::SuppressedDropped), ("kept", NotificationReason::SuppressedAlreadyNotified)]
    );
    assert_eq!(world.notified(), [""; 0]);
    let subjects: Vec<_> = world.item().await.state.subjects.into_keys().collect();
    assert_eq!(subjects, [subject("kept")]);
}
