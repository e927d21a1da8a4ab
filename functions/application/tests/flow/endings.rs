//! What is no failure, what could not be judged, and what is told beside.

use std::sync::Arc;
use std::time::Duration;

use application::Application;
use check::message::Event;
use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use hostile::{Server, answer};
use local::Memory;
use runtime::settings::Document;
use runtime::{Clock, Invocation, Prepared, SkippingClock, execute};

use crate::{detail, step};

#[tokio::test]
async fn all_is_asked_side_by_side_and_each_result_is_a_subject() {
    let harness = Harness::<Application>::start().await;
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(Harness::<Application>::longest_chain(&observed), 1);
    for subject in ["used-disk-space", "cpu-load", "database", "redis-memory-usage", "backups", "debug-mode"] {
        assert_eq!(step(&observed, subject, "entry"), Some("passed"), "{subject}");
    }
    assert_eq!(step(&observed, "horizon", "entry"), Some("passed"));
    assert!(detail(&observed, "horizon", "remark").contains("the platform skipped it: Skipped"));
    let attempt = observed.report.last_attempt().unwrap();
    let item = |metric: &str| attempt.measurements.iter().find(|m| m.metric == metric).unwrap().item.clone();
    assert_eq!(item("DiskUsed").as_deref(), Some("Used Disk Space"));
    assert!(item("PartnerCallFailureRate").is_some());
}

#[tokio::test]
async fn a_warning_passes_and_is_told() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::DiskFilling);
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    assert_eq!(step(&observed, "used-disk-space", "entry"), Some("passed"));
    let remark = detail(&observed, "used-disk-space", "remark");
    assert!(remark.contains("the platform warns: The disk is almost full (88% used)."), "{remark}");
}

#[tokio::test]
async fn a_failure_tells_what_the_platform_says() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::DiskFull);
    let observed = harness.run().await;
    let detail = detail(&observed, "used-disk-space", "entry");
    assert!(detail.contains("failed: The disk is almost full (97% used)."), "{detail}");
    assert!(detail.contains("Used Disk Space: 97%"), "{detail}");
    assert_eq!(observed.report.attempts.len(), 2, "confirmed within the run");
}

#[tokio::test]
async fn counters_that_hold_nothing_are_told_and_no_failure() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::CountersMissing);
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    assert_eq!(step(&observed, "counters", "counters"), Some("passed"));
    let detail = detail(&observed, "counters", "numbers");
    let missing = "the counters hold no /requests, /responses_5xx, /exceptions, /slow_queries, /external_calls";
    assert!(detail.contains(missing), "{detail}");
    assert!(!observed.metrics.contains_key("ErrorRate") && observed.metrics.contains_key("DiskUsed"));
}

#[tokio::test]
async fn results_that_stand_still_are_neither_judged_nor_published() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::HealthStale);
    harness.platform.faults().activate(Fault::DiskFull);
    let observed = harness.run().await;
    assert_eq!(observed.failures().len(), 1);
    let detail = detail(&observed, "health", "health");
    assert!(detail.contains("results of the last 5m") && detail.contains("the last were finished 2"), "{detail}");
    assert_eq!(step(&observed, "used-disk-space", "entry"), None);
    assert!(!observed.metrics.contains_key("DiskUsed") && observed.metrics.contains_key("Requests"));
}

#[tokio::test]
async fn before_the_first_run_the_words_say_so() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::HealthEmpty);
    let observed = harness.run().await;
    assert!(detail(&observed, "health", "health").contains("an empty body: the checks have never run"));
}

#[tokio::test]
async fn a_token_or_secret_of_ours_that_is_refused_is_no_failure_of_the_platform() {
    let harness = Harness::<Application>::with(Options::default(), |settings| {
        *settings = settings.replace("application/ops-token", "application/wrong");
    })
    .await;
    let wrong = ("/just-driving/demo/application/wrong".to_owned(), "nonsense".to_owned());
    let ports = check_testkit::ports(&harness.memory, &harness.clock, [wrong]);
    let observed = harness.run_after(Duration::from_secs(60), &ports).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::Credentials);
    assert!(inconclusive.detail.ends_with("put a valid one at ssm:/just-driving/demo/application/wrong"));
    assert_eq!(
        step(&observed, "used-disk-space", "entry"),
        Some("passed"),
        "the health endpoint is judged all the same"
    );
}

#[tokio::test]
async fn maintenance_is_no_failure() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::Maintenance);
    let observed = harness.run().await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
}

