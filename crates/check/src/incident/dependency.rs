//! Dependencies: a check that needs another one for some of its steps.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::severity::Severity;
use super::silence::Silence;
use super::state::{CheckState, Phase, SubjectState};
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

/// Need of a check, with the failures of the needed one at the time of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The need.
    pub need: Need,
    /// Failures of the needed check; `None` if there are none, or if that is not known.
    pub failing: Option<NeededFailure>,
}

/// Failures of a needed check about which people are notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeededFailure {
    /// Scheduled time of the first failed run; the earliest of several subjects.
    pub since: Timestamp,
    /// Highest severity of the incidents. A failure without an incident counts as critical, because its severity is not known yet.
    pub severity: Severity,
}

impl Dependency {
    /// True if the failures of the needed check explain an incident of this severity: a notification about them is at least as
    /// severe, and the check itself has not passed (`last_passed`) since they began.
    pub(super) fn explains(&self, severity: Severity, last_passed: Option<Timestamp>) -> bool {
        self.failing.is_some_and(|failing| {
            failing.severity >= severity && last_passed.is_none_or(|passed| failing.since >= passed)
        })
    }
}

/// Interval of a check whose interval is not known yet. **Units:** seconds.
const UNKNOWN_INTERVAL: i64 = 60;
/// Number of intervals without a run after which the stored state of a check is too old to rely on.
const MAX_INTERVALS: i64 = 2;

impl CheckState {
    /// Failing subjects. A subject without a verdict in the last runs is not one of them, because its failure may be over. Without
    /// a verdict on the whole check, no subject is.
    fn failing_subjects(&self) -> impl Iterator<Item = (&Subject, &SubjectState)> {
        let has_gap = |state: &SubjectState| state.monitoring_gap.is_some();
        let is_lost = self.subjects.get(&Subject::whole()).is_some_and(has_gap);
        let is_failing = move |state: &SubjectState| !is_lost && state.phase != Phase::Healthy && !has_gap(state);
        self.subjects.iter().filter(move |(_, state)| is_failing(state))
    }

    /// Failures about which people are notified: those of subjects without a mute or one of these open maintenance windows.
    #[must_use]
    pub fn notified_failure(&self, windows: &[Silence], now: Timestamp) -> Option<NeededFailure> {
        let is_silent = |subject: &Subject| {
            let mutes = self.mutes.iter().filter(|mute| mute.holds_at(now));
            mutes.chain(windows).any(|silence| silence.covers(subject))
        };
        let failure = |(_, state): (&Subject, &SubjectState)| {
            let incident = state.incident.as_ref().filter(|incident| incident.is_open());
            let severity = incident.map_or(Severity::Critical, |incident| incident.severity);
            NeededFailure { since: state.since, severity }
        };
        let failures = self.failing_subjects().filter(|(subject, _)| !is_silent(subject)).map(failure);
        failures.reduce(|one, other| NeededFailure {
            since: one.since.min(other.since),
            severity: one.severity.max(other.severity),
        })
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
        self.failing_subjects()
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
    use crate::incident::{Incident, LocationActivity, MonitoringGap, SilenceKind};
    use crate::model::{Cause, FailureKind, Inconclusive, Mismatch, NoSecrets};

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

    fn is_failing(state: &CheckState) -> bool {
        state.notified_failure(&[], at(0)).is_some()
    }

    #[test]
    fn suspect_and_recovering_checks_fail() {
        let failing = |phase| is_failing(&state(phase, "log-in"));
        let found = [Phase::Healthy, Phase::Suspect, Phase::Failing, Phase::Recovering].map(failing);
        assert_eq!(found, [false, true, true, true]);
        assert!(!is_failing(&CheckState::default()));
    }

    #[test]
    fn failure_without_a_recent_verdict_does_not_count() {
        let inconclusive = Inconclusive::new(Cause::Reference, "no such parameter", &NoSecrets);
        let gap = || Some(MonitoringGap { since: at(60), inconclusive: inconclusive.clone(), notified_at: None });
        let (web, whole) = (Subject::own("web"), Subject::whole());
        for (case, lost, expected) in
            [("none", None, true), ("the failing subject", Some(&web), false), ("the whole check", Some(&whole), false)]
        {
            let failing = state(Phase::Failing, "log-in").subjects[&whole].clone();
            let healthy = SubjectState { phase: Phase::Healthy, ..failing.clone() };
            let mut state = CheckState {
                subjects: [(web.clone(), failing), (whole.clone(), healthy)].into(),
                ..CheckState::default()
            };
            if let Some(lost) = lost {
                state.subjects.get_mut(lost).unwrap().monitoring_gap = gap();
            }
            assert_eq!((is_failing(&state), state.failing_in(&LOG_IN).count() == 1), (expected, expected), "{case}");
        }
    }

    #[test]
    fn silent_subjects_do_not_count() {
        let silence = |subject: Option<&'static str>, until| Silence {
            id: "s1".to_owned(),
            kind: SilenceKind::Mute,
            subject: subject.map(Subject::own),
            from: at(0),
            until: at(until),
            by: "anna".to_owned(),
            reason: "deploy".to_owned(),
        };
        let failing = state(Phase::Failing, "log-in").subjects[&Subject::whole()].clone();
        let later = SubjectState { since: at(60), ..failing.clone() };
        let subjects = [(Subject::own("api"), failing), (Subject::own("web"), later)];
        let since = |mutes: &[Silence], windows: &[Silence]| {
            let (subjects, mutes) = (subjects.clone().into(), mutes.to_vec());
            let state = CheckState { subjects, mutes, ..CheckState::default() };
            state.notified_failure(windows, at(120)).map(|failure| failure.since)
        };
        assert_eq!(since(&[], &[]), Some(at(0)), "the earliest");
        for (case, silences, expected) in [
            ("one subject", vec![silence(Some("api"), 121)], Some(at(60))),
            ("both subjects", vec![silence(Some("api"), 121), silence(Some("web"), 121)], None),
            ("the check", vec![silence(None, 121)], None),
        ] {
            assert_eq!([since(&silences, &[]), since(&[], &silences)], [expected, expected], "{case}");
        }
        assert_eq!(since(&[silence(None, 120)], &[]), Some(at(0)), "a mute that is over");
    }

