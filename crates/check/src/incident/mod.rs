//! Incidents: what a check remembers of its unhealthy subjects, and what one more run does to it.

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

/// How sure we are that somebody must act at once.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be looked at in working hours.
    Warning,
    /// To be looked at now.
    Critical,
}

impl Severity {
    /// The word used in settings, messages and message attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
