//! Severities of incidents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Urgency of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Needs attention during working hours.
    Warning,
    /// Needs attention now.
    Critical,
}

impl Severity {
    /// Name in settings, messages and message attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
