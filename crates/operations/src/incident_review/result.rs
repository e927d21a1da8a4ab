//! The result of a review.

use check::incident::IncidentRecord;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::cause::Cause;
use super::gathered::name;
use super::seen::{Impact, Seen};
use super::timeline::Entry;

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
