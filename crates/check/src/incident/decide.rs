//! The decision: pure, so that functions, tests and later the review of thresholds make the very same one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::incident_id;
use super::{
    Announced, Announcement, Blind, CheckState, Incident, IncidentChange, IncidentRecord, LastGood, Leftovers, Phase,
    Policy, Seen, Severity, Silence, SilenceKind, Streak, SubjectState, ToldEntry,
};
use crate::message::{Event, notification_id};
use crate::{Blindness, Failure, LeftBehind, RunKey, Subject};

/// The most subjects whose incidents one run opens, closes or tells. The table takes 100 writes at once, one of which is
/// the state; the rest is done by the next run.
pub const MAX_CHANGES: usize = 99;
/// A location that has not run for so many of its intervals does not vote.
const SILENT_AFTER: i64 = 3;
/// Nor is it silent before this has passed.
const NOT_SILENT_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// A location that has not run for so long is forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

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
    /// It could not be told.
    Blind(Blindness),
    /// The platform is down on purpose.
    Maintenance,
}

/// What a run did to a subject, and whether people are told. Not telling has a name too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Told: an incident opened.
    Opened,
    /// Told: it is still open.
    Reminded,
    /// Told: it is more severe than people know.
    Escalated,
    /// Told: it is over.
    Recovered,
    /// Told: incidents come and go, and are not told one by one from now on.
    Flapping,
    /// Told: incidents no longer come and go.
    Settled,
    /// Told: it cannot be judged.
    Blind,
    /// Told: it can be judged again.
    SeeingAgain,
    /// Not told: the failure is not confirmed yet.
    NotConfirmed,
    /// Not told: not enough locations agree.
    Outvoted,
    /// Not told: a failure that was not confirmed did not come again.
    PassedAgain,
    /// Not told: people know, and it is too early to remind them.
    KnownAlready,
    /// Not told: it passed, but not often enough to be over.
    NotYetRecovered,
    /// Not told: people know that it is flapping, and it has not stayed as it is for long enough.
    NotYetSettled,
    /// Not told: it could not be judged, but not often enough to say so.
    NotYetBlind,
    /// Not told: somebody muted it.
    Muted,
    /// Not told: it is down on purpose, by its own word or by the settings.
    InMaintenance,
    /// Not told: it is over, and nobody was told that it had begun.
    NeverTold,
    /// Not told yet: more changed than one run can write.
    Postponed,
    /// Not told: there was no room for one more subject.
    NotStored,
    /// Not told: the check no longer has this subject.
    Dropped,
}

impl Told {
    /// What the message says; none when people are not told.
    #[must_use]
    pub const fn event(self) -> Option<Event> {
        Some(match self {
            Self::Opened => Event::Opened,
            Self::Reminded => Event::Reminded,
            Self::Escalated => Event::Escalated,
            Self::Recovered => Event::Recovered,
            Self::Flapping => Event::Flapping,
            Self::Settled => Event::Settled,
            Self::Blind => Event::Blind,
            Self::SeeingAgain => Event::SeeingAgain,
            _ => return None,
        })
    }
}

/// What a run did to one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Which subject.
    pub subject: Subject,
    /// What was done, and whether people are told.
    pub told: Told,
    /// The scheduled time of the first failed run, or of the first that could not judge.
    pub since: Timestamp,
    /// How severe the message is; of something that is not told, how severe it would be.
    pub severity: Severity,
    /// The subject's latest failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it cannot, or could not, be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blindness: Option<Blindness>,
    /// The incident, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// How many incidents opened within the flap window.
    #[serde(default)]
    pub openings: u32,
}

/// The state after a run, and what was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// To be stored.
    pub next: CheckState,
    /// At least one per subject that is, or was until now, unhealthy and was examined.
    pub reasons: Vec<Reason>,
    /// What people are told that runs left behind.
    pub left_behind: Option<Leftovers>,
    /// To be recorded.
    pub changes: Vec<IncidentChange>,
}

/// What a run found.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Which run it is.
    pub run: &'a RunKey,
    /// Its id.
    pub run_id: &'a str,
    /// What it says about each subject that it examined.
    pub votes: &'a BTreeMap<Subject, Vote>,
    /// All subjects that the check has, when they are known.
    pub subjects: Option<&'a BTreeSet<Subject>>,
    /// What it created and could not remove.
    pub left_behind: &'a [LeftBehind],
    /// The maintenance windows of the settings that are about this check.
    pub windows: &'a [Silence],
}