    #[test]
    fn severity_is_that_of_the_worst_incident() {
        use Severity::{Critical, Warning};
        let failing = |severity: Option<Severity>, closed_at| {
            let incident = severity.map(|severity| Incident {
                id: "login.whole".to_owned(),
                opened_at: at(0),
                severity,
                escalated_at: None,
                closed_at,
                recorded: 0,
                silenced_by: None,
                dependency: None,
                acknowledged: None,
            });
            SubjectState { incident, ..state(Phase::Failing, "log-in").subjects[&Subject::whole()].clone() }
        };
        for (case, subjects, expected) in [
            ("a warning", vec![failing(Some(Warning), None)], Warning),
            ("a worse one too", vec![failing(Some(Warning), None), failing(Some(Critical), None)], Critical),
            ("not known yet", vec![failing(Some(Warning), None), failing(None, None)], Critical),
            ("not known yet, after an incident", vec![failing(Some(Warning), Some(at(0)))], Critical),
        ] {
            let subjects =
                subjects.into_iter().zip(0..).map(|(own, number)| (Subject::own(["api", "web"][number]), own));
            let state = CheckState { subjects: subjects.collect(), ..CheckState::default() };
            assert_eq!(state.notified_failure(&[], at(0)).map(|own| own.severity), Some(expected), "{case}");
        }
    }

    #[test]
    fn failure_explains_nothing_worse_and_nothing_after_a_pass() {
        use Severity::{Critical, Warning};
        let explains =
            |failing, severity, last_passed| Dependency { need: LOG_IN, failing }.explains(severity, last_passed);
        let failing = |severity| Some(NeededFailure { since: at(60), severity });
        for (case, found, expected) in [
            ("no failure", explains(None, Warning, None), false),
            ("never passed", explains(failing(Critical), Critical, None), true),
            ("passed before", explains(failing(Critical), Critical, Some(at(0))), true),
            ("passed at the same time", explains(failing(Critical), Critical, Some(at(60))), true),
            ("passed since", explains(failing(Critical), Critical, Some(at(61))), false),
            ("worse", explains(failing(Critical), Warning, None), true),
            ("less severe", explains(failing(Warning), Critical, None), false),
        ] {
            assert_eq!(found, expected, "{case}");
        }
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
