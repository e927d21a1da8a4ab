//! What all checks share, and how each is run.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use check::incident::{Policy, Severity};
use check::message::Contact;
use probe::Maintenance;

use super::checked::TimeZone;
use super::incidents::RawIncidents;
use super::links::{LinkTemplates, parse_template};
use super::network::{Network, RawNetwork};
use super::platform::Platform;
use super::section::Section;
use super::values::{SecretRef, written_duration};
use super::windows::{RawWindow, Window};

const SECOND: Duration = Duration::from_secs(1);

/// The settings that all checks share.
#[derive(Clone, Debug)]
pub struct Common {
    /// The environment's name: a metric dimension, and part of the path of secrets.
    pub environment: String,
    /// Where the platform is; paths in the settings are relative to it.
    pub base_url: Url,
    /// Time zone of maintenance windows, and of the platform's times where they name none.
    pub time_zone: TimeZone,
    /// Person or team to contact about incidents.
    pub contact: Contact,
    /// Templates of the links in messages.
    pub links: LinkTemplates,
    /// When incidents open, close and are told again, where a check does not differ.
    pub policy: Policy,
    /// When nobody is told.
    pub windows: Vec<Window>,
    /// How the platform's maintenance mode shows.
    pub maintenance: Maintenance,
    /// Where requests may go, and whom they trust.
    pub network: Network,
    /// What its flows are called.
    pub platform: Platform,
}

/// How a check is run.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The longest a run may take, with the attempt that confirms and the wait before it. Default 45 s, or what the function
    /// has time for.
    pub deadline: Duration,
    /// The wait before a failure is confirmed. Default 20 s.
    pub confirm_after: Duration,
    /// When its incidents open, close and are told again.
    pub policy: Policy,
    /// Where to say that a run passed, to somebody outside AWS.
    pub heartbeat_url: Option<SecretRef>,
}

/// As written, at the top of the file.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCommon {
    /// The name of the environment: 2 to 24 of a-z, 0-9 and `-`, a letter first. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// Where the platform is: `http` or `https`, without user and password. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Time zone of maintenance windows and of the platform's times, by its IANA name. Default Europe/Copenhagen.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<TimeZone>,
    /// Whom to call. Required.
    contact: RawContact,
    /// Templates of the links in messages.
    links: RawLinks,
    /// When incidents open, close and are told again.
    incidents: RawIncidents,
    /// How the platform's maintenance mode shows, and when there is maintenance.
    maintenance: RawMaintenance,
    /// Where requests may go besides the hosts that stand here, and whom they trust.
    network: RawNetwork,
    /// What the platform's flows are called; the contract's names where nothing is written.
    platform: Platform,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawContact {
    /// A person or a team. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How to reach them: a telephone number first of all. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawLinks {
    /// What to do. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook: Option<String>,
    /// The numbers over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    dashboard: Option<String>,
    /// The log lines of the incident's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<String>,
    /// The run in the platform's own tracing.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawMaintenance {
    /// The status: 200 to 599. Default 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Texts of which the body holds at least one. Default: those of Laravel's page and JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    markers: Option<Vec<String>>,
    /// When nobody is told; checks run and publish all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    windows: Option<Vec<RawWindow>>,
}

/// As written, in the section of a check.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRun {
    /// The longest a run may take: 1s to 14m. Default 45s, or what the function has time for.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    /// The wait before a failure is confirmed by a second attempt: 0s to 5m. Default 20s.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm_after: Option<String>,
    /// Which topic people are told through, where `incidents.severities` says nothing else. Default critical; of
    /// partners warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    /// Where its incidents differ from those of all checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<RawIncidents>,
    /// A reference to the URL that is asked after each run that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_url: Option<String>,
}

impl RawCommon {
    /// What is wrong is noted, and something harmless stands in its place, so that the settings of the check are read too
    /// and all problems reported at once.
    pub(super) fn validate(mut self, section: &Section<'_>) -> Option<Common> {
        let time_zone = self.time_zone.take().unwrap_or_default();
        self.platform.times.zone.get_or_insert_with(|| time_zone.clone());
        let environment = self.environment(section);
        let base_url = section.url("base_url", self.base_url);
        let contact = section.table("contact");
        let name = contact.text("name", self.contact.name);
        let details = contact.text("details", self.contact.details);
        let links = self.links.validate(&section.table("links"));
        let policy = self.incidents.validate(&section.table("incidents"), &Policy::default());
        let of_maintenance = section.table("maintenance");
        let checks = section.check_ids();
        let windows: Vec<Option<Window>> = (0..)
            .zip(self.maintenance.windows.iter().flatten())
            .map(|(index, window)| {
                window.clone().validate(&of_maintenance.item("windows", index), &checks, time_zone.as_str())
            })
            .collect();
        let maintenance = self.maintenance.validate(&of_maintenance);
        let network = self.network.validate(&section.table("network"));
        Some(Common {
            time_zone,
            // Empty: references to secrets may name any environment then.
            environment: environment.unwrap_or_default(),
            base_url: base_url.or_else(|| Url::parse("http://stand-in.invalid/").ok())?,
            contact: Contact { name: name.unwrap_or_default(), details: details.unwrap_or_default() },
            links: links.unwrap_or_default(),
            policy: policy.unwrap_or_default(),
            windows: windows.into_iter().flatten().collect(),
            maintenance: maintenance.unwrap_or_default(),
            network: network?,
            platform: self.platform,
        })
    }