/// What one run does to the incidents of its check.
///
/// A subject without a vote stays as it is: it was not examined. One that is not among all that the check has is dropped:
/// nothing would ever vote on it again. The run is the last good one when every vote is healthy and nothing is left
/// unhealthy.
#[must_use]
pub fn decide(previous: &CheckState, findings: &Findings<'_>, policy: &Policy) -> Decision {
    let run = findings.run;
    let now = run.scheduled_time;
    let mut next = CheckState { schema_version: CheckState::SCHEMA_VERSION, not_stored: 0, ..previous.clone() };
    next.mutes.retain(|mute| now < mute.until);
    see(&mut next.locations, run);
    let mut reasons = Vec::new();
    let mut changes = Vec::new();
    if let Some(subjects) = findings.subjects {
        next.subjects.retain(|subject, state| {
            let stays = subjects.contains(subject) || subject.is_whole() || changes.len() >= MAX_CHANGES;
            if !stays {
                reasons.push(state.reason(subject, Told::Dropped, policy));
                // Its record must not stay open for ever.
                if let (Some(incident), Some(failure)) =
                    (state.incident.as_mut().filter(|incident| incident.is_open()), &state.failure)
                {
                    incident.closed_at = Some(now);
                    changes.push(change(run, subject, state.since, failure, incident));
                }
            }
            stays
        });
    }
    let silences: Vec<&Silence> =
        next.mutes.iter().chain(findings.windows).filter(|silence| silence.holds_at(now)).collect();
    let alive: Vec<(&str, Seen)> = next
        .locations
        .iter()
        .filter(|(location, seen)| **location == run.location || is_alive(**seen, now))
        .map(|(location, seen)| (location.as_str(), *seen))
        .collect();
    for (subject, vote) in findings.votes {
        let state = match (next.subjects.remove(subject), vote) {
            (None, Vote::Healthy | Vote::Maintenance) => continue,
            (None, vote) => {
                if next.subjects.len() >= CheckState::MAX_SUBJECTS {
                    // One that is only remembered makes room for one that is not well.
                    let Some(remembered) = next.remembered_only() else {
                        next.not_stored += 1;
                        reasons.push(SubjectState::new(now, vote).reason(subject, Told::NotStored, policy));
                        continue;
                    };
                    next.subjects.remove(&remembered);
                }
                SubjectState::new(now, vote)
            }
            (Some(state), _) => state,
        };
        let is_full = changes.len() >= MAX_CHANGES;
        let silence = silences.iter().copied().find(|silence| silence.covers(subject));
        let mut step =
            Step { state, subject, run, policy, alive: &alive, silence, is_full, reasons: Vec::new(), change: None };
        step.take(vote);
        reasons.append(&mut step.reasons);
        changes.extend(step.change);
        if !step.state.is_over() {
            next.subjects.insert(subject.clone(), step.state);
        }
    }
    let all_healthy = !findings.votes.is_empty() && findings.votes.values().all(|vote| *vote == Vote::Healthy);
    let none_unhealthy = next.not_stored == 0 && next.subjects.values().all(|state| state.phase == Phase::Healthy);
    if all_healthy && none_unhealthy {
        next.last_good = Some(LastGood { run_id: findings.run_id.to_owned(), at: now });
    }
    let is_silent = silences.iter().any(|silence| silence.subject.is_none());
    let left_behind = leftovers(&mut next.leftovers, findings.left_behind, now, is_silent, policy);
    Decision { next: next.fitted(), reasons, left_behind, changes }
}

/// Notes that a location has run. Locations of which nobody has heard for a day are gone.
fn see(locations: &mut BTreeMap<String, Seen>, run: &RunKey) {
    let now = run.scheduled_time;
    locations.retain(|location, seen| *location == run.location || now.duration_since(seen.at) < FORGOTTEN_AFTER);
    let seen = locations.entry(run.location.clone()).or_insert(Seen { at: now, every_seconds: 0 });
    // A run by hand says nothing about the interval, nor does another shard of the same minute.
    if now > seen.at && !run.shard.manual {
        *seen = Seen { at: now, every_seconds: now.duration_since(seen.at).as_secs() };
    }
}

