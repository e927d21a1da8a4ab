//! The steps on a real MariaDB, healthy and failing.

use std::net::TcpStream;
use std::time::Duration;

use check::Cause;

use crate::start;
use crate::world::World;
use check_testkit::servers::{Proxy, address};

const READ: &str = "read = \"SELECT COUNT(*) FROM bookings WHERE starts_at > NOW()\"";

#[tokio::test]
async fn documented_grants_suffice_for_all_steps() {
    let server = start::mariadb(&[], "");
    let observed = World::with_database(server.port, READ).run().await;
    observed.passed();
    assert_eq!(observed.measured["FailedJobsStored"], 2.0, "{:?}", observed.measured);
    let used = observed.measured["ConnectionsUsed"];
    assert!((0.5..10.0).contains(&used), "{used}");
    for metric in ["DatabaseConnectTime", "DatabaseLatency"] {
        assert!(observed.measured[metric] > 0.0, "{metric}: {:?}", observed.measured);
    }
}

#[tokio::test]
async fn missing_grant_is_inconclusive() {
    let server = start::mariadb(&[], "");
    let observed = World::with_database(server.port, "read = \"SELECT payload FROM failed_jobs\"").run().await;
    let inconclusive = observed.inconclusive();
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("grant the user what docs/deploy/accounts.md"), "{}", inconclusive.detail);
    assert_eq!((observed.step("read"), observed.step("status")), ("inconclusive", "passed"));
}

#[tokio::test]
async fn unavailable_server_fails_to_connect_and_recovers() {
    let mut server = start::mariadb(&[], "");
    let world = World::with_database(server.port, "");
    world.run().await.passed();
    server.stop();
    let text = world.run().await.failed("database connect connect");
    assert!(text.contains("the connection was refused"), "{text}");
    server.restart();
    world.run().await.passed();
}

#[tokio::test]
async fn wrong_password_is_inconclusive_and_its_reference_named() {
    let server = start::mariadb(&[], "");
    let mut world = World::with_database(server.port, "");
    world.secrets.insert("database", "of-yesterday".to_owned());
    let observed = world.run().await;
    let inconclusive = observed.inconclusive();
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("backend/database-password"), "{}", inconclusive.detail);
}

#[tokio::test]
async fn slow_server_times_out() {
    let server = start::mariadb(&[], "");
    let slow = Proxy::start(server.port, Duration::from_millis(2_500)).await.port;
    let text = World::with_database(slow, "").run().await.failed("database connect timeout");
    assert!(text.contains("within 2000 ms"), "{text}");
    // A smaller delay shows in the latency alone.
    let slower = Proxy::start(server.port, Duration::from_millis(100)).await.port;
    let observed = World::with_database(slower, "").run().await;
    assert!(observed.passed().measured["DatabaseLatency"] >= 100.0, "{:?}", observed.measured);
}

#[tokio::test]
async fn exhausted_connections_fail_to_connect() {
    let server = start::mariadb(&["--max-connections=10", "--connect-timeout=60"], "");
    let world = World::with_database(server.port, "");
    // Unauthenticated connections count too. MariaDB reserves one more for administrators.
    let held: Vec<TcpStream> = (0..11).map(|_| TcpStream::connect(address(server.port)).unwrap()).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let text = world.run().await.failed("database connect connect");
    assert!(text.contains("1040"), "{text}");
    drop(held);
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.run().await.passed();
}

#[tokio::test]
async fn slow_statement_times_out_alone() {
    let server = start::mariadb(&[], "");
    let observed = World::with_database(server.port, "read = \"SELECT SLEEP(30)\"").run().await;
    let text = observed.failed("database read timeout");
    assert!(text.contains("1969"), "{text}");
    assert_eq!((observed.step("status"), observed.step("failed-jobs")), ("passed", "passed"));
}

#[tokio::test]
async fn session_is_read_only_and_rows_are_limited() {
    let server = start::mariadb(&[], "GRANT ALL ON just_driving.* TO 'synthetics'@'%';");
    let writes = "read = \"SELECT NEXTVAL(just_driving.numbers)\"";
    let owner =
        start::mariadb(&[], "GRANT ALL ON just_driving.* TO 'synthetics'@'%'; CREATE SEQUENCE just_driving.numbers;");
    let text = World::with_database(owner.port, writes).run().await.failed("database read assertion");
    assert!(text.contains("READ ONLY"), "{text}");
    let many = "read = \"SELECT 1 FROM mysql.help_topic a, mysql.help_topic b\"";
    drop(owner);
    let world = World::with_database(server.port, &many.replace("mysql.help_topic", "information_schema.COLLATIONS"));
    let text = world.run().await.failed("database read body");
    assert!(text.contains("at most 1000 rows"), "{text}");
}

#[tokio::test]
async fn restart_makes_the_slow_query_rate_unknown() {
    let mut server = start::mariadb(&["--long-query-time=0", "--slow-query-log=1"], "");
    let world = World::with_database(server.port, "");
    server.has_run_for(Duration::from_secs(4)).await;
    assert!(!world.run().await.passed().measured.contains_key("SlowQueryRate"));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let observed = world.run().await;
    let rate = observed.passed().measured["SlowQueryRate"];
    // The check's own statements: about six per run, 1.5 seconds apart.
    assert!((60.0..1_000.0).contains(&rate), "{rate}");

    server.restart();
    let observed = world.run_after(Duration::from_secs(60)).await;
    assert!(!observed.passed().measured.contains_key("SlowQueryRate"), "{:?}", observed.measured);
    server.has_run_for(Duration::from_secs(4)).await;
    world.run_after(Duration::from_secs(0)).await.passed();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(world.run().await.passed().measured["SlowQueryRate"] >= 0.0);
}

#[tokio::test]
async fn missing_table_fails() {
    let server = start::mariadb(
        &[],
        "GRANT SELECT ON just_driving.* TO 'synthetics'@'%';\nDROP TABLE just_driving.failed_jobs;",
    );
    let text = World::with_database(server.port, "").run().await.failed("database failed-jobs assertion");
    assert!(text.contains("1146"), "{text}");
}
