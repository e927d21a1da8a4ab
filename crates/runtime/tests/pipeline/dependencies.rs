//! A check that needs another one, and a store that does not answer about it.

use std::collections::BTreeSet;
use std::time::Duration;

use check::Subject;
use check::incident::{Need, NotificationReason};
use runtime::{Check, Commit, LastRun, MemoryCell, Run, StateStore as _};
use serde_json::json;
use settings::{Common, Contract, Section};

use crate::world::*;

/// A scripted check whose step needs the check `other`.
struct Needing(Fake<false>);

impl Check for Needing {
    const ID: &'static str = "fake";
    const CONTRACT: Contract = CONTRACT;
    const READ_ONLY: bool = false;
    const NEEDS: &[Need] = &[Need { check: "other", steps: &["answer"] }];

    type Raw = ();
    type Memory = ();

    fn read((): (), _: &Section<'_>, _: &Common) -> Option<Self> {
        None
    }

    fn max_attempt_duration(&self) -> Duration {
        self.0.max_attempt_duration()
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        self.0.subjects()
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<()>) {
        self.0.attempt(run, memory).await;
    }
}

/// Stores that `other` failed in a minute.
async fn other_fails(world: &World, number: i64) {
    let at = minute(number);
    let item = world.memory.load("other").await.unwrap();
    let state = json!({
        "schema_version": 3,
        "subjects": { "-": { "phase": "suspect", "since": at, "votes": {}, "changed_at": at } },
    });
    let commit = Commit {
        check: "other".to_owned(),
        expected_version: item.version,
        slot: "home/0of1".to_owned(),
        last_run: LastRun { at, run_id: "other".to_owned(), provenance: None },
        forget: Vec::new(),
        state: serde_json::from_value(state).unwrap(),
        memory: None,
        enqueue: Vec::new(),
        discard: Vec::new(),
        changes: Vec::new(),
    };
    world.memory.commit(&commit).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn store_without_an_answer_suppresses_nothing() {
    for (hangs, expected) in
        [(None, NotificationReason::SuppressedDependency), (Some("other"), NotificationReason::Opened)]
    {
        let world = World::new();
        let check = prepared(Needing(creates(script(&["web=x"])).check));
        *world.faulty.hangs.lock().unwrap() = hangs;
        for number in 0..2 {
            other_fails(&world, number).await;
            let report = world.run(&check, number).await;
            let warnings: Vec<&str> = report.warnings.iter().map(|warning| warning.as_str()).collect();
            let unread =
                "failed to read the state of other: no answer within 1 s\nits incidents suppress none of this check";
            assert_eq!(warnings, Vec::from_iter(hangs.map(|_| unread)), "{hangs:?}");
            if number == 1 {
                assert_eq!(reasons(&report), [("web", expected)], "{hangs:?}");
            }
        }
    }
}
