//! Dependencies: a check that needs another one for some of its steps.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{CheckState, Phase};
use crate::model::{Failure, Subject};

/// Check that another one needs, and the steps of the other one that need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Id of the needed check.
    pub check: &'static str,
    /// Names of the steps. A failure in any other step is one of the check's own.
    pub steps: &'static [&'static str],
}

impl Need {
    /// True if a failure is in a step that needs the check.
    #[must_use]
    pub fn has(&self, failure: &Failure) -> bool {
        self.steps.contains(&failure.step.as_str())
    }
}

/// Need of a check, with the standing of the needed one at the time of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The need.
    pub need: Need,
    /// True if the needed check fails. False too if that is not known.
    pub is_failing: bool,
}

/// Interval of a check whose interval is not known yet. **Units:** seconds.
const UNKNOWN_INTERVAL: i64 = 60;
/// Number of intervals without a run after which the stored state of a check is too old to rely on.
const MAX_INTERVALS: i64 = 2;

impl CheckState {
    /// True if an incident is open, or a run failed since the last passed one.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.subjects.values().any(|subject| subject.phase != Phase::Healthy)
    }

    /// True if a check with its last run at `last_run` has not missed more than one run by now: the state is not older than two of
    /// its intervals.
    #[must_use]
    pub fn is_current(&self, last_run: Timestamp, now: Timestamp) -> bool {
        let known = self.locations.values().map(|activity| activity.every_seconds).filter(|interval| *interval > 0);
        let interval = known.min().unwrap_or(UNKNOWN_INTERVAL);
        now.duration_since(last_run) <= SignedDuration::from_secs(interval.saturating_mul(MAX_INTERVALS))
    }

    /// Subjects that fail in a step of a need, with the time since when.
    pub fn failing_in<'s>(&'s self, need: &'s Need) -> impl Iterator<Item = (&'s Subject, Timestamp)> {
        self.subjects
            .iter()
            .filter(|(_, state)| state.phase != Phase::Healthy)
            .filter(|(_, state)| state.failure.as_ref().is_some_and(|failure| need.has(failure)))
            .map(|(subject, state)| (subject, state.since))
    }
}

/// Check that fails in a step that needs the check of a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AffectedCheck {
    /// Id of the check.
    pub check: String,
    /// Scheduled time of its first failed run.
    pub since: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{LocationActivity, SubjectState};
    use crate::model::{FailureKind, Mismatch, NoSecrets};

    const LOG_IN: Need = Need { check: "login", steps: &["log-in"] };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_020 + seconds).unwrap()
    }

    fn failure(step: &str) -> Failure {
        let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500");
        Failure::new(Subject::whole(), step, mismatch, &NoSecrets)
    }

    fn state(phase: Phase, step: &str) -> CheckState {
        let subject: SubjectState = serde_json::from_value(serde_json::json!({
            "phase": phase,
            "since": at(0),
            "votes": {},
            "failure": failure(step),
            "changed_at": at(0),
        }))
        .unwrap();
        CheckState { subjects: [(Subject::whole(), subject)].into(), ..CheckState::default() }
    }

    #[test]
    fn suspect_and_recovering_checks_fail() {
        let failing = |phase| state(phase, "log-in").is_failing();
        let found = [Phase::Healthy, Phase::Suspect, Phase::Failing, Phase::Recovering].map(failing);
        assert_eq!(found, [false, true, true, true]);
        assert!(!CheckState::default().is_failing());
    }

    #[test]
    fn state_is_current_for_two_intervals() {
        for (intervals, last) in
            [(&[60][..], 120), (&[300], 600), (&[10], 20), (&[0], 120), (&[], 120), (&[300, 0, 60], 120)]
        {
            let activity = |(number, every_seconds): (usize, &i64)| {
                (format!("l{number}"), LocationActivity { at: at(0), every_seconds: *every_seconds })
            };
            let locations = intervals.iter().enumerate().map(activity).collect();
            let state = CheckState { locations, ..CheckState::default() };
            let found = [last, last + 1].map(|seconds| state.is_current(at(0), at(seconds)));
            assert_eq!(found, [true, false], "every {intervals:?} s");
        }
    }

    #[test]
    fn only_failures_in_a_needed_step_are_affected() {
        let affected = |phase, step| state(phase, step).failing_in(&LOG_IN).map(|(_, since)| since).collect::<Vec<_>>();
        assert_eq!(affected(Phase::Suspect, "log-in"), [at(0)]);
        assert_eq!(affected(Phase::Failing, "log-in"), [at(0)]);
        assert_eq!(affected(Phase::Failing, "create"), []);
        assert_eq!(affected(Phase::Healthy, "log-in"), []);
    }
}