    fn environment(&self, section: &Section<'_>) -> Option<String> {
        let name = section.text("environment", self.environment.clone())?;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        // As the template's parameter of the same name has it.
        if !begins || !(2..=24).contains(&name.len()) || !name.chars().all(allowed) {
            let rule = format!("expected 2 to 24 of a-z, 0-9 and `-`, a letter first, found `{name}`");
            section.problem("environment", rule);
            return None;
        }
        Some(name)
    }
}

impl RawLinks {
    fn validate(self, section: &Section<'_>) -> Option<LinkTemplates> {
        let template = |key: &str, value: Option<String>| match value {
            None => Some(None),
            Some(text) => section.parsed(key, parse_template(&text)).map(Some),
        };
        let runbook = section.required("runbook", self.runbook).and_then(|text| template("runbook", Some(text)));
        let dashboard = template("dashboard", self.dashboard);
        let logs = template("logs", self.logs);
        let trace = template("trace", self.trace);
        Some(LinkTemplates { runbook: runbook??, dashboard: dashboard?, logs: logs?, trace: trace? })
    }
}

impl RawMaintenance {
    fn validate(self, section: &Section<'_>) -> Option<Maintenance> {
        let default = Maintenance::default();
        let status = section.number("status", self.status, default.status, 200..=599);
        let markers = self.markers.unwrap_or(default.markers);
        if markers.iter().any(|marker| marker.trim().is_empty()) || markers.is_empty() {
            section.problem(
                "markers",
                "expected at least one text, none of them blank: without, any 503 would be a planned state",
            );
            return None;
        }
        Some(Maintenance { status: status?, markers })
    }
}

impl RawRun {
    /// Which keys of a check's section are about how it is run.
    pub(super) const KEYS: &[&str] = &["deadline", "confirm_after", "severity", "incidents", "heartbeat_url"];

    /// `severity` is the check's own, where none is written; `longest` is the time that the function has for a run.
    pub(super) fn validate(
        self,
        section: &Section<'_>,
        check: &str,
        severity: Severity,
        common: &Common,
        longest: Duration,
    ) -> Option<RunSettings> {
        let default = longest.min(SECOND * 45);
        let deadline = section.duration("deadline", self.deadline, default, SECOND..=SECOND * 840);
        let confirm_after =
            section.duration("confirm_after", self.confirm_after, SECOND * 20, Duration::ZERO..=SECOND * 300);
        let heartbeat = self.heartbeat_url.is_some();
        let heartbeat_url = section.secret("heartbeat_url", self.heartbeat_url, &common.environment, check);
        if heartbeat && heartbeat_url.is_none() {
            return None;
        }
        let incidents = self.incidents.unwrap_or_default();
        let policy = incidents.validate(&section.table("incidents"), &common.policy);
        Some(RunSettings {
            deadline: deadline?,
            confirm_after: confirm_after?,
            policy: Policy { severity: self.severity.unwrap_or(severity), ..policy? },
            heartbeat_url,
        })
    }
}

impl Common {
    /// As it would be written, every default in its place.
    pub(super) fn to_raw(&self) -> RawCommon {
        RawCommon {
            environment: Some(self.environment.clone()),
            base_url: Some(self.base_url.to_string()),
            time_zone: Some(self.time_zone.clone()),
            contact: RawContact { name: Some(self.contact.name.clone()), details: Some(self.contact.details.clone()) },
            links: RawLinks {
                runbook: Some(self.links.runbook.clone()),
                dashboard: self.links.dashboard.clone(),
                logs: self.links.logs.clone(),
                trace: self.links.trace.clone(),
            },
            incidents: RawIncidents::to_raw(&self.policy),
            maintenance: RawMaintenance {
                status: Some(self.maintenance.status),
                markers: Some(self.maintenance.markers.clone()),
                windows: (!self.windows.is_empty()).then(|| self.windows.iter().map(Window::to_raw).collect()),
            },
            network: self.network.to_raw(),
            platform: self.platform.clone(),
        }
    }
}

impl RunSettings {
    /// As it would be written, every default in its place.
    pub(super) fn to_raw(&self) -> RawRun {
        RawRun {
            deadline: Some(written_duration(self.deadline)),
            confirm_after: Some(written_duration(self.confirm_after)),
            severity: Some(self.policy.severity),
            incidents: Some(RawIncidents::to_raw(&self.policy)),
            heartbeat_url: self.heartbeat_url.as_ref().map(ToString::to_string),
        }
    }
}
