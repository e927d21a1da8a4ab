//! Acknowledgements: a person works on an incident.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::text::cut;

/// Word of a person who works on an incident. It stops the reminders until recovery, but not an escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledgement {
    /// Time, in whole seconds.
    pub at: Timestamp,
    /// Person; empty when the state had no room.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Reason, shown to on-call; empty when the state had no room.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// True until a run has copied it to the record of the incident.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
}

impl Acknowledgement {
    /// Maximum length of `by`, in characters.
    pub const MAX_BY: usize = 40;
    /// Maximum length of `reason`, in characters.
    pub const MAX_REASON: usize = 120;

    /// Creates it, with texts that are cut to their limits.
    #[must_use]
    pub fn new(at: Timestamp, by: &str, reason: &str) -> Self {
        let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        Self { at, by: cut(by, Self::MAX_BY), reason: cut(reason, Self::MAX_REASON), is_new: true }
    }

    /// The same in the record of the incident.
    #[must_use]
    pub fn recorded(self) -> Self {
        Self { is_new: false, ..self }
    }
}
