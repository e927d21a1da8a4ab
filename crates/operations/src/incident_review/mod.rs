//! Review of incidents: what happened, what monitoring saw and missed, and what it cost the error budget.
//!
//! [`gather`] reads a history; [`review`] judges what was read.

mod cause;
mod gather;
mod markdown;
mod seen;
mod timeline;

use check::budget::Objective;
use check::incident::{IncidentRecord, Mark};
use check::{Report, Subject};
use history::{AlarmChange, Day, Notified, RunSummary, SearchCost, Window};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

pub use cause::{Cause, Together};
pub use gather::{Asked, gather, search_cost};
pub use markdown::markdown;
pub use seen::{AlarmSeen, Attempts, Gap, Impact, Seen, SeenRuns};
pub use timeline::{BEFORE, Entry, EntryKind, MAX_CHANGES, timeline};

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
    /// Changes of the alarms on the checks of the incidents, oldest first.
    pub changes: Vec<AlarmChange>,
    /// What could not be read, and why.
    pub unknown: Vec<String>,
}

/// What was read about one incident.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The record.
    pub record: IncidentRecord,
    /// Report of the first failed run.
    pub first: FirstReport,
    /// Runs of the check from an hour before the first failed run to the end, oldest first.
    pub runs: Vec<RunSummary>,
    /// Its notifications; `None` if the source keeps none.
    pub notified: Option<Vec<Notified>>,
    /// The thirty days until the end.
    pub days: Vec<Day>,
    /// Objective of the check.
    pub objective: Option<Objective>,
}

/// Report of the first failed run.
#[derive(Clone, Debug)]
pub enum FirstReport {
    /// It was read.
    Read(Box<Report>),
    /// Reading it has a price, and nobody asked for it.
    NotAsked(SearchCost),
    /// It was not kept.
    Missing,
}

/// Review of incidents.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IncidentReview {
    /// Version of this format.
    pub schema_version: u32,
    /// Name of the environment; empty if it is not known.
    pub environment: String,
    /// Start of the timeline.
    pub from: Timestamp,
    /// End of the timeline.
    pub until: Timestamp,
    /// The incidents, oldest first.
    pub incidents: Vec<Reviewed>,
    /// What happened, oldest first.
    pub timeline: Vec<Entry>,
    /// What was affected together, and what may be the cause.
    pub cause: Cause,
    /// What could not be read, and why.
    pub unknown: Vec<String>,
}

impl IncidentReview {
    /// Version of this format.
    pub const SCHEMA_VERSION: u32 = 1;
}

/// One incident of a review.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Reviewed {
    /// The record.
    pub record: IncidentRecord,
    /// What monitoring saw of it.
    pub seen: Seen,
    /// What it cost the error budget; `None` without an objective, and while the runs may cover less than a day.
    pub impact: Option<Impact>,
}

impl Reviewed {
    /// Name: the check, and its subject if it has one.
    #[must_use]
    pub fn name(&self) -> String {
        name(&self.record.check, &self.record.subject)
    }
}

/// Judges what was read.
#[must_use]
pub fn review(gathered: &Gathered) -> IncidentReview {
    let records: Vec<&IncidentRecord> = gathered.incidents.iter().map(|own| &own.record).collect();
    let reviewed = |own: &Observed| Reviewed {
        record: own.record.clone(),
        seen: seen::seen(own, &gathered.changes, &gathered.environment, gathered.now),
        impact: seen::impact(own, gathered.now),
    };
    IncidentReview {
        schema_version: IncidentReview::SCHEMA_VERSION,
        environment: gathered.environment.clone(),
        from: gathered.window.from,
        until: gathered.window.until,
        incidents: gathered.incidents.iter().map(reviewed).collect(),
        timeline: timeline(gathered),
        cause: cause::cause(&records, gathered),
        unknown: gathered.unknown.clone(),
    }
}

/// JSON Schema of a review (draft 2020-12).
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(IncidentReview).to_value();
    schema["title"] = "Review of incidents".into();
    schema["description"] = "Output of `synthetics incident --format json`.".into();
    schema
}

fn name(check: &str, subject: &Subject) -> String {
    crate::names::format_scope(check, Some(subject).filter(|subject| !subject.is_whole()))
}

#[cfg(test)]
mod tests;
