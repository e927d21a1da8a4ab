//! Other outcomes: stores left out, memory between runs, refused credentials, and no secret in any report.

use std::time::Duration;

use backend::Backend;
use check::{Cause, Outcome};
use check_testkit::Harness;
use demo_platform::{Fault, Options};
use runtime::{OperatorStore, Prepared};
use settings::Document;

/// Result of a subject's step, in one word and in detail.
fn step(observed: &check_testkit::Observed, subject: &str, name: &str) -> (String, String) {
    let steps = &observed.report.last_attempt().unwrap().steps;
    let step = steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).unwrap();
    (step.result.word().to_owned(), format!("{:?}", step.result))
}

#[tokio::test]
async fn rates_are_measured_from_the_second_run_on() {
    let harness = Harness::<Backend>::start().await;
    let first = harness.run().await;
    assert_eq!(first.report.outcome, Outcome::Passed, "{:#?}", first.report);
    let second = harness.run().await;
    let published = ["DatabaseLatency", "ConnectionsUsed", "CacheLatency", "CacheMemoryUsed"];
    for observed in [&first, &second] {
        for metric in published {
            assert!(observed.metrics.contains_key(metric), "{metric}: {:?}", observed.metrics);
        }
    }
    let measured = |observed: &check_testkit::Observed| {
        let measurements = &observed.report.last_attempt().unwrap().measurements;
        measurements.iter().map(|measured| measured.metric.clone()).collect::<Vec<_>>()
    };
    let always = ["DatabaseConnectTime", "ReplicationLag", "FailedJobsStored"];
    let rates = ["SlowQueryRate", "CacheEvictionRate", "CacheRejectedConnections"];
    assert!(always.iter().all(|name| measured(&first).contains(&(*name).to_owned())), "{:?}", measured(&first));
    assert!(!rates.iter().any(|name| measured(&first).contains(&(*name).to_owned())), "{:?}", measured(&first));
    assert!(rates.iter().all(|name| measured(&second).contains(&(*name).to_owned())), "{:?}", measured(&second));
    // Only the report and the log line hold them.
    assert!(!rates.iter().chain(&always).any(|name| second.metrics.contains_key(*name)), "{:?}", second.metrics);
}

