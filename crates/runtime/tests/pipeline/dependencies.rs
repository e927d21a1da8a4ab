//! A check that needs another one, and a store that does not answer about it.

use std::collections::BTreeSet;
use std::time::Duration;

use check::Subject;
use check::incident::{Need, NotificationReason, Severity};
use runtime::{Check, Commit, LastRun, MemoryCell, Run, StateStore as _};
use serde_json::{Value, json};
use settings::{CheckLimits, Common, Contract, Document, RunSettings, Section, Window};
use toml::Table;

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

/// Stores that `other` failed in a minute. `change` changes the stored state.
async fn other_fails(world: &World, number: i64, change: impl Fn(&mut Value)) {
    let at = minute(number);
    let item = world.memory.load("other").await.unwrap();
    let mut state = json!({
        "schema_version": 3,
        "subjects": { "-": { "phase": "suspect", "since": at, "votes": {}, "changed_at": at } },
    });
    change(&mut state);
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

/// Windows of a settings file, each with these checks and open in the minutes of the runs.
fn windows(checks: &[&str]) -> Vec<Window> {
    let window = |check: &&str| {
        format!(
            "[[maintenance.windows]]\nname = 'deploy'\nchecks = ['{check}']\nfrom = '2026-11-23T04:00Z'\nuntil = '2026-11-23T06:00Z'\n"
        )
    };
    let text = "environment = 'test'\nbase_url = 'https://platform.example'\ncontact = { name = 'Anna', details = '+45 00' }\n\
                links = { runbook = 'https://docs.example/{check}.md' }\ncheck.fake.deadline = '45s'\ncheck.other.deadline = '45s'\n"
        .to_owned()
        + &checks.iter().map(window).collect::<String>();
    let limits = CheckLimits {
        severity: Severity::Critical,
        longest: Duration::from_secs(55),
        cadence: Duration::from_secs(60),
        objective: None,
    };
    let own = |_: Table, _: &Section<'_>, _: &Common, _: Option<&RunSettings>| Some(());
    Document::parse("test.toml", &text).unwrap().check("fake", limits, &CONTRACT, own).unwrap().common.windows
}

#[tokio::test(start_paused = true)]
async fn only_notified_failures_of_the_needed_check_suppress() {
    use NotificationReason::{Opened, SuppressedDependency};
    type Change = fn(&mut Value);
    fn mute(state: &mut Value, subject: Option<&str>) {
        let mute = json!({
            "id": "mute-1", "kind": "mute", "from": minute(0), "until": minute(9), "by": "anna", "reason": "deploy", "subject": subject,
        });
        state["mutes"] = json!([mute]);
    }
    fn open(state: &mut Value, severity: &str) {
        state["subjects"]["-"]["incident"] =
            json!({ "id": "other.whole", "opened_at": minute(0), "severity": severity, "recorded": 1 });
    }
    fn lose(state: &mut Value) {
        state["subjects"]["-"]["monitoring_gap"] =
            json!({ "since": minute(0), "inconclusive": { "cause": "reference", "detail": "no secret" } });
    }
    let cases: [(&str, &[&str], Change, NotificationReason); 9] = [
        ("a failure", &[], |_| {}, SuppressedDependency),
        ("a mute", &[], |state| mute(state, None), Opened),
        ("a mute of another subject", &[], |state| mute(state, Some("web")), SuppressedDependency),
        ("a window", &["other"], |_| {}, Opened),
        ("a window of a subject", &["other/web"], |_| {}, SuppressedDependency),
        ("a critical incident", &[], |state| open(state, "critical"), SuppressedDependency),
        ("a warning", &[], |state| open(state, "warning"), Opened),
        ("no verdict any more", &[], lose, Opened),
        ("a pass of the check since", &[], |state| state["subjects"]["-"]["since"] = json!(minute(-1)), Opened),
    ];
    for (case, checks, change, expected) in cases {
        let world = World::new();
        let mut check = prepared(Needing(creates(script(&["web=.", "web=x"])).check));
        check.common.windows = windows(checks);
        let mut last = Vec::new();
        for number in 0..3 {
            other_fails(&world, number, |state| {
                state["subjects"]["-"]["since"] = json!(minute(0));
                change(state);
            })
            .await;
            last = world.run(&check, number).await.reasons;
        }
        let last: Vec<_> = last.iter().map(|reason| reason.notification_reason).collect();
        assert_eq!(last, [expected], "{case}");
    }
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
            other_fails(&world, number, |_| {}).await;
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
