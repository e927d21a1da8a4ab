use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use check::{Outcome, Refusal};
use jiff::SignedDuration;
use runtime::RunError;
use serde_json::json;

use crate::world::*;

const STALE: Outcome = Outcome::Refused { refusal: Refusal::Stale };
const DUPLICATE: Outcome = Outcome::Refused { refusal: Refusal::Duplicate };

#[tokio::test(start_paused = true)]
async fn events_over_two_minutes_late_or_early_are_refused() {
    for (seconds, refused) in [(-121, true), (-120, false), (0, false), (120, false), (121, true)] {
        let world = World::new();
        let time = minute(0) + SignedDuration::from_secs(seconds);
        let check = reads(script(&["web=."]));
        let report = world.invoke(&check, json!({ "scheduled_time": time }), None).await.unwrap();
        assert_eq!(report.outcome == STALE, refused, "{seconds} s: {:?}", report.outcome);
        assert_eq!(world.published().is_empty(), refused, "{seconds} s");
        assert_eq!(world.item().await.version == 0, refused, "{seconds} s");
        assert_eq!(report.attempts.is_empty(), refused, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn stale_event_does_not_read_the_state() {
    let world = World::new();
    world.faulty.load_fails.store(true, SeqCst);
    tokio::time::advance(Duration::from_secs(121)).await;
    let report = world.invoke(&reads(script(&["web=."])), json!({ "scheduled_time": START }), None).await.unwrap();
    assert_eq!(report.outcome, STALE);
}

#[tokio::test(start_paused = true)]
async fn repeated_event_is_refused_and_publishes_nothing() {
    let world = World::new();
    let check = reads(script(&["web=x"]));
    world.run(&check, 0).await;
    assert_eq!((world.published().len(), world.notified().len()), (3, 2));
    let before = world.item().await;
    let report = world.run(&check, 0).await;
    assert_eq!(report.outcome, DUPLICATE);
    assert_eq!((report.attempts.len(), report.reasons.len(), report.notifications.len()), (0, 0, 0));
    assert_eq!((world.published().len(), world.notified().len()), (0, 0));
    assert_eq!(world.item().await, before);
}

/// The table keeps milliseconds.
#[tokio::test(start_paused = true)]
async fn repeated_event_with_microseconds_is_refused() {
    let world = World::new();
    let check = reads(script(&["web=."]));
    let event = json!({ "scheduled_time": "2026-11-23T04:49:00.123456Z" });
    let first = world.invoke(&check, event.clone(), None).await.unwrap();
    assert_eq!(first.outcome, Outcome::Passed);
    let stored = world.item().await.last_run["home/0of1"].at;
    assert_eq!(stored.to_string(), "2026-11-23T04:49:00.123Z");
    assert_eq!(world.invoke(&check, event, None).await.unwrap().outcome, DUPLICATE);
    let later = json!({ "scheduled_time": "2026-11-23T04:49:00.124Z" });
    assert_eq!(world.invoke(&check, later, None).await.unwrap().outcome, Outcome::Passed);
}

#[tokio::test(start_paused = true)]
async fn event_after_that_of_a_later_minute_is_refused() {
    let world = World::new();
    let check = reads(script(&["web=."]));
    world.run(&check, 1).await;
    world.published();
    assert_eq!(world.run(&check, 0).await.outcome, DUPLICATE);
    assert_eq!(world.published(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn manual_and_scheduled_runs_do_not_block_each_other() {
    let world = World::new();
    let check = reads(script(&["web=."]));
    let manual = world.invoke(&check, json!({}), None).await.unwrap();
    assert_eq!((manual.key.scheduled_time, manual.key.slot()), (minute(0), "home/manual".to_owned()));
    let scheduled = world.run(&check, 0).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let again = world.invoke(&check, json!({}), None).await.unwrap();
    for report in [manual, scheduled, again] {
        assert_eq!(report.outcome, Outcome::Passed, "{}", report.key);
    }
    assert_eq!(world.published().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn shards_and_locations_do_not_block_each_other() {
    let world = World::new();
    let check = reads(script(&["web=."]));
    for shard in [0, 1] {
        let event = json!({ "scheduled_time": START, "shard": shard, "of": 2 });
        assert_eq!(world.invoke(&check, event, None).await.unwrap().outcome, Outcome::Passed);
    }
    assert_eq!(world.elsewhere().run(&check, 0).await.outcome, Outcome::Passed);
    let slots: Vec<_> = world.item().await.last_run.into_keys().collect();
    assert_eq!(slots, ["elsewhere/0of1", "home/0of2", "home/1of2"]);
}

#[tokio::test(start_paused = true)]
async fn slots_that_no_run_uses_any_more_are_forgotten() {
    let world = World::new();
    let check = reads(script(&["web=."]));
    for shard in 0..70 {
        let event = json!({ "scheduled_time": START, "shard": shard, "of": 70 });
        assert_eq!(world.invoke(&check, event, None).await.unwrap().outcome, Outcome::Passed);
    }
    assert_eq!(world.item().await.last_run.len(), 64);
    for day in 1..6 {
        world.run(&check, day * 24 * 60).await;
    }
    let slots: Vec<_> = world.item().await.last_run.into_keys().collect();
    assert_eq!(slots, ["home/0of1"]);
}

#[tokio::test(start_paused = true)]
async fn malformed_event_fails_the_invocation() {
    let world = World::new();
    let error = world.invoke(&reads(script(&["web=."])), json!({ "time": 5 }), None).await.unwrap_err();
    assert!(matches!(error, RunError::MalformedEvent(_)), "{error:?}");
    assert_eq!((error.error_type(), error.is_retryable()), ("MalformedEvent", false));
    assert_eq!(world.published(), [""; 0]);
}
