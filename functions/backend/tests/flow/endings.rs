//! What else may come: settings that leave something out, what goes on between runs, and no secret in any of it.

use std::time::Duration;

use backend::Backend;
use check::{Cause, Outcome};
use demo_platform::{Fault, Options};
use runtime::Prepared;
use runtime::settings::Document;
use trial::Trial;

/// How a step of a subject ended, in a word, and what it says.
fn step(seen: &trial::Seen, subject: &str, name: &str) -> (String, String) {
    let steps = &seen.report.last_attempt().unwrap().steps;
    let step = steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).unwrap();
    (step.result.word().to_owned(), format!("{:?}", step.result))
}

#[tokio::test]
async fn a_healthy_run_publishes_every_number_and_rates_from_the_second_run_on() {
    let trial = Trial::<Backend>::start().await;
    let first = trial.run().await;
    assert_eq!(first.report.outcome, Outcome::Passed, "{:#?}", first.report);
    let second = trial.run().await;
    let published = ["DatabaseLatency", "ConnectionsUsed", "CacheLatency", "CacheMemoryUsed"];
    for seen in [&first, &second] {
        for metric in published {
            assert!(seen.metrics.contains_key(metric), "{metric}: {:?}", seen.metrics);
        }
    }
    let measured = |seen: &trial::Seen| {
        let measurements = &seen.report.last_attempt().unwrap().measurements;
        measurements.iter().map(|measured| measured.metric.clone()).collect::<Vec<_>>()
    };
    let always = ["DatabaseConnectTime", "ReplicationLag", "FailedJobsStored"];
    let rates = ["SlowQueryRate", "CacheEvictionRate", "CacheRejectedConnections"];
    assert!(always.iter().all(|name| measured(&first).contains(&(*name).to_owned())), "{:?}", measured(&first));
    assert!(!rates.iter().any(|name| measured(&first).contains(&(*name).to_owned())), "{:?}", measured(&first));
    assert!(rates.iter().all(|name| measured(&second).contains(&(*name).to_owned())), "{:?}", measured(&second));
    // They stand in the report and the log line only.
    assert!(!rates.iter().chain(&always).any(|name| second.metrics.contains_key(*name)), "{:?}", second.metrics);
}

#[tokio::test]
async fn memory_that_was_lost_is_no_failure() {
    let trial = Trial::<Backend>::start().await;
    trial.run().await;
    trial.memory.set_memory("backend", "{ broken");
    assert_eq!(trial.run().await.report.outcome, Outcome::Passed);
}

