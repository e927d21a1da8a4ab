//! Scheduled tasks: the result and the age of their last runs.

use std::collections::BTreeMap;
use std::time::Duration;

use check::metric::SCHEDULED_TASK_LATENESS;
use check::{FailureKind, Mismatch, Phrase, Piece, StepEnded, Subject, foreign, ours, phrase};
use jiff::{SignedDuration, Timestamp};
use platform::is_status;
use runtime::{Run, Step};

use crate::queue_snapshot::MAX_NAME;

/// Tasks beyond this number are not judged.
const MAX_TASKS: usize = 50;
/// Time by which the platform's clock may be ahead of this machine's. A wrong time zone is further off, and would hide a late task.
const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// Scheduled task, as the counters report it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) finished_at: Option<Timestamp>,
    /// Expected interval between two runs. **Units:** seconds.
    pub(crate) every: Option<f64>,
    pub(crate) status: Option<String>,
    /// A value that is there but cannot be read.
    pub(crate) unreadable: Option<Mismatch>,
}

impl Task {
    /// Time since the next run was due, or 0. **Units:** seconds.
    fn lateness(&self, now: Timestamp) -> Option<f64> {
        Some((now.duration_since(self.finished_at?).as_secs_f64() - self.every?).max(0.0))
    }
}

/// Subject of incidents about a task.
pub(crate) fn subject(task: &str) -> Subject {
    Subject::converted_from(&format!("task.{task}"))
}

fn shown(name: &str) -> Piece {
    foreign(name).at_most(MAX_NAME)
}

/// Judges the last result of all tasks and the age of those with a bound, and measures the worst lateness.
pub(crate) fn judge(run: &Run, tasks: &[Task], within: &BTreeMap<String, Duration>, failed: &[&str]) {
    let now = run.clock().now();
    let late = tasks.iter().filter_map(|task| Some((task.lateness(now)?, &task.name)));
    if let Some((lateness, name)) = late.max_by(|one, other| one.0.total_cmp(&other.0)) {
        run.measure(&SCHEDULED_TASK_LATENESS, lateness, Some(shown(name).into()));
    }
    for task in judged(tasks, within, failed) {
        let is_known = within.contains_key(&task.name);
        let subject = if is_known { subject(&task.name) } else { run.subject(&format!("task.{}", task.name)) };
        let step = run.step(&subject, "task");
        if judge_one(&step, task, within.get(&task.name).copied(), failed, now).is_ok() {
            step.passed();
        }
    }
    for name in within.keys().filter(|name| !tasks.iter().any(|task| task.name == **name)) {
        let step = run.step(&subject(name), "task");
        let expected = phrase!("a scheduled task `{}` in the counters", ours(name));
        step.fail("reported", Mismatch::new(FailureKind::Assertion, expected, names(tasks)));
    }
}

/// Selects the tasks to judge: those with a bound first, then those that failed, so that the limit leaves out none that matters.
fn judged<'t>(tasks: &'t [Task], within: &BTreeMap<String, Duration>, failed: &[&str]) -> Vec<&'t Task> {
    let mut judged: Vec<&Task> = tasks.iter().collect();
    judged.sort_by_key(|task| {
        let has_failed = task.unreadable.is_some() || ended_well(task, failed).is_err();
        (!within.contains_key(&task.name), !has_failed)
    });
    judged.truncate(MAX_TASKS);
    judged
}

/// Skips the tasks with a bound.
pub(crate) fn skip(run: &Run, within: &BTreeMap<String, Duration>, reason: &'static str) {
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
    // Recorded only when it fails.
    if let Some(unreadable) = &task.unreadable {
        return Err(step.fail("readable", unreadable.clone()));
    }
    step.check("recent", recent(task, within, now))
}

fn ended_well(task: &Task, failed: &[&str]) -> Result<(), Mismatch> {
    let status = task.status.as_deref().unwrap_or_default();
    if !failed.iter().any(|failed| is_status(failed, status)) {
        return Ok(());
    }
    let when = task.finished_at.map(|at| phrase!(", at {}", ours(format_args!("{at:.0}")))).unwrap_or_default();
    let expected = phrase!("the scheduled task `{}` to succeed", shown(&task.name));
    let actual = phrase!("it ended with status `{}`{}", foreign(status), when);
    Err(Mismatch::new(FailureKind::Assertion, expected, actual))
}

