//! The record of incidents: what can be looked up long after they are over.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Incident, Severity, Silence};
use crate::message::Event;
use crate::{Failure, Subject};

/// One incident as it is kept: 400 days from its last change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentRecord {
    /// Of this shape.
    pub schema_version: u32,
    /// Its id.
    pub id: String,
    /// The check's id.
    pub check: String,
    /// What in the check it is about.
    pub subject: Subject,
    /// The scheduled time of the first failed run.
    pub since: Timestamp,
    /// The scheduled time of the run that opened it.
    pub opened_at: Timestamp,
    /// How severe it became.
    pub severity: Severity,
    /// When it was escalated, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// The failure that opened it.
    pub first: Failure,
    /// The failure at its last change.
    pub latest: Failure,
    /// Who was told what, in order.
    pub notifications: Vec<NotificationEntry>,
    /// When nobody was told, and why.
    pub silences: Vec<Silence>,
    /// The scheduled time of the run that closed it; none while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// One message about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationEntry {
    /// What it said.
    pub event: Event,
    /// The scheduled time of the run that told.
    pub at: Timestamp,
    /// Its id.
    pub notification_id: String,
}

/// What a run changes in a record. Written with the state or not at all, so that each is written once.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentChange {
    /// The incident after it.
    pub incident: Incident,
    /// The check's id.
    pub check: String,
    /// What in the check it is about.
    pub subject: Subject,
    /// The scheduled time of the first failed run.
    pub since: Timestamp,
    /// The latest failure; the first one too when the record is new.
    pub failure: Failure,
    /// A message about it.
    pub notification: Option<NotificationEntry>,
    /// A silence that began.
    pub silence: Option<Silence>,
    /// The scheduled time of the run.
    pub at: Timestamp,
}

impl IncidentRecord {
    /// The version of this shape.
    pub const SCHEMA_VERSION: u32 = 2;
    /// How long a record is kept after its last change.
    pub const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
    /// The most messages in a record; what closes the incident stands there all the same.
    pub const MAX_NOTIFICATIONS: u32 = 50;

    /// The record after a change.
    #[must_use]
    pub fn after(earlier: Option<Self>, change: &IncidentChange) -> Self {
        let (first, mut notifications, mut silences) = match earlier {
            Some(record) => (record.first, record.notifications, record.silences),
            None => (change.failure.clone(), Vec::new(), Vec::new()),
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
            closed_at: change.incident.closed_at,
        }
    }
}

/// An id that says what it is about, the same whoever computes it.
pub(super) fn incident_id(check: &str, subject: &Subject, since: Timestamp) -> String {
    let when = since.strftime("%Y%m%dT%H%M%SZ");
    if subject.is_whole() { format!("{check}.{when}") } else { format!("{check}.{subject}.{when}") }
}

/// The check and the time of the first failed run that an incident's id names. `None`: it is no such id.
#[must_use]
pub fn parts_of_id(id: &str) -> Option<(&str, &str)> {
    // Subjects may hold full stops; checks and times do not.
    let (check, rest) = id.split_once('.')?;
    let since = rest.rsplit('.').next()?;
    let is_time = since.len() == 16 && since.ends_with('Z') && since.as_bytes()[8] == b'T';
    (is_time && !check.is_empty()).then_some((check, since))
}
