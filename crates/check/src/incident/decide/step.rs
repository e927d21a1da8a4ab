//! One subject in the decision: its phase, its incident, and the notification.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::locations::{patience, voter_location};
use super::types::{NotificationReason, Reason, Vote};
use crate::incident::dependency::Dependency;
use crate::incident::event::notification_id;
use crate::incident::policy::{Policy, span};
use crate::incident::record::{IncidentChange, IncidentRecord, NotificationEntry, incident_id};
use crate::incident::severity::Severity;
use crate::incident::silence::{Silence, SilenceKind};
use crate::incident::state::{Announced, Announcement, Incident, LocationActivity, Phase, Streak, SubjectState};
use crate::model::{Failure, RunKey, Subject};

impl SubjectState {
    pub(super) fn new(now: Timestamp, vote: &Vote) -> Self {
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
            announced: None,
            openings: Vec::new(),
            is_flapping: false,
            monitoring_gap: None,
            is_dependent: false,
        }
    }

    pub(super) fn reason(&self, subject: &Subject, notification_reason: NotificationReason, policy: &Policy) -> Reason {
        let is_gap = self.failure.is_none();
        let by_failure =
            || self.failure.as_ref().map_or(policy.monitoring_lost_severity, |failure| policy.severity_of(failure));
        let since = if is_gap { self.monitoring_gap.as_ref().map_or(self.since, |gap| gap.since) } else { self.since };
        Reason {
            subject: subject.clone(),
            notification_reason,
            since,
            severity: self.incident.as_ref().map_or_else(by_failure, |incident| incident.severity),
            failure: self.failure.clone(),
            inconclusive: self.monitoring_gap.as_ref().filter(|_| is_gap).map(|gap| gap.inconclusive.clone()),
            incident: self.incident.clone(),
            openings: u32::try_from(self.openings.len()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.incident.as_ref().is_some_and(Incident::is_open)
    }

    /// True when the state of this subject no longer needs to be stored.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Healthy
            && self.announced.is_none()
            && !self.is_flapping
            && self.openings.is_empty()
            && self.monitoring_gap.is_none()
    }
}

/// Applies one vote to the state of one subject.
pub(super) struct Step<'a> {
    pub(super) state: SubjectState,
    pub(super) subject: &'a Subject,
    pub(super) run: &'a RunKey,
    pub(super) policy: &'a Policy,
    /// Locations with a recent run.
    pub(super) alive: &'a [(&'a str, LocationActivity)],
    pub(super) silence: Option<&'a Silence>,
    /// Check that the step of this run's failure needs, failing or not.
    pub(super) dependency: Option<Dependency>,
    /// Scheduled time of the check's last run in which every subject was healthy.
    pub(super) last_passed: Option<Timestamp>,
    /// True when the run cannot write more changes.
    pub(super) is_full: bool,
    pub(super) reasons: Vec<Reason>,
    pub(super) change: Option<IncidentChange>,
}

