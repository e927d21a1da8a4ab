//! The step `replication` on a replica that follows its source and on one that does not.

use std::time::{Duration, Instant};

use crate::start;
use crate::world::World;

const REPLICA: &str = "replica.lag_within = \"30s\"";

#[tokio::test]
async fn server_without_a_source_is_stale() {
    let server = start::mariadb(&[], "");
    let text = World::with_database(server.port, REPLICA).run().await.failed("database replication stale");
    assert!(text.contains("follows no source"), "{text}");
}

#[tokio::test]
async fn replica_passes_until_its_source_is_gone() {
    let user = "CREATE USER 'replica'@'%' IDENTIFIED BY 'r';\nGRANT REPLICATION SLAVE ON *.* TO 'replica'@'%';";
    let mut source = start::mariadb(&["--log-bin=binlog", "--server-id=1"], user);
    let follows = format!(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='replica', MASTER_PASSWORD='r', \
         MASTER_CONNECT_RETRY=1, MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4;\nSTART SLAVE;",
        source.port
    );
    // The replica has the initial statements of the source already, so their errors are skipped.
    let replica = start::mariadb(&["--server-id=2", "--slave-skip-errors=all"], &follows);
    let world = World::with_database(replica.port, REPLICA);
    let began = Instant::now();
    let observed = loop {
        let observed = world.run().await;
        // Replication takes a moment to start.
        if observed.step("replication") == "passed" || began.elapsed() > Duration::from_secs(20) {
            break observed;
        }
    };
    // Older changes of the source count as lag at first.
    let lag = observed.passed().measured["ReplicationLag"];
    assert!((0.0..=30.0).contains(&lag), "{lag}");
    source.stop();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let text = world.run().await.failed("database replication stale");
    assert!(text.contains("receiving changes: Connecting"), "{text}");
}
