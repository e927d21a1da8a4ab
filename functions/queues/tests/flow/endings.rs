//! What else may come: maintenance, refusals, what is missing, and no secret in any of it.

use std::time::Duration;

use check::{Cause, Outcome};
use demo_platform::{Fault, Options};
use queues::Queues;
use trial::Trial;

use crate::{reason, step};

#[tokio::test]
async fn a_healthy_platform_passes_and_all_is_measured() {
    let trial = Trial::<Queues>::start().await;
    trial.run().await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(seen.metrics["FailedJobs"], 3.0);
    assert!((1.9..30.0).contains(&seen.metrics["JobDelay"]), "{:?}", seen.metrics);
    assert_eq!(seen.metrics["ScheduledTaskLateness"], 0.0);
    assert!((1.0..20.0).contains(&seen.metrics["QueueBacklog"]), "{:?}", seen.metrics);
    assert!(seen.metrics["OldestJobAge"] < 5.0, "{:?}", seen.metrics);
    let measured = &seen.report.last_attempt().unwrap().measurements;
    let item = |metric: &str| measured.iter().find(|own| own.metric == metric).unwrap().item.clone();
    assert_eq!(item("QueueBacklog"), Some("emails".to_owned()));
    let done = measured.iter().find(|own| own.metric == "QueueThroughput").unwrap().value;
    assert_eq!(done, 84.0);
    assert!(!seen.metrics.contains_key("QueueThroughput"), "it is in the log line only");
}

#[tokio::test]
async fn maintenance_is_no_failure_and_what_stood_still_is_forgotten() {
    let trial = Trial::<Queues>::start().await;
    trial.platform.faults().activate(Fault::WorkersIdle);
    trial.run().await;
    trial.platform.faults().activate(Fault::Maintenance);
    let seen = trial.run().await;
    assert!(matches!(seen.report.outcome, Outcome::Maintenance { .. }), "{:#?}", seen.report);
    trial.platform.faults().clear(Fault::Maintenance);
    let seen = trial.run().await;
    assert_eq!(step(&seen, "emails", "progress"), Some("passed"), "workers have just begun again");
    let seen = trial.run().await;
    assert_eq!(step(&seen, "emails", "progress"), Some("failed"));
}

#[tokio::test]
async fn a_queue_that_no_source_tells_of_is_a_failure() {
    let trial = Trial::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#"queues = ["default", "emails", "payments"]"#, r#"queues = ["default", "sms"]"#);
    })
    .await;
    let seen = trial.run().await;
    assert_eq!((step(&seen, "sms", "progress"), step(&seen, "default", "progress")), (Some("failed"), Some("passed")));
    trial.platform.faults().activate(Fault::HtmlInsteadOfJson);
    let seen = trial.run().await;
    assert_eq!(step(&seen, "sms", "progress"), Some("skipped"), "nobody can tell");
}

#[tokio::test]
async fn without_names_all_that_is_told_is_judged() {
    let trial = Trial::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#"queues = ["default", "emails", "payments"]"#, "");
    })
    .await;
    let seen = trial.run().await;
    for queue in ["default", "emails", "payments"] {
        assert_eq!(step(&seen, queue, "progress"), Some("passed"), "{queue}");
    }
}

#[tokio::test]
async fn a_task_with_a_bound_that_nobody_knows_is_a_failure() {
    let trial = Trial::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#""backup:run" = "26h""#, r#""backup:clean" = "26h""#);
    })
    .await;
    let seen = trial.run().await;
    assert_eq!(step(&seen, "task.backup-clean", "task"), Some("failed"), "{:#?}", seen.report);
}

#[tokio::test]
async fn counters_that_are_not_there_are_said_and_horizon_tells_the_queues() {
    let trial = Trial::<Queues>::start().await;
    trial.platform.faults().activate(Fault::CountersMissing);
    trial.run().await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    let said = reason(&seen, "counters", "counters");
    assert!(said.contains("/queue") && said.contains("/scheduled_tasks"), "{said}");
    assert!(reason(&seen, "task.backup-run", "task").contains("tell of no tasks"));
    assert_eq!(step(&seen, "emails", "progress"), Some("passed"));
    assert!(seen.metrics.contains_key("QueueBacklog") && !seen.metrics.contains_key("OldestJobAge"));
    assert!(!seen.metrics.contains_key("ScheduledTaskLateness"));
    assert_eq!(seen.metrics["FailedJobs"], 3.0, "Horizon's");
}

#[tokio::test]
async fn memory_that_was_lost_is_no_failure() {
    let trial = Trial::<Queues>::start().await;
    trial.run().await;
    trial.memory.set_memory("queues", "{ broken");
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(step(&seen, "default", "canary"), Some("skipped"));
}

#[tokio::test]
async fn a_job_that_the_platform_does_not_take_fails_at_once_and_is_tried_again() {
    let trial = Trial::<Queues>::with(Options::default(), |settings| {
        *settings = settings.replace(r#"canary = { queues = ["default"]"#, r#"canary = { queues = ["default", "sms"]"#);
    })
    .await;
    for run in 1..=2 {
        let seen = trial.run().await;
        assert_eq!(
            (step(&seen, "default", "dispatch"), step(&seen, "sms", "dispatch")),
            (Some("passed"), Some("failed")),
            "{run}"
        );
    }
}

#[tokio::test]
async fn a_token_of_ours_that_is_refused_is_no_failure() {
    let trial = Trial::<Queues>::start().await;
    let of_demo = |(path, value): (String, String)| {
        let value = if path == "queues/ops-token" { "not the token".to_owned() } else { value };
        (format!("/just-driving/demo/{path}"), value)
    };
    let ports = trial::ports(&trial.memory, &trial.clock, trial.platform.credentials().into_iter().map(of_demo));
    let seen = trial.run_after(Duration::ZERO, &ports).await;
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert_eq!(blindness.cause, Cause::Credentials);
    assert_eq!(step(&seen, "emails", "progress"), Some("skipped"));
}

#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let trial = Trial::<Queues>::with(options, |_| {}).await;
        trial.platform.faults().activate(fault);
        for _ in 0..2 {
            let seen = trial.run().await;
            let said =
                format!("{seen:?} {} {:?}", serde_json::to_string(&seen.report).unwrap(), trial.memory.take_sent());
            for (path, secret) in trial.platform.credentials() {
                assert!(!said.contains(&secret), "{fault}: {path} is said in {said}");
            }
        }
    }
}
