//! The notification: the versioned shape that programs read and texts are made from.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::{LastGood, Severity};
use crate::{Cause, Failure, Leftover, RunKey, Subject};

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
    /// A chat, through Amazon Q Developer in chat applications. Optional.
    Chat,
}

impl Topic {
    /// The word used in names and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnCall => "oncall",
            Self::Warnings => "warnings",
            Self::Events => "events",
            Self::Chat => "chat",
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
    /// Incidents are more severe than people know: by a worse failure, or because nobody has mended them for long.
    Escalated,
    /// Incidents are over.
    Recovered,
    /// Incidents of the same subject come and go, and are not told one by one from now on.
    Flapping,
    /// They no longer come and go: it has stayed well, or has stayed down.
    Stabilized,
    /// The check cannot judge.
    MonitoringLost,
    /// It can judge again.
    MonitoringRestored,
    /// Runs created what they could not remove.
    Leftovers,
}

impl Event {
    /// The word used in messages and message attributes.
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
        }
    }

    /// In the order in which one run tells them.
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

/// The id of a message: the same whoever computes it, so that receivers know it again.
#[must_use]
pub fn notification_id(run: &RunKey, event: Event, severity: Severity) -> String {
    format!("{run}/{}/{}", event.as_str(), severity.as_str())
}

/// Whom to call about a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// A person or a team.
    pub name: String,
    /// How to reach them: a telephone number, a channel, an address.
    pub details: String,
}

/// Whose a subject is, when it is not the platform's: a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// As people call them: `e-teori.dk`.
    pub name: String,
    /// Whom to call there, when somebody is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
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
    /// When it was escalated, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// How many incidents of this subject opened within the flap window; only when it is flapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openings: Option<u32>,
    /// Whose it is, when it is a partner's and not the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// One subject that cannot be judged, or now can.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InconclusiveReport {
    /// Which subject.
    pub subject: Subject,
    /// Why it cannot, or could not.
    pub cause: Cause,
    /// In words, redacted: what was tried, what came back, what to do.
    pub detail: String,
    /// The scheduled time of the first run that could not judge.
    pub since: Timestamp,
    /// For how long it could not, in seconds; only when it can again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive_seconds: Option<i64>,
    /// Whose it is, when it is a partner's and not the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
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
    /// How many more there are, of whatever the message is about.
    pub more_subjects: u32,
    /// What cannot, or could not, be judged, at most [`Notification::MAX_SUBJECTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inconclusive: Vec<InconclusiveReport>,
    /// What runs created and could not remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// After how many seconds people hear of it again when nothing changes; only of what goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminds_after_seconds: Option<u64>,
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
    /// The version of this shape. Version 1 had the events opened, reminded and recovered only.
    pub const SCHEMA_VERSION: u32 = 3;
    /// The most subjects in one message.
    pub const MAX_SUBJECTS: usize = 20;
    /// The most lines in the table of steps.
    pub const MAX_STEPS: usize = 40;

    /// Who is told: people by severity, programs and the chat always. Those who were told of a warning before it was
    /// escalated hear how it goes on, too.
    #[must_use]
    pub fn topics(&self) -> Vec<Topic> {
        let was_warning = self.event != Event::Escalated && self.subjects.iter().any(|s| s.escalated_at.is_some());
        let people: &[Topic] = match self.severity {
            Severity::Critical if was_warning => &[Topic::OnCall, Topic::Warnings],
            Severity::Critical => &[Topic::OnCall],
            Severity::Warning => &[Topic::Warnings],
        };
        [people, &[Topic::Events, Topic::Chat]].concat()
    }

    /// Whether what the message is about goes on.
    #[must_use]
    pub fn is_ongoing(&self) -> bool {
        match self.event {
            Event::Opened | Event::Reminded | Event::Escalated | Event::Flapping | Event::MonitoringLost => true,
            Event::Stabilized => self.subjects.iter().any(|subject| subject.closed_at.is_none()),
            Event::Recovered | Event::MonitoringRestored | Event::Leftovers => false,
        }
    }
}
