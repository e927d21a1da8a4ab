//! What cannot be judged: told after some runs, and its end.

use super::span;
use super::step::Step;
use super::words::{Reason, Told};
use crate::Blindness;
use crate::incident::{Blind, SilenceKind};

impl Step<'_> {
    pub(super) fn blind(&mut self, blindness: &Blindness) {
        let (now, policy) = (self.now(), self.policy);
        let blind =
            self.state.blind.get_or_insert_with(|| Blind { since: now, blindness: blindness.clone(), told_at: None });
        blind.blindness = blindness.clone();
        let told_at = blind.told_at;
        let is_due = told_at.is_none_or(|told_at| now.duration_since(told_at) >= span(policy.remind_every));
        let is_blind = self.blind_locations(policy.blind_after) >= policy.quorum_of(self.alive.len());
        let told = match (is_blind, self.silence) {
            (false, _) => Told::NotYetBlind,
            (true, Some(silence)) if silence.kind == SilenceKind::Mute => Told::Muted,
            (true, Some(_)) => Told::InMaintenance,
            (true, None) if is_due => Told::Blind,
            (true, None) => Told::KnownAlready,
        };
        if told == Told::Blind
            && let Some(blind) = &mut self.state.blind
        {
            blind.told_at = Some(now);
        }
        self.say_blind(told);
    }

    fn blind_locations(&self, runs: u32) -> usize {
        let is_blind = |location: &str| self.streaks_of(location).any(|streak| streak.blind >= runs);
        self.alive.iter().filter(|(location, _)| is_blind(location)).count()
    }

    /// This location sees the subject. When enough do, people are told so if they were told of the blindness; the first
    /// time is remembered as long as any location is blind.
    pub(super) fn sees(&mut self) {
        let blind = self.blind_locations(1);
        if self.state.blind.as_ref().is_some_and(|blind| blind.told_at.is_some())
            && blind < self.policy.quorum_of(self.alive.len())
        {
            self.say_blind(Told::SeeingAgain);
            if let Some(blind) = &mut self.state.blind {
                blind.told_at = None;
            }
        }
        if blind == 0 {
            self.state.blind = None;
        }
    }

    /// The reason of something that is about the blindness, not about a failure.
    fn say_blind(&mut self, told: Told) {
        let Some(blind) = &self.state.blind else { return };
        self.reasons.push(Reason {
            subject: self.subject.clone(),
            told,
            since: blind.since,
            severity: self.policy.blind_severity,
            failure: None,
            blindness: Some(blind.blindness.clone()),
            incident: None,
            openings: 0,
        });
    }
}
