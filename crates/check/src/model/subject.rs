//! Subject of an incident within a check.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::redact::{Cut, Redact};

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
    /// separated by `-`; a name without letters and digits becomes `unnamed`. Secrets in the name are masked, before and
    /// after the conversion.
    #[must_use]
    pub fn foreign(name: &str, redactor: &dyn Redact) -> Self {
        let window = &name[..name.floor_char_boundary(Self::MAX_FOREIGN)];
        let cut = Cut { start: false, end: window.len() < name.len() };
        let masked = redactor.redact(window, cut);
        let subject = Self::converted(&masked, cut.end.then_some(name));
        let masked = redactor.redact(&subject.0, Cut::NONE);
        if masked == subject.0 { subject } else { Self::converted(&masked, None) }
    }

    /// Converts a name from the settings as [`Subject::foreign`] does, without masking.
    #[must_use]
    pub fn converted_from(name: &str) -> Self {
        Self::converted(name, None)
    }

    /// Bytes of a foreign name that are looked at.
    const MAX_FOREIGN: usize = 1_024;

    /// Converts a name. One that is too long ends in a hash of the whole, so that two names that begin alike stay apart.
    fn converted(name: &str, whole: Option<&str>) -> Self {
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
        if text.len() > Self::MAX_LENGTH || whole.is_some() {
            let hash = format!("-{:08x}", fnv1a(whole.unwrap_or(name)));
            text.truncate(Self::MAX_LENGTH - hash.len());
            text.push_str(&hash);
        }
        let text = text.trim_end_matches('-');
        Self(if text.is_empty() { "unnamed".to_owned() } else { text.to_owned() })
    }

    /// Creates a subject with a fixed name. A name that is not valid becomes that of the whole check.
    #[must_use]
    pub fn own(name: &'static str) -> Self {
        Self::new(name).unwrap_or_else(|_| Self::whole())
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

/// FNV-1a hash of 32 bits (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>): the same in every release, since
/// incidents are stored under subjects.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
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
    use crate::model::redact::NoSecrets;

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
            assert_eq!(Subject::foreign(name, &NoSecrets).as_str(), subject, "{name}");
        }
        let long = "x".repeat(64);
        assert_eq!(Subject::foreign(&long, &NoSecrets).as_str(), long);
        assert_eq!(Subject::converted_from(&(long + "y")).as_str(), format!("{}-b32b15f4", "x".repeat(55)));
        for length in [100, 10_000] {
            let [one, two] = ["a", "b"].map(|last| Subject::foreign(&("Æ x".repeat(length) + last), &NoSecrets));
            assert!(one != two && one.as_str().len() == 64, "{one} {two}");
            assert_eq!(Subject::new(one.as_str()).unwrap(), one);
        }
    }

    #[test]
    fn secrets_do_not_become_subjects() {
        struct Masks;
        impl Redact for Masks {
            fn redact(&self, text: &str, _: Cut) -> String {
                text.replace("Secret9Word", "[redacted]").replace("secret9-word", "[redacted]")
            }
        }
        assert_eq!(Subject::foreign("is Secret9Word", &Masks).as_str(), "is-redacted");
        // The name spells the secret only once it is converted.
        assert_eq!(Subject::foreign("is secret9 word", &Masks).as_str(), "is-redacted");
    }

    #[test]
    fn hashes_are_those_of_the_specification() {
        let hashes = ["", "a", "foobar"].map(fnv1a);
        assert_eq!(hashes, [0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968]);
    }

    #[test]
    fn unsuitable_fixed_name_becomes_the_whole_check() {
        assert_eq!(Subject::own("counters").as_str(), "counters");
        assert!(Subject::own("Not valid").is_whole());
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
