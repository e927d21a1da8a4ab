//! Outcome of a run, and the failures behind it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::Text;
use super::kind::FailureKind;
use super::mismatch::Mismatch;
use super::phrase::Phrase;
use super::redact::Redact;
use super::subject::Subject;

/// One failure of the platform, with its step and evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Subject within the check.
    pub subject: Subject,
    /// Step that failed.
    pub step: String,
    /// Kind of the failure.
    pub kind: FailureKind,
    /// Expected value.
    pub expected: Text,
    /// Actual value.
    pub actual: Text,
    /// Redacted excerpt that shows the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Text>,
}

impl Failure {
    /// Maximum length of `expected` and `actual`, in characters. With 200 unhealthy subjects the state item stays below half
    /// of the table's limit.
    pub const MAX_TEXT: usize = 200;
    /// Maximum length of `evidence`, in characters.
    pub const MAX_EVIDENCE: usize = 500;

    /// Adds subject and step to a mismatch, whose texts pass the gate.
    #[must_use]
    pub fn new(subject: Subject, step: impl Into<String>, mismatch: Mismatch, redactor: &dyn Redact) -> Self {
        Self {
            subject,
            step: step.into(),
            kind: mismatch.kind,
            expected: mismatch.expected.admit(redactor, Self::MAX_TEXT),
            actual: mismatch.actual.admit(redactor, Self::MAX_TEXT),
            evidence: mismatch.evidence.map(|evidence| evidence.admit(redactor, Self::MAX_EVIDENCE)),
        }
    }

    /// Masks secrets that became known later.
    #[must_use]
    pub fn masked(&self, redactor: &dyn Redact) -> Self {
        Self {
            expected: self.expected.masked(redactor),
            actual: self.actual.masked(redactor),
            evidence: self.evidence.as_ref().map(|evidence| evidence.masked(redactor)),
            ..self.clone()
        }
    }
}

/// Cause of an inconclusive run. The platform is not known to be at fault, but the run does not count as healthy either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The platform rejected the credentials.
    Credentials,
    /// A reference to a secret did not resolve or was denied.
    Reference,
    /// The platform throttled the requests of the check.
    Throttled,
    /// The local clock and that of the server differ too much.
    ClockSkew,
    /// The stored memory of the check cannot be read.
    State,
    /// An error in the check itself: a panic, a request that cannot be built, a step without a result.
    Internal,
    /// The process was asked to stop (Ctrl-C, SIGTERM) before the run ended.
    Interrupted,
}

impl Cause {
    /// Short phrase for people, in the past tense: it follows the time or the subject in a message.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Credentials => "the check's credentials were refused",
            Self::Reference => "a secret could not be read",
            Self::Throttled => "the check's requests were throttled",
            Self::ClockSkew => "the clocks differed too much",
            Self::State => "the check's stored memory could not be read",
            Self::Internal => "an error in the check itself",
            Self::Interrupted => "the run was interrupted",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "credentials",
            Self::Reference => "reference",
            Self::Throttled => "throttled",
            Self::ClockSkew => "clock-skew",
            Self::State => "state",
            Self::Internal => "internal",
            Self::Interrupted => "interrupted",
        })
    }
}

/// Cause of an inconclusive run, with instructions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inconclusive {
    /// Cause.
    pub cause: Cause,
    /// Explanation: the attempted action, the response, and the remedy.
    pub detail: Text,
}

impl Inconclusive {
    /// Maximum length of the detail, in characters.
    pub const MAX_DETAIL: usize = 400;

    /// Creates the cause; the detail passes the gate.
    #[must_use]
    pub fn new(cause: Cause, detail: impl Into<Phrase>, redactor: &dyn Redact) -> Self {
        Self { cause, detail: detail.into().admit(redactor, Self::MAX_DETAIL) }
    }

    /// Masks secrets that became known later.
    #[must_use]
    pub fn masked(&self, redactor: &dyn Redact) -> Self {
        Self { cause: self.cause, detail: self.detail.masked(redactor) }
    }
}

/// Reason for refusing an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Refusal {
    /// The event is too old, or its time is in the future.
    Stale,
    /// This run, or a later one, is already complete.
    Duplicate,
}

/// Outcome of a run over all subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Outcome {
    /// All examined subjects are healthy.
    Passed,
    /// At least one subject failed.
    Failed {
        /// First failure of each failing subject.
        failures: Vec<Failure>,
    },
    /// Nothing failed, but at least one subject has no verdict.
    Inconclusive {
        /// Cause and detail.
        #[serde(rename = "inconclusive")]
        inconclusive: Inconclusive,
    },
    /// The platform reports maintenance.
    Maintenance {
        /// Evidence of the maintenance.
        detail: Text,
    },
    /// The event was not run.
    Refused {
        /// Reason.
        refusal: Refusal,
    },
}

impl Outcome {
    /// Name of the outcome, for tables and logs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Inconclusive { .. } => "inconclusive",
            Self::Maintenance { .. } => "maintenance",
            Self::Refused { .. } => "refused",
        }
    }
}
