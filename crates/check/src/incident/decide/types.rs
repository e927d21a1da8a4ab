//! Types of the incident decision: the findings of a run, and the reason for each change of state.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::event::Event;
use crate::incident::record::IncidentChange;
use crate::incident::severity::Severity;
use crate::incident::silence::Silence;
use crate::incident::state::{CheckState, Incident, Leftovers};
use crate::model::{Failure, Inconclusive, Leftover, RunKey, Subject};

/// Verdict of one run about one subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Vote {
    /// Nothing was wrong.
    Healthy,
    /// Something was wrong.
    Failing {
        /// The first failure.
        failure: Failure,
        /// True when two attempts of the run agree.
        confirmed: bool,
    },
    /// The run could not reach a verdict.
    Inconclusive(Inconclusive),
    /// The platform is in maintenance mode.
    Maintenance,
}

/// Reason for sending a notification about a subject, or for suppressing it. Every suppression has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationReason {
    /// Sent: an incident opened.
    Opened,
    /// Sent: the incident is still open.
    Reminded,
    /// Sent: the incident is more severe than the last notification said.
    Escalated,
    /// Sent: the incident is over.
    Recovered,
    /// Sent: incidents open and close so often that they are no longer reported one by one.
    Flapping,
    /// Sent: the subject no longer flaps.
    Stabilized,
    /// Sent: the last runs were inconclusive.
    MonitoringLost,
    /// Sent: runs reach a verdict again.
    MonitoringRestored,
    /// Suppressed: the failure is not confirmed yet.
    SuppressedNotConfirmed,
    /// Suppressed: not enough locations agree.
    SuppressedOutvoted,
    /// Suppressed: an unconfirmed failure did not recur.
    SuppressedPassedAgain,
    /// Suppressed: a notification was sent before, and it is too early for a reminder.
    SuppressedAlreadyNotified,
    /// Suppressed: the subject passed, but not in enough runs to close the incident.
    SuppressedNotYetRecovered,
    /// Suppressed: the flapping was reported, and the subject has not been stable for long enough.
    SuppressedNotYetStable,
    /// Suppressed: the run was inconclusive, but too few in a row were.
    SuppressedNotYetLost,
    /// Suppressed: a person muted the subject.
    SuppressedMuted,
    /// Suppressed: the platform reports maintenance, or a maintenance window of the settings is open.
    SuppressedMaintenance,
    /// Suppressed: it is time for a reminder, and a person has acknowledged the incident.
    SuppressedAcknowledged,
    /// Suppressed: the incident is over, and its opening was never reported.
    SuppressedNeverNotified,
    /// Suppressed until the next run: more incidents changed than one write takes.
    SuppressedPostponed,
    /// Suppressed: the state has no room for another subject.
    SuppressedNotStored,
    /// Suppressed: the check no longer has this subject.
    SuppressedDropped,
}

impl NotificationReason {
    /// Event of the notification; `None` when it is suppressed.
    #[must_use]
    pub const fn event(self) -> Option<Event> {
        Some(match self {
            Self::Opened => Event::Opened,
            Self::Reminded => Event::Reminded,
            Self::Escalated => Event::Escalated,
            Self::Recovered => Event::Recovered,
            Self::Flapping => Event::Flapping,
            Self::Stabilized => Event::Stabilized,
            Self::MonitoringLost => Event::MonitoringLost,
            Self::MonitoringRestored => Event::MonitoringRestored,
            _ => return None,
        })
    }
}

/// Change that a run made to one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The subject.
    pub subject: Subject,
    /// Why a notification is sent or suppressed.
    pub notification_reason: NotificationReason,
    /// Scheduled time of the first failed run, or of the first inconclusive one.
    pub since: Timestamp,
    /// Severity of the notification; for a suppressed one, the severity it would have.
    pub severity: Severity,
    /// The subject's latest failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Cause of the latest inconclusive run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<Inconclusive>,
    /// The incident, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// Number of incidents that opened within the flap window.
    #[serde(default)]
    pub openings: u32,
}

/// State after a run, and the changes that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The state to store.
    pub next: CheckState,
    /// At least one entry for each examined subject that is unhealthy, or was before this run.
    pub reasons: Vec<Reason>,
    /// Leftovers to report now.
    pub leftovers: Option<Leftovers>,
    /// Changes to the incident records.
    pub changes: Vec<IncidentChange>,
}

/// Findings of one run.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Key of the run.
    pub run: &'a RunKey,
    /// Id of the run.
    pub run_id: &'a str,
    /// Vote for each examined subject.
    pub votes: &'a BTreeMap<Subject, Vote>,
    /// True if the run passed, false if it failed; `None` without a verdict.
    pub passed: Option<bool>,
    /// All subjects of the check, when the settings define them.
    pub subjects: Option<&'a BTreeSet<Subject>>,
    /// Data that the run created and could not remove.
    pub leftovers: &'a [Leftover],
    /// Open maintenance windows of this check.
    pub windows: &'a [Silence],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_reasons_are_named_like_their_events() {
        use NotificationReason as R;
        for reason in [
            R::Opened,
            R::Reminded,
            R::Escalated,
            R::Recovered,
            R::Flapping,
            R::Stabilized,
            R::MonitoringLost,
            R::MonitoringRestored,
        ] {
            let event = reason.event().map(Event::as_str);
            assert_eq!(event, serde_json::to_value(reason).unwrap().as_str(), "{reason:?}");
        }
        assert_eq!(R::SuppressedMuted.event(), None);
    }
}
