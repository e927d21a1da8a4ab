//! The closed list of failure kinds.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the target was wrong. A field of logs and messages, never a metric dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The name did not resolve.
    Dns,
    /// No connection, or it was cut before an answer.
    Connect,
    /// No trusted, encrypted connection.
    Tls,
    /// Not done within the deadline.
    Timeout,
    /// A status that was not expected.
    Status,
    /// A header that was missing or wrong.
    Header,
    /// A body that could not be read as what it should be: cut short, too large, not JSON.
    Body,
    /// A value in the answer that was not as expected.
    Assertion,
    /// A rule of the business that did not hold: a double booking accepted, a forged webhook believed.
    Invariant,
    /// A redirect to where it should not go, or without end.
    Redirect,
    /// An answer that is not HTTP.
    Protocol,
    /// An answer that stands still, or an effect that never came.
    Stale,
}

impl FailureKind {
    /// The word used in logs, messages and `faults.toml`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Header => "header",
            Self::Body => "body",
            Self::Assertion => "assertion",
            Self::Invariant => "invariant",
            Self::Redirect => "redirect",
            Self::Protocol => "protocol",
            Self::Stale => "stale",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
