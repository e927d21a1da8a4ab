//! What else may come: maintenance, refusals, what is missing, and no secret in any of it.

use std::time::Duration;

use check::{Cause, Outcome};
use check_testkit::Harness;
use demo_platform::{Fault, Options};
use queues::Queues;

use crate::{reason, step};

#[tokio::test]
async fn a_healthy_platform_passes_and_all_is_measured() {
    let harness = Harness::<Queues>::start().await;
    harness.run().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(observed.metrics["FailedJobs"], 3.0);
    assert!((1.9..30.0).contains(&observed.metrics["JobDelay"]), "{:?}", observed.metrics);
    assert_eq!(observed.metrics["ScheduledTaskLateness"], 0.0);
    assert!((1.0..20.0).contains(&observed.metrics["QueueBacklog"]), "{:?}", observed.metrics);
    assert!(observed.metrics["OldestJobAge"] < 5.0, "{:?}", observed.metrics);
    let measured = &observed.report.last_attempt().unwrap().measurements;
    let item = |metric: &str| measured.iter().find(|own| own.metric == metric).unwrap().item.clone();
    assert_eq!(item("QueueBacklog"), Some("emails".to_owned()));
    let done = measured.iter().find(|own| own.metric == "QueueThroughput").unwrap().value;
    assert_eq!(done, 84.0);
    assert!(!observed.metrics.contains_key("QueueThroughput"), "it is in the log line only");
}

#[tokio::test]
async fn maintenance_is_no_failure_and_what_stood_still_is_forgotten() {
    let harness = Harness::<Queues>::start().await;
    harness.platform.faults().activate(Fault::WorkersIdle);
    harness.run().await;
    harness.platform.faults().activate(Fault::Maintenance);
    let observed = harness.run().await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
    harness.platform.faults().clear(Fault::Maintenance);
    let observed = harness.run().await;
    assert_eq!(step(&observed, "emails", "progress"), Some("passed"), "workers have just begun again");
    let observed = harness.run().await;
    assert_eq!(step(&observed, "emails", "progress"), Some("failed"));
}

#[tokio::test]
async fn a_queue_that_no_source_tells_of_is_a_failure() {
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
    assert_eq!(step(&observed, "sms", "progress"), Some("skipped"), "nobody can tell");
}

#[tokio::test]
async fn without_names_all_that_is_told_is_judged() {
    let harness = Harness::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#"queues = ["default", "emails", "payments"]"#, "");
    })
    .await;
    let observed = harness.run().await;
    for queue in ["default", "emails", "payments"] {
        assert_eq!(step(&observed, queue, "progress"), Some("passed"), "{queue}");
    }
}

#[tokio::test]
async fn a_task_with_a_bound_that_nobody_knows_is_a_failure() {
    let harness = Harness::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#""backup:run" = "26h""#, r#""backup:clean" = "26h""#);
    })
    .await;
    let observed = harness.run().await;
    assert_eq!(step(&observed, "task.backup-clean", "task"), Some("failed"), "{:#?}", observed.report);
}

#[tokio::test]
async fn counters_that_are_not_there_are_said_and_horizon_tells_the_queues() {
    let harness = Harness::<Queues>::start().await;
    harness.platform.faults().activate(Fault::CountersMissing);
    harness.run().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    let said = reason(&observed, "counters", "counters");
    assert!(said.contains("/queue") && said.contains("/scheduled_tasks"), "{said}");
    assert!(reason(&observed, "task.backup-run", "task").contains("tell of no tasks"));
    assert_eq!(step(&observed, "emails", "progress"), Some("passed"));
    assert!(observed.metrics.contains_key("QueueBacklog") && !observed.metrics.contains_key("OldestJobAge"));
    assert!(!observed.metrics.contains_key("ScheduledTaskLateness"));
    assert_eq!(observed.metrics["FailedJobs"], 3.0, "Horizon's");
}

#[tokio::test]
async fn memory_that_was_lost_is_no_failure() {
    let harness = Harness::<Queues>::start().await;
    harness.run().await;
    harness.memory.set_memory("queues", "{ broken");
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(step(&observed, "default", "canary"), Some("skipped"));
}

#[tokio::test]
async fn a_job_that_the_platform_does_not_take_fails_at_once_and_is_tried_again() {
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
async fn a_token_of_ours_that_is_refused_is_no_failure() {
    let harness = Harness::<Queues>::start().await;
    let of_demo = |(path, value): (String, String)| {
        let value = if path == "queues/ops-token" { "not the token".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports =
        check_testkit::ports(&harness.memory, &harness.clock, harness.platform.credentials().into_iter().map(of_demo));
    let observed = harness.run_after(Duration::ZERO, &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert_eq!(step(&observed, "emails", "progress"), Some("skipped"));
}

#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Queues>::with(options, |_| {}).await;
        harness.platform.faults().activate(fault);
        for _ in 0..2 {
            let observed = harness.run().await;
            let said = format!(
                "{observed:?} {} {:?}",
                serde_json::to_string(&observed.report).unwrap(),
                harness.memory.take_sent()
            );
            for (path, secret) in harness.platform.credentials() {
                assert!(!said.contains(&secret), "{fault}: {path} is said in {said}");
            }
        }
    }
}