impl Step<'_> {
    /// Finds the check that the step of this run's failure needs.
    pub(super) fn note_dependency(&mut self, vote: &Vote, dependencies: &[Dependency]) {
        let Vote::Failing { failure, .. } = vote else { return };
        self.dependency = dependencies.iter().find(|dependency| dependency.need.has(failure)).copied();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.run.scheduled_time
    }

    /// Locations that vote on this subject: they run, reach verdicts, and examine it.
    fn voters(&self) -> Vec<&str> {
        let has_voted = |location: &str| self.state.votes.keys().any(|voter| voter_location(voter) == location);
        let is_inconclusive = |location: &str| self.location_streaks(location).any(|streak| streak.inconclusive > 0);
        self.alive
            .iter()
            // A location that kept running since then without a vote does not examine this subject.
            .filter(|(location, activity)| {
                has_voted(location) || activity.at <= self.state.since + patience(*activity, 2)
            })
            .map(|(location, _)| *location)
            .filter(|location| !is_inconclusive(location))
            .collect()
    }

    pub(super) fn location_streaks<'s>(&'s self, location: &'s str) -> impl Iterator<Item = &'s Streak> {
        self.state.votes.iter().filter(move |(voter, _)| voter_location(voter) == location).map(|(_, streak)| streak)
    }

    /// Counts the voters of which at least one streak meets the condition.
    fn count_voters(&self, condition: impl Fn(&Streak) -> bool) -> usize {
        self.voters().into_iter().filter(|location| self.location_streaks(location).any(&condition)).count()
    }

    /// Opens or closes the incident after a healthy or failing vote, and decides on the notification.
    pub(super) fn apply_vote(&mut self, vote: &Vote) {
        let (now, policy) = (self.now(), self.policy);
        let was_suspect = self.state.phase == Phase::Suspect;
        let is_failing = matches!(vote, Vote::Failing { .. });
        let voters = self.voters().len();
        let required = policy.required_votes(voters);
        let certain = self.count_voters(|streak| streak.confirmed || streak.failed >= policy.open_after);
        let any_failing = self.count_voters(|streak| streak.failed > 0) > 0;
        let recovered = self
            .voters()
            .into_iter()
            .filter(|location| {
                let mut streaks = self.location_streaks(location).peekable();
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
            if !is_failing && recovered >= required {
                if !may_write {
                    return self.push_reason(NotificationReason::SuppressedPostponed);
                }
                closed = true;
                self.state.changed_at = now;
                if let Some(incident) = &mut self.state.incident {
                    incident.closed_at = Some(now);
                }
                self.record(None);
            }
        } else if is_failing && certain >= required {
            if !may_write {
                self.state.phase = Phase::Suspect;
                return self.push_reason(NotificationReason::SuppressedPostponed);
            }
            self.open(vote);
        }
        self.state.phase = match (self.state.is_open(), is_failing) {
            (true, true) => Phase::Failing,
            (true, false) => Phase::Recovering,
            (false, _) if any_failing => Phase::Suspect,
            (false, _) => Phase::Healthy,
        };
        if self.state.is_flapping && now.duration_since(self.state.changed_at) >= span(policy.stable_after) {
            self.state.is_flapping = false;
            self.state.openings.clear();
        }
        if may_write {
            self.escalate(is_failing);
            self.note_silence();
            self.note_suppression(is_failing);
            self.note_acknowledgement();
        }
        let previously_announced = self.state.announced;
        match self.notification_reason(closed, is_failing) {
            Some(notification_reason) if notification_reason.event().is_some() && !may_write => {
                self.state.announced = previously_announced;
                self.push_reason(NotificationReason::SuppressedPostponed);
            }
            Some(notification_reason) => self.push_reason(notification_reason),
            None if certain > 0 => self.push_reason(NotificationReason::SuppressedOutvoted),
            None if is_failing || any_failing => self.push_reason(NotificationReason::SuppressedNotConfirmed),
            None if was_suspect => self.push_reason(NotificationReason::SuppressedPassedAgain),
            // A healthy subject without an announcement needs no reason.
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
            dependency: None,
            acknowledged: None,
        };
        self.state.incident = Some(incident);
        self.state.changed_at = now;
        self.state.openings.push(now);
        let flapping = usize::try_from(self.policy.flap_threshold).unwrap_or(usize::MAX);
        self.state.is_flapping |= self.state.openings.len() >= flapping;
        // Older openings do not affect the decision.
        let excess = self.state.openings.len().saturating_sub(flapping);
        self.state.openings.drain(..excess);
        let latest = latest.clone();
        self.record(None);
        self.state.failure = Some(latest);
    }

    /// Raises the severity of an open incident to that of its worst failure. A warning becomes critical when
    /// [`Policy::escalate_after`] has passed since its first notification.
    fn escalate(&mut self, is_failing: bool) {
        let (now, policy) = (self.now(), self.policy);
        let by_failure = self.state.failure.as_ref().map(|failure| policy.severity_of(failure));
        let notified_for = self.state.announced.map(|announced| now.duration_since(announced.first));
        let is_silent = self.silence.is_some();
        let Some(incident) = self.state.incident.as_mut().filter(|incident| incident.is_open() && is_failing) else {
            return;
        };
        let is_overdue =
            policy.escalate_after.is_some_and(|after| notified_for.is_some_and(|notified| notified >= span(after)));
        let raised = if is_overdue && !is_silent { Some(Severity::Critical) } else { by_failure };
        if let Some(raised) = raised
            && raised > incident.severity
        {
            incident.severity = raised;
            incident.escalated_at = Some(now);
            self.record(None);
        }
    }

    /// Decides whether to notify, and updates the announcement to match. `None` when no incident exists and none was
    /// announced.
    fn notification_reason(&mut self, closed: bool, is_failing: bool) -> Option<NotificationReason> {
        let now = self.now();
        let is_open = self.state.is_open();
        let announced = self.state.announced.map(|announced| announced.what);
        let severity = self.state.incident.as_ref().map_or(Severity::Warning, |incident| incident.severity);
        let suppression = self.silence.map(|silence| match silence.kind {
            SilenceKind::Mute => NotificationReason::SuppressedMuted,
            SilenceKind::Maintenance => NotificationReason::SuppressedMaintenance,
        });
        let is_acknowledged = self.state.incident.as_ref().is_some_and(|incident| incident.acknowledged.is_some());
        let is_due = |announced: Announced| now.duration_since(announced.last) >= span(self.policy.remind_every);
        if self.state.is_flapping {
            let notification_reason = match announced {
                Some(Announcement::Flapping) if !self.state.announced.is_some_and(is_due) => {
                    return Some(NotificationReason::SuppressedNotYetStable);
                }
                Some(Announcement::Flapping) => NotificationReason::Reminded,
                _ => NotificationReason::Flapping,
            };
            return Some(match suppression {
                Some(suppression) => suppression,
                None if is_open
                    && is_failing
                    && is_acknowledged
                    && notification_reason == NotificationReason::Reminded =>
                {
                    NotificationReason::SuppressedAcknowledged
                }
                None if is_open && is_failing && self.suppressed_by().is_some() => {
                    NotificationReason::SuppressedDependency
                }
                None if is_open && is_failing => self.announce(Announcement::Flapping, severity, notification_reason),
                None => NotificationReason::SuppressedNotYetStable,
            });
        }
        if !is_open {
            return match announced {
                // Recoveries are reported even when muted; otherwise on-call would assume that the incident continues.
                Some(announced) if !is_failing => {
                    self.state.announced = None;
                    Some(if announced == Announcement::Flapping {
                        NotificationReason::Stabilized
                    } else {
                        NotificationReason::Recovered
                    })
                }
                _ => closed.then(|| suppression.unwrap_or(NotificationReason::SuppressedNeverNotified)),
            };
        }
        if !is_failing {
            return Some(NotificationReason::SuppressedNotYetRecovered);
        }
        if suppression.is_some() {
            return suppression;
        }
        if self.suppressed_by().is_some() {
            return Some(NotificationReason::SuppressedDependency);
        }
        Some(match (announced, self.state.announced) {
            (Some(Announcement::Open), Some(known)) if severity > known.severity => {
                self.announce(Announcement::Open, severity, NotificationReason::Escalated)
            }
            (Some(Announcement::Open), Some(known)) if is_due(known) && is_acknowledged => {
                NotificationReason::SuppressedAcknowledged
            }
            (Some(Announcement::Open), Some(known)) if is_due(known) => {
                self.announce(Announcement::Open, severity, NotificationReason::Reminded)
            }
            (Some(Announcement::Open), _) => NotificationReason::SuppressedAlreadyNotified,
            (Some(Announcement::Flapping), _) => {
                self.announce(Announcement::Open, severity, NotificationReason::Stabilized)
            }
            (None, _) => self.announce(Announcement::Open, severity, NotificationReason::Opened),
        })
    }

    fn announce(
        &mut self,
        what: Announcement,
        severity: Severity,
        notification_reason: NotificationReason,
    ) -> NotificationReason {
        let now = self.now();
        let first = self.state.announced.map_or(now, |announced| announced.first);
        self.state.announced = Some(Announced { what, severity, first, last: now });
        notification_reason
    }

    pub(super) fn push_reason(&mut self, notification_reason: NotificationReason) {
        let mut reason = self.state.reason(self.subject, notification_reason, self.policy);
        reason.inconclusive = None;
        if let Some(event) = notification_reason.event()
            && let Some(incident) = &mut self.state.incident
        {
            let is_last = !incident.is_open();
            if incident.recorded < IncidentRecord::MAX_NOTIFICATIONS || is_last {
                incident.recorded += 1;
                let severity = incident.severity;
                let notification_id = notification_id(self.run, event, severity);
                self.record(Some(NotificationEntry { event, at: self.run.scheduled_time, notification_id }));
            }
            reason.incident.clone_from(&self.state.incident);
        }
        self.reasons.push(reason);
    }

    /// Id of the failing check because of which an open incident is not reported. A failure in a step of the check's own is
    /// reported, and so is everything after it.
    fn suppressed_by(&self) -> Option<&'static str> {
        let severity = self.state.incident.as_ref()?.severity;
        let needed = self.dependency.filter(|dependency| dependency.explains(severity, self.last_passed))?;
        (self.state.is_dependent && self.state.announced.is_none()).then_some(needed.need.check)
    }

    /// Records the failing check because of which the incident is not reported.
    fn note_suppression(&mut self, is_failing: bool) {
        let Some(needed) = self.suppressed_by().filter(|_| is_failing && self.silence.is_none()) else { return };
        let Some(incident) = self.state.incident.as_mut().filter(|incident| incident.is_open()) else { return };
        if incident.dependency.as_deref() != Some(needed) {
            incident.dependency = Some(needed.to_owned());
            self.record(None);
        }
    }

    /// Records a silence that begins while the incident is open.
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

    /// Records an acknowledgement that was given since the last run.
    fn note_acknowledgement(&mut self) {
        let incident = self.state.incident.as_mut().filter(|incident| incident.is_open());
        let Some(given) = incident.and_then(|incident| incident.acknowledged.as_mut()).filter(|given| given.is_new)
        else {
            return;
        };
        given.is_new = false;
        self.record(None);
    }

    /// Copies the current state, and the notification if there is one, into the change of the incident record.
    fn record(&mut self, notification: Option<NotificationEntry>) {
        let (Some(incident), Some(failure)) = (&self.state.incident, &self.state.failure) else { return };
        let earlier = self.change.take();
        let mut change = change(self.run, self.subject, self.state.since, failure, incident);
        if let Some(earlier) = earlier {
            // A new record starts with the failure that opened the incident.
            change.failure = earlier.failure;
            change.silence = earlier.silence;
            change.notification = earlier.notification;
        }
        change.notification = notification.or(change.notification);
        self.change = Some(change);
    }
}

pub(super) fn change(
    run: &RunKey,
    subject: &Subject,
    since: Timestamp,
    failure: &Failure,
    incident: &Incident,
) -> IncidentChange {
    IncidentChange {
        incident: incident.clone(),
        check: run.check.clone(),
        subject: subject.clone(),
        since,
        failure: failure.clone(),
        notification: None,
        silence: None,
        at: run.scheduled_time,
    }
}
