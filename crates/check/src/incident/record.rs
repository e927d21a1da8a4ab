//! Incident records, kept long after the incidents are over.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acknowledgement::Acknowledgement;
use super::event::Event;
use super::severity::Severity;
use super::silence::Silence;
use super::state::Incident;
use crate::model::{Failure, Subject};

/// One incident as stored, for 400 days from its last change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// Id of the incident.
    pub id: String,
    /// Id of the check.
    pub check: String,
    /// Subject within the check.
    pub subject: Subject,
    /// Scheduled time of the first failed run.
    pub since: Timestamp,
    /// Scheduled time of the run that opened the incident.
    pub opened_at: Timestamp,
    /// Highest severity it reached.
    pub severity: Severity,
    /// Time of the escalation, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// Failure that opened it.
    pub first: Failure,
    /// Failure at the last change.
    pub latest: Failure,
    /// Notifications, in order.
    pub notifications: Vec<NotificationEntry>,
    /// Silences that applied while the incident was open.
    pub silences: Vec<Silence>,
    /// Id of the failing check because of which it was not reported at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency: Option<String>,
    /// Acknowledgement by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// Scheduled time of the run that closed it; `None` while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// One notification about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationEntry {
    /// Notified event.
    pub event: Event,
    /// Scheduled time of the run that notified.
    pub at: Timestamp,
    /// Id of the notification.
    pub notification_id: String,
}

/// Change of an incident record by one run. It is written together with the state or not at all, so each change is
/// written once.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentChange {
    /// The incident after the change.
    pub incident: Incident,
    /// Id of the check.
    pub check: String,
    /// Subject within the check.
    pub subject: Subject,
    /// Scheduled time of the first failed run.
    pub since: Timestamp,
    /// Latest failure; also the first one when the record is new.
    pub failure: Failure,
    /// Notification to add.
    pub notification: Option<NotificationEntry>,
    /// Silence that began.
    pub silence: Option<Silence>,
    /// Scheduled time of the run.
    pub at: Timestamp,
}

impl IncidentRecord {
    /// Version of this format.
    pub const SCHEMA_VERSION: u32 = 2;
    /// Retention after the last change.
    pub const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
    /// Maximum number of notifications in a record. The one that closes the incident is stored even beyond it.
    pub const MAX_NOTIFICATIONS: u32 = 50;

    /// Applies a change to the earlier record, or starts a new one.
    #[must_use]
    pub fn after(earlier: Option<Self>, change: &IncidentChange) -> Self {
        let (first, mut notifications, mut silences, dependency) = match earlier {
            Some(record) => (record.first, record.notifications, record.silences, record.dependency),
            None => (change.failure.clone(), Vec::new(), Vec::new(), None),
        };
        notifications.extend(change.notification.clone());
        silences.extend(change.silence.clone());
        Self {
            schema_version: Self::SCHEMA_VERSION,
            id: change.incident.id.clone(),
            check: change.check.clone(),
            subject: change.subject.clone(),
            since: change.since,
            opened_at: change.incident.opened_at,
            severity: change.incident.severity,
            escalated_at: change.incident.escalated_at,
            first,
            latest: change.failure.clone(),
            notifications,
            silences,
            dependency: change.incident.dependency.clone().or(dependency),
            acknowledged: change.incident.acknowledged.clone().map(Acknowledgement::recorded),
            closed_at: change.incident.closed_at,
        }
    }
}

/// Readable id that every run computes identically.
pub(super) fn incident_id(check: &str, subject: &Subject, since: Timestamp) -> String {
    let when = since.strftime("%Y%m%dT%H%M%SZ");
    if subject.is_whole() { format!("{check}.{when}") } else { format!("{check}.{subject}.{when}") }
}

/// Extracts the check and the time of the first failed run from an incident id. `None` when the text is not one.
#[must_use]
pub fn parts_of_id(id: &str) -> Option<(&str, &str)> {
    // Subjects may contain full stops; checks and times do not.
    let (check, rest) = id.split_once('.')?;
    let since = rest.rsplit('.').next()?;
    let is_time = since.len() == 16 && since.ends_with('Z') && since.as_bytes()[8] == b'T';
    (is_time && !check.is_empty()).then_some((check, since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_kept_for_400_days() {
        assert_eq!(IncidentRecord::KEPT.as_hours(), 9_600);
    }

    #[test]
    fn incident_ids_are_taken_apart() {
        let since = "2026-05-28T20:27:00Z".parse().unwrap();
        for (subject, id) in [
            (Subject::whole(), "login.20260528T202700Z"),
            (Subject::own("web"), "login.web.20260528T202700Z"),
            (Subject::own("web.old"), "login.web.old.20260528T202700Z"),
        ] {
            assert_eq!(incident_id("login", &subject, since), id);
            assert_eq!(parts_of_id(id), Some(("login", "20260528T202700Z")));
        }
        for (case, other) in [
            ("no check", ".20260528T202700Z"),
            ("no time", "login"),
            ("a short time", "login.20260528T20270Z"),
            ("a long time", "login.20260528T2027000Z"),
            ("no time zone", "login.20260528T2027000"),
            ("no letter in the middle", "login.20260528-202700Z"),
        ] {
            assert_eq!(parts_of_id(other), None, "{case}");
        }
    }
}
