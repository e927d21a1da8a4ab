//! The samples in `events/` are what the code makes, and follow the schema there.
//!
//! `UPDATE_EVENTS=1 cargo test -p check --test messages` writes them anew.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its samples has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use check::incident::{CheckState, Policy, Severity, Vote, decide};
use check::message::{Contact, Context, Links, Notification, compose, email, sms, subject_line};
use check::{Attempt, FailureKind, Journey, Mismatch, RunKey, Shard, Subject};
use jiff::Timestamp;
use serde_json::Value;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events")).join(name)
}

/// Compares with the file, or writes it when asked to.
fn assert_is(name: &str, made: &str) {
    let path = sample(name);
    if std::env::var_os("UPDATE_EVENTS").is_some() {
        fs::write(&path, made).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, made, "events/{name} differs; UPDATE_EVENTS=1 writes it anew");
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn minute(number: i64) -> RunKey {
    let start: Timestamp = "2026-11-23T04:49:00Z".parse().unwrap();
    RunKey {
        check: "availability".to_owned(),
        location: "eu-north-1".to_owned(),
        shard: Shard::ONLY,
        scheduled_time: Timestamp::from_second(start.as_second() + number * 60).unwrap(),
    }
}

/// Two targets of which the first may be down.
fn attempt(at: Timestamp, down: bool) -> Attempt {
    let mut journey = Journey::new(at);
    for (name, down) in [("status-api", down), ("front-page", false)] {
        let subject = Subject::new(name).unwrap();
        let request = journey.begin(&subject, "request", at);
        journey.settle(request, check::StepResult::Passed);
        journey.end(request, Duration::from_millis(42));
        let response = journey.begin(&subject, "response", at);
        let mismatch = Mismatch {
            kind: FailureKind::Status,
            expected: "status 200".to_owned(),
            seen: "status 500 Internal Server Error".to_owned(),
            evidence: Some("{ \"message\": \"Server Error\" }".to_owned()),
        };
        if journey.assert(response, "status", if down { Err(mismatch) } else { Ok(()) }).is_ok() {
            journey.settle(response, check::StepResult::Passed);
        }
        journey.end(response, Duration::from_micros(200));
    }
    journey.finish(Duration::from_millis(43))
}

/// The messages of: one good run, a confirmed failure, a reminder, recovery.
fn story() -> BTreeMap<&'static str, Notification> {
    let policy = Policy { remind_every: Duration::from_secs(60), ..Policy::default() };
    let contact = Contact { name: "Platform on call".to_owned(), reach: "+45 00 00 00 00".to_owned() };
    let mut state = CheckState::default();
    let mut messages = BTreeMap::new();
    for (number, down) in (0..).zip([false, true, true, false, false]) {
        let run = minute(number);
        let run_id = format!("01a206f3-0000-7000-8000-00000000000{number}");
        let attempts = if down {
            vec![attempt(run.scheduled_time, true), attempt(run.scheduled_time, true)]
        } else {
            vec![attempt(run.scheduled_time, false)]
        };
        let votes = attempts[0]
            .verdicts()
            .into_iter()
            .map(|(subject, verdict)| match verdict {
                check::Verdict::Failing(failure) => (subject, Vote::Failing { failure, confirmed: true }),
                check::Verdict::Healthy => (subject, Vote::Healthy),
                other => panic!("the story has no {other:?}"),
            })
            .collect();
        let decision = decide(&state, &votes, None, &run, &run_id, &policy);
        let context = Context {
            environment: "production",
            run: &run,
            run_id: &run_id,
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
            attempts: &attempts,
            last_good: state.last_good.as_ref(),
            severity: Severity::Critical,
            contact: &contact,
            links: Links {
                runbook: "https://github.com/just-driving/synthetics/blob/main/docs/runbooks/availability.md"
                    .to_owned(),
                dashboard: None,
                logs: None,
                trace: Some("https://apm.justdriving.example/trace/4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
            },
        };
        messages.extend(compose(&decision.reasons, &context).into_iter().map(|n| (n.event.as_str(), n)));
        state = decision.next;
    }
    messages
}

#[test]
fn the_samples_are_what_the_code_makes() {
    let story = story();
    assert_eq!(story.keys().copied().collect::<Vec<_>>(), ["opened", "recovered", "reminded"]);
    for (event, notification) in story {
        assert_is(&format!("messages/{event}.json"), &pretty(&notification));
        let mail = format!("Subject: {}\n\n{}\n", subject_line(&notification), email(&notification));
        assert_is(&format!("messages/{event}.email.txt"), &mail);
        assert_is(&format!("messages/{event}.sms.txt"), &(sms(&notification) + "\n"));
    }
}

#[test]
fn the_schema_is_that_of_the_type() {
    assert_is("notification.schema.json", &pretty(&schemars::schema_for!(Notification)));
}

#[test]
fn every_sample_follows_the_schema_and_survives_the_way_through_the_type() {
    let schema: Value = serde_json::from_str(&fs::read_to_string(sample("notification.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let samples: Vec<_> = fs::read_dir(sample("messages"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    assert_eq!(samples.len(), 3);
    for path in samples {
        let mut value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{}: {error}", path.display());
        }
        let read: Notification = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
        value["severity"] = "loud".into();
        assert!(!validator.is_valid(&value), "the schema must refuse what the type refuses");
    }
}
