//! What is stored between runs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Failure, Subject};

/// What a check remembers of its subjects. Healthy ones are not stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckState {
    /// Of this shape.
    pub schema_version: u32,
    /// The unhealthy subjects, at most [`CheckState::MAX_SUBJECTS`].
    pub subjects: BTreeMap<Subject, SubjectState>,
    /// How many more failed in the last run than there was room for.
    #[serde(default)]
    pub not_stored: u32,
    /// The last run in which every subject was healthy.
    #[serde(default)]
    pub last_good: Option<LastGood>,
}

impl CheckState {
    /// The version of this shape.
    pub const SCHEMA_VERSION: u32 = 1;
    /// The most unhealthy subjects that are stored; the item must stay under what the table takes.
    pub const MAX_SUBJECTS: usize = 200;
}

impl Default for CheckState {
    fn default() -> Self {
        Self { schema_version: Self::SCHEMA_VERSION, subjects: BTreeMap::new(), not_stored: 0, last_good: None }
    }
}

/// The last run in which everything was healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastGood {
    /// Its id.
    pub run_id: String,
    /// The time it was meant for.
    pub at: Timestamp,
}

/// Where a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It failed, but not often enough for an incident.
    Suspect,
    /// An incident is open.
    Failing,
    /// An incident is open, and the last runs passed, but not enough of them.
    Recovering,
}

/// What one location saw of a subject lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Streak {
    /// Failed runs in a row.
    pub failed: u32,
    /// Passed runs in a row.
    pub passed: u32,
    /// Whether a failed run of the streak was confirmed by a second attempt.
    pub confirmed: bool,
}

/// An unhealthy subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectState {
    /// Where it stands.
    pub phase: Phase,
    /// The scheduled time of the first failed run.
    pub since: Timestamp,
    /// What each location saw lately; the quorum is over these.
    pub votes: BTreeMap<String, Streak>,
    /// The latest failure.
    pub failure: Failure,
    /// The open incident.
    #[serde(default)]
    pub incident: Option<Incident>,
}

/// From confirmed failure to recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// Its id, made of check, subject and the time of the first failed run.
    pub id: String,
    /// The scheduled time of the run that opened it.
    pub opened_at: Timestamp,
    /// When people were last told of it.
    pub told_at: Timestamp,
}