/// Expects the last end of a task in the past, and within its bound if it has one.
fn recent(task: &Task, within: Option<Duration>, now: Timestamp) -> Result<(), Mismatch> {
    if let Some(at) = task.finished_at.filter(|at| *at > now + MAX_AHEAD) {
        let hours = at.duration_since(now).as_secs_f64() / 3_600.0;
        let expected = phrase!("the last end of the scheduled task `{}` in the past", shown(&task.name));
        let actual = ours(format_args!("{at:.0}, {hours:.1}"));
        let actual = phrase!("{} h from now: `platform.times.zone` or one of the clocks is wrong", actual);
        return Err(Mismatch::new(FailureKind::Assertion, expected, actual));
    }
    let Some(within) = within else { return Ok(()) };
    let actual = match task.finished_at {
        Some(at) if now.duration_since(at).as_secs_f64() <= within.as_secs_f64() => return Ok(()),
        Some(at) => {
            let hours = now.duration_since(at).as_secs_f64() / 3_600.0;
            phrase!("it last finished at {} h ago", ours(format_args!("{at:.0}, {hours:.1}")))
        }
        None => "no finished run is recorded".into(),
    };
    let hours = ours(format_args!("{:.1}", within.as_secs_f64() / 3_600.0));
    let expected = phrase!("the scheduled task `{}` to finish at least every {} h", shown(&task.name), hours);
    Err(Mismatch::new(FailureKind::Stale, expected, actual))
}

fn names(tasks: &[Task]) -> Phrase {
    if tasks.is_empty() {
        return "none".into();
    }
    Phrase::list(tasks.iter().map(|task| shown(&task.name).into()), ", ")
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn task(finished_at: Option<Timestamp>, every: Option<f64>, status: Option<&str>) -> Task {
        Task { name: "backup:run".to_owned(), finished_at, every, status: status.map(str::to_owned), unreadable: None }
    }

    #[test]
    fn limit_leaves_out_no_task_that_matters() {
        let named = |name: String, status| Task { name, ..task(Some(at(0)), None, Some(status)) };
        let mut tasks: Vec<Task> = (0..60).map(|number| named(format!("task-{number:02}"), "finished")).collect();
        tasks.push(named("failed".to_owned(), "failed"));
        tasks.push(named("bounded".to_owned(), "finished"));
        let within = BTreeMap::from([("bounded".to_owned(), Duration::from_secs(60))]);
        let names: Vec<&str> = judged(&tasks, &within, &["failed"]).iter().map(|task| task.name.as_str()).collect();
        assert_eq!((names.len(), &names[..3]), (MAX_TASKS, &["bounded", "failed", "task-00"][..]));
    }

    #[test]
    fn lateness_counts_from_the_end_of_the_interval() {
        assert_eq!(task(Some(at(0)), Some(60.0), None).lateness(at(50)), Some(0.0));
        assert_eq!(task(Some(at(0)), Some(60.0), None).lateness(at(90)), Some(30.0));
        assert_eq!(task(None, Some(60.0), None).lateness(at(90)), None, "no finished run is known");
        assert_eq!(task(Some(at(0)), None, None).lateness(at(90)), None);
    }

    #[test]
    fn bound_applies_to_the_last_finished_run() {
        let within = Some(Duration::from_secs(26 * 3_600));
        assert_eq!(recent(&task(Some(at(0)), None, None), within, at(26 * 3_600)), Ok(()));
        let late = recent(&task(Some(at(0)), None, None), within, at(50 * 3_600)).unwrap_err();
        assert_eq!(
            (late.kind, late.actual.clone().admit(&NoSecrets, 200).ends_with("50.0 h ago")),
            (FailureKind::Stale, true),
            "{late:?}"
        );
        assert!(recent(&task(None, None, None), within, at(0)).is_err());
        assert_eq!(recent(&task(Some(at(600)), None, None), within, at(0)), Ok(()), "clocks differ");
        for within in [within, None] {
            let ahead = recent(&task(Some(at(7_200)), None, None), within, at(0)).unwrap_err();
            let ahead = ahead.actual.admit(&NoSecrets, 200);
            assert!(ahead.contains("2.0 h from now: `platform.times.zone`"), "{ahead}");
        }
        assert_eq!(recent(&task(Some(at(0)), None, None), None, at(50 * 3_600)), Ok(()), "no bound");
        assert_eq!(recent(&task(None, None, None), None, at(0)), Ok(()), "no bound, and no run is known");
    }
}
