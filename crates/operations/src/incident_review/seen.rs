//! What monitoring saw of an incident, and what the incident cost.

use std::fmt;

use alarm::State;
use check::budget::{DayRuns, ErrorBudget, RunCounts, utc_day};
use check::{Attempt, StepResult};
use history::{AlarmChange, Day, RunOutcome};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::gathered::Observed;
use crate::names::short_name;

/// Number of usual intervals without a run after which runs are missing.
const GAP: i64 = 3;

/// What monitoring saw of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Seen {
    /// The last passed run before it; `None` if there is none within the hour before.
    pub last_passed: Option<Timestamp>,
    /// The attempts of the first failed run.
    pub attempts: Attempts,
    /// Time from the first failed run to the first notification. `None`: no notification was sent.
    ///
    /// **Units:** seconds.
    pub notified_after: Option<i64>,
    /// Longest time that the fault can have existed before the first failed run; `None` if no run had passed.
    ///
    /// **Units:** seconds.
    pub unseen_for: Option<i64>,
    /// Runs of the check from the first failed run to the end.
    pub runs: SeenRuns,
    /// Alarms on the check that went to ALARM; `None`: not known.
    pub alarms: Option<Vec<AlarmSeen>>,
    /// Times without runs.
    pub gaps: Vec<Gap>,
}

/// Attempts of the first failed run. Both are unknown without its report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Attempts {
    /// End of the first failed step of the first attempt.
    pub first: Option<Timestamp>,
    /// The same of a second attempt that failed too.
    pub confirmed: Option<Timestamp>,
    /// Number of attempts; 0 if it is unknown.
    pub count: usize,
}

/// Numbers of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeenRuns {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Inconclusive.
    pub inconclusive: usize,
    /// In maintenance.
    pub maintenance: usize,
}

/// An alarm that went to ALARM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AlarmSeen {
    /// Name, without the part that all alarms share.
    pub alarm: String,
    /// Time from the first failed run.
    ///
    /// **Units:** seconds.
    pub after: i64,
}

/// Time without runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// The run before it.
    pub from: Timestamp,
    /// The run after it.
    pub until: Timestamp,
}

/// What an incident cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Impact {
    /// Objective: the share of runs that has to pass within thirty days.
    pub target: f64,
    /// Failed runs of the check from the first to the end.
    pub failed: usize,
    /// Failed runs as a part of those that the objective allows among the runs of the thirty days until the end.
    pub spent: f64,
}

impl fmt::Display for Impact {
    /// Writes the spent part and its cause: `12 % of the error budget of 30 days, by 52 failed runs (objective 99 %)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spent, runs) = (self.spent * 100.0, if self.failed == 1 { "run" } else { "runs" });
        let target = format!("{:.2}", self.target * 100.0);
        let target = target.trim_end_matches('0').trim_end_matches('.');
        write!(
            f,
            "{spent:.0} % of the error budget of 30 days, by {} failed {runs} (objective {target} %)",
            self.failed
        )
    }
}

/// Judges what monitoring saw.
pub(super) fn seen(observed: &Observed, changes: Option<&[AlarmChange]>, environment: &str, now: Timestamp) -> Seen {
    let record = &observed.record;
    let end = record.closed_at.unwrap_or(now);
    let last_passed = last_passed(observed);
    let within = observed.runs.iter().filter(|run| run.at >= record.since && run.at <= end);
    let mut runs = SeenRuns::default();
    for run in within {
        match run.outcome {
            RunOutcome::Passed => runs.passed += 1,
            RunOutcome::Failed => runs.failed += 1,
            RunOutcome::Inconclusive => runs.inconclusive += 1,
            RunOutcome::Maintenance => runs.maintenance += 1,
            RunOutcome::Refused => {}
        }
    }
    let after = |at: Timestamp| at.duration_since(record.since).as_secs();
    let is_own = |change: &&AlarmChange| {
        change.now.state == State::Alarm
            && (record.since..=end).contains(&change.now.since)
            && observed.alarms.contains(&change.now.alarm)
    };
    let alarm = |change: &AlarmChange| AlarmSeen {
        alarm: short_name(&change.now.alarm, environment).to_owned(),
        after: after(change.now.since),
    };
    let alarms = changes.map(|changes| changes.iter().filter(is_own).map(alarm).collect());
    Seen {
        last_passed,
        attempts: attempts(observed),
        notified_after: record.notifications.first().map(|entry| after(entry.at)),
        unseen_for: last_passed.map(|at| record.since.duration_since(at).as_secs()),
        runs,
        alarms,
        gaps: gaps(observed),
    }
}

/// The last passed run before the incident.
pub(super) fn last_passed(observed: &Observed) -> Option<Timestamp> {
    let before = observed.runs.iter().filter(|run| run.at < observed.record.since);
    before.filter(|run| run.outcome == RunOutcome::Passed).map(|run| run.at).next_back()
}

/// The failed attempts of the first failed run.
pub(super) fn attempts(observed: &Observed) -> Attempts {
    let Some(report) = &observed.first else { return Attempts::default() };
    let failed = |attempt: &Attempt| {
        let is_own = |step: &&check::Step| {
            step.subject == observed.record.subject && matches!(step.result, StepResult::Failed { .. })
        };
        let step = attempt.steps.iter().find(is_own)?;
        step.started.checked_add(SignedDuration::from_millis(step.duration_ms as i64)).ok()
    };
    let mut times = report.attempts.iter().filter_map(failed);
    Attempts { first: times.next(), confirmed: times.next(), count: report.attempts.len() }
}

/// Times in which runs are missing, by the usual interval of the window.
fn gaps(observed: &Observed) -> Vec<Gap> {
    let times: Vec<Timestamp> = observed.runs.iter().map(|run| run.at).collect();
    let mut intervals: Vec<SignedDuration> = times.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect();
    intervals.sort();
    let Some(usual) = intervals.get(intervals.len() / 2).filter(|usual| usual.is_positive()) else { return Vec::new() };
    let longest = SignedDuration::from_millis(i64::try_from(usual.as_millis()).unwrap_or(i64::MAX).saturating_mul(GAP));
    let is_gap = |pair: &&[Timestamp]| pair[1].duration_since(pair[0]) > longest;
    times.windows(2).filter(is_gap).map(|pair| Gap { from: pair[0], until: pair[1] }).collect()
}

/// Computes what an incident cost the error budget.
pub(super) fn impact(observed: &Observed, now: Timestamp) -> Option<Impact> {
    let objective = observed.objective?;
    let end = observed.record.closed_at.unwrap_or(now);
    let runs = |day: &Day| DayRuns { passed: day.runs.passed, failed: day.runs.failed };
    let counts: RunCounts = observed.days.iter().map(|day| (utc_day(day.at), runs(day))).collect();
    let budget = ErrorBudget::new(objective, &counts, end);
    // Too little is known of a new check.
    budget.spent?;
    let within = observed.runs.iter().filter(|run| run.at >= observed.record.since && run.at <= end);
    let failed = within.filter(|run| run.outcome == RunOutcome::Failed).count();
    let all = budget.passed + budget.failed;
    let own = DayRuns { passed: all.saturating_sub(failed as u64), failed: failed as u64 };
    Some(Impact { target: objective.target(), failed, spent: objective.spent(own)? })
}
