//! States of queues: growing, stalled, stuck, overdue and unreadable.

use check::Outcome;

use crate::redis_server::{PREFIX, RedisServer, stock, with_horizon};
use crate::world::{Settings, failure_text, failures};

#[tokio::test]
async fn jobs_of_laravel_and_horizon_are_read() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let now = world.next();
    for number in 0..3 {
        server.push("default", &stock(&format!("d-{number}"), "SendReminder"));
    }
    server.push("emails", &with_horizon("e-1", "SendReceipt", now - 90));
    server.delay("emails", "delayed", now + 600, &stock("e-2", "SendReceipt"));
    server.delay("emails", "reserved", now + 80, &stock("e-3", "SendReceipt"));
    let observed = world.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(observed.metrics["QueueBacklog"], 3.0);
    assert!((89.0..110.0).contains(&observed.metrics["OldestJobAge"]), "{:?}", observed.metrics);
    assert!(!observed.metrics.contains_key("FailedJobs"), "Redis does not report it");
    server.take("default");
    server.take("emails");
    let observed = world.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(
        (observed.metrics["QueueBacklog"], observed.metrics["OldestJobAge"]),
        (2.0, 0.0),
        "another job, observed for the first time"
    );
    let throughput = observed
        .report
        .last_attempt()
        .unwrap()
        .measurements
        .iter()
        .find(|measured| measured.metric == "QueueThroughput");
    assert!((1.5..=2.0).contains(&throughput.unwrap().value), "{throughput:?}");
}

#[tokio::test]
async fn growing_queue_passes_while_jobs_are_taken() {
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
async fn unchanged_head_shows_idle_workers() {
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
    let text = failure_text(&observed);
    assert!(text.contains("for 300 s; 6 jobs pending") || text.contains("for 301 s; 6 jobs pending"), "{text}");
    assert!(text.contains("the next job: App\\Jobs\\SendReceipt"), "{text}");
    assert!(observed.metrics["OldestJobAge"] >= 300.0);
    server.take("emails");
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn retried_job_counts_as_taken() {
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
async fn overdue_reserved_jobs_fail() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let now = world.next();
    server.delay("default", "reserved", now - 50, &stock("d-1", "Slow"));
    assert_eq!(world.run().await.report.outcome, Outcome::Passed, "a worker may still take it back");
    server.delay("default", "reserved", now - 300, &stock("d-2", "Dead"));
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["default reserved stale"]);
    assert!(failure_text(&observed).contains("2 of 2 reserved jobs are overdue"), "{}", failure_text(&observed));
}

#[tokio::test]
async fn overdue_delayed_jobs_fail() {
    let server = RedisServer::start(&[]);
    let world = Settings::at_port(server.port).world().await;
    let now = world.next();
    server.delay("default", "delayed", now + 3_600, &stock("d-1", "Later"));
    assert_eq!(world.run().await.report.outcome, Outcome::Passed);
    server.delay("default", "delayed", now - 900, &stock("d-2", "Due"));
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["default progress stale"]);
    assert!(failure_text(&observed).contains("1 of 2 delayed jobs are overdue"), "{}", failure_text(&observed));
}

#[tokio::test]
async fn arbitrary_payloads_pass() {
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
        server.delay("emails", "delayed", world.next() + 600, payload);
        let observed = world.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        server.take("default");
    }
}

#[tokio::test]
async fn key_of_another_type_is_named() {
    let server = RedisServer::start(&[]);
    server.run::<()>(&["SET", &format!("{PREFIX}queues:emails"), "not a list"]);
    let world = Settings::at_port(server.port).world().await;
    let observed = world.run().await;
    assert_eq!(failures(&observed), ["redis read assertion"]);
    let text = failure_text(&observed);
    assert!(text.contains("WRONGTYPE") && text.contains("LLEN just_driving_database_queues:emails"), "{text}");
}
