//! Closed list of failure kinds.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kind of a failure. A field of logs and messages, never a metric dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The host name did not resolve.
    Dns,
    /// No connection, or it was closed before a response.
    Connect,
    /// No trusted, encrypted connection.
    Tls,
    /// Not finished within the deadline.
    Timeout,
    /// Unexpected status.
    Status,
    /// Missing or wrong header.
    Header,
    /// Unreadable body: cut short, too large, or not JSON.
    Body,
    /// Unexpected value in the response.
    Assertion,
    /// Violated business rule: a double booking was accepted, a forged webhook was trusted.
    Invariant,
    /// Redirect to a wrong place, or an endless one.
    Redirect,
    /// Response is not valid HTTP.
    Protocol,
    /// Outdated response, or an effect that never happened.
    Stale,
}

impl FailureKind {
    /// Name in logs, messages and `faults.toml`.
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
