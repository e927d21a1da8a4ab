//! MariaDB, healthy and not.

use std::net::TcpStream;
use std::time::Duration;

use check::Cause;

use crate::mariadb::MariaDb;
use crate::world::World;
use check_testkit::servers::Proxy;
use check_testkit::servers::address;

const READ: &str = "read = \"SELECT COUNT(*) FROM bookings WHERE starts_at > NOW()\"";

#[tokio::test]
async fn a_user_with_the_documented_grants_sees_it_healthy_and_counts_the_jobs_that_failed_lately() {
    let server = MariaDb::start(&[], "");
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
async fn what_the_grants_do_not_hold_cannot_be_judged() {
    let server = MariaDb::start(&[], "");
    let observed = World::with_database(server.port, "read = \"SELECT payload FROM failed_jobs\"").run().await;
    let inconclusive = observed.inconclusive();
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("grant the user what docs/operations.md lists"), "{}", inconclusive.detail);
    assert_eq!((observed.step("read"), observed.step("status")), ("inconclusive", "passed"));
}

#[tokio::test]
async fn a_server_that_is_down_is_connect_and_recovers() {
    let mut server = MariaDb::start(&[], "");
    let world = World::with_database(server.port, "");
    world.run().await.passed();
    server.stop();
    let said = world.run().await.failed("database connect connect");
    assert!(said.contains("the connection was refused"), "{said}");
    server.restart();
    world.run().await.passed();
}

#[tokio::test]
async fn a_wrong_password_cannot_be_judged_and_the_message_says_where_the_right_one_belongs() {
    let server = MariaDb::start(&[], "");
    let mut world = World::with_database(server.port, "");
    world.secrets.insert("database", "of-yesterday".to_owned());
    let observed = world.run().await;
    let inconclusive = observed.inconclusive();
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.contains("backend/database-password"), "{}", inconclusive.detail);
}

#[tokio::test]
async fn a_slow_one_is_late() {
    let server = MariaDb::start(&[], "");
    let slow = Proxy::start(server.port, Duration::from_millis(2_500)).await.port;
    let said = World::with_database(slow, "").run().await.failed("database connect timeout");
    assert!(said.contains("within 2000 ms"), "{said}");
    // A little late is what the latency tells.
    let slower = Proxy::start(server.port, Duration::from_millis(100)).await.port;
    let observed = World::with_database(slower, "").run().await;
    assert!(observed.passed().measured["DatabaseLatency"] >= 100.0, "{:?}", observed.measured);
}

#[tokio::test]
async fn one_whose_connections_are_all_used_is_connect() {
    let server = MariaDb::start(&["--max-connections=10", "--connect-timeout=60"], "");
    let world = World::with_database(server.port, "");
    // Who has not said who he is counts too; one more is kept for administrators.
    let held: Vec<TcpStream> = (0..11).map(|_| TcpStream::connect(address(server.port)).unwrap()).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let said = world.run().await.failed("database connect connect");
    assert!(said.contains("1040"), "{said}");
    drop(held);
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.run().await.passed();
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_cut_by_the_server_and_the_rest_goes_on() {
    let server = MariaDb::start(&[], "");
    let observed = World::with_database(server.port, "read = \"SELECT SLEEP(30)\"").run().await;
    let said = observed.failed("database read timeout");
    assert!(said.contains("1969"), "{said}");
    assert_eq!((observed.step("status"), observed.step("failed-jobs")), ("passed", "passed"));
}

#[tokio::test]
async fn a_session_writes_nothing_and_reads_no_more_rows_than_it_may() {
    let server = MariaDb::start(&[], "GRANT ALL ON just_driving.* TO 'synthetics'@'%';");
    let writes = "read = \"SELECT NEXTVAL(just_driving.numbers)\"";
    let owner =
        MariaDb::start(&[], "GRANT ALL ON just_driving.* TO 'synthetics'@'%'; CREATE SEQUENCE just_driving.numbers;");
    let said = World::with_database(owner.port, writes).run().await.failed("database read assertion");
    assert!(said.contains("READ ONLY"), "{said}");
    let many = "read = \"SELECT 1 FROM mysql.help_topic a, mysql.help_topic b\"";
    drop(owner);
    let world = World::with_database(server.port, &many.replace("mysql.help_topic", "information_schema.COLLATIONS"));
    let said = world.run().await.failed("database read body");
    assert!(said.contains("at most 1000 rows"), "{said}");
}

#[tokio::test]
async fn slow_queries_are_a_rate_between_runs_and_a_restart_makes_it_unknown() {
    let mut server = MariaDb::start(&["--long-query-time=0", "--slow-query-log=1"], "");
    let world = World::with_database(server.port, "");
    server.has_run_for(Duration::from_secs(4)).await;
    assert!(!world.run().await.passed().measured.contains_key("SlowQueryRate"));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let observed = world.run().await;
    let rate = observed.passed().measured["SlowQueryRate"];
    // Our own statements: some six a run, 1.5 seconds apart.
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
async fn a_table_that_is_gone_is_a_failure() {
    let server = MariaDb::start(
        &[],
        "GRANT SELECT ON just_driving.* TO 'synthetics'@'%';\nDROP TABLE just_driving.failed_jobs;",
    );
    let said = World::with_database(server.port, "").run().await.failed("database failed-jobs assertion");
    assert!(said.contains("1146"), "{said}");
}