#[tokio::test]
async fn what_is_ignored_is_not_looked_at_and_its_incident_ends() {
    let mut harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::DiskFull);
    harness.run().await;
    harness.prepared.check.health.as_mut().unwrap().ignore.insert("UsedDiskSpace".to_owned());
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(step(&observed, "used-disk-space", "entry"), Some("passed"));
    assert!(detail(&observed, "used-disk-space", "remark").contains("no longer among the results"));
    assert!(!observed.metrics.contains_key("DiskUsed"));
    harness.run().await;
    let events: Vec<Event> = harness.memory.take_sent().iter().map(|delivery| delivery.notification.event).collect();
    assert!(events.contains(&Event::Opened) && events.contains(&Event::Recovered), "{events:?}");
    for _ in 0..20 {
        harness.run().await;
    }
    assert_eq!(step(&harness.run().await, "used-disk-space", "entry"), None, "and is forgotten");
}

/// The run against a health endpoint that answers so, at this time.
async fn against(status: &'static str, body: String) -> Observed {
    let server = Server::plain(move |_| answer(&format!("{status}\r\nContent-Type: application/json"), &body)).await;
    let settings = format!(
        "environment = \"test\"\nbase_url = \"http://{}\"\n[contact]\nname = \"n\"\ndetails = \"r\"\n[links]\n\
         runbook = \"https://localhost/\"\n[network]\nallow_addresses = [\"127.0.0.1\"]\n[check.application]\n\
         step_deadline = \"5s\"\nhealth = {{}}\n",
        server.address
    );
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Application> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let memory = Arc::new(Memory::default());
    let clock = Arc::new(SkippingClock::default());
    let report = execute(&prepared, &check_testkit::ports(&memory, &clock, []), &Invocation::manual()).await.unwrap();
    let metrics = memory.data().into_iter().map(|datum| (datum.metric, datum.value)).collect();
    Observed { report, metrics }
}

/// Results finished so many seconds ago.
fn finished(ago: i64, results: &str) -> String {
    let at = SkippingClock::default().now().as_second() - ago;
    format!("{{\"finishedAt\": {at}, \"checkResults\": {results}}}")
}

#[tokio::test]
async fn what_is_no_answer_of_results_fails_by_its_kind() {
    let one = "[{\"name\": \"Redis\", \"status\": \"ok\"}]";
    for (case, body, expected) in [
        ("blank", " \n".to_owned(), "Body"),
        ("no JSON", "<html>".to_owned(), "Body"),
        ("a list", "[]".to_owned(), "Assertion"),
        ("no results", finished(0, "[]"), "Assertion"),
        ("results of another type", finished(0, "\"ok\""), "Assertion"),
        ("no time", format!("{{\"checkResults\": {one}}}"), "Assertion"),
        ("a time that is none", format!("{{\"finishedAt\": \"soon\", \"checkResults\": {one}}}"), "Assertion"),
        ("old", finished(301, one), "Stale"),
    ] {
        let observed = against("200 OK", body).await;
        let detail = detail(&observed, "health", "health");
        assert!(detail.contains(&format!("kind: {expected}")), "{case}: {detail}");
    }
    let observed = against("200 OK", finished(290, one)).await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    let text = format!("{{\"finishedAt\": \"{}\", \"checkResults\": {one}}}", SkippingClock::default().now());
    assert_eq!(against("200 OK", text).await.report.outcome, Outcome::Passed);
    let observed = against("200 OK", finished(-400, one)).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::ClockSkew);
    let observed = against("403 Forbidden", String::new()).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert!(inconclusive.detail.contains("without a secret"), "{}", inconclusive.detail);
}

#[tokio::test]
async fn hostile_results_are_bounded_and_harm_nobody() {
    let entry = |name: &str, status: &str| {
        format!("{{\"name\": {name:?}, \"label\": \"\\u0007 <!channel>\", \"status\": {status:?}, \"meta\": [[[]]]}}")
    };
    let mut results: Vec<String> = (0..3_000).map(|_| entry(&"Same name ".repeat(40), "ok")).collect();
    results.push(entry("Last", "on fire"));
    results.push("17".to_owned());
    let observed = against("200 OK", finished(0, &format!("[{}]", results.join(",")))).await;
    let failed: Vec<_> = observed.failures().into_iter().map(|failure| failure.subject).collect();
    assert_eq!(failed, ["last", "unnamed"]);
    assert!(detail(&observed, "last", "entry").contains("seen: \"on fire\""));
    assert!(detail(&observed, "unnamed", "entry").contains("no status"));
    assert!(detail(&observed, "health", "remark").contains("2802 more results are not judged"));
    let steps = &observed.report.last_attempt().unwrap().steps;
    assert_eq!(steps.iter().filter(|step| step.name == "entry").count(), 200);
}
