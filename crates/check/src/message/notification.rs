//! The notification: the versioned shape that programs read and texts are made from.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::{LastGood, Severity};
use crate::{Failure, Subject};

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// People who act now.
    OnCall,
    /// People who act in working hours.
    Warnings,
    /// Programs.
    Events,
}

impl Topic {
    /// The word used in names and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnCall => "oncall",
            Self::Warnings => "warnings",
            Self::Events => "events",
        }
    }
}

/// What a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Incidents opened.
    Opened,
    /// Incidents are still open.
    Reminded,
    /// Incidents are over.
    Recovered,
}

impl Event {
    /// The word used in messages and message attributes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reminded => "reminded",
            Self::Recovered => "recovered",
        }
    }
}

/// Whom to call about a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// A person or a team.
    pub name: String,
    /// How to reach them: a telephone number, a channel, an address.
    pub reach: String,
}

/// Where to go from here. Made from the settings' templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Links {
    /// What to do.
    pub runbook: String,
    /// The numbers over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<String>,
    /// The log lines of the incident's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<String>,
    /// The run in the platform's own tracing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// One subject's incident in a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectReport {
    /// Its latest failure, with the subject's name.
    #[serde(flatten)]
    pub failure: Failure,
    /// The incident.
    pub incident_id: String,
    /// The scheduled time of the first failed run.
    pub since: Timestamp,
    /// When the incident opened.
    pub opened_at: Timestamp,
    /// When it was over; only when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// From the first failed run to the run that closed it, in seconds; only when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_seconds: Option<i64>,
}

/// One line of the run's table of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLine {
    /// 1, or 2 for the attempt that confirms.
    pub attempt: u32,
    /// Which subject.
    pub subject: Subject,
    /// Which step.
    pub step: String,
    /// `passed`, `failed`, `cannot judge`, `maintenance` or `skipped`.
    pub result: String,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

/// One message about incidents of one check. What programs read, and what texts are made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    /// Of this shape.
    pub schema_version: u32,
    /// The same however often it is sent: receivers drop what they have seen.
    pub notification_id: String,
    /// What it says.
    pub event: Event,
    /// The check's id.
    pub check: String,
    /// The environment.
    pub environment: String,
    /// Where the run ran from.
    pub location: String,
    /// How sure we are that somebody must act at once.
    pub severity: Severity,
    /// The scheduled time of the run that tells.
    pub at: Timestamp,
    /// The incidents, at most [`Notification::MAX_SUBJECTS`].
    pub subjects: Vec<SubjectReport>,
    /// How many more there are.
    pub more_subjects: u32,
    /// The steps that did not pass, and those of the same subjects; at most [`Notification::MAX_STEPS`].
    pub steps: Vec<StepLine>,
    /// The last run in which everything was healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<LastGood>,
    /// The run that tells.
    pub run_id: String,
    /// The W3C trace id that every request of the run carried.
    pub trace_id: String,
    /// Whom to call.
    pub contact: Contact,
    /// Where to go from here.
    pub links: Links,
}

impl Notification {
    /// The version of this shape.
    pub const SCHEMA_VERSION: u32 = 1;
    /// The most subjects in one message.
    pub const MAX_SUBJECTS: usize = 20;
    /// The most lines in the table of steps.
    pub const MAX_STEPS: usize = 40;

    /// Who is told: people by severity, programs always.
    #[must_use]
    pub fn topics(&self) -> [Topic; 2] {
        let people = match self.severity {
            Severity::Critical => Topic::OnCall,
            Severity::Warning => Topic::Warnings,
        };
        [people, Topic::Events]
    }
}
