//! Shortens a state in stages, until it fits into its part of the item.

use super::state::{CheckState, Phase, SubjectState};
use crate::model::text::cut;
use crate::model::{Failure, Subject};

/// Changes that shorten a state. They are made in this order, each on top of the earlier ones, until the state fits:
///
/// 1. evidence is left out; the log line of the run has it;
/// 2. texts are cut to 200 characters, then to 60;
/// 3. healthy subjects without an announcement are left out;
/// 4. leftovers are counted instead of listed;
/// 5. five votes of each subject are kept, those of failed runs first;
/// 6. texts are cut to 15 characters;
/// 7. subjects without an incident are left out, the oldest first, and counted in `not_stored`;
/// 8. texts and votes are left out, those of acknowledgements and the needs of other checks too, and all but the last three
///    openings.
///
/// A subject whose incident is open, or whose end was not announced, stays.
const STAGES: [fn(&mut CheckState); 9] = [
    CheckState::without_evidence,
    |state| state.cut_texts(Failure::MAX_TEXT),
    |state| state.cut_texts(60),
    CheckState::without_healthy_subjects,
    CheckState::without_listed_leftovers,
    |state| state.keep_votes(5),
    |state| state.cut_texts(15),
    CheckState::without_oldest_suspects,
    CheckState::bare,
];

impl CheckState {
    /// Maximum size of the state in bytes of JSON: more than half of the table's limit for an item.
    pub const MAX_BYTES: usize = 240_000;

    /// Size in bytes of JSON.
    #[must_use]
    pub fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }

    /// Shortens the state until it has at most [`CheckState::MAX_BYTES`].
    #[must_use]
    pub(super) fn fitted(mut self) -> Self {
        for stage in STAGES {
            if self.bytes() <= Self::MAX_BYTES {
                break;
            }
            stage(&mut self);
        }
        self
    }

    fn failures(&mut self) -> impl Iterator<Item = &mut Failure> {
        self.subjects.values_mut().filter_map(|subject| subject.failure.as_mut())
    }

    fn without_evidence(&mut self) {
        for failure in self.failures() {
            failure.evidence = None;
        }
    }

    fn cut_texts(&mut self, longest: usize) {
        // The beginning of a name stays, and that of a mute's texts.
        let name = longest.clamp(5, 60);
        for failure in self.failures() {
            failure.expected.cut(longest);
            failure.actual.cut(longest);
            failure.step = cut(&failure.step, name);
        }
        let incidents = self.subjects.values_mut().filter_map(|subject| subject.incident.as_mut());
        for given in incidents.filter_map(|incident| incident.acknowledged.as_mut()) {
            given.by = cut(&given.by, longest);
            given.reason = cut(&given.reason, longest);
        }
        for gap in self.subjects.values_mut().filter_map(|subject| subject.monitoring_gap.as_mut()) {
            gap.inconclusive.detail.cut(longest);
        }
        for mute in &mut self.mutes {
            mute.by = cut(&mute.by, longest.max(5));
            mute.reason = cut(&mute.reason, longest.max(5));
        }
        for leftover in self.leftovers.iter_mut().flat_map(|leftovers| &mut leftovers.pending) {
            leftover.compensation = cut(&leftover.compensation, name);
            leftover.detail.cut(longest);
            leftover.instructions = leftover.instructions.as_ref().map(|text| cut(text, longest));
        }
    }

    fn without_healthy_subjects(&mut self) {
        self.subjects.retain(|_, state| state.phase != Phase::Healthy || state.must_stay());
    }

    fn without_listed_leftovers(&mut self) {
        if let Some(leftovers) = &mut self.leftovers {
            // One stays, because leftovers are reported only when one is listed.
            let excess = leftovers.pending.len().saturating_sub(1);
            leftovers.pending.truncate(1);
            leftovers.more = leftovers.more.saturating_add(u32::try_from(excess).unwrap_or(u32::MAX));
        }
    }

    fn keep_votes(&mut self, most: usize) {
        for state in self.subjects.values_mut() {
            let mut voters: Vec<_> = state.votes.iter().map(|(voter, streak)| (streak.failed, voter.clone())).collect();
            voters.sort_by(|one, other| other.cmp(one));
            for (_, voter) in voters.iter().skip(most) {
                state.votes.remove(voter);
            }
        }
    }

    fn without_oldest_suspects(&mut self) {
        let suspects = self.subjects.iter().filter(|(_, state)| !state.must_stay());
        let mut suspects: Vec<_> = suspects.map(|(subject, state)| (state.since, subject.clone())).collect();
        suspects.sort();
        let mut excess = self.bytes().saturating_sub(Self::MAX_BYTES);
        for (_, subject) in suspects {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(self.bytes_of(&subject));
            self.subjects.remove(&subject);
            self.not_stored = self.not_stored.saturating_add(1);
        }
    }

    fn bytes_of(&self, subject: &Subject) -> usize {
        self.subjects.get(subject).and_then(|state| serde_json::to_string(state).ok()).map_or(0, |text| text.len())
    }

    fn bare(&mut self) {
        self.cut_texts(0);
        for state in self.subjects.values_mut() {
            state.votes.clear();
            // What is not known to depend on another check is reported.
            state.is_dependent = false;
            if let Some(incident) = &mut state.incident {
                incident.dependency = None;
                if let Some(given) = &mut incident.acknowledged {
                    given.by.clear();
                    given.reason.clear();
                }
            }
            let older = state.openings.len().saturating_sub(3);
            state.openings.drain(..older);
        }
    }
}

impl SubjectState {
    fn must_stay(&self) -> bool {
        self.announced.is_some() || self.incident.as_ref().is_some_and(super::state::Incident::is_open)
    }
}

#[cfg(test)]
mod tests;
