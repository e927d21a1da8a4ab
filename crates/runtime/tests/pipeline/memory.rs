//! Memory between runs: kept, merged, and never replaced while it cannot be read.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use check::message::Machine;
use check::{Cause, Outcome, Report, StepResult};
use futures::future::BoxFuture;
use runtime::{Check, CheckMemory, MemoryCell, OperatorStore, Prepared, Run};
use serde::{Deserialize, Serialize};
use settings::{Common, Contract, Section};

use crate::world::*;

/// Notes of all runs, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Notes(Vec<String>);

impl CheckMemory for Notes {
    const VERSION: u32 = 2;

    fn merge(base: Self, ours: Self, theirs: Self) -> Self {
        let new = ours.0.into_iter().filter(|note| !base.0.contains(note));
        Self(theirs.0.into_iter().chain(new).collect())
    }
}

fn note(memory: &MemoryCell<Notes>, text: &str) {
    memory.update(|notes| notes.0.push(text.to_owned()));
}

type Flow = Box<dyn for<'a> Fn(&'a Run, &'a MemoryCell<Notes>) -> BoxFuture<'a, ()> + Send + Sync>;

/// A check that keeps notes.
struct Noting {
    flow: Flow,
    attempts: AtomicUsize,
}

impl Check for Noting {
    const CONTRACT: Contract = CONTRACT;
    const ID: &'static str = "fake";
    const READ_ONLY: bool = true;

    type Raw = ();
    type Memory = Notes;

    fn read((): (), _: &Section<'_>, _: &Common) -> Option<Self> {
        None
    }

    fn max_attempt_duration(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Notes>) {
        self.attempts.fetch_add(1, SeqCst);
        (self.flow)(run, memory).await;
    }
}

fn noting(
    flow: impl for<'a> Fn(&'a Run, &'a MemoryCell<Notes>) -> BoxFuture<'a, ()> + Send + Sync + 'static,
) -> Prepared<Noting> {
    prepared(Noting { flow: Box::new(flow), attempts: AtomicUsize::new(0) })
}

/// A flow that passes and adds a note.
fn passing(text: &'static str) -> Prepared<Noting> {
    noting(move |run, memory| {
        Box::pin(async move {
            note(memory, text);
            run.step(&subject("web"), "answer").passed();
        })
    })
}

fn unreadable(report: &Report) -> &str {
    let Outcome::Inconclusive { inconclusive } = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(inconclusive.cause, Cause::State);
    &inconclusive.detail
}

async fn stored(world: &World) -> Option<String> {
    world.item().await.memory
}

