//! Contract of the state stores, which holds for every store of the project.
//!
//! Each function takes a store in which nothing is stored about its check.

use check::incident::{Acknowledgement, CheckState, Incident, IncidentChange, Mark, NotificationEntry, Severity};
use check::message::{Contact, Event, Notification, Topic};
use check::{Failure, FailureKind, Mismatch, NoSecrets, Subject};
use jiff::Timestamp;
use runtime::{Commit, CommitError, Delivery, LastRun, OperatorStore, Provenance, StateItem};

/// Minutes of 1 March 2026.
fn minute(minute: i64) -> Timestamp {
    Timestamp::constant(1_772_323_200, 0) + jiff::SignedDuration::from_mins(minute)
}

/// The write of a run on a stored version, in a minute.
fn commit(check: &str, expected_version: u64, at: i64) -> Commit {
    Commit {
        check: check.to_owned(),
        expected_version,
        slot: "home/0of1".to_owned(),
        last_run: LastRun {
            at: minute(at),
            run_id: format!("run-{at}"),
            provenance: Some(Provenance { release: "0.1.0+abc".to_owned(), settings: "0123456789abcdef".to_owned() }),
        },
        forget: Vec::new(),
        state: CheckState::default(),
        memory: None,
        enqueue: Vec::new(),
        discard: Vec::new(),
        changes: Vec::new(),
    }
}

fn delivery(topic: Topic, at: i64) -> Delivery {
    let contact = Contact { name: "Anna".to_owned(), details: "+45 00 00 00 00".to_owned() };
    let notification = Notification::test(topic, "test", "here", contact, minute(at));
    Delivery { topic, notification, queued_at: minute(at) }
}

/// Asserts that every rule holds.
pub async fn assert_holds(store: &dyn OperatorStore) {
    a_commit_needs_the_version_it_read(store).await;
    a_slot_runs_forward(store).await;
    the_outbox_keeps_what_was_not_sent(store).await;
    the_memory_is_replaced_and_cleared(store).await;
    people_change_the_state_between_runs(store).await;
    incidents_are_recorded_with_the_commit_or_not_at_all(store).await;
    marks_are_kept(store).await;
}

async fn a_commit_needs_the_version_it_read(store: &dyn OperatorStore) {
    let check = "version";
    assert_eq!(store.load(check).await, Ok(StateItem::default()));
    assert_eq!(store.commit(&commit(check, 1, 0)).await, Err(CommitError::Moved), "nothing is stored yet");
    assert_eq!(store.load(check).await, Ok(StateItem::default()));
    let first = commit(check, 0, 0);
    store.commit(&first).await.unwrap();
    let mut expected = StateItem::default();
    first.apply_to(&mut expected);
    assert_eq!(store.load(check).await, Ok(expected.clone()));
    for stale in [0, 2] {
        let late = Commit { enqueue: vec![delivery(Topic::Events, 1)], ..commit(check, stale, 1) };
        assert_eq!(store.commit(&late).await, Err(CommitError::Moved), "version {stale}");
        assert_eq!(store.load(check).await.as_ref(), Ok(&expected), "all or nothing");
    }
}

async fn a_slot_runs_forward(store: &dyn OperatorStore) {
    let check = "slot";
    store.commit(&commit(check, 0, 5)).await.unwrap();
    for earlier in [4, 5] {
        assert_eq!(store.commit(&commit(check, 1, earlier)).await, Err(CommitError::Moved), "minute {earlier}");
    }
    let elsewhere = Commit { slot: "elsewhere/0of1".to_owned(), ..commit(check, 1, 5) };
    store.commit(&elsewhere).await.unwrap();
    let slots = |item: StateItem| item.last_run.into_keys().collect::<Vec<_>>();
    assert_eq!(slots(store.load(check).await.unwrap()), ["elsewhere/0of1", "home/0of1"]);
    let forgetful = Commit { forget: vec!["elsewhere/0of1".to_owned()], ..commit(check, 2, 6) };
    store.commit(&forgetful).await.unwrap();
    let item = store.load(check).await.unwrap();
    assert_eq!(item.last_run["home/0of1"], forgetful.last_run);
    assert_eq!(slots(item), ["home/0of1"]);
}

async fn the_outbox_keeps_what_was_not_sent(store: &dyn OperatorStore) {
    let check = "outbox";
    let [first, second, third] = [Topic::OnCall, Topic::Warnings, Topic::Events].map(|topic| delivery(topic, 0));
    let queue = Commit { enqueue: vec![first.clone(), second.clone()], ..commit(check, 0, 0) };
    store.commit(&queue).await.unwrap();
    let outbox = async || {
        let mut outbox = store.load(check).await.unwrap().outbox;
        outbox.sort_by_key(Delivery::key);
        outbox
    };
    let sorted = |mut expected: Vec<Delivery>| {
        expected.sort_by_key(Delivery::key);
        expected
    };
    assert_eq!(outbox().await, sorted(vec![first.clone(), second.clone()]));
    // The same message again replaces the first one.
    let again = Delivery { queued_at: minute(1), ..first.clone() };
    let next =
        Commit { enqueue: vec![again.clone(), third.clone()], discard: vec![second.key()], ..commit(check, 1, 1) };
    store.commit(&next).await.unwrap();
    assert_eq!(outbox().await, sorted(vec![again.clone(), third.clone()]));
    store.clear(check, &[again.key(), second.key()]).await.unwrap();
    let item = store.load(check).await.unwrap();
    assert_eq!((item.outbox, item.version), (vec![third], 2));
}

