//! A failure in a step of a check's own is notified while `login` fails, for every fault of the catalogue; and the control: a
//! check that takes its own steps for those of `login` is found.

use std::collections::BTreeSet;
use std::time::Duration;

use booking::Booking;
use check::incident::Need;
use check::message::Event;
use check_testkit::Harness;
use demo_platform::faults::{FaultSpec, Shows, catalogue};
use demo_platform::{Fault, Options};
use jiff::{SignedDuration, Timestamp};
use local::Memory;
use notifications::Notifications;
use payment_webhook::PaymentWebhook;
use reconciliation::Reconciliation;
use runtime::{Check, Clock, Commit, LastRun, MemoryCell, Run, StateStore};
use serde_json::json;
use settings::{Common, Contract, Section};

/// Stores a run of `login` that failed just now, and an open incident.
async fn login_fails(memory: &Memory, now: Timestamp) {
    let item = memory.load("login").await.unwrap();
    let state = json!({
        "schema_version": 3,
        "locations": { "test": { "at": now, "every_seconds": 60 } },
        "subjects": { "-": { "phase": "failing", "since": now, "votes": {}, "changed_at": now } },
    });
    let commit = Commit {
        check: "login".to_owned(),
        expected_version: item.version,
        slot: "test/0of1".to_owned(),
        last_run: LastRun { at: now, run_id: "login".to_owned(), provenance: None },
        forget: Vec::new(),
        state: serde_json::from_value(state).unwrap(),
        memory: None,
        enqueue: Vec::new(),
        discard: Vec::new(),
        changes: Vec::new(),
    };
    memory.commit(&commit).await.unwrap();
}

/// True if a fault is notified while `login` fails.
async fn is_notified<C: Check>(spec: &FaultSpec) -> bool {
    let harness = Harness::<C>::with(Options::default(), |settings| {
        if spec.fault == Fault::CreateTimesOutButBooks {
            *settings = settings.replace("deadline = \"5s\"", "deadline = \"300ms\"");
        }
    })
    .await;
    let run = async || {
        // At the time of the run.
        login_fails(&harness.memory, harness.clock.now() + SignedDuration::try_from(spec.every).unwrap()).await;
        harness.run_after(spec.every, &harness.ports()).await
    };
    for _ in 0..spec.runs.get() {
        run().await;
    }
    drop(harness.memory.take_sent());
    harness.platform.faults().activate(spec.fault);
    for _ in 0..spec.runs.get() + 1 {
        run().await;
    }
    harness.memory.take_sent().iter().any(|delivery| delivery.notification.event == Event::Opened)
}

/// Faults of a check that are not notified while `login` fails.
async fn suppressed<C: Check>() -> BTreeSet<Fault> {
    let fails = |spec: &&FaultSpec| spec.check == C::ID && matches!(spec.shows, Shows::Failures(_));
    let mut suppressed = BTreeSet::new();
    let all = catalogue().unwrap();
    let faults: Vec<_> = all.iter().filter(fails).collect();
    assert!(faults.len() > 3, "{}: {} faults", C::ID, faults.len());
    for spec in faults {
        if !is_notified::<C>(spec).await {
            suppressed.insert(spec.fault);
        }
    }
    suppressed
}

#[tokio::test(flavor = "multi_thread")]
async fn booking_notifies_its_own_failures() {
    assert_eq!(suppressed::<Booking>().await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_webhook_notifies_its_own_failures() {
    assert_eq!(suppressed::<PaymentWebhook>().await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_notifies_its_own_failures() {
    assert_eq!(suppressed::<Notifications>().await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliation_notifies_its_own_failures() {
    assert_eq!(suppressed::<Reconciliation>().await, BTreeSet::new());
}

/// `booking` with a mistake: it declares too many steps as those that need `login`.
struct Mistaken(Booking);

impl Check for Mistaken {
    const ID: &'static str = Booking::ID;
    const CONTRACT: Contract = Booking::CONTRACT;
    const READ_ONLY: bool = Booking::READ_ONLY;
    const CADENCE: Duration = Booking::CADENCE;
    const NEEDS: &[Need] = &[Need { check: "login", steps: &["log-in", "calendar", "create"] }];

    type Raw = <Booking as Check>::Raw;
    type Memory = <Booking as Check>::Memory;

    fn read(raw: Self::Raw, section: &Section<'_>, common: &Common) -> Option<Self> {
        Booking::read(raw, section, common).map(Self)
    }

    fn max_attempt_duration(&self) -> Duration {
        self.0.max_attempt_duration()
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Self::Memory>) {
        self.0.attempt(run, memory).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suppressed_failure_of_its_own_is_found() {
    let found = suppressed::<Mistaken>().await;
    assert!(found.contains(&Fault::Calendar500) && found.contains(&Fault::Create500), "{found:?}");
    assert!(!found.contains(&Fault::CancelIgnored), "{found:?}");
}
