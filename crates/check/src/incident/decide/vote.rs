//! Effect of one vote on one subject: its recent results, then monitoring, then its incident.

use super::locations::voter;
use super::step::Step;
use super::types::{NotificationReason, Vote};
use crate::incident::state::{Phase, Streak};

impl Step<'_> {
    pub(super) fn take_vote(&mut self, vote: &Vote) {
        // Counts every location, even when its last run was inconclusive.
        let was_failing = self.state.votes.values().any(|streak| streak.failed > 0);
        let streak = self.state.votes.entry(voter(self.run, self.subject)).or_default();
        match vote {
            Vote::Healthy => *streak = Streak { passed: streak.passed + 1, ..Streak::default() },
            Vote::Failing { confirmed, .. } => {
                let confirmed = streak.confirmed || *confirmed;
                *streak = Streak { failed: streak.failed + 1, confirmed, ..Streak::default() };
            }
            Vote::Inconclusive(_) => streak.inconclusive += 1,
            Vote::Maintenance => streak.inconclusive = 0,
        }
        match vote {
            Vote::Inconclusive(inconclusive) => return self.take_inconclusive(inconclusive),
            Vote::Maintenance => {
                self.note_verdict();
                if self.state.phase != Phase::Healthy {
                    self.push_reason(NotificationReason::SuppressedMaintenance);
                }
                return;
            }
            Vote::Healthy => {}
            Vote::Failing { failure, .. } => {
                let is_open = self.state.is_open();
                // A failure after a closed incident starts a new one, even if another location has failed all along.
                let is_new = !is_open && (!was_failing || self.state.incident.is_some());
                if is_new {
                    self.state.since = self.now();
                    self.state.incident = None;
                    self.state.is_dependent = true;
                } else if !is_open {
                    // A run that arrives late may be the earliest failure.
                    self.state.since = self.state.since.min(self.now());
                }
                self.state.is_dependent &= self.dependency.is_some();
                // The record starts with the first stored failure, so keep it until the incident opens.
                if is_open || is_new {
                    self.state.failure = Some(failure.clone());
                }
            }
        }
        self.note_verdict();
        self.apply_vote(vote);
    }
}
