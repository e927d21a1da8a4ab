//! Lines of logs.

use jiff::Timestamp;

/// Line of a log, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Time.
    pub at: Timestamp,
    /// Text.
    pub text: String,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The oldest of them, oldest first.
    pub found: Vec<T>,
    /// True if there are more, newer than these.
    pub has_more: bool,
}

impl<T> Found<T> {
    /// Keeps the oldest up to a limit, of one more than are wanted.
    #[must_use]
    pub fn limited(mut found: Vec<T>, limit: usize) -> Self {
        let has_more = found.len() > limit;
        found.truncate(limit);
        Self { found, has_more }
    }
}
