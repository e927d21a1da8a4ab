//! What a run found.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FailureKind, Mismatch, Subject, text};

/// One thing that was wrong with the platform: where, how, and what shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// What in the check it is about.
    pub subject: Subject,
    /// The step that failed.
    pub step: String,
    /// How the target was wrong.
    pub kind: FailureKind,
    /// What should have been there.
    pub expected: String,
    /// What was there instead.
    pub actual: String,
    /// The redacted excerpt that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl Failure {
    /// The longest `expected` and `seen`, in characters. With 200 unhealthy subjects the state item stays under half of
    /// what the table takes.
    pub const MAX_TEXT: usize = 200;
    /// The longest `evidence`, in characters.
    pub const MAX_EVIDENCE: usize = 500;

    /// A mismatch, now that it is known where it was seen. Texts are cut to their bounds.
    #[must_use]
    pub fn new(subject: Subject, step: impl Into<String>, mismatch: Mismatch) -> Self {
        Self {
            subject,
            step: step.into(),
            kind: mismatch.kind,
            expected: text::cut(&mismatch.expected, Self::MAX_TEXT),
            actual: text::cut(&mismatch.actual, Self::MAX_TEXT),
            evidence: mismatch.evidence.map(|evidence| text::cut(&evidence, Self::MAX_EVIDENCE)),
        }
    }
}

/// Why a run could not judge. Never the platform's fault as far as we know; never healthy either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The platform does not take our credentials.
    Credentials,
    /// A reference to a secret did not resolve or was denied.
    Reference,
    /// Our own requests were throttled.
    Throttled,
    /// Our clock and the other side's differ too much to judge.
    ClockSkew,
    /// Our own mistake: a panic, a request that cannot be built, a step without a result.
    Internal,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => "credentials",
            Self::Reference => "reference",
            Self::Throttled => "throttled",
            Self::ClockSkew => "clock-skew",
            Self::Internal => "internal",
        })
    }
}

/// A run that could not judge, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inconclusive {
    /// Why.
    pub cause: Cause,
    /// In words, redacted: what was tried, what came back, what to do.
    pub detail: String,
}

/// Why an event was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Refusal {
    /// The event is too old, or from the future.
    Stale,
    /// This run, or a later one, has been done.
    Duplicate,
}

/// What a run found, over all its subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Outcome {
    /// Everything was as it should be.
    Passed,
    /// At least one subject was wrong.
    Failed {
        /// One per failing subject: the first failure of each.
        failures: Vec<Failure>,
    },
    /// Nothing was seen to be wrong, but something could not be judged.
    Inconclusive {
        /// Why not.
        #[serde(rename = "inconclusive")]
        inconclusive: Inconclusive,
    },
    /// The platform says that it is down on purpose.
    Maintenance {
        /// What showed it.
        detail: String,
    },
    /// The event was not run at all.
    Refused {
        /// Why not.
        refusal: Refusal,
    },
}

impl Outcome {
    /// One word, for tables and logs.
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
