//! What is no failure, what could not be judged, and what is told beside.

use std::sync::Arc;
use std::time::Duration;

use application::Application;
use check::message::Event;
use check::{Cause, Outcome};
use demo_platform::{Fault, Options};
use hostile::{Server, answer};
use local::Memory;
use runtime::settings::Document;
use runtime::{Clock, Invocation, Prepared, SkippingClock, execute};
use trial::{Seen, Trial};

use crate::{step, told};

#[tokio::test]
async fn all_is_asked_side_by_side_and_each_result_is_a_subject() {
    let trial = Trial::<Application>::start().await;
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(Trial::<Application>::longest_chain(&seen), 1);
    for subject in ["used-disk-space", "cpu-load", "database", "redis-memory-usage", "backups", "debug-mode"] {
        assert_eq!(step(&seen, subject, "entry"), Some("passed"), "{subject}");
    }
    assert_eq!(step(&seen, "horizon", "entry"), Some("passed"));
    assert!(told(&seen, "horizon", "remark").contains("the platform skipped it: Skipped"));
    let attempt = seen.report.last_attempt().unwrap();
    let item = |metric: &str| attempt.measurements.iter().find(|m| m.metric == metric).unwrap().item.clone();
    assert_eq!(item("DiskUsed").as_deref(), Some("Used Disk Space"));
    assert!(item("PartnerCallFailureRate").is_some());
}

#[tokio::test]
async fn a_warning_passes_and_is_told() {
    let trial = Trial::<Application>::start().await;
    trial.platform.faults().activate(Fault::DiskFilling);
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed);
    assert_eq!(step(&seen, "used-disk-space", "entry"), Some("passed"));
    let remark = told(&seen, "used-disk-space", "remark");
    assert!(remark.contains("the platform warns: The disk is almost full (88% used)."), "{remark}");
}

#[tokio::test]
async fn a_failure_tells_what_the_platform_says() {
    let trial = Trial::<Application>::start().await;
    trial.platform.faults().activate(Fault::DiskFull);
    let seen = trial.run().await;
    let told = told(&seen, "used-disk-space", "entry");
    assert!(told.contains("failed: The disk is almost full (97% used)."), "{told}");
    assert!(told.contains("Used Disk Space: 97%"), "{told}");
    assert_eq!(seen.report.attempts.len(), 2, "confirmed within the run");
}

#[tokio::test]
async fn counters_that_hold_nothing_are_told_and_no_failure() {
    let trial = Trial::<Application>::start().await;
    trial.platform.faults().activate(Fault::CountersMissing);
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed);
    assert_eq!(step(&seen, "counters", "counters"), Some("passed"));
    let told = told(&seen, "counters", "numbers");
    let missing = "the counters hold no /requests, /responses_5xx, /exceptions, /slow_queries, /external_calls";
    assert!(told.contains(missing), "{told}");
    assert!(!seen.metrics.contains_key("ErrorRate") && seen.metrics.contains_key("DiskUsed"));
}

#[tokio::test]
async fn results_that_stand_still_are_neither_judged_nor_published() {
    let trial = Trial::<Application>::start().await;
    trial.platform.faults().activate(Fault::HealthStale);
    trial.platform.faults().activate(Fault::DiskFull);
    let seen = trial.run().await;
    assert_eq!(seen.failures().len(), 1);
    let told = told(&seen, "health", "health");
    assert!(told.contains("results of the last 5m") && told.contains("the last were finished 2"), "{told}");
    assert_eq!(step(&seen, "used-disk-space", "entry"), None);
    assert!(!seen.metrics.contains_key("DiskUsed") && seen.metrics.contains_key("Requests"));
}

#[tokio::test]
async fn before_the_first_run_the_words_say_so() {
    let trial = Trial::<Application>::start().await;
    trial.platform.faults().activate(Fault::HealthEmpty);
    let seen = trial.run().await;
    assert!(told(&seen, "health", "health").contains("an empty body: the checks have never run"));
}

#[tokio::test]
async fn a_token_or_secret_of_ours_that_is_refused_is_no_failure_of_the_platform() {
    let trial = Trial::<Application>::with(Options::default(), |settings| {
        *settings = settings.replace("application/ops-token", "application/wrong");
    })
    .await;
    let wrong = ("/just-driving/demo/application/wrong".to_owned(), "nonsense".to_owned());
    let ports = trial::ports(&trial.memory, &trial.clock, [wrong]);
    let seen = trial.run_after(Duration::from_secs(60), &ports).await;
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert_eq!(blindness.cause, Cause::Credentials);
    assert!(blindness.detail.ends_with("put a valid one at ssm:/just-driving/demo/application/wrong"));
    assert_eq!(step(&seen, "used-disk-space", "entry"), Some("passed"), "the health endpoint is judged all the same");
}

