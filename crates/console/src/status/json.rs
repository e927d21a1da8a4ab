//! `status.json`, for programs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::state::State;
use super::summary::{DaySummary, Incident, ServiceSummary, Summary};

/// Version of the format.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize, JsonSchema)]
struct Document<'a> {
    /// Version of this format.
    schema_version: u32,
    /// Title of the page.
    title: &'a str,
    /// URL of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    /// Time at which this file was written.
    generated_at: Timestamp,
    /// Time of the newest result. Missing if there is none within 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_at: Option<Timestamp>,
    /// True if no service has a recent result.
    is_old: bool,
    /// Worst state of a service.
    state: State,
    /// Groups of services.
    groups: Vec<Group<'a>>,
    /// Incidents of the last 90 days, the newest first.
    incidents: Vec<Spell<'a>>,
}

/// Services under one heading.
#[derive(Serialize, JsonSchema)]
struct Group<'a> {
    /// Heading.
    name: &'a str,
    /// Services.
    services: Vec<Service<'a>>,
}

/// A service.
#[derive(Serialize, JsonSchema)]
struct Service<'a> {
    /// Name.
    name: &'a str,
    /// State now.
    state: State,
    /// Passed part of the runs in these days, 0 to 1. Missing if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<f64>,
    /// The last 90 days, UTC, oldest first.
    days: Vec<Day>,
}

/// State of a service on a day.
#[derive(Serialize, JsonSchema)]
struct Day {
    /// Date, such as `2026-12-01`.
    date: String,
    /// Worst state of the day; unknown without results.
    state: State,
    /// Passed part of the runs, 0 to 1. Missing if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<f64>,
}

/// Time in which a service did not work.
#[derive(Serialize, JsonSchema)]
struct Spell<'a> {
    /// Name of the service.
    service: &'a str,
    /// Worst state in this time.
    state: State,
    /// Start.
    from: Timestamp,
    /// End. Missing while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Timestamp>,
    /// Length in seconds, so far if it is open.
    seconds: i64,
}

/// JSON Schema (draft 2020-12) of `status.json`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Document<'_>).to_value();
    schema["title"] = json!("Status of a platform");
    schema["description"] = json!("The file `status.json` of the public status page.");
    schema
}

/// Renders the file.
pub(super) fn json(summary: &Summary) -> String {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        title: &summary.title,
        url: summary.url.as_deref(),
        generated_at: whole(summary.now),
        data_at: summary.data_at.map(whole),
        is_old: summary.is_old,
        state: summary.state,
        groups: (summary.groups.iter())
            .map(|group| Group { name: &group.name, services: group.services.iter().map(service).collect() })
            .collect(),
        incidents: summary.incidents.iter().map(|incident| spell(incident, summary.now)).collect(),
    };
    // Texts, numbers and times can always be written.
    serde_json::to_string(&document).unwrap_or_default() + "\n"
}

fn service(service: &ServiceSummary) -> Service<'_> {
    Service {
        name: &service.name,
        state: service.state,
        uptime: service.uptime.map(rounded),
        days: service.days.iter().map(day).collect(),
    }
}

fn day(day: &DaySummary) -> Day {
    Day { date: day.at.strftime("%Y-%m-%d").to_string(), state: day.state, uptime: day.uptime.map(rounded) }
}

fn spell(incident: &Incident, now: Timestamp) -> Spell<'_> {
    Spell {
        service: &incident.service,
        state: incident.state,
        from: whole(incident.from),
        to: incident.to.map(whole),
        seconds: incident.to.unwrap_or(now).duration_since(incident.from).as_secs().max(0),
    }
}

/// The time in whole seconds.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Rounds down to six digits.
fn rounded(fraction: f64) -> f64 {
    (fraction * 1e6).floor() / 1e6
}
