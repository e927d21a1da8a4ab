//! Lost monitoring: reported after several inconclusive runs, and again when runs reach a verdict.

use super::step::Step;
use super::types::{NotificationReason, Reason};
use crate::incident::policy::span;
use crate::incident::silence::SilenceKind;
use crate::incident::state::MonitoringGap;
use crate::model::Inconclusive;

impl Step<'_> {
    /// Takes an inconclusive vote of this location.
    pub(super) fn take_inconclusive(&mut self, inconclusive: &Inconclusive) {
        let (now, policy) = (self.now(), self.policy);
        let gap = self.state.monitoring_gap.get_or_insert_with(|| MonitoringGap {
            since: now,
            inconclusive: inconclusive.clone(),
            notified_at: None,
        });
        gap.inconclusive = inconclusive.clone();
        let notified_at = gap.notified_at;
        let is_due = notified_at.is_none_or(|notified_at| now.duration_since(notified_at) >= span(policy.remind_every));
        let is_lost =
            self.inconclusive_locations(policy.monitoring_lost_after) >= policy.required_votes(self.alive.len());
        let notification_reason = match (is_lost, self.silence) {
            (false, _) => NotificationReason::SuppressedNotYetLost,
            (true, Some(silence)) if silence.kind == SilenceKind::Mute => NotificationReason::SuppressedMuted,
            (true, Some(_)) => NotificationReason::SuppressedMaintenance,
            (true, None) if is_due => NotificationReason::MonitoringLost,
            (true, None) => NotificationReason::SuppressedAlreadyNotified,
        };
        if notification_reason == NotificationReason::MonitoringLost
            && let Some(gap) = &mut self.state.monitoring_gap
        {
            gap.notified_at = Some(now);
        }
        self.push_gap_reason(notification_reason);
    }

    /// Counts the locations whose last `runs` runs were all inconclusive.
    fn inconclusive_locations(&self, runs: u32) -> usize {
        let is_inconclusive =
            |location: &str| self.location_streaks(location).any(|streak| streak.inconclusive >= runs);
        self.alive.iter().filter(|(location, _)| is_inconclusive(location)).count()
    }

    /// Notes that this location reached a verdict. Once enough locations do, the end of a reported gap is reported; the
    /// start of the gap is kept while any location is still inconclusive.
    pub(super) fn note_verdict(&mut self) {
        let inconclusive = self.inconclusive_locations(1);
        if self.state.monitoring_gap.as_ref().is_some_and(|gap| gap.notified_at.is_some())
            && inconclusive < self.policy.required_votes(self.alive.len())
        {
            self.push_gap_reason(NotificationReason::MonitoringRestored);
            if let Some(gap) = &mut self.state.monitoring_gap {
                gap.notified_at = None;
            }
        }
        if inconclusive == 0 {
            self.state.monitoring_gap = None;
        }
    }

    /// Adds a reason that concerns the monitoring gap rather than a failure.
    fn push_gap_reason(&mut self, notification_reason: NotificationReason) {
        let Some(gap) = &self.state.monitoring_gap else { return };
        self.reasons.push(Reason {
            subject: self.subject.clone(),
            notification_reason,
            since: gap.since,
            severity: self.policy.monitoring_lost_severity,
            failure: None,
            inconclusive: Some(gap.inconclusive.clone()),
            incident: None,
            openings: 0,
        });
    }
}