#[tokio::test(start_paused = true)]
async fn memory_is_kept_until_a_run_changes_it() {
    let world = World::new();
    world.run(&passing("a"), 0).await;
    let reads = noting(|run, memory| {
        Box::pin(async move {
            assert_eq!(memory.get(), Notes(vec!["a".to_owned()]));
            run.step(&subject("web"), "answer").passed();
        })
    });
    for number in 1..3 {
        assert_eq!(world.run(&reads, number).await.outcome, Outcome::Passed);
    }
    assert_eq!(stored(&world).await.as_deref(), Some(r#"{"version":2,"data":["a"]}"#));
    let clears = noting(|run, memory| {
        Box::pin(async move {
            memory.set(Notes::default());
            run.step(&subject("web"), "answer").passed();
        })
    });
    world.run(&clears, 3).await;
    assert_eq!(stored(&world).await, None);
}

#[tokio::test(start_paused = true)]
async fn confirming_attempt_sees_the_notes_of_the_first() {
    let world = World::new();
    let check = noting(|run, memory| {
        Box::pin(async move {
            let count = memory.update(|notes| {
                notes.0.push("attempt".to_owned());
                notes.0.len()
            });
            let step = run.step(&subject("web"), "answer");
            let _ = step.check("status", if count == 1 { Err(mismatch("status 500")) } else { Ok(()) });
            step.passed();
        })
    });
    let report = world.run(&check, 0).await;
    assert_eq!((report.attempts.len(), report.outcome), (2, Outcome::Passed));
    assert_eq!(stored(&world).await.as_deref(), Some(r#"{"version":2,"data":["attempt","attempt"]}"#));
}

#[tokio::test(start_paused = true)]
async fn attempt_that_is_cut_off_keeps_its_notes() {
    let world = World::new();
    let mut hangs = noting(|run, memory| {
        Box::pin(async move {
            note(memory, "sent");
            let _step = run.step(&subject("web"), "answer");
            std::future::pending::<()>().await;
        })
    });
    hangs.run.deadline = Duration::from_millis(50);
    assert_eq!(world.run(&hangs, 0).await.outcome.word(), "failed");
    assert_eq!(stored(&world).await.as_deref(), Some(r#"{"version":2,"data":["sent"]}"#));
    let panics = noting(|_, memory| {
        Box::pin(async move {
            note(memory, "sent again");
            panic!("on purpose");
        })
    });
    assert_eq!(world.run(&panics, 1).await.outcome.word(), "inconclusive");
    assert_eq!(stored(&world).await.as_deref(), Some(r#"{"version":2,"data":["sent","sent again"]}"#));
}

#[tokio::test(start_paused = true)]
async fn memories_of_concurrent_runs_are_merged() {
    let world = World::new();
    world.run(&passing("base"), 0).await;
    let elsewhere = world.elsewhere();
    let write = move || -> BoxFuture<'static, ()> {
        Box::pin(async move {
            elsewhere.run(&passing("theirs"), 1).await;
        })
    };
    world.faulty.mishaps.lock().unwrap().push_back(Mishap::Meanwhile(Box::new(write)));
    world.run(&passing("ours"), 1).await;
    assert_eq!(stored(&world).await.as_deref(), Some(r#"{"version":2,"data":["base","theirs","ours"]}"#));
}

#[tokio::test(start_paused = true)]
async fn unreadable_memory_is_inconclusive_until_cleared() {
    for (text, reason) in [
        ("{ broken", "expected {\"version\", \"data\"}: key must be a string at line 1 column 3"),
        (r#"["a"]"#, "expected {\"version\", \"data\"}: invalid type: string \"a\", expected u32 at line 1 column 4"),
        (r#"{"version":1,"data":["a"]}"#, "expected version 2, found 1"),
        (r#"{"version":2,"data":{}}"#, "expected the data of version 2: invalid type: map, expected a sequence at"),
    ] {
        let mut world = World::new();
        world.ports.machine = Some(Machine { store: Some("/data/a.db".to_owned()), ..Machine::default() });
        let check = passing("a");
        world.memory.set_memory("fake", text);
        for number in 0..3 {
            let report = world.run(&check, number).await;
            let detail = unreadable(&report);
            assert!(
                detail.starts_with("the memory of fake, attribute `memory` of its state, cannot be read: "),
                "{detail}"
            );
            assert!(detail.contains(reason), "{detail}");
            assert!(detail.ends_with("clear it: synthetics memory clear fake --store /data/a.db"), "{detail}");
            let steps = &report.attempts[0].steps;
            assert!(
                matches!(&steps[..], [step] if matches!(step.result, StepResult::Inconclusive { .. })),
                "{steps:?}"
            );
            assert_eq!(stored(&world).await.as_deref(), Some(text));
        }
        assert_eq!(check.check.attempts.load(SeqCst), 0, "the flow is not run");
        assert_eq!(world.notified(), ["warnings monitoring_lost ", "events monitoring_lost "], "{text}");
        world.memory.clear_memory("fake").await.unwrap();
        assert_eq!(world.run(&check, 3).await.outcome, Outcome::Passed);
        assert_eq!(stored(&world).await.as_deref(), Some(r#"{"version":2,"data":["a"]}"#));
    }
}

#[tokio::test(start_paused = true)]
async fn newer_memory_of_a_concurrent_run_is_kept() {
    let world = World::new();
    world.run(&passing("a"), 0).await;
    let memory = world.memory.clone();
    let newer = r#"{"version":3,"data":{}}"#;
    let write = move || -> BoxFuture<'static, ()> {
        Box::pin(async move {
            memory.clear_memory("fake").await.unwrap();
            memory.set_memory("fake", newer);
        })
    };
    world.faulty.mishaps.lock().unwrap().push_back(Mishap::Meanwhile(Box::new(write)));
    let report = world.run(&passing("b"), 1).await;
    assert_eq!(report.outcome, Outcome::Passed);
    let expected = "memory was not stored: another run has stored one that cannot be read: expected version 2, found 3";
    assert_eq!(report.warnings, [expected]);
    assert_eq!(stored(&world).await.as_deref(), Some(newer));
}

#[tokio::test(start_paused = true)]
async fn run_whose_memory_cannot_be_kept_has_no_verdict() {
    let overhead = r#"{"version":2,"data":[""]}"#.len();
    for (length, kept) in [(8 * 1024 - overhead, true), (8 * 1024 + 1 - overhead, false)] {
        let world = World::new();
        let check = noting(move |run, memory| {
            Box::pin(async move {
                note(memory, &"x".repeat(length));
                run.step(&subject("web"), "answer").passed();
            })
        });
        let report = world.run(&check, 0).await;
        assert_eq!(stored(&world).await.is_some(), kept, "{length}");
        match report.outcome {
            Outcome::Passed => assert!(kept),
            Outcome::Inconclusive { inconclusive } => {
                assert_eq!((inconclusive.cause, kept), (Cause::State, false));
                assert!(inconclusive.detail.ends_with("expected at most 8192 bytes, found 8193"), "{inconclusive:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
