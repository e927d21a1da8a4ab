//! Estimates the monthly bill from templates, cadences and settings.

pub mod assumed;
pub mod bill;
pub mod prices;
pub mod running;
pub mod usage;
mod what_if;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use toml::{Table, Value};

use crate::checks;
use crate::samconfig::Samconfig;
use crate::shipped_files::Files;
use bill::Bill;
use prices::Prices;
use running::{Plan, Sources};
use usage::Usage;

/// The environment when none is given.
const DEFAULT_ENVIRONMENT: &str = "production";
/// Folder of the settings files among the templates.
const SETTINGS: &str = "layer/settings";
/// The settings file for an environment without one.
const EXAMPLE: &str = "production.example.toml";

/// Input of the estimate.
#[derive(Clone, Copy, Debug)]
pub struct CostInput<'a> {
    /// Templates.
    pub templates: Files<'a>,
    /// Settings file. `None`: that of the environment among the templates, else the example among them.
    pub settings: Option<&'a Path>,
    /// Environment. `None`: that of the settings file, else production.
    pub environment: Option<&'a str>,
    /// Checks that run: `all`, or their ids, separated by commas.
    pub checks: &'a str,
    /// Assumptions to change, each as `KEY=VALUE`.
    pub what_if: &'a [String],
    /// Highest acceptable list price. **Units:** USD a month.
    pub max: Option<f64>,
}

/// The estimated bill.
pub struct CostReport {
    /// The estimate without changes.
    pub base: Estimate,
    /// The estimate with the `--what-if` changes applied. `None`: there are no changes.
    pub changed: Option<Estimate>,
    /// The changes, each as `KEY=VALUE`.
    pub changes: Vec<String>,
    /// Place of the templates: `in FOLDER`, or `embedded in this program, …`.
    pub templates: String,
    /// Path of the settings file.
    pub settings: String,
    /// Region of the deployment, when `samconfig.toml` names one.
    pub region: Option<String>,
    /// Comparison with the highest acceptable bill, if there is one.
    pub max: Option<Max>,
    /// The price list.
    pub prices: Prices,
}

impl CostReport {
    /// Returns the estimate with the changes, or the base estimate when there are none.
    pub fn effective(&self) -> &Estimate {
        self.changed.as_ref().unwrap_or(&self.base)
    }
}

/// A plan with its usage and its bill.
pub struct Estimate {
    /// The deployment.
    pub plan: Plan,
    /// Usage in a month.
    pub usage: Usage,
    /// The bill of a month.
    pub bill: Bill,
}

impl Estimate {
    /// Returns the number of runs in a month.
    pub fn runs(&self) -> f64 {
        self.usage.running.iter().map(|running| running.runs).sum()
    }
}

/// The highest acceptable bill, from `--max`.
pub struct Max {
    /// **Units:** USD a month.
    pub usd: f64,
    /// **Units:** USD a month. `None`: the bill is within the limit.
    pub over_by: Option<f64>,
}

/// Estimates the monthly bill, and compares it with the highest acceptable one.
///
/// # Errors
/// When a file is unreadable or invalid, or the environment, a check or a change is unknown.
pub fn report(input: &CostInput<'_>) -> anyhow::Result<CostReport> {
    let templates = input.templates;
    let (functions, alarms) = (templates.template("template.yaml")?, templates.template("alarms.yaml")?);
    let (file, text) = settings_file(input)?;
    let (environment, settings) = settings(&file, &text)?;
    let environment = match (input.environment, input.settings) {
        (Some(environment), _) => environment.to_owned(),
        (None, Some(_)) => environment,
        (None, None) => DEFAULT_ENVIRONMENT.to_owned(),
    };
    let deployed =
        Samconfig::parse(&templates.path("samconfig.toml"), &templates.read("samconfig.toml")?.unwrap_or_default())?;
    if input.environment.is_some() {
        deployed.require_environment(&environment)?;
    }
    let mut plan = Plan::new(&environment, input.checks);
    plan.parameters = deployed.parameters(&environment)?;
    plan.alarm_parameters = deployed.parameters(&format!("{environment}-alarms"))?;

    let prices = Prices::shipped()?;
    let sources = Sources { functions: &functions, alarms: &alarms, settings: &settings };
    let base = estimate(plan, &sources, &prices)?;
    let changed = if input.what_if.is_empty() {
        None
    } else {
        let plan = what_if::apply(&base.plan, input.what_if)?;
        Some(estimate(plan, &sources, &prices).with_context(|| format!("--what-if {}", input.what_if.join(" ")))?)
    };
    let mut report = CostReport {
        base,
        changed,
        changes: input.what_if.to_vec(),
        settings: file,
        templates: templates.to_string(),
        region: deployed.region(&environment),
        max: None,
        prices,
    };
    report.max = input.max.map(|usd| compare_with_max(&report.effective().bill, usd));
    Ok(report)
}

fn estimate(plan: Plan, sources: &Sources<'_>, prices: &Prices) -> anyhow::Result<Estimate> {
    let usage = usage::usage(&plan, sources)?;
    let bill = Bill::new(&usage.items, prices)?;
    Ok(Estimate { plan, usage, bill })
}

fn compare_with_max(bill: &Bill, usd: f64) -> Max {
    // No bill shows less than a cent.
    let over_by = bill.total.list - usd;
    Max { usd, over_by: (over_by >= 0.005).then_some(over_by) }
}

/// Reads the given settings file, else the environment's own file, else the example. Returns its path and its text.
fn settings_file(input: &CostInput<'_>) -> anyhow::Result<(String, String)> {
    if let Some(file) = input.settings {
        let path = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {path}"))?;
        return Ok((path, text));
    }
    let own = format!("{SETTINGS}/{}.toml", input.environment.unwrap_or(DEFAULT_ENVIRONMENT));
    for file in [own, format!("{SETTINGS}/{EXAMPLE}")] {
        if let Some(text) = input.templates.read(&file)? {
            return Ok((input.templates.path(&file), text));
        }
    }
    bail!("failed to find {}: give --settings", input.templates.path(&format!("{SETTINGS}/{EXAMPLE}")))
}

/// Reads a settings file: its environment, and the section of each check with all defaults filled in.
fn settings(file: &str, text: &str) -> anyhow::Result<(String, BTreeMap<String, Table>)> {
    let mut sections = BTreeMap::new();
    let mut environment = String::new();
    for check in checks::from_text(file, text, &[])? {
        let written = check.written();
        environment = written.get("environment").and_then(Value::as_str).unwrap_or_default().to_owned();
        let section = written.get("check").and_then(|checks| checks.get(check.id())).and_then(Value::as_table);
        sections.insert(check.id().to_owned(), section.cloned().unwrap_or_default());
    }
    Ok((environment, sections))
}

#[cfg(test)]
mod tests;
