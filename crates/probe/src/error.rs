//! Why there is no response.

use check::{FailureKind, Mismatch};

/// Why [`crate::Client::send`] has no response.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The client or the request could not be built, or this machine could not send it. It says nothing about the target.
    #[error("failed to make the request: {0}")]
    Request(String),
    /// The target failed. All texts are redacted.
    #[error("expected {}, found {}", .mismatch.expected, .mismatch.actual)]
    Target {
        /// What was expected, what was seen and what shows it.
        mismatch: Box<Mismatch>,
        /// Whether the same request may well succeed a moment later: a connection that was cut, a resolver or a server
        /// that was slow. A wrong certificate, an endless redirect or an oversized body stay as they are.
        transient: bool,
    },
}

impl Error {
    /// How the target failed; `None` when the request was at fault.
    #[must_use]
    pub fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Request(_) => None,
            Self::Target { mismatch, .. } => Some(mismatch.kind),
        }
    }

    /// Whether the same request may succeed a moment later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Target { transient: true, .. })
    }

    /// The failure of the target.
    ///
    /// # Errors
    ///
    /// The error itself when the request was at fault: then the target cannot be judged.
    pub fn into_mismatch(self) -> Result<Mismatch, Self> {
        match self {
            Self::Target { mismatch, .. } => Ok(*mismatch),
            request @ Self::Request(_) => Err(request),
        }
    }
}
