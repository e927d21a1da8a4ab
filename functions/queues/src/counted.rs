//! Queues and scheduled tasks in the operations counters.

use std::collections::BTreeMap;

use check::{FailureKind, Mismatch, StepEnded, foreign, ours, phrase};
use jiff::Timestamp;
use platform::counting::{read_counters, subject};
use platform::{Counting, Platform, Site, count_at, found_in_some, id_at, reported_status, status_text, time_at};
use probe::expect::list;
use runtime::Run;
use serde_json::Value;
use settings::Pointer;

use crate::queue_snapshot::{Head, QueueSnapshot, whole};
use crate::tasks::Task;

/// Maximum length of a quoted value, in characters.
const MAX_QUOTED: usize = 60;

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
    let read = found(queues).map(|value| read_queues(&value, &site.platform, step.now())).transpose();
    let by_name = step.check_value("shape", read)?;
    let listed = step.check_value("shape", found(tasks).map(|value| read_tasks(value, &site.platform)).transpose())?;
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
    let quoted = foreign(value.to_string());
    let actual = phrase!("{}, of another type", quoted.clone().at_most(MAX_QUOTED));
    Mismatch::new(FailureKind::Assertion, expected, actual).with_evidence(quoted)
}

fn read_queues(
    value: &Value,
    platform: &Platform,
    now: Timestamp,
) -> Result<BTreeMap<String, QueueSnapshot>, Mismatch> {
    let names = &platform.counters;
    let members = match value {
        Value::Object(members) => members,
        // PHP has one type for lists and maps, so an empty map is written as `[]`.
        Value::Array(list) if list.is_empty() => return Ok(BTreeMap::new()),
        _ => return Err(wrong_type(value, names.queues.as_str(), "queues keyed by name")),
    };
    // Some platforms count less; one of the values must have its name right.
    let known = [&names.queue_pending, &names.queue_oldest_seconds, &names.queue_failed];
    let has_any = |queue: &Value| known.iter().any(|pointer| queue.pointer(pointer.as_str()).is_some());
    if let Some((name, queue)) = members.iter().next().filter(|_| !members.values().any(has_any)) {
        let expected = phrase!("a value at {} of a queue", ours(known.map(Pointer::as_str).join(" or ")));
        let mismatch = Mismatch::new(FailureKind::Assertion, expected, "none in any queue");
        return Err(mismatch.with_evidence(phrase!("{}: {}", foreign(name), foreign(queue.to_string()))));
    }
    let snapshot = |queue: &Value| {
        let mut unreadable = None;
        let mut read = |pointer: &Pointer| {
            count_at(queue, pointer.as_str()).unwrap_or_else(|mismatch| {
                unreadable.get_or_insert(mismatch);
                None
            })
        };
        let (pending, failed) = (read(&names.queue_pending), read(&names.queue_failed));
        let age = read(&names.queue_oldest_seconds);
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are enough, and `as` saturates")]
        let pushed = age.map(|age| now.as_second().saturating_sub(age as i64));
        QueueSnapshot {
            pending: pending.map(whole),
            failed,
            age,
            head: pushed.map(Head::Pushed),
            unreadable,
            ..QueueSnapshot::default()
        }
    };
    Ok(members.iter().map(|(name, queue)| (name.clone(), snapshot(queue))).collect())
}

