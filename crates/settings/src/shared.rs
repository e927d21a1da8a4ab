//! Settings shared by all checks, and the settings of a check's runs.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use check::budget::Objective;
use check::incident::{Policy, Severity};
use check::message::Contact;
use probe::Maintenance;

use crate::checked_values::TimeZone;
use crate::destinations::{Destination, RawUp};
use crate::incidents::RawIncidents;
use crate::links::{LinkTemplates, parse_template};
use crate::network::{Network, RawNetwork};
use crate::objectives::RawObjective;
use crate::retention::{RawRetention, Retention};
use crate::section::Section;
use crate::status_page::{RawStatusPage, StatusPage};
use crate::values::{RawDuration, RawReference, SecretRef};
use crate::windows::{RawWindow, Window};

const SECOND: Duration = Duration::from_secs(1);

/// Settings shared by all checks.
#[derive(Clone, Debug)]
pub struct Common {
    /// Name of the environment: a metric dimension, and part of the path of secrets.
    pub environment: String,
    /// Base URL of the platform; paths in the settings are relative to it.
    pub base_url: Url,
    /// Time zone of maintenance windows, and of the platform's times where they name none.
    pub time_zone: TimeZone,
    /// Person or team to contact about incidents.
    pub contact: Contact,
    /// Templates of the links in messages.
    pub links: LinkTemplates,
    /// Policy for opening, closing and repeating incidents, unless a check overrides it.
    pub policy: Policy,
    /// Maintenance windows, during which notifications are silenced.
    pub windows: Vec<Window>,
    /// Signs of the platform's maintenance mode.
    pub maintenance: Maintenance,
    /// Allowed hosts and addresses, and trusted certificates.
    pub network: Network,
    /// Where `synthetics up` sends messages.
    pub destinations: Vec<Destination>,
    /// Limits of the store on one machine.
    pub retention: Retention,
    /// The public status page, if there is one.
    pub status_page: Option<StatusPage>,
}

/// Settings of a check's runs.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Longest time that a run may take, including the confirming attempt and the wait before it. Default 45 s, or the
    /// time that the function has, if shorter.
    pub deadline: Duration,
    /// Wait before a failure is confirmed. Default 20 s.
    pub confirm_after: Duration,
    /// Policy for opening, closing and repeating its incidents.
    pub policy: Policy,
    /// URL of a service outside AWS, pinged after each passed run.
    pub heartbeat_url: Option<SecretRef>,
    /// Part of the runs that has to pass; `None` without an objective.
    pub objective: Option<Objective>,
}