#[tokio::test]
async fn maintenance_is_no_failure() {
    let trial = Trial::<Application>::start().await;
    trial.platform.faults().activate(Fault::Maintenance);
    let seen = trial.run().await;
    assert!(matches!(seen.report.outcome, Outcome::Maintenance { .. }), "{:#?}", seen.report);
}

#[tokio::test]
async fn what_is_ignored_is_not_looked_at_and_its_incident_ends() {
    let mut trial = Trial::<Application>::start().await;
    trial.platform.faults().activate(Fault::DiskFull);
    trial.run().await;
    trial.prepared.check.health.as_mut().unwrap().ignore.insert("UsedDiskSpace".to_owned());
    let seen = trial.run().await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    assert_eq!(step(&seen, "used-disk-space", "entry"), Some("passed"));
    assert!(told(&seen, "used-disk-space", "remark").contains("no longer among the results"));
    assert!(!seen.metrics.contains_key("DiskUsed"));
    trial.run().await;
    let events: Vec<Event> = trial.memory.take_sent().iter().map(|delivery| delivery.notification.event).collect();
    assert!(events.contains(&Event::Opened) && events.contains(&Event::Recovered), "{events:?}");
    for _ in 0..20 {
        trial.run().await;
    }
    assert_eq!(step(&trial.run().await, "used-disk-space", "entry"), None, "and is forgotten");
}

/// The run against a health endpoint that answers so, at this time.
async fn against(status: &'static str, body: String) -> Seen {
    let server = Server::plain(move |_| answer(&format!("{status}\r\nContent-Type: application/json"), &body)).await;
    let settings = format!(
        "environment = \"test\"\nbase_url = \"http://{}\"\n[contact]\nname = \"n\"\nreach = \"r\"\n[links]\n\
         runbook = \"https://localhost/\"\n[network]\naddresses = [\"127.0.0.1\"]\n[check.application]\n\
         step_deadline = \"5s\"\nhealth = {{}}\n",
        server.address
    );
    let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let prepared: Prepared<Application> = Prepared::read(&document).unwrap_or_else(|found| panic!("{found:#?}"));
    let memory = Arc::new(Memory::default());
    let clock = Arc::new(SkippingClock::default());
    let report = execute(&prepared, &trial::ports(&memory, &clock, []), &Invocation::manual()).await.unwrap();
    let metrics = memory.data().into_iter().map(|datum| (datum.metric, datum.value)).collect();
    Seen { report, metrics }
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
        let seen = against("200 OK", body).await;
        let told = told(&seen, "health", "health");
        assert!(told.contains(&format!("kind: {expected}")), "{case}: {told}");
    }
    let seen = against("200 OK", finished(290, one)).await;
    assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
    let text = format!("{{\"finishedAt\": \"{}\", \"checkResults\": {one}}}", SkippingClock::default().now());
    assert_eq!(against("200 OK", text).await.report.outcome, Outcome::Passed);
    let seen = against("200 OK", finished(-400, one)).await;
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert_eq!(blindness.cause, Cause::ClockSkew);
    let seen = against("403 Forbidden", String::new()).await;
    let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
    assert!(blindness.detail.contains("without a secret"), "{}", blindness.detail);
}

#[tokio::test]
async fn hostile_results_are_bounded_and_harm_nobody() {
    let entry = |name: &str, status: &str| {
        format!("{{\"name\": {name:?}, \"label\": \"\\u0007 <!channel>\", \"status\": {status:?}, \"meta\": [[[]]]}}")
    };
    let mut results: Vec<String> = (0..3_000).map(|_| entry(&"Same name ".repeat(40), "ok")).collect();
    results.push(entry("Last", "on fire"));
    results.push("17".to_owned());
    let seen = against("200 OK", finished(0, &format!("[{}]", results.join(",")))).await;
    let failed: Vec<_> = seen.failures().into_iter().map(|failure| failure.subject).collect();
    assert_eq!(failed, ["last", "unnamed"]);
    assert!(told(&seen, "last", "entry").contains("seen: \"on fire\""));
    assert!(told(&seen, "unnamed", "entry").contains("no status"));
    assert!(told(&seen, "health", "remark").contains("2802 more results are not judged"));
    let steps = &seen.report.last_attempt().unwrap().steps;
    assert_eq!(steps.iter().filter(|step| step.name == "entry").count(), 200);
}
