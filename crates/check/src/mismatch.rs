//! What was expected against what was seen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FailureKind;

/// One expectation that did not hold: the core of every failure, before it is known which step and subject it belongs to.
///
/// All texts are redacted and short: they go to messages as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mismatch {
    /// How the target was wrong.
    pub kind: FailureKind,
    /// What should have been there, as a fragment: `status 200`.
    pub expected: String,
    /// What was there instead: `status 500 Internal Server Error`.
    pub actual: String,
    /// The excerpt that shows it, when there is one: the start of the body, the header, the chain of redirects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}
