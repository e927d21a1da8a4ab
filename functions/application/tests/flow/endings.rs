//! Other outcomes: warnings, missing numbers, stale or hostile results, refused credentials and maintenance.

use std::sync::Arc;
use std::time::Duration;

use application::Application;
use check::message::Event;
use check::{Cause, Outcome};
use check_testkit::{Harness, Observed};
use demo_platform::{Fault, Options};
use hostile::{Server, answer};
use local::Memory;
use runtime::{Clock, Invocation, Prepared, SkippingClock, execute};
use settings::Document;

use crate::{detail, step};

#[tokio::test]
async fn sources_are_read_concurrently_and_results_are_subjects() {
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
async fn warning_passes_with_a_remark() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::DiskFilling);
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed);
    assert_eq!(step(&observed, "used-disk-space", "entry"), Some("passed"));
    let remark = detail(&observed, "used-disk-space", "remark");
    assert!(remark.contains("the platform warns: The disk is almost full (88% used)."), "{remark}");
}

#[tokio::test]
async fn failure_quotes_the_platform() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::DiskFull);
    let observed = harness.run().await;
    let detail = detail(&observed, "used-disk-space", "entry");
    assert!(detail.contains("failed: The disk is almost full (97% used)."), "{detail}");
    assert!(detail.contains("Used Disk Space: 97%"), "{detail}");
    assert_eq!(observed.report.attempts.len(), 2, "confirmed within the run");
}

