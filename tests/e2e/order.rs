//! Concurrent writers of one item: locations, shards, operators, and runs that overlap, repeat or arrive late. The table
//! may throttle or answer slowly.

use std::time::Duration;

use demo_platform::Fault;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::calls::Obstacle;
use crate::runtime_api::{Function, Invoked};
use crate::world::{World, scheduled};

const CHECK: &str = "availability";

fn notification_reasons(invoked: &Invoked) -> Vec<&str> {
    let reasons = invoked.report()["reasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["notification_reason"].as_str().unwrap()).collect()
}

async fn start_at(world: &mut World, location: &str) -> Function {
    world.set_variable("LOCATION", location);
    world.start(CHECK).await
}

/// Invokes two or three functions at the same time, one minute later.
async fn next_minute(world: &World, functions: &[&Function]) -> Vec<Invoked> {
    world.clock.advance(Duration::from_secs(60));
    let event = scheduled(world.minute());
    let mut invoked = Vec::new();
    match functions {
        [one, other] => {
            let (one, other) = tokio::join!(one.invoke(&event), other.invoke(&event));
            invoked.extend([one, other]);
        }
        [one, other, third] => {
            let (one, other, third) = tokio::join!(one.invoke(&event), other.invoke(&event), third.invoke(&event));
            invoked.extend([one, other, third]);
        }
        _ => panic!("expected two or three functions, found {}", functions.len()),
    }
    invoked
}

#[tokio::test(flavor = "multi_thread")]
async fn three_locations_open_and_close_one_incident() {
    let mut world = World::new("locations").await;
    let north = start_at(&mut world, "eu-north-1").await;
    let west = start_at(&mut world, "eu-west-1").await;
    let south = start_at(&mut world, "eu-south-1").await;
    for _ in 0..2 {
        for invoked in next_minute(&world, &[&north, &west, &south]).await {
            assert_eq!(invoked.outcome(), "passed", "{:#}", invoked.report());
        }
    }
    world.platform.faults().activate(Fault::ServerError);
    let invoked = next_minute(&world, &[&north, &west, &south]).await;
    let mut reasons: Vec<Vec<&str>> = invoked.iter().map(notification_reasons).collect();
    reasons.sort();
    reasons.iter_mut().for_each(|reasons| reasons.dedup());
    assert_eq!(
        reasons,
        [["opened"], ["suppressed_already_notified"], ["suppressed_outvoted"]],
        "two of three locations must agree"
    );
    world.platform.faults().clear(Fault::ServerError);
    for _ in 0..2 {
        next_minute(&world, &[&north, &west, &south]).await;
    }
    let received = world.received().await;
    let events: Vec<Value> = received.events.iter().map(|message| message.json()["event"].clone()).collect();
    assert_eq!(events, ["opened", "recovered"], "{received}");
    assert!(!world.state().await.contains("\"phase\":\"failing\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn single_failing_location_opens_no_incident() {
    let mut world = World::new("outvoted").await;
    let north = start_at(&mut world, "eu-north-1").await;
    let west = start_at(&mut world, "eu-west-1").await;
    next_minute(&world, &[&north, &west]).await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(60));
        let event = scheduled(world.minute());
        world.platform.faults().activate(Fault::ServerError);
        assert!(
            notification_reasons(&north.invoke(&event).await).iter().all(|reason| *reason == "suppressed_outvoted")
        );
        world.platform.faults().clear(Fault::ServerError);
        assert!(notification_reasons(&west.invoke(&event).await).iter().all(|reason| *reason == "suppressed_outvoted"));
    }
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_share_one_item_and_notify_separately() {
    let world = World::new("shards").await;
    let (one, other) = (world.start(CHECK).await, world.start(CHECK).await);
    world.platform.faults().activate(Fault::ServerError);
    world.clock.advance(Duration::from_secs(60));
    let shard = |index: u8| json!({ "scheduled_time": world.minute().to_string(), "shard": index, "of": 2 });
    let (zero, first) = (shard(0), shard(1));
    let (zero, first) = tokio::join!(one.invoke(&zero), other.invoke(&first));
    assert!(notification_reasons(&zero).iter().chain(&notification_reasons(&first)).all(|reason| *reason == "opened"));
    let received = world.received().await;
    assert_eq!(received.events.len(), 2, "{received}");
    let ids = received.ids();
    assert_ne!(ids[0], ids[1]);
    let subjects: usize =
        received.events.iter().map(|message| message.json()["subjects"].as_array().unwrap().len()).sum();
    assert_eq!(
        subjects,
        zero.report()["reasons"].as_array().unwrap().len() + first.report()["reasons"].as_array().unwrap().len()
    );
}

pub async fn mute_set_during_a_run_applies_to_that_run() {
    let mut world = World::new("mute-between").await;
    world.deploy_alarms("Availability").await;
    world.replace("deadline = \"5s\"", "deadline = \"2s\"");
    let function = world.start(CHECK).await;
    // The run has read the state and waits for the platform.
    world.platform.faults().activate(Fault::Hang);
    world.clock.advance(Duration::from_secs(60));
    let event = scheduled(world.minute());
    let mute = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.printed(&["mute", CHECK, "--for", "1h", "--reason", "in between"])
    };
    let (invoked, _) = tokio::join!(function.invoke(&event), mute);
    assert!(
        notification_reasons(&invoked).iter().all(|reason| *reason == "suppressed_muted"),
        "{:#}",
        invoked.report()
    );
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
    let calls = world.calls.take();
    let writes = calls.iter().filter(|call| *call == "TransactWriteItems").count();
    assert_eq!(writes, 2, "expected one conflict and one repeated decision: {calls:?}");
}

/// The platform hangs, so that a run of two attempts lasts longer than the minute between two starts.
pub async fn overlapping_runs_open_one_incident() {
    let mut world = World::new("overlap").await;
    world.replace("deadline = \"5s\"", "deadline = \"2s\"");
    let (one, other) = (world.start(CHECK).await, world.start(CHECK).await);
    world.platform.faults().activate(Fault::Hang);
    let (first, second) = (scheduled(world.minute()), scheduled(world.minute() + SignedDuration::from_mins(1)));
    let next = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.clock.advance(Duration::from_secs(60));
        other.invoke(&second).await
    };
    let (first, second) = tokio::join!(one.invoke(&first), next);
    for invoked in [&first, &second] {
        assert!(["failed", "refused"].contains(&invoked.outcome()), "{:#}", invoked.report());
    }
    let received = world.received().await;
    assert_eq!((received.on_call.len(), received.events.len()), (1, 1), "{received}");
    let records: Value = serde_json::from_str(&world.printed(&["incidents", "--json"])).unwrap();
    let subjects: std::collections::BTreeSet<_> =
        records.as_array().unwrap().iter().map(|record| record["subject"].to_string()).collect();
    assert_eq!(records.as_array().unwrap().len(), subjects.len(), "one incident per subject: {records:#}");
}

