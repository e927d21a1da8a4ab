//! Kills the function binary during its calls to AWS: before AWS executes one, or before the answer arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use demo_platform::Fault;
use serde_json::Value;

use crate::calls::Obstacle;
use crate::runtime_api::Function;
use crate::world::{World, scheduled};

const CHECK: &str = "availability";
const HISTORIES: u64 = 12;
/// Minutes in which the platform fails and recovers and processes are killed.
const EVENTFUL: u64 = 9;
const KILLS: usize = 3;

/// Counts of one history.
#[derive(Default)]
struct Figures {
    kills: usize,
    messages: usize,
    lost: usize,
    stuck: usize,
    duplicates: usize,
    most_duplicates: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_functions_lose_no_notification() {
    let mut sum = Figures::default();
    let mut seeds = 0..HISTORIES;
    while let Some(seed) = seeds.next() {
        // Four histories run at the same time.
        let batch: Vec<u64> = std::iter::once(seed).chain(seeds.by_ref().take(3)).collect();
        let running: Vec<_> = batch.into_iter().map(|seed| tokio::spawn(history(seed))).collect();
        for figures in running {
            let figures = figures.await.unwrap();
            sum.kills += figures.kills;
            sum.messages += figures.messages;
            sum.lost += figures.lost;
            sum.stuck += figures.stuck;
            sum.duplicates += figures.duplicates;
            assert!(figures.most_duplicates <= figures.kills);
        }
    }
    println!(
        "{HISTORIES} histories of the function binary, {} kills, {} messages received: {} lost, {} stuck, {} duplicates",
        sum.kills, sum.messages, sum.lost, sum.stuck, sum.duplicates
    );
    assert_eq!((sum.lost, sum.stuck), (0, 0));
    assert!(sum.duplicates <= 2 * sum.kills, "at most one per topic and kill: {}", sum.duplicates);
    assert!(sum.kills > HISTORIES as usize && sum.messages > 0);
}

/// A small random generator, so that a seed reproduces a history (Marsaglia, "Xorshift RNGs", 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

async fn history(seed: u64) -> Figures {
    let world = World::new(&format!("kills-{seed}")).await;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (seed + 1));
    let mut figures = Figures::default();
    let mut function = world.start(CHECK).await;
    let mut is_down = false;
    for minute in 0..EVENTFUL {
        // The platform may change between up and down every three minutes.
        if minute % 3 == 1 && dice.below(3) > 0 {
            is_down = !is_down;
            if is_down {
                world.platform.faults().activate(Fault::ServerError);
            } else {
                world.platform.faults().clear(Fault::ServerError);
            }
        }
        world.clock.advance(Duration::from_secs(60));
        let left = EVENTFUL - minute;
        let is_killed = figures.kills < KILLS && dice.below(left) < (KILLS - figures.kills) as u64;
        if is_killed {
            let obstacle = if dice.below(2) == 0 { Obstacle::Hold } else { Obstacle::HoldAnswer };
            // A run that notifies makes six calls: read, write, publish metrics, two topics, clear the outbox.
            world.calls.obstruct_after(dice.below(6) as usize, obstacle);
        }
        if run_or_kill(&world, &function).await {
            figures.kills += 1;
            function = world.start(CHECK).await;
        }
        world.calls.clear();
        if dice.below(4) == 0 {
            // Delivers the same event twice.
            function.invoke(&scheduled(world.minute())).await;
        }
    }
    world.platform.faults().clear(Fault::ServerError);
    for _ in 0..4 {
        world.run(&function).await;
    }
    count(&world, &mut figures, seed).await;
    figures
}

/// Runs the function, or kills it when one of its calls is held. Returns `true` when it was killed.
async fn run_or_kill(world: &World, function: &Function) -> bool {
    let event = scheduled(world.minute());
    tokio::select! {
        _ = function.invoke(&event) => false,
        () = world.calls.held(1) => {
            function.kill();
            true
        }
    }
}

/// Compares the received messages with the incident records.
async fn count(world: &World, figures: &mut Figures, seed: u64) {
    let received = world.received().await;
    let mut times: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for message in &received.events {
        let id = message.json()["notification_id"].as_str().unwrap().to_owned();
        *times.entry(("events", id)).or_default() += 1;
    }
    for message in &received.on_call {
        let id = message.body.rsplit("Notification ").next().unwrap().to_owned();
        *times.entry(("oncall", id)).or_default() += 1;
    }
    figures.messages = times.values().sum();
    figures.duplicates = times.values().map(|times| times - 1).sum();
    figures.most_duplicates = times.values().map(|times| times - 1).max().unwrap_or_default();
    // Every recorded notification has arrived at both topics, and every incident is closed.
    let records: Value = serde_json::from_str(&world.printed(&["incidents", "--json"])).unwrap();
    let mut recorded = BTreeSet::new();
    for record in records.as_array().unwrap() {
        figures.stuck += usize::from(record["closed_at"].is_null());
        let events: Vec<&str> =
            record["notifications"].as_array().unwrap().iter().filter_map(|t| t["event"].as_str()).collect();
        let is_closed = events.last().is_some_and(|event| ["recovered", "stabilized", "flapping"].contains(event));
        figures.stuck += usize::from(!is_closed);
        recorded.extend(
            record["notifications"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|t| t["notification_id"].as_str())
                .map(str::to_owned),
        );
    }
    for id in recorded {
        for topic in ["events", "oncall"] {
            if !times.contains_key(&(topic, id.clone())) {
                println!("seed {seed}: {topic} did not receive {id}");
                figures.lost += 1;
            }
        }
    }
}
