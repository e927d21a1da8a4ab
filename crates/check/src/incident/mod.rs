//! Incidents: the stored state of unhealthy subjects, and the decision that each run makes about them.

mod decide;
mod policy;
mod record;
mod silence;
mod state;

pub use decide::{Decision, Findings, MAX_CHANGES, NotificationReason, Reason, Vote, decide};
pub use policy::{Policy, SeverityRule};
pub use record::{IncidentChange, IncidentRecord, NotificationEntry, parts_of_id};
pub use silence::{Silence, SilenceKind};
pub use state::{
    Announced, Announcement, CheckState, Incident, LastSuccessfulRun, Leftovers, LocationActivity, MonitoringGap,
    Phase, Streak, SubjectState, UnreadableState,
};

/// Urgency of an incident.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
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
