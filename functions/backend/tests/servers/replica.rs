//! A replica that follows, and one that does not.

use std::time::{Duration, Instant};

use crate::mariadb::MariaDb;
use crate::world::World;

const REPLICA: &str = "replica.lag_within = \"30s\"";

#[tokio::test]
async fn a_server_that_follows_none_is_no_replica() {
    let server = MariaDb::start(&[], "");
    let said = World::with_database(server.port, REPLICA).run().await.failed("database replication stale");
    assert!(said.contains("follows none"), "{said}");
}

#[tokio::test]
async fn a_replica_follows_until_its_source_is_gone() {
    let user = "CREATE USER 'replica'@'%' IDENTIFIED BY 'r';\nGRANT REPLICATION SLAVE ON *.* TO 'replica'@'%';";
    let mut source = MariaDb::start(&["--log-bin=binlog", "--server-id=1"], user);
    let follows = format!(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='replica', MASTER_PASSWORD='r', \
         MASTER_CONNECT_RETRY=1, MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4;\nSTART SLAVE;",
        source.port
    );
    // What its source did first, it has done already.
    let replica = MariaDb::start(&["--server-id=2", "--slave-skip-errors=all"], &follows);
    let world = World::with_database(replica.port, REPLICA);
    let began = Instant::now();
    let observed = loop {
        let observed = world.run().await;
        // It takes a moment to begin.
        if observed.step("replication") == "passed" || began.elapsed() > Duration::from_secs(20) {
            break observed;
        }
    };
    // What its source did before counts at first.
    let lag = observed.passed().measured["ReplicationLag"];
    assert!((0.0..=30.0).contains(&lag), "{lag}");
    source.stop();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let said = world.run().await.failed("database replication stale");
    assert!(said.contains("reading from it: Connecting"), "{said}");
}
