//! Log lines of arbitrary reports.

use check::incident::{Acknowledgement, Incident, NotificationReason, Reason, Severity};
use check::{
    Assertion, Attempt, Cause, Certificate, Exchange, Failure, FailureKind, Inconclusive, Leftover, Measurement,
    NoSecrets, Outcome, Phases, Report, RunKey, Shard, Step, StepResult, Subject, Text, TlsEvidence, foreign, ours,
    phrase,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::{STAGES, left_out};
use crate::log::{MAX_LINE, run_line};

/// Texts as different servers and settings give them. JSON escapes a control character six-fold.
const CHARACTERS: [&str; 6] = ["x", "𝄞", "\"", "\u{1}", "\\", "æ "];

fn text(characters: &str, length: usize, is_foreign: bool) -> Text {
    let whole = characters.repeat(length);
    let piece = if is_foreign { foreign(whole) } else { ours(whole) };
    phrase!("{}", piece).admit(&NoSecrets, length.max(1))
}

/// Numbers of entries and lengths of texts.
#[derive(Clone, Debug)]
struct Size {
    attempts: usize,
    steps: usize,
    exchanges: usize,
    others: usize,
    /// Length of texts that no type bounds, such as names of steps.
    name: usize,
    characters: &'static str,
    is_foreign: bool,
    /// Result of the steps and the outcome.
    result: usize,
}

fn sizes() -> impl Strategy<Value = Size> {
    let few_or_many = |most: usize| prop_oneof![3 => 0..4_usize, 1 => 0..most];
    let names = prop_oneof![3 => 1..65_usize, 1 => 1..600_usize];
    let numbers = (few_or_many(6), few_or_many(250), few_or_many(5), few_or_many(400), names);
    let kinds = (proptest::sample::select(&CHARACTERS[..]), any::<bool>(), 0..6_usize);
    (numbers, kinds).prop_map(|((attempts, steps, exchanges, others, name), (characters, is_foreign, result))| Size {
        attempts,
        steps,
        exchanges,
        others,
        name,
        characters,
        is_foreign,
        result,
    })
}

fn report(size: &Size) -> Report {
    let at: Timestamp = "2026-11-23T04:49:00Z".parse().unwrap();
    let text = |length| text(size.characters, length, size.is_foreign);
    let name = || size.characters.repeat(size.name);
    let subject = |number: usize| Subject::new(format!("{number:064}")).unwrap();
    let (short, long) = (text(Failure::MAX_TEXT), text(Failure::MAX_EVIDENCE));
    let failure = |number| Failure {
        subject: subject(number),
        step: name(),
        kind: FailureKind::Assertion,
        expected: short.clone(),
        actual: short.clone(),
        evidence: Some(long.clone()),
    };
    let inconclusive = Inconclusive { cause: Cause::ClockSkew, detail: text(Inconclusive::MAX_DETAIL) };
    let url = text(2_000);
    let exchange = Exchange {
        method: name(),
        url: url.clone(),
        started: at,
        duration_ms: 12.5,
        status: Some(200),
        protocol: Some(name()),
        remote: Some(name()),
        body_bytes: 1,
        location: Some(url),
        certificate_expires: Some(at),
        tls: Some(TlsEvidence {
            version: Some(name()),
            cipher: Some(name()),
            chain: vec![Certificate { subject: short.clone(), issuer: short.clone(), expires: at }; 4],
        }),
        retry_after_ms: Some(1),
        phases: Phases { dns_ms: Some(1.5), connect_ms: Some(1.5), ..Phases::default() },
    };
    let step = |number: usize| Step {
        subject: subject(number),
        name: name(),
        started: at,
        duration_ms: 12.5,
        result: match (number + size.result) % 6 {
            0 => StepResult::Passed,
            1 => StepResult::Inconclusive { inconclusive: inconclusive.clone() },
            2 => StepResult::Maintenance { detail: short.clone() },
            3 => StepResult::Skipped { reason: short.clone() },
            _ => StepResult::Failed { failure: failure(number) },
        },
        assertions: vec![Assertion { name: name(), held: true }; size.exchanges],
        exchanges: vec![exchange.clone(); size.exchanges],
    };
    let attempt = || Attempt {
        started: at,
        duration_ms: 12.5,
        steps: (0..size.steps).map(step).collect(),
        measurements: (0..size.others)
            .map(|_| Measurement {
                metric: name(),
                value: 1.5,
                unit: check::metric::Unit::Milliseconds,
                item: Some(short.clone()),
                channel: None,
            })
            .collect(),
    };
    let reason = |number: usize| Reason {
        subject: subject(number),
        notification_reason: NotificationReason::SuppressedAlreadyNotified,
        since: at,
        severity: Severity::Critical,
        failure: Some(failure(number)),
        inconclusive: Some(inconclusive.clone()),
        incident: Some(Incident {
            id: name(),
            opened_at: at,
            severity: Severity::Critical,
            escalated_at: Some(at),
            closed_at: Some(at),
            recorded: 50,
            silenced_by: Some(name()),
            dependency: Some(name()),
            acknowledged: Some(Acknowledgement { at, by: name(), reason: name(), is_new: true }),
        }),
        openings: 3,
    };
    let leftover = Leftover { compensation: name(), detail: short.clone(), instructions: Some(name()) };
    Report {
        schema_version: Report::SCHEMA_VERSION,
        key: RunKey { check: name(), location: name(), shard: Shard::ONLY, scheduled_time: at },
        run_id: name(),
        trace_id: name(),
        environment: name(),
        started: at,
        ended: at,
        outcome: match size.result {
            0 => Outcome::Passed,
            1 => Outcome::Inconclusive { inconclusive: inconclusive.clone() },
            2 => Outcome::Maintenance { detail: short.clone() },
            _ => Outcome::Failed { failures: (0..size.steps).map(failure).collect() },
        },
        attempts: (0..size.attempts).map(|_| attempt()).collect(),
        reasons: (0..size.others).map(reason).collect(),
        notifications: vec![name(); size.others],
        leftovers: vec![leftover; size.others],
        warnings: vec![text(400); size.others],
    }
}

fn check_line(report: &Report) -> Result<Value, TestCaseError> {
    let line = run_line(report);
    prop_assert!(line.len() <= MAX_LINE, "{} bytes", line.len());
    prop_assert!(!line.contains('\n'), "more than one line");
    let value: Value = serde_json::from_str(&line).unwrap();
    let read: Report = serde_json::from_value(value["report"].clone()).unwrap();
    let is_whole = value["report"] == serde_json::to_value(report).unwrap();
    prop_assert_eq!(&value["is_shortened"], &Value::Bool(!is_whole));
    prop_assert_eq!(read.outcome.word(), report.outcome.word());
    Ok(value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn line_of_any_report_fits(size in sizes()) {
        check_line(&report(&size))?;
    }
}

/// The largest report of each alphabet. All stages are needed.
#[test]
fn last_stage_always_fits() {
    for characters in CHARACTERS {
        for (name, is_foreign, result) in [(64, true, 4), (600, false, 3), (600, false, 1)] {
            let (attempts, steps, exchanges, others) = (3, 51, 1, 51);
            let size = Size { attempts, steps, exchanges, others, name, characters, is_foreign, result };
            let mut whole = report(&size);
            check_line(&whole).unwrap();
            STAGES.iter().for_each(|stage| stage(&mut whole));
            let bytes = serde_json::to_string(&whole).unwrap().len();
            // The rest is for the flat fields.
            assert!(bytes < MAX_LINE - 3 * 10 * 1024 - 8 * 1024, "{bytes} bytes of {characters:?}");
        }
    }
}

/// An outage of everything: each of 200 targets failed twice.
#[test]
fn line_of_200_failing_targets_names_what_it_lacks() {
    let size = Size {
        attempts: 2,
        steps: 200,
        exchanges: 1,
        others: 0,
        name: 7,
        characters: "x",
        is_foreign: true,
        result: 4,
    };
    let mut whole = report(&size);
    let failed = whole.attempts[0].steps.iter().find(|step| matches!(step.result, StepResult::Failed { .. })).cloned();
    for step in whole.attempts.iter_mut().flat_map(|attempt| &mut attempt.steps) {
        *step = failed.clone().unwrap();
    }
    let value = check_line(&whole).unwrap();
    let left_out = &value["left_out"];
    assert_eq!((&left_out["exchanges"], &left_out["steps"]), (&400.into(), &300.into()), "{left_out}");
    assert_eq!((&left_out["failures"], &left_out["evidence"]), (&150.into(), &580.into()), "{left_out}");
    let failing = value["failing"].as_str().unwrap();
    assert!(failing.len() < 10 * 1024 + 10 && failing.contains("/assertion +"), "{failing}");
}

#[test]
fn nothing_is_left_out_of_a_whole_report() {
    let size =
        Size { attempts: 1, steps: 6, exchanges: 1, others: 1, name: 7, characters: "x", is_foreign: true, result: 4 };
    let whole = report(&size);
    assert!(left_out(&whole, &whole).is_empty());
    assert_eq!(check_line(&whole).unwrap().get("left_out"), None);
}
