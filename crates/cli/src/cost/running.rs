//! What runs, by the templates: each check's cadence, memory, metrics and secrets; pure.

use std::collections::{BTreeMap, BTreeSet};

use alarm::Template;
use anyhow::{Context, bail};
use check::metric::{CATALOGUE, Channel, Dimensions, Metric};
use serde::Serialize;
use serde_json::Value;
use toml::Table;

use super::assumed::{INCIDENTS, MONTH_SECONDS, USUAL, Usual};
use super::prices::Good;
use crate::cadence;

/// What is deployed, or would be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// The environment.
    pub(super) environment: String,
    /// Which checks run: `all`, or their ids, separated by commas.
    pub(super) checks: String,
    /// Parameters of the functions' template.
    pub(super) parameters: BTreeMap<String, String>,
    /// Parameters of the alarms' template.
    pub(super) alarm_parameters: BTreeMap<String, String>,
    /// Seconds between two runs, by check, where they are not the template's.
    pub(super) cadences: BTreeMap<String, u64>,
    /// Seconds of a run, by check, where they are not the assumed ones.
    pub(super) seconds: BTreeMap<String, f64>,
    /// In place of the template's.
    pub(super) memory_mb: Option<u64>,
    /// In a month.
    pub(super) incidents: f64,
}

impl Plan {
    /// Of these checks, as the templates have it.
    pub(super) fn new(environment: &str, checks: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            checks: checks.to_owned(),
            parameters: BTreeMap::new(),
            alarm_parameters: BTreeMap::new(),
            cadences: BTreeMap::new(),
            seconds: BTreeMap::new(),
            memory_mb: None,
            incidents: INCIDENTS,
        }
    }
}

/// What is read: the texts of the templates, and the settings in effect by check.
pub(super) struct Sources<'a> {
    pub(super) functions: &'a str,
    pub(super) alarms: &'a str,
    pub(super) settings: &'a BTreeMap<String, Table>,
}

/// A check that runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Running {
    #[serde(flatten)]
    pub(super) usual: Usual,
    /// **Units:** seconds.
    pub(super) every_seconds: u64,
    /// In a month.
    pub(super) runs: f64,
    /// Of its function. **Units:** MB.
    pub(super) memory_mb: f64,
    /// Of its lines. **Units:** days.
    pub(super) retention_days: f64,
    /// What it alone publishes.
    pub(super) metrics: usize,
    /// Metrics that alarms watch.
    pub(super) alarms: usize,
    /// What its settings refer to.
    pub(super) secrets: usize,
    /// What its time is billed as.
    pub(super) time: Good,
    /// Whether its function is in the private network.
    pub(super) is_in_network: bool,
}

/// A check that has a function, and how often it runs.
pub(super) struct Scheduled {
    /// Its key in the mapping.
    pub(super) name: String,
    pub(super) id: &'static str,
    every_seconds: u64,
}

pub(super) fn scheduled(functions: &Template) -> anyhow::Result<Vec<Scheduled>> {
    let Some(mapping) = functions.mappings["Checks"].as_object() else {
        bail!("template.yaml has no mapping Checks: it gives each check its cadence");
    };
    let mut found = Vec::new();
    for (name, entry) in mapping {
        // The mapping knows checks that have no function yet.
        if functions.resource(&format!("{name}Function")).is_none() {
            continue;
        }
        let id = entry["Id"].as_str().unwrap_or_default();
        let schedule = entry["Schedule"].as_str().unwrap_or_default();
        let usual = USUAL.iter().find(|usual| usual.check == id);
        let usual = usual.with_context(|| format!("template.yaml: Mappings.Checks.{name}: how long a run of `{id}` takes is not known to this program\n(it is as old as the templates are new: build it from the same commit)"))?;
        let every = cadence::from_schedule(schedule).with_context(|| {
            format!("template.yaml: Mappings.Checks.{name}: expected {}, found `{schedule}`", cadence::FORMS)
        })?;
        found.push(Scheduled { name: name.clone(), id: usual.check, every_seconds: every.as_secs() });
    }
    Ok(found)
}

