//! The incident decision. It is pure, so functions, tests and the threshold review make the same decision.

mod leftovers;
mod locations;
mod monitoring;
mod step;
mod types;
mod vote;

use super::policy::Policy;
use super::silence::Silence;
use super::state::{CheckState, LastSuccessfulRun, LocationActivity, Phase, SubjectState};
use crate::model::Subject;

use leftovers::leftovers;
use locations::{is_alive, note_run};
use step::{Step, change};
pub use types::{Decision, Findings, NotificationReason, Reason, Vote};

/// Maximum number of subjects whose incidents one run opens, closes or reports. The table takes 100 writes in one
/// transaction, and one of them is the state. The next run handles the rest.
pub const MAX_CHANGES: usize = 99;

/// Applies the findings of one run to the incidents of its check.
///
/// A subject without a vote was not examined and keeps its state. A subject that the check no longer has is dropped, since
/// no later run would vote on it. The run is the last successful one when every vote is healthy and no unhealthy subject
/// remains.
#[must_use]
pub fn decide(previous: &CheckState, findings: &Findings<'_>, policy: &Policy) -> Decision {
    let run = findings.run;
    let now = run.scheduled_time;
    let mut next = CheckState { not_stored: 0, ..previous.clone() };
    next.mutes.retain(|mute| mute.holds_at(now));
    note_run(&mut next.locations, run);
    if let Some(passed) = findings.passed {
        next.runs.count(now, passed);
    }
    let mut reasons = Vec::new();
    let mut changes = Vec::new();
    if let Some(subjects) = findings.subjects {
        next.subjects.retain(|subject, state| {
            let is_kept = subjects.contains(subject) || subject.is_whole() || changes.len() >= MAX_CHANGES;
            if !is_kept {
                reasons.push(state.reason(subject, NotificationReason::SuppressedDropped, policy));
                // Close the record; otherwise it would stay open forever.
                if let (Some(incident), Some(failure)) =
                    (state.incident.as_mut().filter(|incident| incident.is_open()), &state.failure)
                {
                    incident.closed_at = Some(now);
                    changes.push(change(run, subject, state.since, failure, incident));
                }
            }
            is_kept
        });
    }
    let silences: Vec<&Silence> = next.mutes.iter().chain(findings.windows).collect();
    let alive: Vec<(&str, LocationActivity)> = next
        .locations
        .iter()
        .filter(|(location, activity)| **location == run.location || is_alive(**activity, now))
        .map(|(location, activity)| (location.as_str(), *activity))
        .collect();
    for (subject, vote) in findings.votes {
        let state = match (next.subjects.remove(subject), vote) {
            (None, Vote::Healthy | Vote::Maintenance) => continue,
            (None, vote) => {
                if next.subjects.len() >= CheckState::MAX_SUBJECTS {
                    // Evict a healthy subject to make room for an unhealthy one.
                    let Some(evictable) = next.evictable_subject() else {
                        next.not_stored += 1;
                        reasons.push(SubjectState::new(now, vote).reason(
                            subject,
                            NotificationReason::SuppressedNotStored,
                            policy,
                        ));
                        continue;
                    };
                    next.subjects.remove(&evictable);
                }
                SubjectState::new(now, vote)
            }
            (Some(state), _) => state,
        };
        let is_full = changes.len() >= MAX_CHANGES;
        let silence = silences.iter().copied().find(|silence| silence.covers(subject));
        let mut step = Step {
            state,
            subject,
            run,
            policy,
            alive: &alive,
            silence,
            dependency: None,
            last_passed: previous.last_successful_run.as_ref().map(|passed| passed.at),
            is_full,
            reasons: Vec::new(),
            change: None,
        };
        step.note_dependency(vote, findings.dependencies);
        step.take_vote(vote);
        reasons.append(&mut step.reasons);
        changes.extend(step.change);
        if !step.state.is_over() {
            next.subjects.insert(subject.clone(), step.state);
        }
    }
    let all_healthy = !findings.votes.is_empty() && findings.votes.values().all(|vote| *vote == Vote::Healthy);
    let none_unhealthy = next.subjects.values().all(|state| state.phase == Phase::Healthy);
    if all_healthy && none_unhealthy {
        next.last_successful_run = Some(LastSuccessfulRun { run_id: findings.run_id.to_owned(), at: now });
    }
    let is_silent = silences.iter().any(|silence| silence.subject.is_none());
    let leftovers = leftovers(&mut next.leftovers, findings.leftovers, now, is_silent, policy);
    Decision { next: next.fitted(), reasons, leftovers, changes }
}

impl CheckState {
    /// Finds a healthy subject without a pending recovery notification.
    fn evictable_subject(&self) -> Option<Subject> {
        let is_evictable =
            |(_, state): &(&Subject, &SubjectState)| state.phase == Phase::Healthy && state.announced.is_none();
        self.subjects.iter().find(is_evictable).map(|(subject, _)| subject.clone())
    }
}

#[cfg(test)]
mod tests;
