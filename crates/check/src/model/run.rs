//! Identity of a run, and the data that it could not remove.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::Text;
use super::phrase::Phrase;
use super::redact::Redact;

/// Identity of a run: two executions with the same check, location, shard and scheduled time are the same run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RunKey {
    /// Id of the check.
    pub check: String,
    /// Location of the run.
    pub location: String,
    /// Shard of the targets; a manual run has its own, so it does not affect scheduled runs.
    pub shard: Shard,
    /// Scheduled time.
    pub scheduled_time: Timestamp,
}

/// Part of a check's targets that a run examines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Index, from 0.
    pub index: u16,
    /// Number of shards, at least 1.
    pub of: u16,
    /// True when a person or a pipeline started the run, outside the schedule.
    pub manual: bool,
}

impl Shard {
    /// The only shard of a scheduled run.
    pub const ONLY: Self = Self { index: 0, of: 1, manual: false };
    /// A manual run of all targets.
    pub const MANUAL: Self = Self { index: 0, of: 1, manual: true };

    /// True when the item at this position of a list belongs to this shard.
    #[must_use]
    pub fn holds(self, position: usize) -> bool {
        position % usize::from(self.of) == usize::from(self.index)
    }
}

impl RunKey {
    /// Key under which the last run is stored. Runs of different slots are not compared by time.
    #[must_use]
    pub fn slot(&self) -> String {
        if self.shard.manual {
            format!("{}/manual", self.location)
        } else {
            format!("{}/{}of{}", self.location, self.shard.index, self.shard.of)
        }
    }
}

impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.check, self.slot(), self.scheduled_time.strftime("%Y%m%dT%H%M%SZ"))
    }
}

/// Synthetic data that a run created and could not remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leftover {
    /// Compensation that failed.
    pub compensation: String,
    /// Description of the data, and why it remains.
    pub detail: Text,
    /// Instructions for leftovers that `synthetics cleanup` cannot remove; absent when it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl Leftover {
    /// Maximum length of the detail, in characters.
    pub const MAX_DETAIL: usize = 300;

    /// Creates a leftover; the detail passes the gate.
    #[must_use]
    pub fn new(
        compensation: impl Into<String>,
        detail: impl Into<Phrase>,
        instructions: Option<String>,
        redactor: &dyn Redact,
    ) -> Self {
        Self {
            compensation: compensation.into(),
            detail: detail.into().admit(redactor, Self::MAX_DETAIL),
            instructions,
        }
    }
}
