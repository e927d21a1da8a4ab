//! `synthetics cost`: the monthly bill, from templates, cadence and settings, before it is spent.

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
use show::Counted;

/// What a bill is asked for when no environment is named.
const ENVIRONMENT: &str = "production";
/// Settings of an environment that has none yet.
const EXAMPLE: &str = "production.example.toml";

/// What is told.
struct Answer {
    base: Counted,
    /// With the changes.
    then: Option<Counted>,
    changes: Vec<String>,
    /// The settings file.
    settings: String,
    /// Where it is deployed, when that is known.
    region: Option<String>,
    max: Option<Max>,
}

impl Answer {
    /// What the bill will be: with the changes, when there are some.
    fn last(&self) -> &Counted {
        self.then.as_ref().unwrap_or(&self.base)
    }
}

/// The most that it may cost.
struct Max {
    usd: f64,
    /// `None`: it does not.
    over_by: Option<f64>,
}

/// Reckons the bill, and holds it against the most it may be.
pub(crate) fn cost(options: &CostOptions) -> anyhow::Result<Exit> {
    let folder = &options.templates;
    let template = |file: &str| text(&folder.join(file)).context("--templates names the folder of the templates");
    let (functions, alarms) = (template("template.yaml")?, template("alarms.yaml")?);
    let file = settings_file(options);
    let (environment, settings) = settings(&file)?;
    let environment = match (&options.environment, &options.settings) {
        (Some(environment), _) => environment.clone(),
        (None, Some(_)) => environment,
        (None, None) => ENVIRONMENT.to_owned(),
    };
    let deployed = Samconfig::read(&folder.join("samconfig.toml"))?;
    if options.environment.is_some() {
        deployed.must_know(&environment)?;
    }
    let mut plan = Plan::new(&environment, &options.checks);
    plan.parameters = deployed.parameters(&environment)?;
    plan.alarm_parameters = deployed.parameters(&format!("{environment}-alarms"))?;

    let prices = Prices::shipped()?;
    let sources = Sources { functions: &functions, alarms: &alarms, settings: &settings };
    let base = counted(plan, &sources, &prices)?;
    let then = if options.what_if.is_empty() {
        None
    } else {
        let plan = what_if::changed(&base.plan, &options.what_if)?;
        Some(counted(plan, &sources, &prices).with_context(|| format!("--what-if {}", options.what_if.join(" ")))?)
    };
    let mut answer = Answer {
        base,
        then,
        changes: options.what_if.clone(),
        settings: file.display().to_string(),
        region: deployed.region(&environment),
        max: None,
    };
    answer.max = options.max.map(|usd| held(&answer.last().bill, usd));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&show::value(&answer, &prices))?);
    } else {
        println!("{}", show::text(&answer, &prices));
    }
    Ok(verdict(&answer))
}

fn counted(plan: Plan, sources: &Sources<'_>, prices: &Prices) -> anyhow::Result<Counted> {
    let usage = usage::usage(&plan, sources)?;
    let bill = Bill::new(&usage.used, prices)?;
    Ok(Counted { plan, usage, bill })
}

fn held(bill: &Bill, usd: f64) -> Max {
    // What is less than a cent is on no bill.
    let over_by = bill.total.list - usd;
    Max { usd, over_by: (over_by >= 0.005).then_some(over_by) }
}

/// Says whether it costs too much; beside the answer, so that programs can read that.
fn verdict(answer: &Answer) -> Exit {
    let Some(max) = &answer.max else { return Exit::Passed };
    let bill = &answer.last().bill;
    let total = bill.total.list;
    let without = bill.without(show::amount);
    let Some(over_by) = max.over_by else {
        eprintln!("{total:.2} USD at list price, within --max {:.2}{without}", max.usd);
        return Exit::Passed;
    };
    let largest =
        bill.largest().map(|line| format!("; the largest line is {}, {:.2}", line.kind.title(), line.sum.list));
    eprintln!(
        "{total:.2} USD at list price, {over_by:.2} over --max {:.2}{without}{}",
        max.usd,
        largest.unwrap_or_default()
    );
    Exit::Failed
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

/// The one that is named, else the environment's own, else the example.
fn settings_file(options: &CostOptions) -> PathBuf {
    if let Some(file) = &options.settings {
        return file.clone();
    }
    let folder = options.templates.join("layer/settings");
    let own = folder.join(format!("{}.toml", options.environment.as_deref().unwrap_or(ENVIRONMENT)));
    if own.exists() { own } else { folder.join(EXAMPLE) }
}

/// The environment of a settings file, and the sections of its checks with every default in its place.
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