fn is_alive(seen: Seen, now: Timestamp) -> bool {
    now.duration_since(seen.at) <= patience(seen, SILENT_AFTER)
}

/// So many intervals of a location, and some minutes at least.
fn patience(seen: Seen, intervals: i64) -> SignedDuration {
    SignedDuration::from_secs(seen.every_seconds.saturating_mul(intervals)).max(NOT_SILENT_BEFORE)
}

/// Under which name a run votes. A shard has its own word on the check as a whole, which every shard examines.
fn voter(run: &RunKey, subject: &Subject) -> String {
    let is_part = run.shard.of > 1 && subject.is_whole();
    if is_part { format!("{}#{}", run.location, run.shard.index) } else { run.location.clone() }
}

fn location_of(voter: &str) -> &str {
    voter.rsplit_once('#').map_or(voter, |(location, _)| location)
}

impl CheckState {
    /// A healthy subject of which nobody waits to hear.
    fn remembered_only(&self) -> Option<Subject> {
        let only = |(_, state): &(&Subject, &SubjectState)| state.phase == Phase::Healthy && state.told.is_none();
        self.subjects.iter().find(only).map(|(subject, _)| subject.clone())
    }
}

impl SubjectState {
    fn new(now: Timestamp, vote: &Vote) -> Self {
        let failure = match vote {
            Vote::Failing { failure, .. } => Some(failure.clone()),
            _ => None,
        };
        Self {
            phase: if failure.is_some() { Phase::Suspect } else { Phase::Healthy },
            since: now,
            votes: BTreeMap::new(),
            failure,
            incident: None,
            changed_at: now,
            told: None,
            openings: Vec::new(),
            is_flapping: false,
            blind: None,
        }
    }

    fn reason(&self, subject: &Subject, told: Told, policy: &Policy) -> Reason {
        let is_blind = self.failure.is_none();
        let by_failure = || self.failure.as_ref().map_or(policy.blind_severity, |failure| policy.severity_of(failure));
        let since = if is_blind { self.blind.as_ref().map_or(self.since, |blind| blind.since) } else { self.since };
        Reason {
            subject: subject.clone(),
            told,
            since,
            severity: self.incident.as_ref().map_or_else(by_failure, |incident| incident.severity),
            failure: self.failure.clone(),
            blindness: self.blind.as_ref().filter(|_| is_blind).map(|blind| blind.blindness.clone()),
            incident: self.incident.clone(),
            openings: u32::try_from(self.openings.len()).unwrap_or(u32::MAX),
        }
    }

    fn is_open(&self) -> bool {
        self.incident.as_ref().is_some_and(Incident::is_open)
    }

    /// Whether there is nothing left to remember.
    fn is_over(&self) -> bool {
        self.phase == Phase::Healthy
            && self.told.is_none()
            && !self.is_flapping
            && self.openings.is_empty()
            && self.blind.is_none()
    }
}

/// One subject, one vote.
struct Step<'a> {
    state: SubjectState,
    subject: &'a Subject,
    run: &'a RunKey,
    policy: &'a Policy,
    /// The locations that have run lately.
    alive: &'a [(&'a str, Seen)],
    silence: Option<&'a Silence>,
    /// Whether the run can write no more changes.
    is_full: bool,
    reasons: Vec<Reason>,
    change: Option<IncidentChange>,
}