#[tokio::test]
async fn missing_counters_are_listed_and_pass() {
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
async fn each_rate_needs_both_of_its_counters() {
    for (settings, [errors, calls], reason) in [
        ("", [true, true], None),
        (r#"requests = "/a""#, [false, true], Some("the counters hold no /a\"")),
        (r#"responses_5xx = "/queue""#, [false, true], Some("unreadable counters: /queue is {")),
        (
            r#"external_attempted = "/a""#,
            [true, false],
            Some("the counters hold no /external_calls/e-teori/a, /external_calls/findkoreskole/a, "),
        ),
        (
            r#"external_failed = """#,
            [true, false],
            Some(r#"unreadable counters: /external_calls/e-teori is {\"attempted\":120,"#),
        ),
        (r#"external_calls = "/requests""#, [true, false], Some("unreadable counters: /requests is 2")),
    ] {
        let harness = Harness::<Application>::with(Options::default(), |file| {
            file.push_str(&format!("\n[platform.counters]\n{settings}\n"));
        })
        .await;
        let observed = harness.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{settings}: {:#?}", observed.report);
        let names = ["ErrorRate", "PartnerCallFailureRate"];
        assert_eq!(names.map(|name| observed.metrics.contains_key(name)), [errors, calls], "{settings}");
        assert_eq!(step(&observed, "counters", "numbers"), reason.map(|_| "skipped"), "{settings}");
        let line = serde_json::to_string(&observed.report).unwrap();
        assert!(reason.is_none_or(|reason| line.contains(reason)), "{settings}: {line}");
    }
}

#[tokio::test]
async fn stale_results_are_neither_judged_nor_published() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::HealthStale);
    harness.platform.faults().activate(Fault::DiskFull);
    let observed = harness.run().await;
    assert_eq!(observed.failures().len(), 1);
    let detail = detail(&observed, "health", "health");
    assert!(detail.contains("results of the last 5m") && detail.contains("the last ones finished 2"), "{detail}");
    assert_eq!(step(&observed, "used-disk-space", "entry"), None);
    assert!(!observed.metrics.contains_key("DiskUsed") && observed.metrics.contains_key("Requests"));
}

#[tokio::test]
async fn empty_body_before_the_first_run_is_explained() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::HealthEmpty);
    let observed = harness.run().await;
    assert!(detail(&observed, "health", "health").contains("an empty body: the checks have never run"));
}

#[tokio::test]
async fn refused_token_is_inconclusive() {
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
    assert_eq!(step(&observed, "used-disk-space", "entry"), Some("passed"), "the health endpoint is still judged");
}

#[tokio::test]
async fn maintenance_is_reported_as_such() {
    let harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::Maintenance);
    let observed = harness.run().await;
    assert!(matches!(observed.report.outcome, Outcome::Maintenance { .. }), "{:#?}", observed.report);
}

#[tokio::test]
async fn incident_of_an_ignored_result_ends() {
    let mut harness = Harness::<Application>::start().await;
    harness.platform.faults().activate(Fault::DiskFull);
    harness.run().await;
    harness.prepared.check.health.as_mut().unwrap().ignore.insert("UsedDiskSpace".to_owned());
    let observed = harness.run().await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    assert_eq!(step(&observed, "used-disk-space", "entry"), Some("passed"));
    assert!(detail(&observed, "used-disk-space", "remark").contains("no longer reported"));
    assert!(!observed.metrics.contains_key("DiskUsed"));
    harness.run().await;
    let events: Vec<Event> = harness.memory.take_sent().iter().map(|delivery| delivery.notification.event).collect();
    assert!(events.contains(&Event::Opened) && events.contains(&Event::Recovered), "{events:?}");
    for _ in 0..20 {
        harness.run().await;
    }
    assert_eq!(step(&harness.run().await, "used-disk-space", "entry"), None, "the result is forgotten");
}

/// Runs the check against a health endpoint that always gives this answer.
async fn run_against(status: &'static str, body: String) -> Observed {
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

/// Body with results that finished `ago` seconds before now.
fn finished(ago: i64, results: &str) -> String {
    let at = SkippingClock::default().now().as_second() - ago;
    format!("{{\"finishedAt\": {at}, \"checkResults\": {results}}}")
}

#[tokio::test]
async fn answers_without_usable_results_fail() {
    let one = "[{\"name\": \"Redis\", \"status\": \"ok\"}]";
    for (case, body, expected) in [
        ("blank body", " \n".to_owned(), "Body"),
        ("not JSON", "<html>".to_owned(), "Body"),
        ("a list instead of an object", "[]".to_owned(), "Assertion"),
        ("no results", finished(0, "[]"), "Assertion"),
        ("results of another type", finished(0, "\"ok\""), "Assertion"),
        ("no time", format!("{{\"checkResults\": {one}}}"), "Assertion"),
        ("an invalid time", format!("{{\"finishedAt\": \"soon\", \"checkResults\": {one}}}"), "Assertion"),
        ("stale results", finished(301, one), "Stale"),
    ] {
        let observed = run_against("200 OK", body).await;
        let detail = detail(&observed, "health", "health");
        assert!(detail.contains(&format!("kind: {expected}")), "{case}: {detail}");
    }
    let observed = run_against("200 OK", finished(290, one)).await;
    assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
    let text = format!("{{\"finishedAt\": \"{}\", \"checkResults\": {one}}}", SkippingClock::default().now());
    assert_eq!(run_against("200 OK", text).await.report.outcome, Outcome::Passed);
    let observed = run_against("200 OK", finished(-400, one)).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert_eq!(inconclusive.cause, Cause::ClockSkew);
    let observed = run_against("403 Forbidden", String::new()).await;
    let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    assert!(inconclusive.detail.contains("without a secret"), "{}", inconclusive.detail);
}

#[tokio::test]
async fn hostile_results_are_bounded() {
    let entry = |name: &str, status: &str| {
        format!("{{\"name\": {name:?}, \"label\": \"\\u0007 <!channel>\", \"status\": {status:?}, \"meta\": [[[]]]}}")
    };
    let mut results: Vec<String> = (0..3_000).map(|_| entry(&"Same name ".repeat(40), "ok")).collect();
    results.push(entry("Last", "on fire"));
    results.push("17".to_owned());
    let observed = run_against("200 OK", finished(0, &format!("[{}]", results.join(",")))).await;
    let failed: Vec<_> = observed.failures().into_iter().map(|failure| failure.subject).collect();
    assert_eq!(failed, ["last", "unnamed"]);
    assert!(detail(&observed, "last", "entry").contains("actual: \"on fire\""));
    assert!(detail(&observed, "unnamed", "entry").contains("no status"));
    assert!(detail(&observed, "health", "remark").contains("2802 more results are not judged"));
    let steps = &observed.report.last_attempt().unwrap().steps;
    assert_eq!(steps.iter().filter(|step| step.name == "entry").count(), 200);
}
