//! The checks that run according to the templates: cadence, memory, metrics and secrets of each. Pure.

use std::collections::BTreeMap;

use alarm::Template;
use anyhow::{Context, bail};
use check::metric::{CATALOGUE, Channel, Dimensions, Metric};
use serde::Serialize;
use serde_json::Value;
use settings::{SecretRef, unknown};
use toml::Table;

use super::assumed::{INCIDENTS, MONTH_SECONDS, TYPICAL_RUNS, TypicalRun};
use super::prices::Good;
use crate::checks::LIST;
use crate::{cadence, secret_references};

/// An actual or hypothetical deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the environment.
    pub environment: String,
    /// Checks that run: `all`, or their ids, separated by commas.
    pub checks: String,
    /// Parameters of `template.yaml`.
    pub(super) parameters: BTreeMap<String, String>,
    /// Parameters of `alarms.yaml`.
    pub(super) alarm_parameters: BTreeMap<String, String>,
    /// Cadences that replace those of the template, by check. **Units:** seconds between two runs.
    pub(super) cadences: BTreeMap<String, u64>,
    /// Run times that replace the assumed ones, by check. **Units:** seconds.
    pub(super) seconds: BTreeMap<String, f64>,
    /// Memory of every function, in place of the template's. **Units:** MB.
    pub(super) memory_mb: Option<u64>,
    /// Incidents in a month.
    pub incidents: f64,
}

impl Plan {
    /// Returns the plan that deploys these checks with the values of the templates.
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

/// Input files: the text of the templates, and the effective settings by check.
pub(super) struct Sources<'a> {
    pub(super) functions: &'a str,
    pub(super) alarms: &'a str,
    pub(super) settings: &'a BTreeMap<String, Table>,
}

/// A check that runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Running {
    /// Its id, with time and data of a typical run.
    #[serde(flatten)]
    pub typical: TypicalRun,
    /// Cadence. **Units:** seconds.
    pub every_seconds: u64,
    /// Runs in a month.
    pub runs: f64,
    /// Memory of the function. **Units:** MB.
    pub(super) memory_mb: f64,
    /// Retention of the log lines. **Units:** days.
    pub(super) retention_days: f64,
    /// Number of metrics that this check publishes and no other does.
    pub metrics: usize,
    /// Number of metrics that alarms watch.
    pub alarms: usize,
    /// Number of secrets that its settings refer to.
    pub(super) secrets: usize,
    /// The good that its run time is billed as.
    pub(super) time: Good,
    /// True when its function is in the private network.
    pub(super) is_in_network: bool,
}

/// A check with a function, and its cadence.
pub(super) struct Scheduled {
    /// Key of the check in the mapping `Checks`.
    pub(super) name: String,
    pub(super) id: &'static str,
    every_seconds: u64,
}

/// Returns the checks of the mapping `Checks` for which the template has a function.
///
/// # Errors
/// When the mapping is missing, a check is unknown, or its schedule is not supported.
pub(super) fn scheduled(functions: &Template) -> anyhow::Result<Vec<Scheduled>> {
    let Some(mapping) = functions.mappings["Checks"].as_object() else {
        bail!("template.yaml: expected a mapping Checks with the schedule of each check, found none");
    };
    let mut found = Vec::new();
    for (name, entry) in mapping {
        // The mapping also contains checks without a function.
        if functions.resource(&format!("{name}Function")).is_none() {
            continue;
        }
        let id = entry["Id"].as_str().unwrap_or_default();
        let schedule = entry["Schedule"].as_str().unwrap_or_default();
        let typical = TYPICAL_RUNS.iter().find(|typical| typical.check == id);
        let typical = typical.with_context(|| {
            format!(
                "template.yaml: Mappings.Checks.{name}: expected the id of a check that this program knows, found `{id}`\n\
                 (build the program from the same commit as the templates)"
            )
        })?;
        let every = cadence::from_schedule(schedule).with_context(|| {
            format!("template.yaml: Mappings.Checks.{name}: expected {}, found `{schedule}`", cadence::SUPPORTED)
        })?;
        found.push(Scheduled { name: name.clone(), id: typical.check, every_seconds: every.as_secs() });
    }
    Ok(found)
}