impl Step<'_> {
    fn now(&self) -> Timestamp {
        self.run.scheduled_time
    }

    fn take(&mut self, vote: &Vote) {
        // By anybody, whether it can see now or not.
        let was_failing = self.state.votes.values().any(|streak| streak.failed > 0);
        let streak = self.state.votes.entry(voter(self.run, self.subject)).or_default();
        match vote {
            Vote::Healthy => *streak = Streak { passed: streak.passed + 1, ..Streak::default() },
            Vote::Failing { confirmed, .. } => {
                let confirmed = streak.confirmed || *confirmed;
                *streak = Streak { failed: streak.failed + 1, confirmed, ..Streak::default() };
            }
            Vote::Blind(_) => streak.blind += 1,
            Vote::Maintenance => streak.blind = 0,
        }
        match vote {
            Vote::Blind(blindness) => return self.blind(blindness),
            Vote::Maintenance => {
                self.sees();
                if self.state.phase != Phase::Healthy {
                    self.say(Told::InMaintenance);
                }
                return;
            }
            Vote::Healthy => {}
            Vote::Failing { failure, .. } => {
                let is_open = self.state.is_open();
                // After an incident that is over, whatever somebody still sees of it is a new one.
                let is_new = !is_open && (!was_failing || self.state.incident.is_some());
                if is_new {
                    self.state.since = self.now();
                    self.state.incident = None;
                } else if !is_open {
                    // A run that comes late may have been the first.
                    self.state.since = self.state.since.min(self.now());
                }
                // The first failure that is remembered is the one that the record begins with.
                if self.state.failure.is_none() || is_open || is_new {
                    self.state.failure = Some(failure.clone());
                }
            }
        }
        self.sees();
        self.turn(vote);
    }

    /// The locations that have a word on this subject: they run, can see it, and examine it.
    fn voters(&self) -> Vec<&str> {
        let has_voted = |location: &str| self.state.votes.keys().any(|voter| location_of(voter) == location);
        let is_blind = |location: &str| self.streaks_of(location).any(|streak| streak.blind > 0);
        self.alive
            .iter()
            // Who has run for a while since, and has not said a word, does not examine this subject.
            .filter(|(location, seen)| has_voted(location) || seen.at <= self.state.since + patience(*seen, 2))
            .map(|(location, _)| *location)
            .filter(|location| !is_blind(location))
            .collect()
    }

    fn streaks_of<'s>(&'s self, location: &'s str) -> impl Iterator<Item = &'s Streak> {
        self.state.votes.iter().filter(move |(voter, _)| location_of(voter) == location).map(|(_, streak)| streak)
    }

    /// How many voters hold something of at least one of their streaks.
    fn count(&self, holds: impl Fn(&Streak) -> bool) -> usize {
        self.voters().into_iter().filter(|location| self.streaks_of(location).any(&holds)).count()
    }

    /// A healthy or a failing vote: the incident opens, closes or stays, and people are told or not.
    fn turn(&mut self, vote: &Vote) {
        let (now, policy) = (self.now(), self.policy);
        let was_suspect = self.state.phase == Phase::Suspect;
        let is_failing = matches!(vote, Vote::Failing { .. });
        let voters = self.voters().len();
        let needed = policy.quorum_of(voters);
        let sure = self.count(|streak| streak.confirmed || streak.failed >= policy.open_after);
        let any_failing = self.count(|streak| streak.failed > 0) > 0;
        let well = self
            .voters()
            .into_iter()
            .filter(|location| {
                let mut streaks = self.streaks_of(location).peekable();
                streaks.peek().is_some() && streaks.all(|streak| streak.passed >= policy.close_after)
            })
            .count();
        let may_write = !self.is_full;

        let window = span(policy.flap_window);
        if !self.state.is_flapping {
            self.state.openings.retain(|opened| now.duration_since(*opened) < window);
        }
        let mut closed = false;
        if self.state.is_open() {
            if !is_failing && well >= needed {
                if !may_write {
                    return self.say(Told::Postponed);
                }
                closed = true;
                self.state.changed_at = now;
                if let Some(incident) = &mut self.state.incident {
                    incident.closed_at = Some(now);
                }
                self.record(None);
            }
        } else if is_failing && sure >= needed {
            if !may_write {
                self.state.phase = Phase::Suspect;
                return self.say(Told::Postponed);
            }
            self.open(vote);
        }
        self.state.phase = match (self.state.is_open(), is_failing) {
            (true, true) => Phase::Failing,
            (true, false) => Phase::Recovering,
            (false, _) if any_failing => Phase::Suspect,
            (false, _) => Phase::Healthy,
        };
        if self.state.is_flapping && now.duration_since(self.state.changed_at) >= span(policy.settle_after) {
            self.state.is_flapping = false;
            self.state.openings.clear();
        }
        if may_write {
            self.rise(is_failing);
            self.note_silence();
        }
        let believed = self.state.told;
        match self.word(closed, is_failing) {
            Some(told) if told.event().is_some() && !may_write => {
                self.state.told = believed;
                self.say(Told::Postponed);
            }
            Some(told) => self.say(told),
            None if sure > 0 => self.say(Told::Outvoted),
            None if is_failing || any_failing => self.say(Told::NotConfirmed),
            None if was_suspect => self.say(Told::PassedAgain),
            // What is only remembered is nothing to speak of.
            None => {}
        }
    }

    fn open(&mut self, vote: &Vote) {
        let now = self.now();
        let Some(first) = self.state.failure.clone() else { return };
        let latest = if let Vote::Failing { failure, .. } = vote { failure } else { &first };
        let severity = self.policy.severity_of(&first).max(self.policy.severity_of(latest));
        let id = incident_id(&self.run.check, self.subject, self.state.since);
        let incident = Incident {
            id,
            opened_at: now,
            severity,
            escalated_at: None,
            closed_at: None,
            recorded: 0,
            silenced_by: None,
        };
        self.state.incident = Some(incident);
        self.state.changed_at = now;
        self.state.openings.push(now);
        let flapping = usize::try_from(self.policy.flap_openings).unwrap_or(usize::MAX);
        self.state.is_flapping |= self.state.openings.len() >= flapping;
        // More is never looked at.
        let excess = self.state.openings.len().saturating_sub(flapping);
        self.state.openings.drain(..excess);
        let latest = latest.clone();
        self.record(None);
        self.state.failure = Some(latest);
    }

    /// An open incident is as severe as its worst failure; a warning that people have known of for long is critical.
    fn rise(&mut self, is_failing: bool) {
        let (now, policy) = (self.now(), self.policy);
        let by_failure = self.state.failure.as_ref().map(|failure| policy.severity_of(failure));
        let known_for = self.state.told.map(|told| now.duration_since(told.first));
        let is_silent = self.silence.is_some();
        let Some(incident) = self.state.incident.as_mut().filter(|incident| incident.is_open() && is_failing) else {
            return;
        };
        let is_old = policy.escalate_after.is_some_and(|after| known_for.is_some_and(|known| known >= span(after)));
        let risen = if is_old && !is_silent { Some(Severity::Critical) } else { by_failure };
        if let Some(risen) = risen
            && risen > incident.severity
        {
            incident.severity = risen;
            incident.escalated_at = Some(now);
            self.record(None);
        }
    }

    /// What people are told of an incident, or why not; none when there is none and they know of none. What they believe
    /// is brought to what is.
    fn word(&mut self, closed: bool, is_failing: bool) -> Option<Told> {
        let now = self.now();
        let is_open = self.state.is_open();
        let believed = self.state.told.map(|told| told.what);
        let severity = self.state.incident.as_ref().map_or(Severity::Warning, |incident| incident.severity);
        let quiet = self.silence.map(|silence| match silence.kind {
            SilenceKind::Mute => Told::Muted,
            SilenceKind::Maintenance => Told::InMaintenance,
        });
        let is_due = |told: Announced| now.duration_since(told.last) >= span(self.policy.remind_every);
        if self.state.is_flapping {
            let told = match believed {
                Some(Announcement::Flapping) if !self.state.told.is_some_and(is_due) => {
                    return Some(Told::NotYetSettled);
                }
                Some(Announcement::Flapping) => Told::Reminded,
                _ => Told::Flapping,
            };
            return Some(match quiet {
                Some(quiet) => quiet,
                None if is_open && is_failing => self.announce(Announcement::Flapping, severity, told),
                None => Told::NotYetSettled,
            });
        }
        if !is_open {
            return match believed {
                // That something is over is told even when it is muted: else people would believe that it goes on.
                Some(believed) if !is_failing => {
                    self.state.told = None;
                    Some(if believed == Announcement::Flapping { Told::Settled } else { Told::Recovered })
                }
                _ => closed.then(|| quiet.unwrap_or(Told::NeverTold)),
            };
        }
        if !is_failing {
            return Some(Told::NotYetRecovered);
        }
        if quiet.is_some() {
            return quiet;
        }
        Some(match (believed, self.state.told) {
            (Some(Announcement::Open), Some(told)) if severity > told.severity => {
                self.announce(Announcement::Open, severity, Told::Escalated)
            }
            (Some(Announcement::Open), Some(told)) if is_due(told) => {
                self.announce(Announcement::Open, severity, Told::Reminded)
            }
            (Some(Announcement::Open), _) => Told::KnownAlready,
            (Some(Announcement::Flapping), _) => self.announce(Announcement::Open, severity, Told::Settled),
            (None, _) => self.announce(Announcement::Open, severity, Told::Opened),
        })
    }

    fn announce(&mut self, what: Announcement, severity: Severity, told: Told) -> Told {
        let now = self.now();
        let first = self.state.told.map_or(now, |told| told.first);
        self.state.told = Some(Announced { what, severity, first, last: now });
        told
    }

    fn blind(&mut self, blindness: &Blindness) {
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
    fn sees(&mut self) {
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

    fn say(&mut self, told: Told) {
        let mut reason = self.state.reason(self.subject, told, self.policy);
        reason.blindness = None;
        if let Some(event) = told.event()
            && let Some(incident) = &mut self.state.incident
        {
            let is_last = !incident.is_open();
            if incident.recorded < IncidentRecord::MAX_TOLD || is_last {
                incident.recorded += 1;
                let severity = incident.severity;
                let notification_id = notification_id(self.run, event, severity);
                self.record(Some(ToldEntry { event, at: self.run.scheduled_time, notification_id }));
            }
            reason.incident.clone_from(&self.state.incident);
        }
        self.reasons.push(reason);
    }

    /// A silence that begins while an incident is open stands in its record.
    fn note_silence(&mut self) {
        let Some(silence) = self.silence else { return };
        let Some(incident) = self.state.incident.as_mut().filter(|incident| incident.is_open()) else { return };
        if incident.silenced_by.as_ref() != Some(&silence.id) {
            incident.silenced_by = Some(silence.id.clone());
            self.record(None);
            if let Some(change) = &mut self.change {
                change.silence = Some(silence.clone());
            }
        }
    }

    /// Has the record say what the state says now, and that people were told.
    fn record(&mut self, told: Option<ToldEntry>) {
        let (Some(incident), Some(failure)) = (&self.state.incident, &self.state.failure) else { return };
        let earlier = self.change.take();
        let mut change = change(self.run, self.subject, self.state.since, failure, incident);
        if let Some(earlier) = earlier {
            // A record begins with the failure that it was opened with.
            change.failure = if earlier.incident.recorded == 0 && incident.opened_at == self.run.scheduled_time {
                earlier.failure
            } else {
                change.failure
            };
            change.silence = earlier.silence;
            change.told = earlier.told;
        }
        change.told = told.or(change.told);
        self.change = Some(change);
    }
}

fn change(run: &RunKey, subject: &Subject, since: Timestamp, failure: &Failure, incident: &Incident) -> IncidentChange {
    IncidentChange {
        incident: incident.clone(),
        check: run.check.clone(),
        subject: subject.clone(),
        since,
        failure: failure.clone(),
        told: None,
        silence: None,
        at: run.scheduled_time,
    }
}

/// Adds what a run left behind. What people are to be told now, when they are.
fn leftovers(
    known: &mut Option<Leftovers>,
    left_behind: &[LeftBehind],
    now: Timestamp,
    is_silent: bool,
    policy: &Policy,
) -> Option<Leftovers> {
    let since_told = |known: &Leftovers| known.told_at.map(|told_at| now.duration_since(told_at));
    if !left_behind.is_empty() {
        let known =
            known.get_or_insert(Leftovers { since: now, last: now, told_at: None, untold: Vec::new(), more: 0 });
        known.last = known.last.max(now);
        let room = Leftovers::MAX.saturating_sub(known.untold.len()).min(left_behind.len());
        known.untold.extend_from_slice(&left_behind[..room]);
        known.more += u32::try_from(left_behind.len() - room).unwrap_or(u32::MAX);
    }
    let remind_every = span(policy.remind_every);
    let current = known.as_mut()?;
    if current.untold.is_empty() {
        if now.duration_since(current.last) >= remind_every {
            *known = None;
        }
        return None;
    }
    if is_silent || since_told(current).is_some_and(|since| since < remind_every) {
        return None;
    }
    let told = current.clone();
    current.told_at = Some(now);
    current.untold.clear();
    current.more = 0;
    Some(told)
}

fn span(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
