//! The decision: pure, so that functions, tests and later the review of thresholds make the very same one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{CheckState, Incident, LastGood, Phase, Streak, SubjectState};
use crate::{Failure, RunKey, Subject};

/// When incidents open, close and are told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failed runs in a row that open an incident; a run confirmed by a second attempt opens it at once.
    pub open_after: u32,
    /// Passed runs in a row that close it.
    pub close_after: u32,
    /// How long after the last word people are reminded of an open incident.
    pub remind_every: Duration,
    /// How many locations must agree, to open as to close.
    pub quorum: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { open_after: 2, close_after: 2, remind_every: Duration::from_secs(4 * 60 * 60), quorum: 1 }
    }
}

/// What a run says about one subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Vote {
    /// It was as it should be.
    Healthy,
    /// It was wrong.
    Failing {
        /// How.
        failure: Failure,
        /// Whether two attempts of the run agree.
        confirmed: bool,
    },
}

/// What a run did to a subject's incident, and whether people are told. Not telling has a name too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Told: an incident opened.
    Opened,
    /// Told: it is still open.
    Reminded,
    /// Told: it is over.
    Recovered,
    /// Not told: the failure is not confirmed yet.
    NotConfirmed,
    /// Not told: a failure that was not confirmed did not come again.
    PassedAgain,
    /// Not told: people know, and it is too early to remind them.
    KnownAlready,
    /// Not told: it passed, but not often enough to be over.
    NotYetRecovered,
    /// Not told: there was no room for one more subject.
    NotStored,
    /// Not told: the check no longer has this subject.
    Dropped,
}

/// What a run did to one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Which subject.
    pub subject: Subject,
    /// What was done, and whether people are told.
    pub told: Told,
    /// The scheduled time of the first failed run.
    pub since: Timestamp,
    /// The subject's latest failure.
    pub failure: Failure,
    /// The incident, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
}

/// The state after a run, and what was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// To be stored.
    pub next: CheckState,
    /// One per subject that is, or was until now, unhealthy.
    pub reasons: Vec<Reason>,
}

/// What one run does to the incidents of its check.
///
/// A subject without a vote stays as it is: it was not examined, could not be judged, or is under maintenance. One that is
/// not among `subjects`, all that the check has, is dropped: nothing would ever vote on it again. `run_id` names the run as
/// the last good one when every vote is healthy and nothing is left unhealthy.
#[must_use]
pub fn decide(
    previous: &CheckState,
    votes: &BTreeMap<Subject, Vote>,
    subjects: Option<&BTreeSet<Subject>>,
    run: &RunKey,
    run_id: &str,
    policy: &Policy,
) -> Decision {
    let mut next = CheckState { not_stored: 0, ..previous.clone() };
    let mut reasons = Vec::new();
    if let Some(subjects) = subjects {
        next.subjects.retain(|subject, state| {
            let stays = subjects.contains(subject) || subject.is_whole();
            if !stays {
                reasons.push(state.reason(subject, Told::Dropped));
            }
            stays
        });
    }
    for (subject, vote) in votes {
        let state = match (next.subjects.remove(subject), vote) {
            (None, Vote::Healthy) => continue,
            (None, Vote::Failing { failure, .. }) if next.subjects.len() >= CheckState::MAX_SUBJECTS => {
                next.not_stored += 1;
                reasons.push(Reason {
                    subject: subject.clone(),
                    told: Told::NotStored,
                    since: run.scheduled_time,
                    failure: failure.clone(),
                    incident: None,
                });
                continue;
            }
            (None, Vote::Failing { failure, .. }) => SubjectState {
                phase: Phase::Suspect,
                since: run.scheduled_time,
                votes: BTreeMap::new(),
                failure: failure.clone(),
                incident: None,
            },
            (Some(state), _) => state,
        };
        let (state, reason) = step(state, subject, vote, run, policy);
        if let Some(state) = state {
            next.subjects.insert(subject.clone(), state);
        }
        reasons.push(reason);
    }
    if !votes.is_empty() && next.subjects.is_empty() && next.not_stored == 0 {
        next.last_good = Some(LastGood { run_id: run_id.to_owned(), at: run.scheduled_time });
    }
    Decision { next, reasons }
}

/// One unhealthy subject, one vote. The state is `None` when it is over.
fn step(
    mut state: SubjectState,
    subject: &Subject,
    vote: &Vote,
    run: &RunKey,
    policy: &Policy,
) -> (Option<SubjectState>, Reason) {
    let now = run.scheduled_time;
    let streak = state.votes.entry(run.location.clone()).or_default();
    match vote {
        Vote::Healthy => *streak = Streak { failed: 0, confirmed: false, passed: streak.passed + 1 },
        Vote::Failing { failure, confirmed } => {
            *streak = Streak { failed: streak.failed + 1, confirmed: streak.confirmed || *confirmed, passed: 0 };
            state.failure = failure.clone();
        }
    }
    let agree = |holds: &dyn Fn(&Streak) -> bool| state.votes.values().filter(|streak| holds(streak)).count();
    let failing = agree(&|streak| streak.confirmed || streak.failed >= policy.open_after);
    let healthy = agree(&|streak| streak.passed >= policy.close_after);
    let any_failing = agree(&|streak| streak.failed > 0) > 0;

    let told = match (&mut state.incident, vote) {
        (None, Vote::Failing { .. }) if failing >= policy.quorum => {
            state.phase = Phase::Failing;
            let id = incident_id(&run.check, subject, state.since);
            state.incident = Some(Incident { id, opened_at: now, told_at: now });
            Told::Opened
        }
        (None, Vote::Failing { .. }) => Told::NotConfirmed,
        (None, Vote::Healthy) if any_failing => Told::NotConfirmed,
        (None, Vote::Healthy) => Told::PassedAgain,
        (Some(_), Vote::Healthy) if healthy >= policy.quorum => Told::Recovered,
        (Some(_), Vote::Healthy) => {
            state.phase = Phase::Recovering;
            Told::NotYetRecovered
        }
        (Some(incident), Vote::Failing { .. }) => {
            state.phase = Phase::Failing;
            let silent: Duration = now.duration_since(incident.told_at).try_into().unwrap_or_default();
            if silent >= policy.remind_every {
                incident.told_at = now;
                Told::Reminded
            } else {
                Told::KnownAlready
            }
        }
    };
    let reason = state.reason(subject, told);
    let over = matches!(told, Told::Recovered | Told::PassedAgain);
    ((!over).then_some(state), reason)
}

impl SubjectState {
    fn reason(&self, subject: &Subject, told: Told) -> Reason {
        Reason {
            subject: subject.clone(),
            told,
            since: self.since,
            failure: self.failure.clone(),
            incident: self.incident.clone(),
        }
    }
}

/// An id that says what it is about, the same whoever computes it.
fn incident_id(check: &str, subject: &Subject, since: Timestamp) -> String {
    let when = since.strftime("%Y%m%dT%H%M%SZ");
    if subject.is_whole() { format!("{check}.{when}") } else { format!("{check}.{subject}.{when}") }
}

#[cfg(test)]
mod tests;
