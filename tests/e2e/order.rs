//! Several writers of one item: locations, shards, operators, and runs that overlap, come twice, late or to a table that
//! is slow.

use std::time::Duration;

use demo_platform::Fault;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::calls::Obstacle;
use crate::runtime_api::{Function, Invoked};
use crate::world::{World, scheduled};

const CHECK: &str = "availability";

fn received(invoked: &Invoked) -> Vec<&str> {
    let reasons = invoked.report()["reasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["notification_reason"].as_str().unwrap()).collect()
}

async fn start_at(world: &mut World, location: &str) -> Function {
    world.set_variable("LOCATION", location);
    world.start(CHECK).await
}

/// The next minute at each function, all at once.
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
        _ => panic!("two or three at once"),
    }
    invoked
}

#[tokio::test(flavor = "multi_thread")]
async fn three_locations_at_once_open_one_incident_and_close_it_once() {
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
    let mut words: Vec<Vec<&str>> = invoked.iter().map(received).collect();
    words.sort();
    words.iter_mut().for_each(|words| words.dedup());
    assert_eq!(
        words,
        [["suppressed_already_notified"], ["opened"], ["suppressed_outvoted"]],
        "two of three had to agree"
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
async fn one_location_alone_does_not_open_what_others_do_not_see() {
    let mut world = World::new("suppressed_outvoted").await;
    let north = start_at(&mut world, "eu-north-1").await;
    let west = start_at(&mut world, "eu-west-1").await;
    next_minute(&world, &[&north, &west]).await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(60));
        let event = scheduled(world.minute());
        world.platform.faults().activate(Fault::ServerError);
        assert!(received(&north.invoke(&event).await).iter().all(|received| *received == "suppressed_outvoted"));
        world.platform.faults().clear(Fault::ServerError);
        assert!(received(&west.invoke(&event).await).iter().all(|received| *received == "suppressed_outvoted"));
    }
    let received = world.received().await;
    assert!(received.is_nothing(), "{received}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_write_one_item_and_each_tells_its_own() {
    let world = World::new("shards").await;
    let (one, other) = (world.start(CHECK).await, world.start(CHECK).await);
    world.platform.faults().activate(Fault::ServerError);
    world.clock.advance(Duration::from_secs(60));
    let shard = |index: u8| json!({ "scheduled_time": world.minute().to_string(), "shard": index, "of": 2 });
    let (zero, first) = (shard(0), shard(1));
    let (zero, first) = tokio::join!(one.invoke(&zero), other.invoke(&first));
    assert!(received(&zero).iter().chain(&received(&first)).all(|received| *received == "opened"));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_in_the_midst_of_a_run_holds_for_it_already() {
    let mut world = World::new("mute-between").await;
    world.deploy_alarms("Availability").await;
    world.replace("deadline = \"5s\"", "deadline = \"2s\"");
    let function = world.start(CHECK).await;
    // A run that has read the state, and waits for the platform.
    world.platform.faults().activate(Fault::Hang);
    world.clock.advance(Duration::from_secs(60));
    let event = scheduled(world.minute());
    let mute = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.printed(&["mute", CHECK, "--for", "1h", "--reason", "in between"])
    };
    let (invoked, _) = tokio::join!(function.invoke(&event), mute);
    assert!(received(&invoked).iter().all(|received| *received == "suppressed_muted"), "{:#}", invoked.report());
    let received = world.received().await;
    assert!(received.is_nothing(), "{received}");
    let calls = world.calls.take();
    let writes = calls.iter().filter(|call| *call == "TransactWriteItems").count();
    assert_eq!(writes, 2, "refused once, then decided again: {calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_comes_late_changes_nothing_and_clocks_may_differ() {
    let world = World::new("late").await;
    let function = world.start(CHECK).await;
    let minute = world.minute();
    let at = |number: i64| minute + SignedDuration::from_mins(number);
    world.platform.faults().activate(Fault::ServerError);
    world.clock.set(at(2) + SignedDuration::from_secs(1));
    assert!(received(&function.invoke(&scheduled(at(2))).await).iter().all(|received| *received == "opened"));
    world.platform.faults().clear(Fault::ServerError);
    // The run of the minute before, finished late: refused, whatever it would have seen.
    assert_eq!(function.invoke(&scheduled(at(1))).await.report()["outcome"]["refusal"], "duplicate");
    // A clock that is 90 s behind, and one that is 90 s ahead.
    world.clock.set(at(3) - SignedDuration::from_secs(90));
    assert!(
        received(&function.invoke(&scheduled(at(3))).await)
            .iter()
            .all(|received| *received == "suppressed_not_yet_recovered")
    );
    world.clock.set(at(4) + SignedDuration::from_secs(90));
    assert!(received(&function.invoke(&scheduled(at(4))).await).iter().all(|received| *received == "recovered"));
    let received = world.received().await;
    let report = &received.events[1].json()["subjects"][0];
    assert_eq!(report["downtime_seconds"], 120, "by the schedule, not by anybody's clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_throttles_is_asked_again_and_one_that_is_down_loses_nothing() {
    let world = World::new("throttled").await;
    let function = world.start(CHECK).await;
    world.platform.faults().activate(Fault::ServerError);
    world.calls.obstruct(Obstacle::ThrottleTwice, "GetItem");
    let invoked = world.run(&function).await;
    assert!(received(&invoked).iter().all(|received| *received == "opened"), "{:#}", invoked.report());
    world.calls.clear();
    world.platform.faults().clear(Fault::ServerError);
    // Down for a run: it fails, and says so.
    world.calls.obstruct(Obstacle::Refuse, "UpdateItem");
    assert_eq!(world.run(&function).await.error().error_type, "StateUnavailable");
    world.calls.clear();
    // Written, and the answer comes too late for the first try: the second is refused, and is the same run. One call, the
    // read, goes before.
    world.calls.obstruct_after(1, Obstacle::SlowAnswer);
    assert!(received(&world.run(&function).await).iter().all(|received| *received == "suppressed_not_yet_recovered"));
    world.calls.obstruct_after(1, Obstacle::SlowAnswer);
    let invoked = world.run(&function).await;
    assert!(received(&invoked).iter().all(|received| *received == "recovered"), "{:#}", invoked.report());
    let received = world.received().await;
    let events: Vec<Value> = received.events.iter().map(|message| message.json()["event"].clone()).collect();
    assert_eq!(events, ["opened", "recovered"], "{received}");
}