#[tokio::test]
async fn either_store_may_be_left_out() {
    for (left_out, other) in [("database", "cache"), ("cache", "database")] {
        let trial = Trial::<Backend>::with(Options::default(), |settings| {
            let begins = settings.find(&format!("[check.backend.{left_out}]")).unwrap();
            let rest = settings[begins + 1..].find("\n[check.").map(|end| begins + 1 + end).unwrap_or(settings.len());
            settings.replace_range(begins..rest, "");
        })
        .await;
        let seen = trial.run().await;
        assert_eq!(seen.report.outcome, Outcome::Passed, "{:#?}", seen.report);
        let steps = &seen.report.last_attempt().unwrap().steps;
        assert!(steps.iter().all(|step| step.subject.as_str() == other), "{left_out}: {steps:#?}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_does_not_hide_the_other() {
    let trial = Trial::<Backend>::start().await;
    trial.platform.faults().activate(Fault::DatabaseDown);
    let seen = trial.run().await;
    assert_eq!(step(&seen, "database", "connect").0, "failed");
    let (word, reason) = step(&seen, "database", "failed-jobs");
    assert!(word == "skipped" && reason.contains("there is no connection"), "{word}: {reason}");
    assert_eq!(step(&seen, "cache", "info").0, "passed");
    assert!(seen.metrics.contains_key("CacheLatency") && !seen.metrics.contains_key("DatabaseLatency"));
}

#[tokio::test]
async fn passwords_of_ours_that_are_refused_are_no_failure_and_the_message_says_what_to_do() {
    for (store, said) in [("database", "refuses our user synthetics"), ("cache", "does not let the default user in")] {
        let trial = Trial::<Backend>::start().await;
        let path = format!("backend/{store}-password");
        let of_demo = |(at, value): (String, String)| {
            let value = if at == path { "not this one".to_owned() } else { value };
            (format!("/just-driving/demo/{at}"), value)
        };
        let ports = trial::ports(&trial.memory, &trial.clock, trial.platform.credentials().into_iter().map(of_demo));
        let seen = trial.run_after(Duration::from_secs(60), &ports).await;
        let Outcome::Errored { blindness } = &seen.report.outcome else { panic!("{:#?}", seen.report) };
        assert_eq!(blindness.cause, Cause::Credentials);
        assert!(blindness.detail.contains(said) && blindness.detail.contains(&path), "{}", blindness.detail);
        assert!(!blindness.detail.contains("not this one"), "{}", blindness.detail);
    }
}

#[tokio::test]
async fn a_statement_that_the_database_does_not_take_is_a_failure_and_the_rest_goes_on() {
    let trial = Trial::<Backend>::with(Options::default(), |settings| {
        *settings = settings.replace("SELECT COUNT(*) FROM bookings", "SELECT nonsense FROM bookings");
    })
    .await;
    let seen = trial.run().await;
    let (word, said) = step(&seen, "database", "read");
    assert!(word == "failed" && said.contains("to know the statement"), "{word}: {said}");
    assert_eq!(step(&seen, "database", "status").0, "passed");
}

#[tokio::test]
async fn faults_of_the_whole_platform_do_not_reach_its_stores() {
    for fault in [Fault::Down, Fault::Slow, Fault::ServerError, Fault::Maintenance] {
        let trial = Trial::<Backend>::start().await;
        trial.platform.faults().activate(fault);
        assert_eq!(trial.run().await.report.outcome, Outcome::Passed, "{fault}");
    }
}

#[tokio::test]
async fn no_fault_makes_a_run_say_a_secret() {
    for fault in Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Hang) {
        let options = Options { slow_delay: Duration::from_millis(50), ..Options::default() };
        let trial = Trial::<Backend>::with(options, |_| {}).await;
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

#[test]
fn what_is_wrong_in_the_settings_is_told_all_at_once() {
    let problems = |lines: &str| {
        let settings = format!(
            "environment = \"test\"\nbase_url = \"https://platform.example\"\n[contact]\nname = \"n\"\nreach = \"r\"\n\
             [links]\nrunbook = \"https://platform.example/\"\n[check.backend]\n{lines}\n"
        );
        let document = Document::parse("test.toml", &settings).unwrap();
        let problems = Prepared::<Backend>::read(&document).err().unwrap_or_default();
        problems.iter().map(|problem| format!("{}: {}", problem.key, problem.rule)).collect::<Vec<_>>()
    };
    let sound = "cache.host = \"cache.example\"\ndatabase.host = \"db.example\"\ndatabase.user = \"synthetics\"";
    assert_eq!(problems(sound), Vec::<String>::new());
    assert_eq!(
        problems(""),
        ["check.backend: expected a table `database` or `cache`, saw neither: nothing would be looked at"]
    );
    let wrong = "step_deadline = \"1m\"\n[check.backend.database]\nport = 0\nread = \"DELETE FROM users\"\n\
                 replica.lag_within = \"0s\"\nfailed_jobs.table = \"a b\"\n[check.backend.cache]\nhost = \"10.0.0.7\"\n\
                 saved_within = \"1s\"";
    let keys: Vec<String> = problems(wrong).iter().map(|told| told.split(": ").next().unwrap().to_owned()).collect();
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
    // A private address needs to be allowed.
    let private = problems("cache.host = \"10.0.0.7\"");
    assert!(private.len() == 1 && private[0].contains("network.addresses"), "{private:?}");
}
