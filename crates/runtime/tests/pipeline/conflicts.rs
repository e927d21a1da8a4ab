use std::sync::atomic::Ordering::SeqCst;

use check::incident::NotificationReason;
use check::{Outcome, Refusal};
use runtime::{Commit, LastRun, RunError, StateStore};

use crate::world::*;

/// Runs `write` before the next commit of this world.
fn meanwhile(world: &World, write: impl FnOnce() -> futures::future::BoxFuture<'static, ()> + Send + 'static) {
    world.faulty.mishaps.lock().unwrap().push_back(Mishap::Meanwhile(Box::new(write)));
}

/// Writes the state unchanged before the next commit of this world.
fn touch(world: &World) {
    let memory = world.memory.clone();
    meanwhile(world, move || {
        Box::pin(async move {
            let item = memory.load("fake").await.unwrap();
            let commit = Commit {
                check: "fake".to_owned(),
                expected_version: item.version,
                slot: format!("another/{}", item.version),
                last_run: LastRun { at: minute(0), run_id: "another".to_owned(), provenance: None },
                state: item.state,
                memory: item.memory,
                enqueue: Vec::new(),
                discard: Vec::new(),
                forget: Vec::new(),
                changes: Vec::new(),
            };
            memory.commit(&commit).await.unwrap();
        })
    });
}

#[tokio::test(start_paused = true)]
async fn incident_opened_by_another_location_is_not_reopened() {
    let world = World::new();
    let elsewhere = world.elsewhere();
    meanwhile(&world, move || {
        Box::pin(async move {
            let report = elsewhere.run(&reads(script(&["web=x"])), 0).await;
            assert_eq!(reasons(&report), [("web", NotificationReason::Opened)]);
        })
    });
    let report = world.run(&reads(script(&["web=x"])), 0).await;
    assert_eq!(reasons(&report), [("web", NotificationReason::SuppressedAlreadyNotified)]);
    assert_eq!(report.notifications, [""; 0]);
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
    let item = world.item().await;
    assert_eq!(item.version, 2);
    let locations: Vec<_> = item.state.subjects[&subject("web")].votes.keys().cloned().collect();
    assert_eq!(locations, ["elsewhere", "home"]);
}

#[tokio::test(start_paused = true)]
async fn changes_of_a_concurrent_run_are_kept() {
    let world = World::new();
    let twin = world.twin();
    meanwhile(&world, move || {
        Box::pin(async move {
            let event = serde_json::json!({ "scheduled_time": START, "shard": 1, "of": 2 });
            twin.invoke(&creates(script(&["api=x"])), event, None).await.unwrap();
        })
    });
    let report = world.run(&reads(script(&["web=x"])), 0).await;
    assert_eq!(reasons(&report), [("web", NotificationReason::Opened)]);
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
    let subjects: Vec<_> = world.item().await.state.subjects.into_keys().map(|subject| subject.to_string()).collect();
    assert_eq!(subjects, ["api", "web"]);
}

#[tokio::test(start_paused = true)]
async fn same_run_in_another_process_makes_this_one_a_duplicate() {
    let world = World::new();
    let twin = world.twin();
    meanwhile(&world, move || {
        Box::pin(async move {
            assert_eq!(twin.run(&reads(script(&["web=x"])), 0).await.outcome.word(), "failed");
            assert_eq!(twin.published().len(), 3);
        })
    });
    let report = world.run(&reads(script(&["web=x"])), 0).await;
    assert_eq!(report.outcome, Outcome::Refused { refusal: Refusal::Duplicate });
    assert_eq!((report.attempts.len(), report.reasons.len(), report.notifications.len()), (0, 0, 0));
    assert_eq!(world.published(), [""; 0]);
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
}

#[tokio::test(start_paused = true)]
async fn lost_answer_to_own_write_is_not_a_duplicate() {
    let world = World::new();
    world.faulty.mishaps.lock().unwrap().push_back(Mishap::AnswerLost);
    let check = reads(script(&["web=x"]));
    let report = world.run(&check, 0).await;
    assert_eq!((report.outcome.word(), reasons(&report)), ("failed", vec![("web", NotificationReason::Opened)]));
    assert_eq!(world.published(), [INCONCLUSIVE_0, SUCCESS_0, DURATION]);
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
    let item = world.item().await;
    assert_eq!((item.version, item.outbox), (1, vec![]));
    world.run(&check, 1).await;
    assert_eq!(world.notified(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn conflicting_write_is_retried_three_times() {
    let world = World::new();
    let check = reads(script(&["web=x"]));
    for _ in 0..3 {
        touch(&world);
    }
    let report = world.run(&check, 0).await;
    assert_eq!((reasons(&report), world.item().await.version), (vec![("web", NotificationReason::Opened)], 4));
    assert_eq!(world.notified(), ["oncall opened web", "events opened web"]);
    world.published();

    for _ in 0..4 {
        touch(&world);
    }
    let error = world.try_run(&check, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to write the state of fake: other runs changed it 4 times in between");
    assert_eq!((error.error_type(), error.is_retryable()), ("StateUnavailable", true));
    assert_eq!((world.published().len(), world.notified().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn unavailable_state_fails_the_invocation_without_messages() {
    let unreadable = World::new();
    unreadable.faulty.load_fails.store(true, SeqCst);
    let unwritable = World::new();
    unwritable.faulty.mishaps.lock().unwrap().push_back(Mishap::Broken);
    for (world, expected) in
        [(unreadable, "failed to read the state: throttled"), (unwritable, "failed to write the state: throttled")]
    {
        let error = world.try_run(&reads(script(&["web=x"])), 0).await.unwrap_err();
        assert!(matches!(error, RunError::State(_)), "{error:?}");
        assert_eq!((error.to_string().as_str(), error.is_retryable()), (expected, true));
        assert_eq!((world.published().len(), world.notified().len()), (0, 0), "{expected}");
    }
}
