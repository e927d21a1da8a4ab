//! The notification: the versioned JSON that programs read, and the source of all texts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::budget::ErrorBudget;
use crate::incident::event::Event;
use crate::incident::{AffectedCheck, LastSuccessfulRun, Severity};
use crate::model::{Cause, Failure, Leftover, Subject, Text};

/// Recipients of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// People who act at once.
    OnCall,
    /// People who act in working hours.
    Warnings,
    /// Programs.
    Events,
    /// A chat, through Amazon Q Developer in chat applications. Optional.
    Chat,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 4] = [Self::OnCall, Self::Warnings, Self::Events, Self::Chat];

    /// Name in resource names and logs.
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

/// Person or team to contact about a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// Name of the person or team.
    pub name: String,
    /// Telephone number, channel or address.
    pub details: String,
}

/// Owner of a subject that is not the platform's own: a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// Name as people know it: `e-teori.dk`.
    pub name: String,
    /// Contact there, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

/// Links of a notification, made from the templates of the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Links {
    /// The runbook of the check.
    pub runbook: String,
    /// The dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<String>,
    /// Log lines around the time of the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<String>,
    /// The run in the platform's own tracing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// Incident of one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectReport {
    /// The latest failure, with the subject's name.
    #[serde(flatten)]
    pub failure: Failure,
    /// Id of the incident.
    pub incident_id: String,
    /// Scheduled time of the first failed run.
    pub since: Timestamp,
    /// Scheduled time of the run that opened the incident.
    pub opened_at: Timestamp,
    /// Scheduled time of the run that closed it; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Seconds from the first failed run to the run that closed the incident; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime_seconds: Option<i64>,
    /// Time of the escalation, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// Number of incidents of this subject that opened within the flap window; absent unless there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openings: Option<u32>,
    /// Length of the flap window in seconds; present with `openings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap_window_seconds: Option<i64>,
    /// Partner that owns the subject; absent when it is the platform's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Subject for which monitoring is lost, or restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InconclusiveReport {
    /// The subject.
    pub subject: Subject,
    /// Cause of the latest inconclusive run.
    pub cause: Cause,
    /// Details for people: what was tried, what came back, what to do.
    pub detail: Text,
    /// Scheduled time of the first inconclusive run.
    pub since: Timestamp,
    /// Seconds without a verdict; present when monitoring is restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive_seconds: Option<i64>,
    /// Partner that owns the subject; absent when it is the platform's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Line in the table of the run's steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLine {
    /// 1, or 2 for the attempt that confirms.
    pub attempt: u32,
    /// The subject.
    pub subject: Subject,
    /// Name of the step.
    pub step: String,
    /// `passed`, `failed`, `inconclusive`, `maintenance` or `skipped`.
    pub result: String,
    /// Duration in milliseconds.
    pub duration_ms: f64,
}

/// Files on a machine that runs checks without a deployment, by their full names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Settings file; absent when the settings are part of the program, as the demo's are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// Store; absent when it ends with the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

impl Machine {
    /// The option with which a command finds the store; none when the store ends with the program.
    #[must_use]
    pub fn store_option(&self) -> Option<String> {
        self.store.as_deref().map(|store| format!("--store {}", quoted(store)))
    }

    /// The option with which a command finds the settings.
    #[must_use]
    pub fn settings_option(&self) -> Option<String> {
        self.settings.as_deref().map(|settings| format!("--settings {}", quoted(settings)))
    }
}

/// Quotes a file name for a shell, if needed.
fn quoted(file: &str) -> String {
    if file.chars().all(|c| c.is_alphanumeric() || "/._+-".contains(c)) {
        return file.to_owned();
    }
    format!("'{}'", file.replace('\'', r"'\''"))
}

/// Notification about incidents of one check: read by programs, and rendered for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    /// Version of this JSON.
    pub schema_version: u32,
    /// Id that stays the same when the notification is sent again, so that receivers can drop repeats.
    pub notification_id: String,
    /// The event.
    pub event: Event,
    /// Id of the check.
    pub check: String,
    /// Name of the environment.
    pub environment: String,
    /// AWS region of the deployment, for commands; absent on one machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Files of the machine that runs the checks, for commands; absent in a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Location that the run ran from.
    pub location: String,
    /// Severity: critical goes to people who act at once.
    pub severity: Severity,
    /// Scheduled time of the run.
    pub at: Timestamp,
    /// Incidents, at most [`Notification::MAX_SUBJECTS`].
    pub subjects: Vec<SubjectReport>,
    /// Number of further subjects or leftovers that are not listed.
    pub more_subjects: u32,
    /// Subjects without a verdict, at most [`Notification::MAX_SUBJECTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inconclusive: Vec<InconclusiveReport>,
    /// Checks that fail in a step that needs this check; each may have been reported before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<AffectedCheck>,
    /// Test data that runs could not remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// Seconds until a reminder if nothing changes; absent when nothing goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminds_after_seconds: Option<u64>,
    /// Steps of the listed subjects, at most [`Notification::MAX_STEPS`].
    pub steps: Vec<StepLine>,
    /// The last run in which every subject was healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_run: Option<LastSuccessfulRun>,
    /// Error budget of the check; absent when it has no objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_budget: Option<ErrorBudget>,
    /// Id of the run.
    pub run_id: String,
    /// W3C trace id that every request of the run carried.
    pub trace_id: String,
    /// Person or team to contact.
    pub contact: Contact,
    /// Links.
    pub links: Links,
}

impl Notification {
    /// Version of this JSON; it goes up when a field changes its meaning or its name.
    pub const SCHEMA_VERSION: u32 = 3;
    /// Largest number of subjects in one notification.
    pub const MAX_SUBJECTS: usize = 20;
    /// Largest number of lines in the table of steps.
    pub const MAX_STEPS: usize = 40;

    /// Lists the recipients: people by severity, programs and the chat always. After an escalation, those who were notified of
    /// the warning receive its further course too.
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

    /// Tag in front of the title: the severity, or `resolved` or `test`, so that good news does not read like a page.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self.event {
            Event::Test => "test",
            _ if self.is_over() => "resolved",
            _ => self.severity.as_str(),
        }
    }

    /// Reports whether the condition that the notification is about has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.is_ongoing() && !matches!(self.event, Event::Leftovers | Event::Test)
    }

    /// Reports whether the condition that the notification is about still holds.
    #[must_use]
    pub fn is_ongoing(&self) -> bool {
        match self.event {
            Event::Opened | Event::Reminded | Event::Escalated | Event::Flapping | Event::MonitoringLost => true,
            Event::Stabilized => self.subjects.iter().any(|subject| subject.closed_at.is_none()),
            Event::Recovered | Event::MonitoringRestored | Event::Leftovers | Event::Test => false,
        }
    }
}
