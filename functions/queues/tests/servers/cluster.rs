//! A cluster of two nodes with half of the slots each: every queue is read from the node that holds it.

use std::time::{Duration, Instant};

use check::Outcome;
use check_testkit::servers::free_port;

use crate::redis_server::{RedisServer, stock};
use crate::world::{Settings, failures};

/// Last slot of the first node.
const HALF: u16 = 8_191;

fn node() -> RedisServer {
    let bus = free_port().to_string();
    RedisServer::start(&["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "5000"])
}

fn cluster() -> [RedisServer; 2] {
    let nodes = [node(), node()];
    nodes[0].run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", &HALF.to_string()]);
    nodes[1].run::<()>(&["CLUSTER", "ADDSLOTSRANGE", &(HALF + 1).to_string(), "16383"]);
    let bus: Vec<String> = nodes[1].run(&["CONFIG", "GET", "cluster-port"]);
    nodes[0].run::<()>(&["CLUSTER", "MEET", "127.0.0.1", &nodes[1].port.to_string(), &bus[1]]);
    let began = Instant::now();
    let is_ok = |node: &RedisServer| node.run::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
    while !nodes.iter().all(is_ok) {
        assert!(began.elapsed() < Duration::from_secs(30), "the nodes do not meet");
        std::thread::sleep(Duration::from_millis(50));
    }
    nodes
}

#[tokio::test]
async fn queues_are_read_from_the_node_that_holds_them() {
    let nodes = cluster();
    // Laravel needs all keys of a queue in one slot, so the name is a hash tag.
    let names = ["{default}", "{emails}", "{payments}", "{sms}"];
    let slot =
        |name: &str| nodes[0].run::<u16>(&["CLUSTER", "KEYSLOT", &format!("just_driving_database_queues:{name}")]);
    let mut on = [0, 0];
    for (place, name) in names.iter().enumerate() {
        let node = usize::from(slot(name) > HALF);
        on[node] += 1;
        for number in 0..=place {
            nodes[node].push(name, &stock(&format!("{name}-{number}"), "SendReminder"));
        }
    }
    assert!(on[0] > 0 && on[1] > 0, "both nodes have queues: {on:?}");
    for node in &nodes {
        let mut settings = Settings::at_port(node.port);
        settings.section = format!("queues = {names:?}");
        let observed = settings.world().await.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        assert_eq!(observed.metrics["QueueBacklog"], 4.0);
    }
}

#[tokio::test]
async fn unavailable_node_fails_the_store() {
    let [first, second] = cluster();
    let mut settings = Settings::at_port(first.port);
    settings.section = r#"queues = ["{default}", "{emails}", "{payments}", "{sms}"]"#.to_owned();
    let world = settings.world().await;
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
    drop(second);
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["redis read connect"], "{:#?}", observed.report);
}
