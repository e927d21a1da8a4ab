//! Events of incidents that are sent as notifications, and the ids of their notifications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::severity::Severity;
use crate::model::RunKey;

/// Event that a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Incidents opened.
    Opened,
    /// Incidents are still open.
    Reminded,
    /// Incidents became more severe, by a worse failure or because they stayed open too long.
    Escalated,
    /// Incidents are over.
    Recovered,
    /// Incidents of a subject open and close so often that they are no longer reported one by one.
    Flapping,
    /// A subject stopped flapping: it stayed healthy, or it stayed down.
    Stabilized,
    /// The last runs reached no verdict.
    MonitoringLost,
    /// Runs reach a verdict again.
    MonitoringRestored,
    /// Runs could not remove test data that they had created.
    Leftovers,
    /// A person tests the delivery of messages. Nothing is wrong. No run sends it.
    Test,
}

impl Event {
    /// Name in JSON and in message attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reminded => "reminded",
            Self::Escalated => "escalated",
            Self::Recovered => "recovered",
            Self::Flapping => "flapping",
            Self::Stabilized => "stabilized",
            Self::MonitoringLost => "monitoring_lost",
            Self::MonitoringRestored => "monitoring_restored",
            Self::Leftovers => "leftovers",
            Self::Test => "test",
        }
    }

    /// All events of runs, in the order in which one run sends them.
    pub const ALL: [Self; 9] = [
        Self::Opened,
        Self::Escalated,
        Self::Reminded,
        Self::Flapping,
        Self::Stabilized,
        Self::Recovered,
        Self::MonitoringLost,
        Self::MonitoringRestored,
        Self::Leftovers,
    ];
}

/// Builds the id of a notification. The same run always gives the same id, so that receivers can drop repeats.
#[must_use]
pub(crate) fn notification_id(run: &RunKey, event: Event, severity: Severity) -> String {
    format!("{run}/{}/{}", event.as_str(), severity.as_str())
}
