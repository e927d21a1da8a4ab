//! Queues and scheduled tasks in the operations counters.

use std::collections::BTreeMap;

use check::{FailureKind, Mismatch, StepEnded, foreign, ours, phrase};
use jiff::Timestamp;
use platform::counting::{read_counters, subject};
use platform::{Counting, Site, count_at, status_text, time_at};
use probe::expect::list;
use runtime::Run;
use serde_json::Value;

use crate::queue_snapshot::{Head, QueueSnapshot, whole};
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
    let read = found(queues).map(|value| read_queues(&value, site, step.now())).transpose();
    let by_name = step.check_value("shape", read)?;
    let listed = step.check_value("shape", found(tasks).map(|value| read_tasks(value, site)).transpose())?;
    let counted = Counted { queues: by_name, tasks: listed };
    let pointers = [(queues, counted.queues.is_some()), (tasks, counted.tasks.is_some())];
    let missing: Vec<&str> = pointers.iter().filter(|(_, is_there)| !is_there).map(|(pointer, _)| *pointer).collect();
    if missing.is_empty() {
        step.passed();
    } else {
        step.skipped(phrase!("the counters hold no {}", ours(missing.join(", "))));
    }
    Ok(counted)
}

/// Mismatch of a value of another type.
fn wrong_type(value: &Value, pointer: &str, what: &'static str) -> Mismatch {
    let expected = phrase!("{} at {} of the operations counters", what, ours(pointer));
    let mismatch = Mismatch::new(FailureKind::Assertion, expected, "a value of another type");
    mismatch.with_evidence(foreign(value.to_string()))
}

fn read_queues(value: &Value, site: &Site, now: Timestamp) -> Result<BTreeMap<String, QueueSnapshot>, Mismatch> {
    let names = &site.platform.counters;
    let members = match value {
        Value::Object(members) => members,
        // PHP has one type for lists and maps, so an empty map is written as `[]`.
        Value::Array(list) if list.is_empty() => return Ok(BTreeMap::new()),
        _ => return Err(wrong_type(value, names.queues.as_str(), "queues keyed by name")),
    };
    let snapshot = |queue: &Value| {
        let age = count_at(queue, names.queue_oldest_seconds.as_str())?;
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough, and `as` saturates")]
        let pushed = age.map(|age| now.as_second().saturating_sub(age as i64));
        Ok(QueueSnapshot {
            pending: count_at(queue, names.queue_pending.as_str())?.map(whole),
            failed: count_at(queue, names.queue_failed.as_str())?,
            age,
            head: pushed.map(Head::Pushed),
            ..QueueSnapshot::default()
        })
    };
    let read = |(name, queue): (&String, &Value)| {
        let unreadable = |mismatch: Mismatch| mismatch.with_evidence(phrase!("queue {}", foreign(name)));
        snapshot(queue).map(|snapshot| (name.clone(), snapshot)).map_err(unreadable)
    };
    members.iter().map(read).collect()
}

fn read_tasks(value: Value, site: &Site) -> Result<Vec<Task>, Mismatch> {
    let names = &site.platform.counters;
    let task = |task: &Value| {
        let field = |pointer: &str| task.pointer(pointer).filter(|value| !value.is_null());
        let name = field(names.task_name.as_str()).and_then(Value::as_str).ok_or_else(|| {
            let expected = phrase!("the name of a scheduled task at {}", ours(names.task_name.as_str()));
            Mismatch::new(FailureKind::Assertion, expected, "a task without one")
                .with_evidence(foreign(task.to_string()))
        })?;
        let read = || {
            Ok(Task {
                name: name.to_owned(),
                finished_at: time_at(&site.platform.times, task, names.task_last_finished_at.as_str())?,
                every: count_at(task, names.task_expected_every_seconds.as_str())?,
                status: field(names.task_last_status.as_str()).map(status_text),
            })
        };
        read().map_err(|mismatch: Mismatch| mismatch.with_evidence(phrase!("task {}", foreign(name))))
    };
    let items =
        list(value).map_err(|value| wrong_type(&value, names.scheduled_tasks.as_str(), "a list of scheduled tasks"))?;
    items.iter().map(task).collect()
}
