//! Expected and actual value of a failed assertion.

use super::kind::FailureKind;
use super::phrase::Phrase;

/// One failed assertion, before its step and subject are added and its texts pass the gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Kind of the failure.
    pub kind: FailureKind,
    /// Expected value, as a fragment: `status 200`.
    pub expected: Phrase,
    /// Actual value, as a fragment: `status 500 Internal Server Error`.
    pub actual: Phrase,
    /// Excerpt that shows the failure, if any: the start of the body, the header, the chain of redirects.
    pub evidence: Option<Phrase>,
}

impl Mismatch {
    /// Creates a mismatch without evidence.
    #[must_use]
    pub fn new(kind: FailureKind, expected: impl Into<Phrase>, actual: impl Into<Phrase>) -> Self {
        Self { kind, expected: expected.into(), actual: actual.into(), evidence: None }
    }

    /// Adds evidence.
    #[must_use]
    pub fn with_evidence(self, evidence: impl Into<Phrase>) -> Self {
        Self { evidence: Some(evidence.into()), ..self }
    }
}
