//! Incidents of the window, and the alarms that saw them.

use check::incident::{IncidentRecord, Severity};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Incident of the window.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReviewedIncident {
    /// Id.
    pub id: String,
    /// Id of the check.
    pub check: String,
    /// Subject within the check; `-` if the check is a single flow.
    pub subject: String,
    /// Highest severity.
    pub severity: Severity,
    /// Scheduled time of the first failed run.
    pub since: Timestamp,
    /// End; `None` while it is open.
    pub until: Option<Timestamp>,
    /// Step that failed first.
    pub step: String,
    /// Alarms that fired for it, the first one first.
    pub seen_by: Vec<SeenBy>,
    /// True if an alarm of its check that judges the platform was replayed from its start on. If not, it is unknown whether one fired.
    pub replayed: bool,
    /// Marks of the hour before it, such as a release.
    pub marks: Vec<String>,
}

/// Alarm that fired for an incident.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SeenBy {
    /// Logical id of the alarm.
    pub alarm: String,
    /// True if it notifies people.
    pub notifies: bool,
    /// Time from the first failed run to `ALARM`; negative if the alarm was first.
    ///
    /// **Units:** minutes.
    pub delay_minutes: f64,
}

/// Time of an incident, as alarms are compared with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IncidentSpan {
    pub(crate) id: String,
    pub(crate) check: String,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl IncidentSpan {
    /// The time of a recorded incident. One that is open lasts until now.
    pub(crate) fn new(record: &IncidentRecord, now: Timestamp) -> Self {
        Self {
            id: record.id.clone(),
            check: record.check.clone(),
            from: record.since,
            until: record.closed_at.unwrap_or(now).max(record.since),
        }
    }

    pub(crate) fn overlaps(&self, from: Timestamp, until: Timestamp) -> bool {
        self.from < until && from <= self.until
    }
}
