//! How queues may stand.

use check::Outcome;

use crate::redis_server::{PREFIX, RedisServer, stock, with_horizon};
use crate::world::{Settings, failures, snapshot};

#[tokio::test]
async fn queues_as_laravel_and_horizon_write_them_are_read() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let now = world.next();
    for number in 0..3 {
        server.push("default", &stock(&format!("d-{number}"), "SendReminder"));
    }
    server.push("emails", &with_horizon("e-1", "SendReceipt", now - 90));
    server.put_off("emails", "delayed", now + 600, &stock("e-2", "SendReceipt"));
    server.put_off("emails", "reserved", now + 80, &stock("e-3", "SendReceipt"));
    let observed = world.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(observed.metrics["QueueBacklog"], 3.0);
    assert!((89.0..110.0).contains(&observed.metrics["OldestJobAge"]), "{:?}", observed.metrics);
    assert!(!observed.metrics.contains_key("FailedJobs"), "Redis does not tell");
    server.take("default");
    server.take("emails");
    let observed = world.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(
        (observed.metrics["QueueBacklog"], observed.metrics["OldestJobAge"]),
        (2.0, 0.0),
        "another job, just seen first"
    );
    let done = observed.report.last_attempt().unwrap().measurements.iter().find(|own| own.metric == "QueueThroughput");
    assert!((1.5..=2.0).contains(&done.unwrap().value), "{done:?}");
}

#[tokio::test]
async fn a_queue_that_grows_moves_its_metric_and_is_no_failure_as_long_as_jobs_are_taken() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    for run in 0..8 {
        for number in 0..50 {
            server.push("default", &stock(&format!("{run}-{number}"), "SendReminder"));
        }
        server.take("default");
        let observed = world.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        assert_eq!(observed.metrics["QueueBacklog"], f64::from(49 * (run + 1)));
    }
}

#[tokio::test]
async fn workers_that_take_nothing_are_seen_by_the_job_that_stays_the_next_one() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    server.push("emails", &stock("e-1", "SendReceipt"));
    for _ in 0..5 {
        let observed = world.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        server.push("emails", &stock("later", "SendReceipt"));
    }
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["emails progress stale"]);
    let said = snapshot(&observed);
    assert!(said.contains("for 300 s; 6 jobs pending") || said.contains("for 301 s; 6 jobs pending"), "{said}");
    assert!(said.contains("the next job: App\\Jobs\\SendReceipt"), "{said}");
    assert!(observed.metrics["OldestJobAge"] >= 300.0);
    server.take("emails");
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_job_that_fails_and_comes_again_at_once_was_taken_in_between() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    for attempts in 0..8 {
        let again = String::from_utf8(stock("e-1", "SendReceipt")).unwrap();
        server.push("emails", again.replace("\"attempts\":0", &format!("\"attempts\":{attempts}")).as_bytes());
        let observed = world.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        server.take("emails");
    }
}

#[tokio::test]
async fn jobs_that_a_worker_has_for_too_long_are_stuck() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let now = world.next();
    server.put_off("default", "reserved", now - 50, &stock("d-1", "Slow"));
    assert_eq!(world.run().await.report.outcome, Outcome::Passed, "a worker may be about to take it back");
    server.put_off("default", "reserved", now - 300, &stock("d-2", "Dead"));
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["default reserved stale"]);
    assert!(snapshot(&observed).contains("2 of 2 that were taken"), "{}", snapshot(&observed));
}

#[tokio::test]
async fn jobs_put_off_that_nobody_fetches_when_their_time_has_come_are_stale() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let now = world.next();
    server.put_off("default", "delayed", now + 3_600, &stock("d-1", "Later"));
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
    server.put_off("default", "delayed", now - 900, &stock("d-2", "Due"));
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["default progress stale"]);
    assert!(snapshot(&observed).contains("1 of 2 that were put off"), "{}", snapshot(&observed));
}

#[tokio::test]
async fn payloads_may_be_anything_at_all() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let deep = "{\"a\":".repeat(50_000);
    let garbage: [&[u8]; 6] = [
        b"",
        b"\x00\xff\r\n+OK\r\n",
        b"null",
        b"{\"uuid\":{}}",
        b"{\"pushedAt\":\"1e999\",\"uuid\":1}",
        deep.as_bytes(),
    ];
    for payload in garbage {
        server.push("default", payload);
        server.put_off("emails", "delayed", world.next() + 600, payload);
        let observed = world.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        server.take("default");
    }
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_named() {
    let server = RedisServer::start(&[]);
    server.run::<()>(&["SET", &format!("{PREFIX}queues:emails"), "not a list"]);
    let world = Settings::at_port(server.port).world().await;
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["redis read assertion"]);
    let said = snapshot(&observed);
    assert!(said.contains("WRONGTYPE") && said.contains("LLEN just_driving_database_queues:emails"), "{said}");
}