/// Selects the checks that run: `all`, or a comma-separated list of ids or names in the template.
///
/// # Errors
/// When the list names an unknown check.
pub(super) fn select<'s>(scheduled: &'s [Scheduled], checks: &str) -> anyhow::Result<Vec<&'s Scheduled>> {
    if checks == "all" {
        return Ok(scheduled.iter().collect());
    }
    let named: Vec<&str> = checks.split(',').map(str::trim).collect();
    let matches = |check: &Scheduled, name: &str| check.id == name || check.name == name;
    if let Some(other) = named.iter().find(|name| !scheduled.iter().any(|check| matches(check, name))) {
        let known: Vec<&str> = scheduled.iter().map(|check| check.id).collect();
        bail!("{}", unknown("check", other, &known, LIST));
    }
    Ok(scheduled.iter().filter(|check| named.iter().any(|name| matches(check, name))).collect())
}

/// Reads one check that runs from the template, the plan and the settings.
///
/// # Errors
/// When the template lacks the function, its memory or its log retention, or a value of the plan is out of range.
pub(super) fn running(
    plan: &Plan,
    functions: &Template,
    check: &Scheduled,
    settings: &BTreeMap<String, Table>,
) -> anyhow::Result<Running> {
    let id = format!("{}Function", check.name);
    let function =
        functions.resource(&id).with_context(|| format!("template.yaml: expected a resource {id}, found none"))?;
    let property = |name: &str| function.properties.get(name).unwrap_or(&functions.globals["Function"][name]).clone();
    let memory = property("MemorySize").as_f64().with_context(|| format!("{id}: expected a MemorySize, found none"))?;
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
            "{id}: expected a log group with RetentionInDays, found none: without it, stored logs cost more each month"
        )
    })?;
    let typical = TYPICAL_RUNS.iter().find(|typical| typical.check == check.id);
    let mut typical = *typical.context("every scheduled check is known")?;
    typical.seconds = plan.seconds.get(check.id).copied().unwrap_or(typical.seconds);
    let timeout = property("Timeout").as_f64().unwrap_or(f64::MAX);
    if typical.seconds > timeout {
        bail!("seconds.{}: expected at most {timeout}, the Timeout of {id}, found {}", check.id, typical.seconds);
    }
    let every_seconds = plan.cadences.get(check.id).copied().unwrap_or(check.every_seconds);
    Ok(Running {
        typical,
        every_seconds,
        runs: (MONTH_SECONDS / every_seconds) as f64,
        memory_mb: plan.memory_mb.map_or(memory, |mb| mb as f64),
        retention_days,
        metrics: CATALOGUE.iter().filter(|metric| is_published_by(metric, check.id)).map(series).sum(),
        alarms: 0,
        secrets: settings.get(check.id).map_or(0, |section| parameters(section).count()),
        time,
        is_in_network: function.properties.contains_key("VpcConfig"),
    })
}

/// Reads a number, which a template parameter may contain as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Returns true when the check publishes the metric under its own `Check` dimension.
fn is_published_by(metric: &Metric, check: &str) -> bool {
    metric.dimensions != Dimensions::Environment && metric.owner.is_none_or(|owner| owner == check)
}

/// Returns the number of time series that one check publishes for a metric. AWS bills each of them.
pub(super) fn series(metric: &Metric) -> usize {
    match metric.dimensions {
        Dimensions::EnvironmentCheckAndChannel => Channel::ALL.len(),
        Dimensions::EnvironmentAndCheck | Dimensions::Environment => 1,
    }
}

/// Returns the parameters that a settings section refers to.
pub(super) fn parameters(section: &Table) -> impl Iterator<Item = String> {
    secret_references::references(section).into_keys().filter_map(|reference| match reference {
        SecretRef::Parameter(name) => Some(name),
        SecretRef::Variable(_) => None,
    })
}
