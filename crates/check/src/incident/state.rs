//! What is stored between runs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Severity;
use super::silence::Silence;
use crate::{Failure, Inconclusive, Leftover, Subject, text};

/// What a check remembers of its subjects. Healthy ones are stored only as long as they may be flapping.
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
    pub last_successful_run: Option<LastSuccessfulRun>,
    /// Where the check runs from, and when it did last.
    #[serde(default)]
    pub locations: BTreeMap<String, LocationActivity>,
    /// What people have asked not to hear of, at most [`CheckState::MAX_MUTES`].
    #[serde(default)]
    pub mutes: Vec<Silence>,
    /// What runs could not remove.
    #[serde(default)]
    pub leftovers: Option<Leftovers>,
}

/// Stored state that this release cannot read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableState {
    /// The text is not JSON, or does not have the shape of its version.
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
    /// The version of this shape. It goes up when an older release could not read it any more.
    pub const SCHEMA_VERSION: u32 = 3;
    /// The most unhealthy subjects that are stored; the item must stay under what the table takes.
    pub const MAX_SUBJECTS: usize = 200;
    /// The most mutes at a time.
    pub const MAX_MUTES: usize = 50;
    /// The longest state, in bytes of JSON: a little more than half of what the table takes for an item.
    pub const MAX_BYTES: usize = 220_000;

    /// Reads a stored state.
    ///
    /// # Errors
    /// When the state cannot be understood, or another release wrote it. State is never guessed.
    pub fn read(text: &str) -> Result<Self, UnreadableState> {
        let stored: Value = serde_json::from_str(text)?;
        match stored["schema_version"].as_u64() {
            Some(found) if found > u64::from(Self::SCHEMA_VERSION) => Err(UnreadableState::Newer { found }),
            Some(found) if found < u64::from(Self::SCHEMA_VERSION) => Err(UnreadableState::Older { found }),
            _ => Ok(serde_json::from_value(stored)?),
        }
    }

    /// Shortens what was seen until the state fits: evidence first, which the log of the run holds as well.
    #[must_use]
    pub(super) fn fitted(mut self) -> Self {
        for longest in [Failure::MAX_TEXT, 60, 15, 0] {
            if serde_json::to_string(&self).map_or(0, |text| text.len()) <= Self::MAX_BYTES {
                break;
            }
            for failure in self.subjects.values_mut().filter_map(|subject| subject.failure.as_mut()) {
                failure.evidence = None;
                failure.expected = text::cut(&failure.expected, longest);
                failure.actual = text::cut(&failure.actual, longest);
            }
        }
        self
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
        }
    }
}

/// The last run in which everything was healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastSuccessfulRun {
    /// Its id.
    pub run_id: String,
    /// The time it was meant for.
    pub at: Timestamp,
}

/// When a location ran last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocationActivity {
    /// The scheduled time of its last run.
    pub at: Timestamp,
    /// How long after the run before, in seconds. 0: there was none.
    pub every_seconds: i64,
}

/// Where a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is well, but was not for long: remembered to see whether it is flapping, or because it cannot be judged.
    Healthy,
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
    /// Runs in a row that could not judge. What was seen before stands, but does not vote meanwhile.
    #[serde(default)]
    pub inconclusive: u32,
}

/// What people believe of a subject, because we told them so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announced {
    /// What.
    pub what: Announcement,
    /// How severe.
    pub severity: Severity,
    /// When they were told of it first.
    pub first: Timestamp,
    /// When they were told of it last.
    pub last: Timestamp,
}

/// What people can have been told of a subject that they were not told is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Announcement {
    /// An incident is open.
    Open,
    /// Incidents come and go.
    Flapping,
}

/// An unhealthy subject, or one that may be flapping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectState {
    /// Where it stands.
    pub phase: Phase,
    /// The scheduled time of the first failed run; of the first that could not judge when none failed.
    pub since: Timestamp,
    /// What each location saw lately; the quorum is over these.
    pub votes: BTreeMap<String, Streak>,
    /// The latest failure.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// The open incident, or the last one.
    #[serde(default)]
    pub incident: Option<Incident>,
    /// When an incident opened or closed last; when the subject was stored, if none did.
    pub changed_at: Timestamp,
    /// What people were told.
    #[serde(default)]
    pub announced: Option<Announced>,
    /// When incidents opened within the last flap window.
    #[serde(default)]
    pub openings: Vec<Timestamp>,
    /// Whether incidents come and go too often to be told one by one.
    #[serde(default)]
    pub is_flapping: bool,
    /// Why it cannot be judged.
    #[serde(default)]
    pub monitoring_gap: Option<MonitoringGap>,
}

/// A subject that cannot be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonitoringGap {
    /// The scheduled time of the first run that could not.
    pub since: Timestamp,
    /// Why the last one could not.
    pub inconclusive: Inconclusive,
    /// When people were told last.
    #[serde(default)]
    pub notified_at: Option<Timestamp>,
}

/// From confirmed failure to recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// Its id, made of check, subject and the time of the first failed run.
    pub id: String,
    /// The scheduled time of the run that opened it.
    pub opened_at: Timestamp,
    /// How severe: as its worst failure, or more when it was escalated.
    pub severity: Severity,
    /// When it was escalated, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// The scheduled time of the run that closed it, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// How many messages about it stand in its record.
    #[serde(default)]
    pub recorded: u32,
    /// The last silence that stands in its record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_by: Option<String>,
}

impl Incident {
    /// Whether it is not over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }
}

/// What runs created and could not remove, as far as people have not been told, or were told lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leftovers {
    /// The scheduled time of the first run that left something.
    pub since: Timestamp,
    /// Of the last one.
    pub last: Timestamp,
    /// When people were told last.
    #[serde(default)]
    pub notified_at: Option<Timestamp>,
    /// What they were not told yet, at most [`Leftovers::MAX`].
    pub pending: Vec<Leftover>,
    /// How much more that is.
    #[serde(default)]
    pub more: u32,
}

impl Leftovers {
    /// The most leftovers that are named.
    pub const MAX: usize = 20;
}
