//! Scheduled tasks: how they ended, and whether the last time is too long ago.

use std::collections::BTreeMap;
use std::time::Duration;

use check::metric::SCHEDULED_TASK_LATENESS;
use check::{FailureKind, Mismatch, StepEnded, Subject};
use jiff::Timestamp;
use runtime::{Run, Step};

use crate::queue_snapshot::shown;

/// So many tasks are judged at most.
const MOST_TASKS: usize = 50;

/// A task as the counters tell it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) finished_at: Option<Timestamp>,
    /// How often it is to be done. **Units:** seconds.
    pub(crate) every: Option<f64>,
    pub(crate) status: Option<String>,
}

impl Task {
    /// How far it is beyond its interval. **Units:** seconds.
    fn lateness(&self, now: Timestamp) -> Option<f64> {
        Some((now.duration_since(self.finished_at?).as_secs_f64() - self.every?).max(0.0))
    }
}

/// What an incident of a task is about.
pub(crate) fn subject(task: &str) -> Subject {
    Subject::named(&format!("task.{task}"))
}

/// Judges how tasks ended, and whether those of a bound were done within it. How late they are is measured.
pub(crate) fn judge(run: &Run, tasks: &[Task], within: &BTreeMap<String, Duration>, failed: &[&str]) {
    let now = run.clock().now();
    let tasks = &tasks[..tasks.len().min(MOST_TASKS)];
    let late = tasks.iter().filter_map(|task| Some((task.lateness(now)?, &task.name)));
    if let Some((lateness, name)) = late.max_by(|one, other| one.0.total_cmp(&other.0)) {
        run.measure(&SCHEDULED_TASK_LATENESS, lateness, Some(shown(name)));
    }
    for task in tasks {
        let step = run.step(&subject(&task.name), "task");
        if judge_one(&step, task, within.get(&task.name).copied(), failed, now).is_ok() {
            step.passed();
        }
    }
    for name in within.keys().filter(|name| !tasks.iter().any(|task| task.name == **name)) {
        let step = run.step(&subject(name), "task");
        let mismatch = Mismatch {
            kind: FailureKind::Assertion,
            expected: format!("a scheduled task `{name}` among those that the counters tell of"),
            actual: known(tasks),
            evidence: None,
        };
        if step.check("reported", Err(mismatch)).is_ok() {
            step.passed();
        }
    }
}

/// The tasks with a bound cannot be judged this time.
pub(crate) fn skip(run: &Run, within: &BTreeMap<String, Duration>, reason: &str) {
    for name in within.keys() {
        run.step(&subject(name), "task").skipped(reason);
    }
}

fn judge_one(
    step: &Step<'_>,
    task: &Task,
    within: Option<Duration>,
    failed: &[&str],
    now: Timestamp,
) -> Result<(), StepEnded> {
    step.check("ended_well", ended_well(task, failed))?;
    step.check("recent", within.map_or(Ok(()), |within| recent(task, within, now)))
}

fn ended_well(task: &Task, failed: &[&str]) -> Result<(), Mismatch> {
    let status = task.status.as_deref().unwrap_or_default();
    if !failed.contains(&status) {
        return Ok(());
    }
    let when = task.finished_at.map(|at| format!(", at {at:.0}")).unwrap_or_default();
    Err(Mismatch {
        kind: FailureKind::Assertion,
        expected: format!("the scheduled task `{}` to end well", shown(&task.name)),
        actual: format!("it ended as `{status}`{when}"),
        evidence: None,
    })
}

fn recent(task: &Task, within: Duration, now: Timestamp) -> Result<(), Mismatch> {
    let actual = match task.finished_at {
        Some(at) if now.duration_since(at).as_secs_f64() <= within.as_secs_f64() => return Ok(()),
        Some(at) => format!("it was last done at {at:.0}, {:.1} h ago", now.duration_since(at).as_secs_f64() / 3_600.0),
        None => "nothing tells that it was ever done".to_owned(),
    };
    let hours = within.as_secs_f64() / 3_600.0;
    let expected = format!("the scheduled task `{}` to have been done within {hours:.1} h", shown(&task.name));
    Err(Mismatch { kind: FailureKind::Stale, expected, actual, evidence: None })
}

fn known(tasks: &[Task]) -> String {
    if tasks.is_empty() {
        return "none".to_owned();
    }
    tasks.iter().map(|task| shown(&task.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn task(finished_at: Option<Timestamp>, every: Option<f64>, status: Option<&str>) -> Task {
        Task { name: "backup:run".to_owned(), finished_at, every, status: status.map(str::to_owned) }
    }

    #[test]
    fn a_task_is_late_by_what_is_beyond_its_interval() {
        assert_eq!(task(Some(at(0)), Some(60.0), None).lateness(at(50)), Some(0.0));
        assert_eq!(task(Some(at(0)), Some(60.0), None).lateness(at(90)), Some(30.0));
        assert_eq!(task(None, Some(60.0), None).lateness(at(90)), None, "never done, as far as is known");
        assert_eq!(task(Some(at(0)), None, None).lateness(at(90)), None);
    }

    #[test]
    fn a_bound_is_about_the_last_time_that_it_was_done() {
        let within = Duration::from_secs(26 * 3_600);
        assert_eq!(recent(&task(Some(at(0)), None, None), within, at(26 * 3_600)), Ok(()));
        let late = recent(&task(Some(at(0)), None, None), within, at(50 * 3_600)).unwrap_err();
        assert_eq!((late.kind, late.actual.ends_with("50.0 h ago")), (FailureKind::Stale, true), "{late:?}");
        assert!(recent(&task(None, None, None), within, at(0)).is_err());
    }
}