/// Settings at the top of the file, shared by all checks.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawCommon {
    /// Name of the environment, the same as the stack's parameter `Environment`: 2 to 24 of `a-z`, `0-9` and `-`, a
    /// letter first. A metric dimension, part of the path of secrets, and in every message. Required.
    environment: Option<String>,
    /// URL of the platform, to which paths in this file are joined: `http` or `https`, without user, password and
    /// path. Required.
    #[schemars(extend("x-type" = "URL"))]
    base_url: Option<String>,
    /// Time zone of maintenance windows and of the platform's times, by its IANA name. Default Europe/Copenhagen.
    time_zone: Option<TimeZone>,
    /// Person or team to contact about incidents. Required.
    contact: RawContact,
    /// Templates of the links in messages. Required.
    links: RawLinks,
    /// Rules for opening, closing and repeating incidents.
    incidents: RawIncidents,
    /// Objective of each check, by its id: `[objectives.login]` with `target = 0.99`, the part of its runs that has to pass within
    /// 30 days. Default: availability 0.995, login 0.99, booking and payment-webhook 0.98, notifications 0.95; others none.
    #[schemars(extend("x-type" = "table of tables"))]
    pub(crate) objectives: BTreeMap<String, RawObjective>,
    /// Signs of the platform's maintenance mode, and maintenance windows.
    maintenance: RawMaintenance,
    /// Hosts and addresses allowed in addition to those in this file, and trusted certificates.
    network: RawNetwork,
    /// What only `synthetics up` reads: where it sends messages.
    up: RawUp,
    /// Limits of the store that runs on one machine keep. Functions on AWS do not use them.
    store: RawRetention,
    /// The public status page. Nothing appears on it but its services. Default none.
    status_page: Option<RawStatusPage>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawContact {
    /// Name of the person or team, in every message. Required.
    name: Option<String>,
    /// Ways to reach them. Begin with a telephone number, since it appears in the SMS. Required.
    details: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawLinks {
    /// URL of the check's runbook, in every message. Required.
    #[schemars(extend("x-type" = "URL template"))]
    runbook: Option<String>,
    /// URL of the dashboard of the metrics. Default none.
    #[schemars(extend("x-type" = "URL template"))]
    dashboard: Option<String>,
    /// URL of the log lines in the incident's window. Default none.
    #[schemars(extend("x-type" = "URL template"))]
    logs: Option<String>,
    /// URL of the run in the platform's own tracing. Default none.
    #[schemars(extend("x-type" = "URL template"))]
    trace: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawMaintenance {
    /// HTTP status of the platform's maintenance mode: 200 to 599. Laravel's page counts with any status below 500 too, as
    /// `artisan down --status` sends it. A redirect that the flow does not expect (`artisan down --redirect`) is followed to the page.
    /// Default 503.
    status: Option<u16>,
    /// Texts of a page of your own, none blank. The body must contain one of them, byte by byte, because a proxy that reaches no
    /// platform also answers 503. Without them, Laravel's page (its title is `Service Unavailable`) and its JSON message count.
    /// Default none.
    markers: Option<Vec<String>>,
    /// Maintenance windows, during which notifications are silenced. Checks still run and publish. Default none.
    windows: Option<Vec<RawWindow>>,
}

/// Settings of a check's runs.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRun {
    /// Longest time that a run may take, including the confirming attempt and the wait before it: 1s to 14m, within the
    /// budget. Default: `"45s"`; `"41s"` for checks that create something.
    deadline: Option<RawDuration>,
    /// Wait before a second attempt confirms a failure: 0s to 5m, within the budget. A 429 or 503 with a longer
    /// `Retry-After` extends it; if the run has too little time for that, the next run confirms. Checks that create
    /// something, such as a session or a lesson, make no second attempt; their next run confirms. Default 20s.
    confirm_after: Option<RawDuration>,
    /// Severity of incidents where `incidents.severities` has no match. `critical` goes to the topic `oncall`,
    /// `warning` to `warnings`. Default: `"critical"`; for `integrations` `"warning"`.
    severity: Option<Severity>,
    /// Keys of `[incidents]` that differ for this check, such as in `[check.reconciliation.incidents]`. Default: as for
    /// all checks.
    #[schemars(extend("x-type" = "table"))]
    incidents: Option<RawIncidents>,
    /// Reference to a URL, to which the function sends a GET after each passed run, so that a service outside AWS
    /// notices when all of AWS is silent. Default none.
    heartbeat_url: Option<RawReference>,
}

impl RawCommon {
    /// Records problems and continues with harmless values in place of wrong ones, so that the check's settings are
    /// read too and all problems are reported at once.
    ///
    /// `maintenance` holds the default signs of maintenance mode.
    pub(crate) fn validate(mut self, section: &Section<'_>, maintenance: Maintenance) -> Option<Common> {
        let time_zone = section.or_default("time_zone", self.time_zone, TimeZone::default());
        let environment = environment(section, self.environment);
        let base_url = section.url("base_url", self.base_url).filter(|url| {
            let is_root = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            if !is_root {
                let rule = "expected a URL without a path or query; write the full path in each key that takes one";
                section.problem("base_url", rule);
            }
            is_root
        });
        let contact = section.table("contact");
        let name = contact.text("name", self.contact.name);
        let details = contact.text("details", self.contact.details);
        let links = self.links.validate(&section.table("links"));
        let policy = self.incidents.validate(&section.table("incidents"), &Policy::default());
        let maintenance_section = section.table("maintenance");
        let checks = section.check_ids();
        let windows: Vec<Option<Window>> = (0..)
            .zip(self.maintenance.windows.take().into_iter().flatten())
            .map(|(index, window)| {
                window.validate(&maintenance_section.item("windows", index), &checks, time_zone.as_str())
            })
            .collect();
        let maintenance = self.maintenance.validate(&maintenance_section, maintenance);
        let network = self.network.validate(&section.table("network"));
        let destinations = self.up.validate(&section.table("up"), environment.as_deref().unwrap_or_default());
        let retention = self.store.validate(&section.table("store"));
        let status_page = self.status_page.and_then(|page| page.validate(&section.table("status_page"), &checks));
        Some(Common {
            destinations,
            time_zone,
            // Empty: references to secrets may then name any environment.
            environment: environment.unwrap_or_default(),
            base_url: base_url.or_else(|| Url::parse("http://placeholder.invalid/").ok())?,
            contact: Contact { name: name.unwrap_or_default(), details: details.unwrap_or_default() },
            links: links.unwrap_or_default(),
            policy: policy.unwrap_or_default(),
            windows: windows.into_iter().flatten().collect(),
            maintenance,
            network: network?,
            retention,
            status_page,
        })
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
    /// Returns the default signs in place of wrong ones, whose problems are recorded.
    fn validate(self, section: &Section<'_>, default: Maintenance) -> Maintenance {
        let status = section.number("status", self.status, default.status, 200..=599);
        let Some(markers) = self.markers else {
            return status.map_or(default.clone(), |status| Maintenance { status, ..default });
        };
        if markers.iter().any(|marker| marker.trim().is_empty()) || markers.is_empty() {
            section.problem(
                "markers",
                "expected at least one text, none of them blank: without one, any 503 would count as maintenance",
            );
            return default;
        }
        status.map_or(default, |status| Maintenance { status, markers, standard: None })
    }
}

impl RawRun {
    /// Keys of a check's section that configure its runs.
    pub(crate) const KEYS: &[&str] = &["deadline", "confirm_after", "severity", "incidents", "heartbeat_url"];

    /// `severity` is the check's default; `longest` is the function's time for a run, `objective` that of the check.
    pub(crate) fn validate(
        self,
        section: &Section<'_>,
        check: &str,
        severity: Severity,
        common: &Common,
        longest: Duration,
        objective: Option<Objective>,
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
            policy: Policy { severity: section.or_default("severity", self.severity, severity), ..policy? },
            heartbeat_url,
            objective,
        })
    }
}

fn environment(section: &Section<'_>, name: Option<String>) -> Option<String> {
    let name = section.text("environment", name)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    // Same rule as for the template's parameter of this name.
    if !begins || !(2..=24).contains(&name.len()) || !name.chars().all(allowed) {
        let rule = format!("expected 2 to 24 of a-z, 0-9 and `-`, a letter first, found `{name}`");
        section.problem("environment", rule);
        return None;
    }
    Some(name)
}