#[tokio::test]
async fn cleared_memory_does_not_fail_the_run() {
    let harness = Harness::<Backend>::start().await;
    harness.run().await;
    harness.memory.clear_memory("backend").await.unwrap();
    assert_eq!(harness.run().await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn each_store_may_be_left_out() {
    for (left_out, other) in [("database", "cache"), ("cache", "database")] {
        let harness = Harness::<Backend>::with(Options::default(), |settings| {
            let begins = settings.find(&format!("[check.backend.{left_out}]")).unwrap();
            let rest = settings[begins + 1..].find("\n[check.").map(|end| begins + 1 + end).unwrap_or(settings.len());
            settings.replace_range(begins..rest, "");
        })
        .await;
        let observed = harness.run().await;
        assert_eq!(observed.report.outcome, Outcome::Passed, "{:#?}", observed.report);
        let steps = &observed.report.last_attempt().unwrap().steps;
        assert!(steps.iter().all(|step| step.subject.as_str() == other), "{left_out}: {steps:#?}");
    }
}

#[tokio::test]
async fn unavailable_store_does_not_hide_the_other() {
    let harness = Harness::<Backend>::start().await;
    harness.platform.faults().activate(Fault::DatabaseDown);
    let observed = harness.run().await;
    assert_eq!(step(&observed, "database", "connect").0, "failed");
    let (word, reason) = step(&observed, "database", "failed-jobs");
    assert!(word == "skipped" && reason.contains("there is no connection"), "{word}: {reason}");
    assert_eq!(step(&observed, "cache", "info").0, "passed");
    assert!(observed.metrics.contains_key("CacheLatency") && !observed.metrics.contains_key("DatabaseLatency"));
}

#[tokio::test]
async fn refused_passwords_are_inconclusive_with_a_remedy() {
    for (store, expected) in [("database", "rejects the user synthetics"), ("cache", "rejects the default user")] {
        let harness = Harness::<Backend>::start().await;
        let path = format!("backend/{store}-password");
        let wrong_password = |(at, value): (String, String)| {
            let value = if at == path { "not this one".to_owned() } else { value };
            (format!("/just-driving/demo/{at}"), value)
        };
        let ports = check_testkit::ports(
            &harness.memory,
            &harness.clock,
            harness.platform.credentials().into_iter().map(wrong_password),
        );
        let observed = harness.run_after(Duration::from_secs(60), &ports).await;
        let Outcome::Inconclusive { inconclusive } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
        assert_eq!(inconclusive.cause, Cause::Credentials);
        assert!(
            inconclusive.detail.contains(expected) && inconclusive.detail.contains(&path),
            "{}",
            inconclusive.detail
        );
        assert!(!inconclusive.detail.contains("not this one"), "{}", inconclusive.detail);
    }
}

#[tokio::test]
async fn invalid_statement_fails_its_step_only() {
    let harness = Harness::<Backend>::with(Options::default(), |settings| {
        *settings = settings.replace("SELECT COUNT(*) FROM bookings", "SELECT nonsense FROM bookings");
    })
    .await;
    let observed = harness.run().await;
    let (word, detail) = step(&observed, "database", "read");
    assert!(word == "failed" && detail.contains("to support the statement"), "{word}: {detail}");
    assert_eq!(step(&observed, "database", "status").0, "passed");
}

#[tokio::test]
async fn faults_of_the_platform_do_not_affect_its_stores() {
    for fault in [Fault::Down, Fault::Slow, Fault::ServerError, Fault::Maintenance] {
        let harness = Harness::<Backend>::start().await;
        harness.platform.faults().activate(fault);
        assert_eq!(harness.run().await.report.outcome, Outcome::Passed, "{fault}");
    }
}

#[tokio::test]
async fn no_fault_reveals_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let harness = Harness::<Backend>::with(options, |_| {}).await;
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

#[test]
fn all_mistakes_in_the_settings_are_reported_at_once() {
    let problems = |lines: &str| {
        let settings = format!(
            "environment = \"test\"\nbase_url = \"https://platform.example\"\n[contact]\nname = \"n\"\ndetails = \"r\"\n\
             [links]\nrunbook = \"https://platform.example/\"\n[check.backend]\n{lines}\n"
        );
        let document = Document::parse("test.toml", &settings).unwrap();
        let problems = Prepared::<Backend>::read(&document).err().unwrap_or_default();
        problems.iter().map(|problem| format!("{}: {}", problem.key, problem.rule)).collect::<Vec<_>>()
    };
    let valid = "cache.host = \"cache.example\"\ndatabase.host = \"db.example\"\ndatabase.user = \"synthetics\"";
    assert_eq!(problems(valid), Vec::<String>::new());
    assert_eq!(
        problems(""),
        ["check.backend: expected a table `database` or `cache`, found neither: nothing would be checked"]
    );
    let wrong = "step_deadline = \"1m\"\n[check.backend.database]\nport = 0\nread = \"DELETE FROM users\"\n\
                 replica.lag_within = \"0s\"\nfailed_jobs.table = \"a b\"\n[check.backend.cache]\nhost = \"10.0.0.7\"\n\
                 saved_within = \"1s\"";
    let keys: Vec<String> =
        problems(wrong).iter().map(|problem| problem.split(": ").next().unwrap().to_owned()).collect();
    for key in [
        "step_deadline",
        "database.host",
        "database.user",
        "database.port",
        "database.read",
        "database.replica.lag_within",
        "database.failed_jobs.table",
        "cache.saved_within",
    ] {
        assert!(keys.contains(&format!("check.backend.{key}")), "{key}: {keys:?}");
    }
    // Private addresses must be allowed explicitly.
    let private = problems("cache.host = \"10.0.0.7\"");
    assert!(private.len() == 1 && private[0].contains("network.allow_addresses"), "{private:?}");
}
