//! Sizes of arbitrary outboxes.

use std::collections::BTreeMap;

use check::budget::ErrorBudget;
use check::incident::{AffectedCheck, CheckState, LastSuccessfulRun, Severity};
use check::message::{Contact, Event, InconclusiveReport, Links, Machine, Owner, StepLine, SubjectReport, Topic};
use check::{Cause, Failure, FailureKind, Inconclusive, Leftover, NoSecrets, Subject, Text, foreign, phrase};
use proptest::prelude::*;

use super::*;
use crate::{LastRun, Provenance, StateItem};

/// Numbers of messages and of their entries, and lengths of texts.
#[derive(Clone, Debug)]
struct Size {
    /// In the outbox: taken over, and being sent by another run.
    overdue: usize,
    others: usize,
    /// Of this run.
    new: usize,
    subjects: usize,
    name: usize,
    characters: &'static str,
}

const CHARACTERS: [&str; 5] = ["x", "𝄞", "\"", "\u{1}", "\\"];

fn sizes() -> impl Strategy<Value = Size> {
    let characters = proptest::sample::select(&CHARACTERS[..]);
    let numbers = (0..40_usize, 0..40_usize, 0..20_usize, 0..=Notification::MAX_SUBJECTS, 1..300_usize);
    (numbers, characters).prop_map(|((overdue, others, new, subjects, name), characters)| Size {
        overdue,
        others,
        new,
        subjects,
        name,
        characters,
    })
}

fn at(seconds: usize) -> Timestamp {
    Timestamp::from_second(1_780_000_020 + i64::try_from(seconds).unwrap()).unwrap()
}

fn notification(size: &Size, id: &str, number: usize) -> Notification {
    let text =
        |length: usize| -> Text { phrase!("{}", foreign(size.characters.repeat(length))).admit(&NoSecrets, length) };
    let name = || size.characters.repeat(size.name);
    let contact = || Contact { name: name(), details: name() };
    let owner = Owner { name: name(), contact: Some(contact()) };
    let at = at(number);
    let subject = |number: usize| Subject::new(format!("{number:064}")).unwrap();
    let report = |number: usize| SubjectReport {
        failure: Failure {
            subject: subject(number),
            step: name(),
            kind: FailureKind::Assertion,
            expected: text(Failure::MAX_TEXT),
            actual: text(Failure::MAX_TEXT),
            evidence: Some(text(Failure::MAX_EVIDENCE)),
        },
        incident_id: format!("payment-webhook.{number:064}.20261123T044900Z"),
        since: at,
        opened_at: at,
        closed_at: Some(at),
        downtime_seconds: Some(1),
        escalated_at: Some(at),
        openings: Some(3),
        flap_window_seconds: Some(3_600),
        owner: Some(owner.clone()),
    };
    let inconclusive = |number: usize| InconclusiveReport {
        subject: subject(number),
        cause: Cause::ClockSkew,
        detail: text(Inconclusive::MAX_DETAIL),
        since: at,
        inconclusive_seconds: Some(60),
        owner: Some(owner.clone()),
    };
    let step = StepLine {
        attempt: 1,
        subject: subject(0),
        step: name(),
        result: "inconclusive".to_owned(),
        duration_ms: 12.5,
    };
    let leftover = Leftover { compensation: name(), detail: text(300), instructions: Some(name()) };
    let error_budget = ErrorBudget {
        objective: 0.999_99,
        days: 30,
        passed: 2_592_000,
        failed: 2_592_000,
        spent: Some(99_999.999),
        left: Some(0.999),
        gone_in_seconds: Some(2_592_000),
    };
    // Twice as many as need any check.
    let affected = vec![AffectedCheck { check: "payment-webhook".to_owned(), since: at }; 8];
    Notification {
        schema_version: Notification::SCHEMA_VERSION,
        notification_id: format!("payment-webhook/eu-north-1/0of1/20261123T044900Z/{id}{number}/critical"),
        event: Event::MonitoringRestored,
        check: "payment-webhook".to_owned(),
        environment: "production".to_owned(),
        region: Some("eu-north-1".to_owned()),
        machine: Some(Machine { settings: Some(name()), store: Some(name()) }),
        location: "eu-north-1".to_owned(),
        severity: Severity::Critical,
        at,
        subjects: (0..size.subjects).map(report).collect(),
        more_subjects: 0,
        inconclusive: (0..size.subjects).map(inconclusive).collect(),
        leftovers: vec![leftover; size.subjects],
        reminds_after_seconds: Some(1),
        steps: vec![step; 2 * size.subjects],
        error_budget: Some(error_budget),
        affected,
        last_successful_run: Some(LastSuccessfulRun { run_id: "0".repeat(36), at }),
        run_id: "0".repeat(36),
        trace_id: "0".repeat(32),
        contact: contact(),
        links: Links { runbook: name(), dashboard: Some(name()), logs: Some(name()), trace: Some(name()) },
    }
}

