//! `synthetics cost`: estimates the monthly bill from templates, cadences and settings.

mod assumed;
mod bill;
mod prices;
mod running;
mod show;
mod usage;
mod what_if;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml::{Table, Value};

use crate::arguments::CostOptions;
use crate::checks;
use crate::exit::Exit;
use crate::samconfig::Samconfig;
use bill::Bill;
use prices::Prices;
use running::{Plan, Sources};
use show::Estimate;

/// The environment when none is given.
const DEFAULT_ENVIRONMENT: &str = "production";
/// The settings file for an environment without one.
const EXAMPLE: &str = "production.example.toml";

/// The output of the command.
struct CostReport {
    base: Estimate,
    /// The estimate with the `--what-if` changes applied. `None`: there are no changes.
    changed: Option<Estimate>,
    changes: Vec<String>,
    /// Path of the settings file.
    settings: String,
    /// Region of the deployment, when `samconfig.toml` names one.
    region: Option<String>,
    max: Option<Max>,
}

impl CostReport {
    /// Returns the estimate with the changes, or the base estimate when there are none.
    fn effective(&self) -> &Estimate {
        self.changed.as_ref().unwrap_or(&self.base)
    }
}

/// The highest acceptable bill, from `--max`.
struct Max {
    /// **Units:** USD a month.
    usd: f64,
    /// **Units:** USD a month. `None`: the bill is within the limit.
    over_by: Option<f64>,
}

/// Estimates the monthly bill, prints it, and compares it with `--max`.
pub(crate) fn cost(options: &CostOptions) -> anyhow::Result<Exit> {
    let folder = &options.templates;
    let template =
        |file: &str| read_file(&folder.join(file)).context("--templates must name the folder of the templates");
    let (functions, alarms) = (template("template.yaml")?, template("alarms.yaml")?);
    let file = settings_file(options);
    let (environment, settings) = settings(&file)?;
    let environment = match (&options.environment, &options.settings) {
        (Some(environment), _) => environment.clone(),
        (None, Some(_)) => environment,
        (None, None) => DEFAULT_ENVIRONMENT.to_owned(),
    };
    let deployed = Samconfig::read(&folder.join("samconfig.toml"))?;
    if options.environment.is_some() {
        deployed.require_environment(&environment)?;
    }
    let mut plan = Plan::new(&environment, &options.checks);
    plan.parameters = deployed.parameters(&environment)?;
    plan.alarm_parameters = deployed.parameters(&format!("{environment}-alarms"))?;

    let prices = Prices::shipped()?;
    let sources = Sources { functions: &functions, alarms: &alarms, settings: &settings };
    let base = estimate(plan, &sources, &prices)?;
    let changed = if options.what_if.is_empty() {
        None
    } else {
        let plan = what_if::apply(&base.plan, &options.what_if)?;
        Some(estimate(plan, &sources, &prices).with_context(|| format!("--what-if {}", options.what_if.join(" ")))?)
    };
    let mut report = CostReport {
        base,
        changed,
        changes: options.what_if.clone(),
        settings: file.display().to_string(),
        region: deployed.region(&environment),
        max: None,
    };
    report.max = options.max.map(|usd| compare_with_max(&report.effective().bill, usd));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&show::json(&report, &prices))?);
    } else {
        println!("{}", show::text(&report, &prices));
    }
    Ok(exit(&report))
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

/// Prints the comparison with `--max` to standard error, so that standard output stays machine-readable.
fn exit(report: &CostReport) -> Exit {
    let Some(max) = &report.max else { return Exit::Passed };
    let bill = &report.effective().bill;
    let total = bill.total.list;
    let excluded = bill.excluded(show::amount);
    let Some(over_by) = max.over_by else {
        eprintln!("{total:.2} USD a month at list price, within --max {:.2} USD{excluded}", max.usd);
        return Exit::Passed;
    };
    let largest = bill.largest().map(|line| format!("; largest item: {}, {:.2} USD", line.kind.title(), line.sum.list));
    eprintln!(
        "{total:.2} USD a month at list price, {over_by:.2} USD over --max {:.2} USD{excluded}{}",
        max.usd,
        largest.unwrap_or_default()
    );
    Exit::Failed
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

/// Returns the file given by `--settings`, else the environment's own file, else the example.
fn settings_file(options: &CostOptions) -> PathBuf {
    if let Some(file) = &options.settings {
        return file.clone();
    }
    let folder = options.templates.join("layer/settings");
    let file = folder.join(format!("{}.toml", options.environment.as_deref().unwrap_or(DEFAULT_ENVIRONMENT)));
    if file.exists() { file } else { folder.join(EXAMPLE) }
}

/// Reads a settings file: its environment, and the section of each check with all defaults filled in.
fn settings(file: &Path) -> anyhow::Result<(String, BTreeMap<String, Table>)> {
    let mut sections = BTreeMap::new();
    let mut environment = String::new();
    for check in checks::from_file(file, &[])? {
        let written = check.written().with_context(|| format!("failed to write the settings of {}", check.id()))?;
        environment = written.get("environment").and_then(Value::as_str).unwrap_or_default().to_owned();
        let section = written.get("check").and_then(|checks| checks.get(check.id())).and_then(Value::as_table);
        sections.insert(check.id().to_owned(), section.cloned().unwrap_or_default());
    }
    Ok((environment, sections))
}

#[cfg(test)]
mod tests;
