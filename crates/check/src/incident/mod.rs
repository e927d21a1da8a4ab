//! Incidents: the stored state of unhealthy subjects, and the decision that each run makes about them.

mod acknowledgement;
mod decide;
mod dependency;
pub(crate) mod event;
mod fit;
mod mark;
mod policy;
mod record;
mod severity;
mod silence;
mod state;

pub use acknowledgement::Acknowledgement;
pub use decide::{Decision, Findings, MAX_CHANGES, NotificationReason, Reason, Vote, decide};
pub use dependency::{AffectedCheck, Dependency, Need, NeededFailure};
pub use mark::Mark;
pub use policy::{Policy, SeverityRule};
pub use record::{IncidentChange, IncidentRecord, NotificationEntry, parts_of_id};
pub use severity::Severity;
pub use silence::{Silence, SilenceKind};
pub use state::{
    Announced, Announcement, CheckState, Incident, LastSuccessfulRun, Leftovers, LocationActivity, MonitoringGap,
    Phase, Streak, SubjectState, UnreadableState,
};
