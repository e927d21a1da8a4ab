use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use check::budget::Objective;
use check::incident::NotificationReason;
use check::message::{Event, Topic};
use runtime::RunError;
use serde_json::json;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn failed_metrics_fail_the_invocation_after_notifying() {
    let world = World::new();
    world.faulty.publish_fails.store(true, SeqCst);
    let error = world.try_run(&reads(script(&["web=x"])), 0).await.unwrap_err();
    assert!(matches!(error, RunError::NotPublished { .. }), "{error:?}");
    assert_eq!((error.error_type(), error.is_retryable()), ("MetricsNotPublished", true));
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
    assert_eq!(world.item().await.outbox, []);
}

#[tokio::test(start_paused = true)]
async fn next_run_retries_a_failed_topic_with_the_same_id() {
    let world = World::new();
    let check = reads(script(&["web=x"]));
    *world.faulty.refuses.lock().unwrap() = Some(Topic::OnCall);
    let first = world.run(&check, 0).await;
    assert_eq!(world.notified(), ["events opened web"]);
    assert_eq!(
        first.warnings,
        ["failed to notify oncall: throttled\nit stays in the outbox; the next run sends it again"]
    );
    assert_eq!(world.item().await.outbox.iter().map(short).collect::<Vec<_>>(), ["oncall opened web"]);
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION]);

    // Still refused: its age is the time since the run that queued it.
    world.run(&check, 2).await;
    let unsent = "OldestUnsentNotification 120 Environment=test";
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION, unsent]);
    assert_eq!(world.notified(), [""; 0]);

    *world.faulty.refuses.lock().unwrap() = None;
    let third = world.run(&check, 3).await;
    let sent = world.memory.take_sent();
    assert_eq!(sent.iter().map(short).collect::<Vec<_>>(), ["oncall opened web"]);
    assert_eq!(first.notifications, [sent[0].notification.notification_id.clone()]);
    assert_eq!((third.notifications.len(), third.warnings.len()), (0, 0));
    let unsent = "OldestUnsentNotification 180 Environment=test";
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION, unsent]);

    world.run(&check, 4).await;
    assert_eq!(world.notified(), [""; 0]);
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION]);
}

#[tokio::test(start_paused = true)]
async fn old_and_new_messages_are_sent_together() {
    let world = World::new();
    let check = reads(script(&["a=x b=.", "a=x b=.", "a=x b=x"]));
    *world.faulty.refuses.lock().unwrap() = Some(Topic::OnCall);
    world.run(&check, 0).await;
    world.notified();
    *world.faulty.refuses.lock().unwrap() = None;
    world.run(&check, 1).await;
    assert_eq!(world.notified(), ["oncall opened a", "oncall opened b", "events opened b"]);
    assert_eq!(world.item().await.outbox, []);
}

#[tokio::test(start_paused = true)]
async fn message_is_left_to_the_run_sending_it() {
    let world = World::new();
    let at_once = |flow| {
        let mut check = reads(flow);
        check.run.confirm_after = Duration::ZERO;
        check
    };
    *world.faulty.refuses.lock().unwrap() = Some(Topic::OnCall);
    let shard = |index: u8| json!({ "scheduled_time": START, "shard": index, "of": 2 });
    world.invoke(&at_once(script(&["a=x"])), shard(0), None).await.unwrap();
    world.notified();
    world.published();
    *world.faulty.refuses.lock().unwrap() = None;
    let report = world.invoke(&at_once(script(&["b=x"])), shard(1), None).await.unwrap();
    assert_eq!(reasons(&report), [("b", NotificationReason::Opened)]);
    assert_eq!(world.notified(), ["oncall opened b", "events opened b"]);
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION]);
    assert_eq!(world.item().await.outbox.iter().map(short).collect::<Vec<_>>(), ["oncall opened a"]);
}

#[tokio::test(start_paused = true)]
async fn uncleared_messages_are_sent_again_with_the_same_ids() {
    let world = World::new();
    let check = reads(script(&["web=x"]));
    world.faulty.clear_fails.store(true, SeqCst);
    let report = world.run(&check, 0).await;
    assert_eq!(
        report.warnings,
        ["failed to clear the outbox: throttled\nthe next run sends the same messages again, with the same ids"]
    );
    let first: Vec<_> = world.memory.take_sent().iter().map(runtime::Delivery::key).collect();
    world.faulty.clear_fails.store(false, SeqCst);
    let report = world.run(&check, 1).await;
    assert_eq!(
        (reasons(&report), report.warnings.len()),
        (vec![("web", NotificationReason::SuppressedAlreadyNotified)], 0)
    );
    let again: Vec<_> = world.memory.take_sent().iter().map(runtime::Delivery::key).collect();
    assert_eq!(again, first);
    let ids = [
        "oncall/fake/home/0of1/20261123T044900Z/opened/critical",
        "events/fake/home/0of1/20261123T044900Z/opened/critical",
    ];
    assert_eq!(first, ids);
    assert_eq!(world.item().await.outbox, []);
}

#[tokio::test(start_paused = true)]
async fn notification_has_the_budget_of_the_counted_runs() {
    let world = World::new();
    let mut check = reads(script(&["web=.", "web=?", "web=m", "web=x", "web=x", "web=."]));
    check.run.objective = Some(Objective::new(0.99).unwrap());
    for number in 0..4 {
        world.run(&check, number).await;
    }
    // An inconclusive run and one in maintenance count neither way.
    let counts = serde_json::to_value(&world.item().await.state.runs).unwrap();
    assert_eq!(counts, serde_json::json!({ "2026-11-23": [1, 1] }));
    let sent = world.memory.take_sent();
    let budget = sent[0].notification.error_budget.unwrap();
    assert_eq!((budget.objective, budget.passed, budget.failed, budget.spent), (0.99, 1, 1, None));
    // Two days later, there is enough to judge.
    for number in [2 * 1_440, 2 * 1_440 + 1] {
        world.run(&check, number).await;
    }
    let sent = world.memory.take_sent();
    assert_eq!(sent[0].notification.event, Event::Recovered);
    let budget = sent[0].notification.error_budget.unwrap();
    assert_eq!((budget.days, budget.passed, budget.failed), (3, 3, 1));
    assert!(budget.is_gone() && budget.gone_in_seconds == Some(0), "{budget:?}");
}

#[tokio::test(start_paused = true)]
async fn check_without_an_objective_has_no_budget() {
    let world = World::new();
    world.run(&reads(script(&["web=x"])), 0).await;
    assert_eq!(world.memory.take_sent()[0].notification.error_budget, None);
}
