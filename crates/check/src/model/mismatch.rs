//! Expected and actual value of a failed assertion.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::FailureKind;

/// One failed assertion, before its step and subject are added.
///
/// All texts are redacted and short, because messages use them unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mismatch {
    /// Kind of the failure.
    pub kind: FailureKind,
    /// Expected value, as a fragment: `status 200`.
    pub expected: String,
    /// Actual value, as a fragment: `status 500 Internal Server Error`.
    pub actual: String,
    /// Excerpt that shows the failure, if any: the start of the body, the header, the chain of redirects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}