async fn the_memory_is_replaced_and_cleared(store: &dyn OperatorStore) {
    let check = "memory";
    assert!(store.clear_memory(check).await.is_err(), "nothing is stored about it");
    let memory = async || store.load(check).await.unwrap().memory;
    store.commit(&Commit { memory: Some("{\"a\":1}".to_owned()), ..commit(check, 0, 0) }).await.unwrap();
    assert_eq!(memory().await.as_deref(), Some("{\"a\":1}"));
    store.clear_memory(check).await.unwrap();
    assert_eq!(memory().await, None);
    assert_eq!(store.load(check).await.unwrap().version, 2, "a run in progress notices it");
    store.commit(&Commit { memory: Some("{}".to_owned()), ..commit(check, 2, 1) }).await.unwrap();
    store.commit(&commit(check, 3, 2)).await.unwrap();
    assert_eq!(memory().await, None);
}

async fn people_change_the_state_between_runs(store: &dyn OperatorStore) {
    let check = "amend";
    let state = |subject: &str| CheckState {
        last_successful_run: Some(check::incident::LastSuccessfulRun { at: minute(3), run_id: subject.to_owned() }),
        ..CheckState::default()
    };
    store.amend(check, 0, &state("a")).await.unwrap();
    assert_eq!(store.amend(check, 0, &state("b")).await, Err(CommitError::Moved));
    let queued = delivery(Topic::Events, 0);
    let run = Commit {
        memory: Some("1".to_owned()),
        enqueue: vec![queued.clone()],
        state: state("a"),
        ..commit(check, 1, 0)
    };
    store.commit(&run).await.unwrap();
    assert_eq!(store.amend(check, 1, &state("b")).await, Err(CommitError::Moved));
    store.amend(check, 2, &state("c")).await.unwrap();
    let item = store.load(check).await.unwrap();
    assert_eq!((item.version, item.state), (3, state("c")));
    assert_eq!((item.memory.as_deref(), item.outbox), (Some("1"), vec![queued]));
    assert_eq!(item.last_run.len(), 1);
}

async fn incidents_are_recorded_with_the_commit_or_not_at_all(store: &dyn OperatorStore) {
    let check = "incidents";
    let failure = |expected: &'static str| {
        let mismatch = Mismatch::new(FailureKind::Status, expected, "status 500");
        Failure::new(Subject::whole(), "request", mismatch, &NoSecrets)
    };
    let change = |since: i64, at: i64, event: Option<Event>, expected: &'static str| IncidentChange {
        incident: Incident {
            id: format!("{check}.{}", minute(since).strftime("%Y%m%dT%H%M%SZ")),
            opened_at: minute(since + 1),
            severity: Severity::Critical,
            escalated_at: None,
            closed_at: (event == Some(Event::Recovered)).then(|| minute(at)),
            recorded: 1,
            silenced_by: None,
            dependency: None,
            acknowledged: (event == Some(Event::Recovered)).then(|| Acknowledgement::new(minute(5), "anna", "on it")),
        },
        check: check.to_owned(),
        subject: Subject::whole(),
        since: minute(since),
        failure: failure(expected),
        notification: event.map(|event| NotificationEntry {
            event,
            at: minute(at),
            notification_id: format!("notification-{at}"),
        }),
        silence: None,
        at: minute(at),
    };
    let opened = change(0, 1, Some(Event::Opened), "status 200");
    store.commit(&Commit { changes: vec![opened.clone()], ..commit(check, 0, 1) }).await.unwrap();
    let lost = Commit { changes: vec![change(90, 91, None, "status 200")], ..commit(check, 0, 91) };
    assert_eq!(store.commit(&lost).await, Err(CommitError::Moved));
    let records = async |after: i64| store.incidents(check, minute(after)).await.unwrap();
    assert_eq!(records(0).await.len(), 1, "a refused commit records nothing");
    let closed = change(0, 9, Some(Event::Recovered), "status 302");
    store.commit(&Commit { changes: vec![closed], ..commit(check, 1, 9) }).await.unwrap();
    let next = change(60, 61, Some(Event::Opened), "status 200");
    store.commit(&Commit { changes: vec![next], ..commit(check, 2, 61) }).await.unwrap();
    let found = records(0).await;
    assert_eq!(found.iter().map(|record| record.since).collect::<Vec<_>>(), [minute(60), minute(0)], "newest first");
    let record = &found[1];
    assert_eq!((&record.first, &record.latest), (&failure("status 200"), &failure("status 302")));
    assert_eq!(
        record.notifications.iter().map(|entry| entry.event).collect::<Vec<_>>(),
        [Event::Opened, Event::Recovered]
    );
    assert_eq!((record.closed_at, record.opened_at, record.severity), (Some(minute(9)), minute(1), Severity::Critical));
    let acknowledged = Acknowledgement::new(minute(5), "anna", "on it").recorded();
    assert_eq!((&record.acknowledged, &found[0].acknowledged), (&Some(acknowledged), &None));
    assert_eq!(records(1).await.len(), 1, "only those that began later");
}

async fn marks_are_kept(store: &dyn OperatorStore) {
    let [first, same_time, next] = [(1, "release 41"), (1, "migration"), (2, "release 42 — \"blue\"")]
        .map(|(at, text)| Mark::new(minute(at), text, "anna"));
    for mark in [&next, &first, &same_time] {
        store.add_mark(mark).await.unwrap();
    }
    let marks = async |after: i64| store.marks(minute(after)).await.unwrap();
    let all = marks(0).await;
    assert_eq!((all.len(), &all[0]), (3, &next), "newest first");
    assert!(all.contains(&first) && all.contains(&same_time));
    assert_eq!(marks(2).await, [next]);
    assert_eq!(marks(3).await, []);
}