fn read_tasks(value: Value, platform: &Platform) -> Result<Vec<Task>, Mismatch> {
    let names = &platform.counters;
    let task = |task: &Value| {
        let field = |pointer: &str| task.pointer(pointer).filter(|value| !value.is_null());
        let name = id_at(task, names.task_name.as_str()).ok().flatten().ok_or_else(|| {
            let expected = phrase!("the name of a scheduled task at {}", ours(names.task_name.as_str()));
            Mismatch::new(FailureKind::Assertion, expected, "a task without one")
                .with_evidence(foreign(task.to_string()))
        })?;
        let mut unreadable = None;
        let finished_at = time_at(&platform.times, task, names.task_last_finished_at.as_str());
        let finished_at = finished_at.unwrap_or_else(|mismatch| {
            unreadable = Some(mismatch);
            None
        });
        let every = count_at(task, names.task_expected_every_seconds.as_str()).unwrap_or_else(|mismatch| {
            unreadable.get_or_insert(mismatch);
            None
        });
        let status = field(names.task_last_status.as_str());
        if let Some(Err(mismatch)) = status.map(|status| reported_status(status, names.task_last_status.as_str())) {
            unreadable.get_or_insert(mismatch);
        }
        Ok(Task { name, finished_at, every, status: status.map(status_text), unreadable })
    };
    let items =
        list(value).map_err(|value| wrong_type(&value, names.scheduled_tasks.as_str(), "a list of scheduled tasks"))?;
    let pointers = [&names.task_name, &names.task_last_finished_at, &names.task_last_status].map(Pointer::as_str);
    found_in_some(&items, &pointers)?;
    items.iter().map(task).collect()
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

    fn said(mismatch: &Mismatch) -> String {
        let [expected, actual] = [&mismatch.expected, &mismatch.actual].map(|text| text.clone().admit(&NoSecrets, 400));
        format!("expected {expected}, found {actual}")
    }

    #[test]
    fn unreadable_task_does_not_hide_the_others() {
        let tasks = json!({
            "3": { "name": "good", "last_finished_at": "2026-11-24T10:00:00Z", "last_status": "finished" },
            "5": { "name": "odd time", "last_finished_at": "30 Feb", "last_status": "failed" },
            "8": { "name": "odd status", "last_finished_at": null, "last_status": { "value": "failed" } },
            "9": { "name": "odd interval", "expected_every_seconds": "often" },
        });
        let tasks = read_tasks(tasks, &Platform::default()).unwrap();
        let unreadable: Vec<_> = tasks.iter().map(|task| task.unreadable.as_ref().map(said)).collect();
        let expected = [
            None,
            Some("expected a time at /last_finished_at, found \"30 Feb\", which cannot be read as one"),
            Some("expected a status at /last_status, found {\"value\":\"failed\"}, which cannot be read as one"),
            Some(
                "expected a number of at least 0 at /expected_every_seconds, found \"often\", which cannot be read as one",
            ),
        ];
        assert_eq!(unreadable, expected.map(|text| text.map(str::to_owned)));
        assert_eq!(tasks[1].status.as_deref(), Some("failed"), "judged before what cannot be read");
    }

    #[test]
    fn name_of_a_task_is_a_text_or_a_number() {
        let named = |name: Value| {
            read_tasks(json!([{ "name": name, "last_finished_at": 1, "last_status": 1 }]), &Platform::default())
        };
        for (name, text) in [(json!("backup:run"), "backup:run"), (json!(" t "), "t"), (json!(7), "7")] {
            assert_eq!(named(name).unwrap()[0].name, text);
        }
        for other in [json!(""), json!(null), json!(true), json!(["t"])] {
            assert!(
                said(&named(other.clone()).unwrap_err()).contains("the name of a scheduled task at /name"),
                "{other}"
            );
        }
    }

    #[test]
    fn misspelt_pointer_of_tasks_or_queues_is_named() {
        let platform = Platform::default();
        let without = |member: &str| {
            let mut task = json!({ "name": "a", "last_finished_at": 1, "last_status": 1 });
            task.as_object_mut().unwrap().remove(member);
            json!([task])
        };
        for member in ["name", "last_finished_at", "last_status"] {
            let mismatch = read_tasks(without(member), &platform).unwrap_err();
            let expected = format!("expected a value at /{member} in the items of the list");
            assert!(said(&mismatch).starts_with(&expected), "{}", said(&mismatch));
        }
        assert_eq!(read_tasks(json!({}), &platform).unwrap(), []);
        let now = Timestamp::UNIX_EPOCH;
        let mismatch = read_queues(&json!({ "default": { "size": 9 } }), &platform, now).unwrap_err();
        assert_eq!(
            said(&mismatch),
            "expected a value at /pending or /oldest_seconds or /failed of a queue, found none in any queue"
        );
        for empty in [json!({}), json!([])] {
            assert!(read_queues(&empty, &platform, now).unwrap().is_empty(), "{empty}");
        }
    }

    #[test]
    fn unreadable_queue_does_not_hide_the_others() {
        let queues = json!({ "a": { "pending": "many", "failed": 2 }, "b": { "pending": "3" } });
        let queues = read_queues(&queues, &Platform::default(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((queues["a"].failed, queues["a"].pending), (Some(2.0), None));
        assert!(said(queues["a"].unreadable.as_ref().unwrap()).contains("/pending, found \"many\""));
        assert_eq!((queues["b"].pending, &queues["b"].unreadable), (Some(3), &None));
    }
}
