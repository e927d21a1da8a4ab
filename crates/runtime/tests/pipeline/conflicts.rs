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

/// Manual runs have no schedule, so none is the same as another.
#[tokio::test(start_paused = true)]
async fn manual_runs_at_the_same_time_all_count() {
    let world = World::new();
    let twin = world.twin();
    meanwhile(&world, move || {
        Box::pin(async move {
            twin.invoke(&reads(script(&["web=x"])), serde_json::json!({}), None).await.unwrap();
        })
    });
    let manual = async || world.invoke(&reads(script(&["web=x"])), serde_json::json!({}), None).await.unwrap();
    assert_eq!(manual().await.outcome.word(), "failed");
    let item = world.item().await;
    assert_eq!((item.version, item.state.subjects[&subject("web")].votes["home"].failed), (2, 2));
    // The clock was set back since the last run.
    let mut ahead = item.last_run["home/manual"].clone();
    ahead.at = minute(100_000);
    let commit = Commit {
        check: "fake".to_owned(),
        expected_version: item.version,
        slot: "home/manual".to_owned(),
        last_run: ahead,
        forget: Vec::new(),
        state: item.state,
        memory: None,
        enqueue: Vec::new(),
        discard: Vec::new(),
        changes: Vec::new(),
    };
    world.memory.commit(&commit).await.unwrap();
    for later in 1..=2 {
        assert_eq!(manual().await.outcome.word(), "failed");
        let last = world.item().await.last_run["home/manual"].at;
        assert_eq!(last, minute(100_000) + std::time::Duration::from_millis(later));
    }
}

/// A person who stops a program says nothing about the platform, nor about its monitoring.
#[tokio::test(start_paused = true)]
async fn interrupted_runs_do_not_vote() {
    let world = World::new();
    world.ports.interrupt.cancel();
    let check = reads(script(&["web=x"]));
    for number in 0..5 {
        let report = world.run(&check, number).await;
        assert_eq!((report.outcome.word(), report.reasons.len()), ("inconclusive", 0));
    }
    assert!(world.item().await.state.subjects.is_empty());
    assert_eq!(world.notified(), [""; 0]);
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
        let is_expected = match &error {
            RunError::NotStored { report, .. } => matches!(report.outcome, Outcome::Failed { .. }),
            error => matches!(error, RunError::State(_)) && expected.contains("read"),
        };
        assert!(is_expected, "{error:?}");
        assert_eq!((error.to_string().as_str(), error.is_retryable()), (expected, true));
        assert_eq!((world.published().len(), world.notified().len()), (0, 0), "{expected}");
    }
}
