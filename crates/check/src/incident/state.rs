//! State stored between runs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acknowledgement::Acknowledgement;
use super::severity::Severity;
use super::silence::Silence;
use crate::budget::RunCounts;
use crate::model::{Failure, Inconclusive, Leftover, Subject};

/// Stored state of one check. Healthy subjects are kept only while they may be flapping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckState {
    /// Version of this format.
    pub schema_version: u32,
    /// Unhealthy subjects, at most [`CheckState::MAX_SUBJECTS`].
    pub subjects: BTreeMap<Subject, SubjectState>,
    /// Number of unhealthy subjects of the last run for which there was no room.
    #[serde(default)]
    pub not_stored: u32,
    /// Last run in which every subject was healthy.
    #[serde(default)]
    pub last_successful_run: Option<LastSuccessfulRun>,
    /// Locations that run the check, with their last run; at most [`CheckState::MAX_LOCATIONS`].
    #[serde(default)]
    pub locations: BTreeMap<String, LocationActivity>,
    /// Active mutes, at most [`CheckState::MAX_MUTES`].
    #[serde(default)]
    pub mutes: Vec<Silence>,
    /// Data that runs created and could not remove.
    #[serde(default)]
    pub leftovers: Option<Leftovers>,
    /// Passed and failed runs of the last days, for the error budget.
    #[serde(default, skip_serializing_if = "RunCounts::is_empty")]
    pub runs: RunCounts,
}

/// Stored state that this release cannot read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableState {
    /// The text is not JSON, or does not match the format of its version.
    #[error(transparent)]
    Shape(#[from] serde_json::Error),
    /// A newer release wrote it.
    #[error(
        "expected schema_version {}, found {found}: a newer release wrote the state; deploy that release again",
        CheckState::SCHEMA_VERSION
    )]
    Newer {
        /// The version that was found.
        found: u64,
    },
    /// An older release wrote it.
    #[error("expected schema_version {}, found {found}: an older release wrote the state", CheckState::SCHEMA_VERSION)]
    Older {
        /// The version that was found.
        found: u64,
    },
}

impl CheckState {
    /// Version of this format. It goes up when an older release could no longer read the state.
    pub const SCHEMA_VERSION: u32 = 3;
    /// Maximum number of stored subjects. It keeps the item below the table's size limit.
    pub const MAX_SUBJECTS: usize = 200;
    /// Maximum number of mutes at a time.
    pub const MAX_MUTES: usize = 50;
    /// Maximum number of locations. Beyond it, the one that ran longest ago is left out.
    pub const MAX_LOCATIONS: usize = 20;

    /// Reads a stored state.
    ///
    /// # Errors
    /// When the text is not a valid state, or another release wrote it. Nothing is guessed.
    pub fn read(text: &str) -> Result<Self, UnreadableState> {
        let stored: Value = serde_json::from_str(text)?;
        match stored["schema_version"].as_u64() {
            Some(found) if found > u64::from(Self::SCHEMA_VERSION) => Err(UnreadableState::Newer { found }),
            Some(found) if found < u64::from(Self::SCHEMA_VERSION) => Err(UnreadableState::Older { found }),
            _ => Ok(serde_json::from_value(stored)?),
        }
    }
}

impl Default for CheckState {
    fn default() -> Self {
        Self {
            schema_version: Self::SCHEMA_VERSION,
            subjects: BTreeMap::new(),
            not_stored: 0,
            last_successful_run: None,
            locations: BTreeMap::new(),
            mutes: Vec::new(),
            leftovers: None,
            runs: RunCounts::default(),
        }
    }
}

/// Last run in which every subject was healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastSuccessfulRun {
    /// Id of the run.
    pub run_id: String,
    /// Scheduled time of the run.
    pub at: Timestamp,
}

/// Last run of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocationActivity {
    /// Scheduled time of the last run.
    pub at: Timestamp,
    /// Seconds between the last two runs; 0 after the first.
    pub every_seconds: i64,
}

