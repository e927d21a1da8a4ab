//! Report of a run.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::Reason;
use crate::model::{Attempt, Leftover, Outcome, RunKey, Text};

/// Report of a run: the return value of the function, and its one log line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format.
    pub schema_version: u32,
    /// Identity of the run.
    #[serde(rename = "run")]
    pub key: RunKey,
    /// Id that is unique to this execution.
    pub run_id: String,
    /// W3C trace id that every request of the run carried.
    pub trace_id: String,
    /// Environment, from the settings.
    pub environment: String,
    /// Start of the execution.
    pub started: Timestamp,
    /// End of the execution, before reporting.
    pub ended: Timestamp,
    /// Outcome of the last attempt.
    pub outcome: Outcome,
    /// One attempt, or two when a failure needed confirmation.
    pub attempts: Vec<Attempt>,
    /// Effects on incidents, and why each notification was sent or suppressed.
    pub reasons: Vec<Reason>,
    /// Ids of the notifications that the run added to the outbox.
    pub notifications: Vec<String>,
    /// Data that the run created and could not remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// Problems outside the check itself: an undelivered message, unreadable memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Text>,
}

impl Report {
    /// Version of this format.
    pub const SCHEMA_VERSION: u32 = 2;

    /// Last attempt; `None` when the event was refused.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }
}
