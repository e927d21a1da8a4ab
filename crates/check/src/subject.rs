//! What in a check an incident is about.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What in a check an incident is about: a target, queue, channel, integration or data store.
///
/// Lower-case letters, digits, `-`, `_` and `.`; 1 to 64 characters. [`Subject::whole`] stands for a check that is one
/// flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Subject(String);

/// A text that is no subject.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected 1 to 64 of a-z, 0-9, `-`, `_` and `.`, saw `{0}`")]
pub struct InvalidSubject(String);

impl Subject {
    /// The longest subject, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// Reads a subject.
    ///
    /// # Errors
    /// When the text is empty, too long, or has other characters.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSubject> {
        let text = text.into();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.chars().all(allowed) {
            return Err(InvalidSubject(text));
        }
        Ok(Self(text))
    }

    /// `-`: the check is one flow, and its incidents are about all of it.
    #[must_use]
    pub fn whole() -> Self {
        Self("-".to_owned())
    }

    /// Whether it stands for the whole check.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0 == "-"
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Subject {
    type Error = InvalidSubject;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_in_keys_and_messages_only() {
        for good in ["-", "front-page", "queue.emails", "a_1", &"x".repeat(64)] {
            assert_eq!(Subject::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Front", "a b", "a/b", "æ", &"x".repeat(65)] {
            assert!(Subject::new(bad).is_err(), "{bad}");
        }
    }
}