/// Phase of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Healthy now; stored because it may be flapping or its last runs were inconclusive.
    Healthy,
    /// Failed, but not often enough to open an incident.
    Suspect,
    /// An incident is open.
    Failing,
    /// An incident is open; the last runs passed, but too few to close it.
    Recovering,
}

/// Recent results of one location for a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Streak {
    /// Failed runs in a row.
    pub failed: u32,
    /// Passed runs in a row.
    pub passed: u32,
    /// True when a second attempt confirmed a failed run of the streak.
    pub confirmed: bool,
    /// Inconclusive runs in a row. Earlier results are kept, but the location does not vote meanwhile.
    #[serde(default)]
    pub inconclusive: u32,
}

/// Announced condition of a subject whose end has not been announced yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announced {
    /// Announced condition.
    pub what: Announcement,
    /// Announced severity.
    pub severity: Severity,
    /// Time of the first notification.
    pub first: Timestamp,
    /// Time of the last notification.
    pub last: Timestamp,
}

/// Condition whose beginning was announced, but not its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Announcement {
    /// An incident is open.
    Open,
    /// Incidents open and close too often.
    Flapping,
}

/// State of an unhealthy or possibly flapping subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectState {
    /// Current phase.
    pub phase: Phase,
    /// Scheduled time of the first failed run, or of the first inconclusive one when none failed.
    pub since: Timestamp,
    /// Recent results by voter; the quorum counts them.
    pub votes: BTreeMap<String, Streak>,
    /// Latest failure.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Open incident, or the last one.
    #[serde(default)]
    pub incident: Option<Incident>,
    /// Time at which an incident last opened or closed; without one, the time the subject was first stored.
    pub changed_at: Timestamp,
    /// Announcement that is still in effect.
    #[serde(default)]
    pub announced: Option<Announced>,
    /// Times at which incidents opened within the flap window.
    #[serde(default)]
    pub openings: Vec<Timestamp>,
    /// True when incidents open and close too often to be reported one by one.
    #[serde(default)]
    pub is_flapping: bool,
    /// Period of inconclusive runs, while it lasts.
    #[serde(default)]
    pub monitoring_gap: Option<MonitoringGap>,
}

/// Period in which the runs about a subject were inconclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonitoringGap {
    /// Scheduled time of the first inconclusive run.
    pub since: Timestamp,
    /// Cause of the last inconclusive run.
    pub inconclusive: Inconclusive,
    /// Time of the last notification.
    #[serde(default)]
    pub notified_at: Option<Timestamp>,
}

/// One incident, from confirmed failure to recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// Id, made of check, subject and the time of the first failed run.
    pub id: String,
    /// Scheduled time of the run that opened it.
    pub opened_at: Timestamp,
    /// Severity of the worst failure, or higher after an escalation.
    pub severity: Severity,
    /// Time of the escalation, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// Scheduled time of the run that closed it; `None` while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Number of notifications in its record.
    #[serde(default)]
    pub recorded: u32,
    /// Id of the last silence in its record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_by: Option<String>,
    /// Acknowledgement by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
}

impl Incident {
    /// True until the incident is closed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }
}

/// Leftovers that have not been reported yet, or were reported recently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leftovers {
    /// Scheduled time of the first run with leftovers.
    pub since: Timestamp,
    /// Scheduled time of the last such run.
    pub last: Timestamp,
    /// Time of the last notification.
    #[serde(default)]
    pub notified_at: Option<Timestamp>,
    /// Leftovers that have not been reported yet, at most [`Leftovers::MAX`].
    pub pending: Vec<Leftover>,
    /// Number of further leftovers for which there was no room.
    #[serde(default)]
    pub more: u32,
}

impl Leftovers {
    /// Maximum number of leftovers that are listed.
    pub const MAX: usize = 20;
}
