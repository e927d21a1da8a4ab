//! Queues and scheduled tasks in the operations counters.

use std::collections::BTreeMap;

use check::{FailureKind, Mismatch, StepEnded, foreign, ours, phrase};
use jiff::Timestamp;
use platform::counting::{Counters, read_counters, subject};
use platform::{Counting, Site, status_text};
use probe::expect::list;
use runtime::Run;
use serde_json::Value;

use crate::queue_snapshot::Head;
use crate::queue_snapshot::{QueueSnapshot, count, number};
use crate::tasks::Task;

/// Content of the operations counters. `None`: not reported.
#[derive(Default)]
pub(crate) struct Counted {
    /// Queues by name.
    pub(crate) queues: Option<BTreeMap<String, QueueSnapshot>>,
    /// Scheduled tasks.
    pub(crate) tasks: Option<Vec<Task>>,
}

/// Reads the operations counters.
///
/// # Errors
/// [`StepEnded`]: recorded.
pub(crate) async fn read(run: &Run, site: &Site, counting: &Counting) -> Result<Counted, StepEnded> {
    let step = run.step(&subject(), "counters");
    let counters = read_counters(&step, site, counting).await?;
    let names = &site.platform.counters;
    let (queues, tasks) = (names.queues.as_str(), names.scheduled_tasks.as_str());
    let found = |pointer: &str| counters.value(pointer).filter(|value| !value.is_null());
    let counted = Counted {
        queues: found(queues).as_ref().and_then(|value| read_queues(value, site, step.now())),
        tasks: found(tasks).as_ref().and_then(|value| read_tasks(value, site)),
    };
    step.check("shape", shape(&counters, queues, "queues keyed by name", counted.queues.is_some()))?;
    step.check("shape", shape(&counters, tasks, "a list of scheduled tasks", counted.tasks.is_some()))?;
    let pointers = [(queues, counted.queues.is_some()), (tasks, counted.tasks.is_some())];
    let missing: Vec<&str> = pointers.iter().filter(|(_, is_there)| !is_there).map(|(pointer, _)| *pointer).collect();
    if missing.is_empty() {
        step.passed();
    } else {
        step.skipped(phrase!("the counters hold no {}", ours(missing.join(", "))));
    }
    Ok(counted)
}

/// Fails if a value exists but was not readable.
fn shape(counters: &Counters<'_>, pointer: &str, what: &'static str, was_read: bool) -> Result<(), Mismatch> {
    match counters.value(pointer).filter(|value| !value.is_null()) {
        Some(value) if !was_read => {
            let expected = phrase!("{} at {} of the operations counters", what, ours(pointer));
            let mismatch = Mismatch::new(FailureKind::Assertion, expected, "a value of another type");
            Err(mismatch.with_evidence(foreign(value.to_string())))
        }
        _ => Ok(()),
    }
}

fn read_queues(value: &Value, site: &Site, now: Timestamp) -> Option<BTreeMap<String, QueueSnapshot>> {
    let names = &site.platform.counters;
    let members = match value {
        Value::Object(members) => members,
        // PHP has one type for lists and maps, so an empty map is written as `[]`.
        Value::Array(list) if list.is_empty() => return Some(BTreeMap::new()),
        _ => return None,
    };
    let snapshot = |queue: &Value| {
        let field = |pointer: &str| queue.pointer(pointer);
        let age = field(names.queue_oldest_seconds.as_str()).and_then(number);
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough, and `as` saturates")]
        let pushed = age.map(|age| now.as_second().saturating_sub(age as i64));
        QueueSnapshot {
            pending: field(names.queue_pending.as_str()).and_then(count),
            failed: field(names.queue_failed.as_str()).and_then(number),
            age,
            head: pushed.map(Head::Pushed),
            ..QueueSnapshot::default()
        }
    };
    Some(members.iter().map(|(name, queue)| (name.clone(), snapshot(queue))).collect())
}

fn read_tasks(value: &Value, site: &Site) -> Option<Vec<Task>> {
    let names = &site.platform.counters;
    let task = |task: &Value| {
        let field = |pointer: &str| task.pointer(pointer).filter(|value| !value.is_null());
        Some(Task {
            name: field(names.task_name.as_str())?.as_str()?.to_owned(),
            finished_at: field(names.task_last_finished_at.as_str()).and_then(|at| site.platform.times.read(at)),
            every: field(names.task_expected_every_seconds.as_str()).and_then(number),
            status: field(names.task_last_status.as_str()).map(status_text),
        })
    };
    Some(list(value.clone()).ok()?.iter().filter_map(task).collect())
}
