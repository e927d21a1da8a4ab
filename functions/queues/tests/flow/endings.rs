//! Other outcomes: maintenance, refused credentials, missing sources, and no secret in any report.

use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::Harness;
use demo_platform::{Fault, Options};
use hostile::{Server, answer};
use queues::Queues;
use runtime::OperatorStore;
use serde_json::{Map, Value, json};

use crate::{reason, step};

#[tokio::test]
async fn healthy_run_passes_with_all_measurements() {
    let harness = Harness::<Queues>::start().await;
    harness.run().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(observed.metrics["FailedJobs"], 3.0);
    assert!((1.9..30.0).contains(&observed.metrics["JobDelay"]), "{:?}", observed.metrics);
    assert_eq!(observed.metrics["ScheduledTaskLateness"], 0.0);
    assert!((1.0..20.0).contains(&observed.metrics["QueueBacklog"]), "{:?}", observed.metrics);
    assert!(observed.metrics["OldestJobAge"] < 5.0, "{:?}", observed.metrics);
    let measurements = &observed.report.last_attempt().unwrap().measurements;
    let item = |metric: &str| measurements.iter().find(|measured| measured.metric == metric).unwrap().item.clone();
    assert_eq!(item("QueueBacklog"), Some(check::Text::own("emails")));
    let throughput = measurements.iter().find(|measured| measured.metric == "QueueThroughput").unwrap().value;
    assert_eq!(throughput, 84.0);
    assert!(!observed.metrics.contains_key("QueueThroughput"), "the log line alone holds it");
}

#[tokio::test]
async fn maintenance_resets_stalled_queues() {
    let harness = Harness::<Queues>::start().await;
    harness.platform.faults().activate(Fault::WorkersIdle);
    harness.run().await;
    harness.platform.faults().activate(Fault::Maintenance);
    let observed = harness.run().await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    harness.platform.faults().clear(Fault::Maintenance);
    let observed = harness.run().await;
    assert_eq!(step(&observed, "emails", "progress"), Some("passed"), "the clock restarts after maintenance");
    let observed = harness.run().await;
    assert_eq!(step(&observed, "emails", "progress"), Some("failed"));
}

#[tokio::test]
async fn queue_that_no_source_reports_fails() {
    let harness = Harness::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#"queues = ["default", "emails", "payments"]"#, r#"queues = ["default", "sms"]"#);
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(
        (step(&observed, "sms", "progress"), step(&observed, "default", "progress")),
        (Some("failed"), Some("passed"))
    );
    harness.platform.faults().activate(Fault::HtmlInsteadOfJson);
    let observed = harness.run().await;
    assert_eq!(step(&observed, "sms", "progress"), Some("skipped"), "no source is readable");
}

#[tokio::test]
async fn without_names_all_reported_queues_are_judged() {
    let harness = Harness::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#"queues = ["default", "emails", "payments"]"#, "");
    })
    .await;
    let observed = harness.run().await;
    for queue in ["default", "emails", "payments"] {
        assert_eq!(step(&observed, queue, "progress"), Some("passed"), "{queue}");
    }
}

/// Sixty queues are more than one run reports.
#[tokio::test]
async fn last_of_many_queues_is_judged_and_measured() {
    let healthy = |number| (format!("q-{number:02}"), json!({ "pending": 0, "oldest_seconds": 0, "failed": 0 }));
    let mut queues: Map<String, Value> = (0..60).map(healthy).collect();
    queues.insert("y-busy".to_owned(), json!({ "pending": 700, "oldest_seconds": 5, "failed": 2 }));
    queues.insert("z-odd".to_owned(), json!({ "pending": "many", "oldest_seconds": 5, "failed": 1 }));
    let counters = json!({ "window_seconds": 300, "queue": queues, "scheduled_tasks": [] }).to_string();
    let server = Server::plain(move |_| answer("200 OK\r\nContent-Type: application/json", &counters)).await;
    let base_url = format!("http://{}", server.address);
    let change = |settings: &mut String| {
        *settings = settings.replace(r#"queues = ["default", "emails", "payments"]"#, "");
    };
    let harness = Harness::<Queues>::behind(Options::default(), change, async |_| base_url).await;
    let observed = harness.run().await;
    assert_eq!(step(&observed, "z-odd", "progress"), Some("failed"), "{:#?}", observed.report);
    assert_eq!(step(&observed, "y-busy", "progress"), Some("passed"), "{:#?}", observed.report);
    assert_eq!((observed.metrics["QueueBacklog"], observed.metrics["FailedJobs"]), (700.0, 3.0));
    let steps = &observed.report.last_attempt().unwrap().steps;
    assert_eq!(steps.iter().filter(|step| step.name == "progress").count(), 50);
}

#[tokio::test]
async fn unknown_task_with_a_bound_fails() {
    let harness = Harness::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#""backup:run" = "26h""#, r#""backup:clean" = "26h""#);
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(step(&observed, "task.backup-clean", "task"), Some("failed"), "{:#?}", observed.report);
}

#[tokio::test]
async fn horizon_replaces_missing_counters() {
    let harness = Harness::<Queues>::start().await;
    harness.platform.faults().activate(Fault::CountersMissing);
    harness.run().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    let missing = reason(&observed, "counters", "counters");
    assert!(missing.contains("/queue") && missing.contains("/scheduled_tasks"), "{missing}");
    assert!(reason(&observed, "task.backup-run", "task").contains("report no tasks"));
    assert_eq!(step(&observed, "emails", "progress"), Some("passed"));
    assert!(observed.metrics.contains_key("QueueBacklog") && !observed.metrics.contains_key("OldestJobAge"));
    assert!(!observed.metrics.contains_key("ScheduledTaskLateness"));
    assert_eq!(observed.metrics["FailedJobs"], 3.0, "as Horizon reports");
}

#[tokio::test]
async fn cleared_memory_does_not_fail_the_run() {
    let harness = Harness::<Queues>::start().await;
    harness.run().await;
    harness.memory.clear_memory("queues").await.unwrap();
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(step(&observed, "default", "canary"), Some("skipped"));
}

#[tokio::test]
async fn rejected_canary_job_fails_and_is_sent_again() {
    let harness = Harness::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#"canary = { queues = ["default"]"#, r#"canary = { queues = ["default", "sms"]"#);
    })
    .await;
    for run in 1..=2 {
        let observed = harness.run().await;
        assert_eq!(
            (step(&observed, "default", "dispatch"), step(&observed, "sms", "dispatch")),
            (Some("passed"), Some("failed")),
            "{run}"
        );
    }
}

#[tokio::test]
async fn refused_token_is_inconclusive() {
    let harness = Harness::<Queues>::start().await;
    let wrong_token = |(path, value): (String, String)| {
        let value = if path == "queues/ops-token" { "not the token".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports = check_testkit::ports(
        &harness.memory,
        &harness.clock,
        harness.platform.credentials().into_iter().map(wrong_token),
    );
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert_eq!(step(&observed, "emails", "progress"), Some("skipped"));
}

#[tokio::test]
async fn no_fault_reveals_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Queues>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        for _ in 0..2 {
            let observed = harness.run().await;
            let output = format!(
                "{observed:?} {} {:?}",
                serde_json::to_string(&observed.report).unwrap(),
                harness.memory.take_sent()
            );
            for (path, secret) in harness.platform.credentials() {
                assert!(!output.contains(&secret), "{fault}: {path} is in {output}");
            }
        }
    }
}