fn deliveries(size: &Size, id: &str, count: usize) -> Vec<Delivery> {
    let topics = [Topic::OnCall, Topic::Events, Topic::Chat];
    (0..count)
        .flat_map(|number| {
            let notification = notification(size, id, number);
            topics.map(|topic| Delivery { topic, notification: notification.clone(), queued_at: at(number) })
        })
        .collect()
}

/// Makes the changes, and returns the outbox afterwards.
fn fit(size: &Size) -> (OutboxChanges, Vec<Delivery>) {
    let overdue = deliveries(size, "overdue", size.overdue);
    let before: Vec<_> = overdue.iter().cloned().chain(deliveries(size, "other", size.others)).collect();
    let send: Vec<_> = overdue.into_iter().chain(deliveries(size, "new", size.new)).collect();
    let changes = OutboxChanges::fitted(&before, send.clone(), None);
    assert_eq!(changes.send, send, "messages are sent whole");
    let removed = changes.removed(&before);
    let replaced: Vec<String> = changes.enqueue.iter().map(Delivery::key).collect();
    let mut after = before;
    after.retain(|delivery| !removed.contains(&delivery.key()) && !replaced.contains(&delivery.key()));
    after.extend(changes.enqueue.iter().cloned());
    for delivery in &after {
        let text = serde_json::to_string(delivery).unwrap();
        serde_json::from_str::<Delivery>(&text).unwrap();
    }
    (changes, after)
}

/// An item with the largest memory, state and slots.
fn item(outbox: Vec<Delivery>, character: char) -> StateItem {
    let slot = |number: usize| format!("{}/{number}of65535", character.to_string().repeat(55));
    let provenance = Provenance { release: "0".repeat(20), settings: "0".repeat(16) };
    let last = LastRun { at: at(0), run_id: "0".repeat(36), provenance: Some(provenance) };
    let last_run: BTreeMap<_, _> = (10_000..10_064).map(|number| (slot(number), last.clone())).collect();
    StateItem { version: u64::MAX, last_run, state: CheckState::default(), memory: Some("x".repeat(8_192)), outbox }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_outbox_fits(size in sizes()) {
        let (changes, after) = fit(&size);
        let bytes = total(&after);
        prop_assert!(bytes <= MAX_OUTBOX && after.len() <= MAX_MESSAGES, "{} messages of {} bytes", after.len(), bytes);
        // Every message is in the outbox, or its absence is reported.
        for delivery in &changes.send {
            let is_kept = after.iter().any(|kept| kept.key() == delivery.key());
            prop_assert_eq!(is_kept, !changes.without_copy.contains(&delivery.key()));
        }
        let item = item(after, '𝄞');
        let largest = item.bytes("payment-webhook") - item.state.bytes() + CheckState::MAX_BYTES;
        prop_assert!(largest <= StateItem::MAX_BYTES, "{} bytes", largest);
    }
}

#[test]
fn people_keep_their_messages_longest() {
    let size = Size { overdue: 39, others: 5, new: 19, subjects: 20, name: 60, characters: "x" };
    let (changes, after) = fit(&size);
    let kept = |topic| after.iter().filter(|delivery| delivery.topic == topic).count();
    assert_eq!((kept(Topic::Chat), kept(Topic::Events)), (0, 0));
    assert!(kept(Topic::OnCall) > 40, "{}", kept(Topic::OnCall));
    assert!(changes.discard.len() == 15 && changes.without_copy.len() > 58, "{}", changes.without_copy.len());
}

#[test]
fn roomy_outbox_changes_nothing() {
    let size = Size { overdue: 1, others: 1, new: 1, subjects: 1, name: 20, characters: "x" };
    let (changes, after) = fit(&size);
    assert_eq!((changes.enqueue, after.len()), (changes.send, 9));
    assert!(changes.discard.is_empty() && changes.without_copy.is_empty());
}
