//! What nobody is to hear of for a while: mutes, which people set, and maintenance windows, which settings hold.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Subject;

/// Who asked for silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SilenceKind {
    /// A person, for a while.
    Mute,
    /// The settings' maintenance windows.
    Maintenance,
}

/// A time in which nobody is told of a check or of one of its subjects. It runs and publishes all the same, and what is
/// still open at the end is told then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Silence {
    /// Unique within the check.
    pub id: String,
    /// Who asked for it.
    pub kind: SilenceKind,
    /// Which subject; the whole check when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// From when on.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// Who set it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Silence {
    /// The longest `by` and `reason`, in characters.
    pub const MAX_TEXT: usize = 200;

    /// Whether it is quiet at this time. A mute holds from when it is stored, whatever the clocks of those who set it and of
    /// the run say.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Whether it is about this subject. A check that is one flow has the subject [`Subject::whole`].
    #[must_use]
    pub fn covers(&self, subject: &Subject) -> bool {
        self.subject.as_ref().is_none_or(|own| own == subject)
    }
}