pub async fn late_run_is_refused_and_clocks_may_differ() {
    let world = World::new("late").await;
    let function = world.start(CHECK).await;
    let minute = world.minute();
    let at = |number: i64| minute + SignedDuration::from_mins(number);
    world.platform.faults().activate(Fault::ServerError);
    world.clock.set(at(2) + SignedDuration::from_secs(1));
    assert!(notification_reasons(&function.invoke(&scheduled(at(2))).await).iter().all(|reason| *reason == "opened"));
    world.platform.faults().clear(Fault::ServerError);
    // The run of the previous minute finishes late and is refused.
    assert_eq!(function.invoke(&scheduled(at(1))).await.report()["outcome"]["refusal"], "duplicate");
    // One clock is 90 s slow, another 90 s fast.
    world.clock.set(at(3) - SignedDuration::from_secs(90));
    assert!(
        notification_reasons(&function.invoke(&scheduled(at(3))).await)
            .iter()
            .all(|reason| *reason == "suppressed_not_yet_recovered")
    );
    world.clock.set(at(4) + SignedDuration::from_secs(90));
    assert!(
        notification_reasons(&function.invoke(&scheduled(at(4))).await).iter().all(|reason| *reason == "recovered")
    );
    let received = world.received().await;
    let report = &received.events[1].json()["subjects"][0];
    assert_eq!(report["downtime_seconds"], 120, "downtime follows the schedule, not the clock of a machine");
}

pub async fn throttling_or_unavailable_table_loses_nothing() {
    let world = World::new("throttled").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    world.calls.obstruct(Obstacle::ThrottleTwice, "GetItem");
    let invoked = world.run(&function).await;
    assert!(notification_reasons(&invoked).iter().all(|reason| *reason == "opened"), "{:#}", invoked.report());
    world.calls.clear();
    world.platform.faults().clear(Fault::ServerError);
    // The table is unavailable for one run, which fails.
    world.calls.obstruct(Obstacle::Refuse, "UpdateItem");
    assert_eq!(world.run(&function).await.error().error_type, "StateUnavailable");
    world.calls.clear();
    // The write succeeds, but its answer arrives after the client has retried. The retry conflicts and recognizes its own
    // run. The read passes first, so the obstacle applies to the write.
    world.calls.obstruct_after(1, Obstacle::SlowAnswer);
    assert!(
        notification_reasons(&world.run(&function).await)
            .iter()
            .all(|reason| *reason == "suppressed_not_yet_recovered")
    );
    world.calls.obstruct_after(1, Obstacle::SlowAnswer);
    let invoked = world.run(&function).await;
    assert!(notification_reasons(&invoked).iter().all(|reason| *reason == "recovered"), "{:#}", invoked.report());
    let received = world.received().await;
    let events: Vec<Value> = received.events.iter().map(|message| message.json()["event"].clone()).collect();
    assert_eq!(events, ["opened", "recovered"], "{received}");
}
