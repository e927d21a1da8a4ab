//! Error of a request without a response.

use check::{FailureKind, Mismatch, Phrase, phrase};

/// Error of [`crate::Client::send`].
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The client or the request could not be built, or this machine failed to send it. The target is not at fault.
    Request(Phrase),
    /// The target failed.
    Target {
        /// Expected and actual value, with evidence.
        mismatch: Box<Mismatch>,
        /// True when the same request may succeed a moment later: after an interrupted connection, or a slow resolver or
        /// server. A wrong certificate, an endless redirect or an oversized body is permanent.
        transient: bool,
    },
}

impl Error {
    /// Kind of the target's failure; `None` when the request was at fault.
    #[must_use]
    pub fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Request(_) => None,
            Self::Target { mismatch, .. } => Some(mismatch.kind),
        }
    }

    /// True when the same request may succeed a moment later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Target { transient: true, .. })
    }

    /// Replaces the description of what the target did.
    pub(crate) fn with_actual(self, actual: Phrase) -> Self {
        match self {
            Self::Target { mismatch, transient } => {
                Self::Target { mismatch: Box::new(Mismatch { actual, ..*mismatch }), transient }
            }
            request @ Self::Request(_) => request,
        }
    }

    /// Describes the error.
    #[must_use]
    pub fn describe(self) -> Phrase {
        match self {
            Self::Request(cause) => phrase!("failed to make the request: {}", cause),
            Self::Target { mismatch, .. } => phrase!("expected {}, found {}", mismatch.expected, mismatch.actual),
        }
    }

    /// Extracts the failure of the target.
    ///
    /// # Errors
    ///
    /// A description of the error when the request was at fault, so there is no verdict about the target.
    pub fn into_mismatch(self) -> Result<Mismatch, Phrase> {
        match self {
            Self::Target { mismatch, .. } => Ok(*mismatch),
            request @ Self::Request(_) => Err(request.describe()),
        }
    }
}
