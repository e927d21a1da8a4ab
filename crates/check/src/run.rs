//! Which run it is, and all that can be said about it afterwards.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::Reason;
use crate::{Attempt, Outcome};

/// What makes two executions the same run: the check, where and which part of it, and the minute it was meant for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RunKey {
    /// The check's id.
    pub check: String,
    /// Where it ran from.
    pub location: String,
    /// Which part of the targets: `0` of one, `manual` for a run by hand, which disturbs no scheduled one.
    pub shard: Shard,
    /// The time it was meant for.
    pub scheduled_time: Timestamp,
}

/// Which part of a check's targets a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// From 0.
    pub index: u16,
    /// How many there are; at least 1.
    pub of: u16,
    /// Whether a person or a pipeline started the run, beside the schedule.
    pub manual: bool,
}

impl Shard {
    /// The only shard of a scheduled run.
    pub const ONLY: Self = Self { index: 0, of: 1, manual: false };
    /// A run by hand, of everything.
    pub const MANUAL: Self = Self { index: 0, of: 1, manual: true };

    /// Whether the item at this place of a list is this shard's.
    #[must_use]
    pub fn holds(self, place: usize) -> bool {
        place % usize::from(self.of) == usize::from(self.index)
    }
}

impl RunKey {
    /// The slot under which the last run is remembered: runs of other slots may be older or newer.
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

/// Test data that a run created and could not remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leftover {
    /// Name of the compensation that failed.
    pub compensation: String,
    /// What is left and why, redacted.
    pub detail: String,
    /// Instructions for leftovers that `synthetics cleanup` cannot remove; absent when it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

/// A whole run: what the function returns, and the one line it logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Of this shape.
    pub schema_version: u32,
    /// Which run it is.
    #[serde(rename = "run")]
    pub key: RunKey,
    /// Unique to this execution.
    pub run_id: String,
    /// The W3C trace id that every request of the run carried.
    pub trace_id: String,
    /// The environment of the settings.
    pub environment: String,
    /// When the execution began.
    pub started: Timestamp,
    /// When everything but the reporting was done.
    pub ended: Timestamp,
    /// What it found: the last attempt's word.
    pub outcome: Outcome,
    /// One, or two when a failure was confirmed (or not).
    pub attempts: Vec<Attempt>,
    /// What this run did to incidents, and why it told or did not tell.
    pub reasons: Vec<Reason>,
    /// The ids of the notifications it put in the outbox.
    pub notifications: Vec<String>,
    /// What it created and could not remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// What went wrong beside the check: a message not delivered, memory that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Report {
    /// The version of this shape.
    pub const SCHEMA_VERSION: u32 = 2;

    /// The last attempt; `None` when the event was refused.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }
}
