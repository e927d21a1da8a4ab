//! Subject of an incident within a check.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Subject of an incident within a check: a target, queue, channel, partner or data store.
///
/// It has 1 to 64 characters: lower-case letters, digits, `-`, `_` and `.`. [`Subject::whole`] is the subject of a check
/// with a single flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Subject(String);

/// Error for an invalid subject.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected 1 to 64 of a-z, 0-9, `-`, `_` and `.`, found `{0}`")]
pub struct InvalidSubject(String);

impl Subject {
    /// Maximum length, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// Parses a subject.
    ///
    /// # Errors
    /// When the text is empty, too long, or contains other characters.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidSubject> {
        let text = text.into();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.chars().all(allowed) {
            return Err(InvalidSubject(text));
        }
        Ok(Self(text))
    }

    /// Converts a foreign name: `UsedDiskSpace` becomes `used-disk-space`, `backup:run` becomes `backup-run`. Words are
    /// separated by `-`; a name without letters and digits becomes `unnamed`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut text = String::new();
        let mut last = '-';
        for c in name.chars() {
            let begins_word = c.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit());
            let is_word = c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            if (begins_word || !is_word) && !text.is_empty() && !text.ends_with('-') {
                text.push('-');
            }
            if is_word {
                text.push(c.to_ascii_lowercase());
            }
            last = c;
        }
        text.truncate(Self::MAX_LENGTH);
        let text = text.trim_end_matches('-');
        Self(if text.is_empty() { "unnamed".to_owned() } else { text.to_owned() })
    }

    /// The subject `-`, for a check with a single flow.
    #[must_use]
    pub fn whole() -> Self {
        Self("-".to_owned())
    }

    /// True for the subject of the whole check.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0 == "-"
    }

    /// Text of the subject.
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
    fn foreign_names_become_subjects() {
        for (name, subject) in [
            ("UsedDiskSpace", "used-disk-space"),
            ("backup:run", "backup-run"),
            ("queues.e-mails", "queues.e-mails"),
            ("RedisMemoryUsage: /var", "redis-memory-usage-var"),
            ("CPU", "cpu"),
            ("Plads på disk", "plads-p-disk"),
            ("-", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(Subject::named(name).as_str(), subject, "{name}");
            assert!(Subject::new(Subject::named(name).as_str()).is_ok());
        }
        assert_eq!(Subject::named(&"Æ x".repeat(100)).as_str().len(), 63);
    }

    #[test]
    fn only_safe_short_texts_are_subjects() {
        for good in ["-", "front-page", "queue.emails", "a_1", &"x".repeat(64)] {
            assert_eq!(Subject::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Front", "a b", "a/b", "æ", &"x".repeat(65)] {
            assert!(Subject::new(bad).is_err(), "{bad}");
        }
    }
}