/// Those that run: all, or the named ones, by id or by their name in the template.
pub(super) fn wanted<'s>(scheduled: &'s [Scheduled], checks: &str) -> anyhow::Result<Vec<&'s Scheduled>> {
    if checks == "all" {
        return Ok(scheduled.iter().collect());
    }
    let named: Vec<&str> = checks.split(',').map(str::trim).collect();
    let is = |check: &Scheduled, name: &str| check.id == name || check.name == name;
    if let Some(other) = named.iter().find(|name| !scheduled.iter().any(|check| is(check, name))) {
        let known: Vec<&str> = scheduled.iter().map(|check| check.id).collect();
        bail!("there is no check `{other}`; there are {}, or all", known.join(", "));
    }
    Ok(scheduled.iter().filter(|check| named.iter().any(|name| is(check, name))).collect())
}

pub(super) fn running(
    plan: &Plan,
    functions: &Template,
    check: &Scheduled,
    settings: &BTreeMap<String, Table>,
) -> anyhow::Result<Running> {
    let id = format!("{}Function", check.name);
    let function = functions.resource(&id).with_context(|| format!("template.yaml has no {id}"))?;
    let property = |name: &str| function.properties.get(name).unwrap_or(&functions.globals["Function"][name]).clone();
    let memory = property("MemorySize").as_f64().with_context(|| format!("{id} has no MemorySize"))?;
    let architecture = property("Architectures")[0].as_str().unwrap_or("x86_64").to_owned();
    let time = match architecture.as_str() {
        "arm64" => Good::FunctionSecondArm64,
        "x86_64" => Good::FunctionSecondX86,
        other => bail!("{id}: expected the architecture arm64 or x86_64, found `{other}`"),
    };
    let group = function.properties.get("LoggingConfig").and_then(|config| config["LogGroup"].as_str());
    let group = group.and_then(|group| functions.resource(group.trim_start_matches("${").trim_end_matches('}')));
    let retention = group.and_then(|group| group.properties.get("RetentionInDays")).and_then(number);
    let retention_days = retention.with_context(|| {
        format!(
            "{id}: expected a log group with RetentionInDays, found none: what is kept for ever costs more each month"
        )
    })?;
    let mut usual = *USUAL.iter().find(|usual| usual.check == check.id).context("every scheduled check is known")?;
    usual.seconds = plan.seconds.get(check.id).copied().unwrap_or(usual.seconds);
    let timeout = property("Timeout").as_f64().unwrap_or(f64::MAX);
    if usual.seconds > timeout {
        bail!("seconds.{}: expected at most {timeout}, the Timeout of {id}, found {}", check.id, usual.seconds);
    }
    let every_seconds = plan.cadences.get(check.id).copied().unwrap_or(check.every_seconds);
    Ok(Running {
        usual,
        every_seconds,
        runs: (MONTH_SECONDS / every_seconds) as f64,
        memory_mb: plan.memory_mb.map_or(memory, |mb| mb as f64),
        retention_days,
        metrics: CATALOGUE.iter().filter(|metric| is_of(metric, check.id)).map(series).sum(),
        alarms: 0,
        secrets: settings.get(check.id).map_or(0, |section| references(section).len()),
        time,
        is_in_network: function.properties.contains_key("VpcConfig"),
    })
}

/// Numbers of parameters may come as texts.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Whether a check alone publishes a metric: under its own name.
fn is_of(metric: &Metric, check: &str) -> bool {
    metric.dimensions != Dimensions::Environment && metric.owner.is_none_or(|owner| owner == check)
}

/// How many series a metric is for one check: each is billed.
pub(super) fn series(metric: &Metric) -> usize {
    match metric.dimensions {
        Dimensions::EnvironmentCheckAndChannel => Channel::ALL.len(),
        Dimensions::EnvironmentAndCheck | Dimensions::Environment => 1,
    }
}

/// The references to secrets of a section, each once.
pub(super) fn references(section: &Table) -> BTreeSet<String> {
    fn collect(value: &toml::Value, found: &mut BTreeSet<String>) {
        match value {
            toml::Value::String(text) => found.extend(text.strip_prefix("ssm:").map(str::to_owned)),
            toml::Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            toml::Value::Table(table) => table.iter().for_each(|(_, value)| collect(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    section.iter().for_each(|(_, value)| collect(value, &mut found));
    found
}
