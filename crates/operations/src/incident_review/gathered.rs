//! What is read about incidents.

use std::collections::BTreeSet;

use check::budget::Objective;
use check::incident::{IncidentRecord, Mark};
use check::{Report, Subject};
use history::{AlarmChange, Day, Notified, RunSummary, Window};
use jiff::Timestamp;

use super::logged::Logged;

/// What was read about incidents and the time around them.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// Name of the environment; empty if it is not known.
    pub environment: String,
    /// Time of the reading.
    pub now: Timestamp,
    /// Window of the timeline.
    pub window: Window,
    /// The incidents, oldest first.
    pub incidents: Vec<Observed>,
    /// Incidents of other checks and subjects in the window, oldest first.
    pub others: Vec<IncidentRecord>,
    /// Marks in the window, oldest first.
    pub marks: Vec<Mark>,
    /// Changes of the alarms on the checks of the incidents, oldest first. `None`: some may be unknown, or nothing evaluates alarms.
    pub changes: Option<Vec<AlarmChange>>,
    /// Log lines that were asked for.
    pub logged: Logged,
    /// What could not be read, and why.
    pub unknown: Vec<String>,
}

/// What was read about one incident.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The record.
    pub record: IncidentRecord,
    /// Report of the first failed run; `None` if it was not kept, or has a price.
    pub first: Option<Box<Report>>,
    /// Names of the alarms on the check.
    pub alarms: BTreeSet<String>,
    /// Runs of the check from an hour before the first failed run to the end, oldest first.
    pub runs: Vec<RunSummary>,
    /// Its notifications; `None` if the source keeps none.
    pub notified: Option<Vec<Notified>>,
    /// The thirty days until the end.
    pub days: Vec<Day>,
    /// Objective of the check.
    pub objective: Option<Objective>,
}

/// Name: the check, and its subject if it has one.
pub(super) fn name(check: &str, subject: &Subject) -> String {
    crate::names::format_scope(check, Some(subject).filter(|subject| !subject.is_whole()))
}
