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
    /// Time from the first failed run to `ALARM`; negative if the alarm was first, `None` if it fired before the replay.
    ///
    /// **Units:** minutes.
    pub delay_minutes: Option<f64>,
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

/// Times of the incidents of a check, of which none overlap, oldest first.
pub(crate) fn merged(incidents: &[IncidentSpan], check: Option<&str>) -> Vec<(Timestamp, Timestamp)> {
    let own = incidents.iter().filter(|incident| Some(incident.check.as_str()) == check);
    let mut spans: Vec<(Timestamp, Timestamp)> = own.map(|incident| (incident.from, incident.until)).collect();
    spans.sort_unstable();
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, until) in spans {
        match merged.last_mut() {
            Some((_, last)) if from <= *last => *last = until.max(*last),
            _ => merged.push((from, until)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_incidents_of_a_check_are_one_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let span = |check: &str, from, until| IncidentSpan {
            id: String::new(),
            check: check.to_owned(),
            from: at(from),
            until: at(until),
        };
        let all = [span("a", 50, 60), span("b", 0, 99), span("a", 10, 30), span("a", 20, 25), span("a", 30, 40)];
        assert_eq!(merged(&all, Some("a")), [(at(10), at(40)), (at(50), at(60))]);
        assert_eq!(merged(&all, None), []);
    }
}
