//! Marks: events on the platform that people note, such as a release.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::text::cut;

/// Event on the platform that a person or a pipeline noted, kept as long as incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Time.
    pub at: Timestamp,
    /// Description, such as `release 42`.
    pub text: String,
    /// Author.
    pub by: String,
}

impl Mark {
    /// Maximum length of `text` and `by`, in characters.
    pub const MAX_TEXT: usize = 200;

    /// Creates it, with texts that are cut to their limit.
    #[must_use]
    pub fn new(at: Timestamp, text: &str, by: &str) -> Self {
        Self { at, text: cut(text, Self::MAX_TEXT), by: cut(by, Self::MAX_TEXT) }
    }
}
