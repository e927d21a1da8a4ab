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
#[error("expected 1 to 64 of a-z, 0-9, `-`, `_` and `.`, found `{0}`")]
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

    /// The subject of something that somebody else named: `UsedDiskSpace` is `used-disk-space`, `backup:run` is `backup-run`.
    /// Words are parted by `-`; of a name without letters and digits nothing is left, and it is `unnamed`.
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
    fn what_others_name_is_a_subject_too() {
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
    fn takes_what_fits_in_keys_and_messages_only() {
        for good in ["-", "front-page", "queue.emails", "a_1", &"x".repeat(64)] {
            assert_eq!(Subject::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Front", "a b", "a/b", "æ", &"x".repeat(65)] {
            assert!(Subject::new(bad).is_err(), "{bad}");
        }
    }
}
