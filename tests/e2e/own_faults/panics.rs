//! A check that panics.

use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use crate::runtime_api::{Clock, Function, TIMEOUT};
use crate::world::World;

pub(super) async fn panicking_check_is_reported_and_others_pass() {
    let mut world = World::new("panics").await;
    world.append("\n[check.panicking]\nincidents.monitoring_lost_after = 1\n");
    // This binary runs on the system's time, so its runs are started by hand.
    let binary = Path::new(env!("CARGO_BIN_EXE_panicking"));
    let clock = Clock::at(Timestamp::now());
    let (command, variables) = ("cargo build --package tests", world.variables());
    let panicking = Function::start_binary(binary, command, "panicking", &variables, &clock).await;
    let availability = world.start("availability").await;
    for _ in 0..2 {
        let invoked = panicking.invoke_until(&json!({}), Timestamp::now() + TIMEOUT).await;
        let outcome = &invoked.report()["outcome"];
        assert_eq!(outcome["result"], "inconclusive", "{outcome:#}");
        let detail = outcome["inconclusive"]["detail"].as_str().unwrap();
        assert_eq!(detail, "the check panicked: index out of bounds\\u{1b}[2J");
        assert!(invoked.lines.iter().all(|line| !line.contains('\u{1b}')), "{:?}", invoked.lines);
        assert_eq!(world.run(&availability).await.outcome(), "passed");
    }
    let received = world.received().await;
    let events: Vec<_> = received.events.iter().map(|message| message.json()["event"].clone()).collect();
    assert_eq!(events, ["monitoring_lost"], "{received}");
    let inconclusive = world.metrics().await.into_iter().filter(|point| point.metric == "Inconclusive");
    let values: Vec<_> = inconclusive.filter(|point| point.maximum == 1.0).map(|point| point.dimensions).collect();
    assert!(values.iter().all(|dimensions| dimensions.contains(&"Check=panicking".to_owned())), "{values:?}");
    assert!(!values.is_empty());
}
