//! `synthetics faults`, and the lookup of a fault by name.

use std::sync::Arc;

use anyhow::bail;
use check::metric::{CATALOGUE, Unit};
use check::text::quantity;
use demo_platform::Fault;
use demo_platform::faults::{Bound, FaultSpec, Shows, catalogue};
use runtime::AnyCheck;
use serde_json::{Value, json};
use settings::unknown;

use crate::exit::Exit;
use crate::{tables, terminal};

/// Lists the faults that the demo platform can inject.
pub(crate) fn list(as_json: bool) -> anyhow::Result<Exit> {
    let faults = catalogue()?;
    if as_json {
        let list: Vec<Value> = faults.iter().map(as_value).collect();
        terminal::json(&list)?;
    } else {
        let rows = faults
            .iter()
            .map(|fault| [fault.fault.name().to_owned(), fault.check.clone(), fault.description.clone(), shows(fault)]);
        terminal::print(&tables::columns(["FAULT", "CHECK", "DESCRIPTION", "MUST SHOW"], rows));
    }
    Ok(Exit::Passed)
}

/// Faults of a demo platform, as its console switches them.
pub(crate) struct Switches {
    pub(crate) faults: Arc<demo_platform::faults::Faults>,
    /// All faults, none of them active.
    pub(crate) catalogue: Vec<console::Fault>,
}

impl console::Faults for Switches {
    fn list(&self) -> Vec<console::Fault> {
        let active = self.faults.active();
        let is_active = |name: &str| active.iter().any(|fault| fault.name() == name);
        let mut list = self.catalogue.clone();
        list.iter_mut().for_each(|fault| fault.active = is_active(&fault.name));
        list
    }

    fn set(&self, name: &str, active: bool) -> bool {
        let Ok(fault) = name.parse::<Fault>() else { return false };
        if active {
            self.faults.activate(fault)
        } else {
            self.faults.clear(fault)
        }
        true
    }
}

/// All faults with what they must show.
pub(crate) fn described() -> anyhow::Result<Vec<console::Fault>> {
    let described = |fault: FaultSpec| console::Fault {
        shows: shows(&fault).replace('\n', ", "),
        name: fault.fault.name().to_owned(),
        check: fault.check,
        description: fault.description,
        active: false,
    };
    Ok(catalogue()?.into_iter().map(described).collect())
}

/// Finds a fault by name.
pub(crate) fn find(name: &str) -> anyhow::Result<FaultSpec> {
    let faults = catalogue()?;
    let names: Vec<&str> = faults.iter().map(|fault| fault.fault.name()).collect();
    match faults.iter().find(|fault| fault.fault.name() == name) {
        Some(fault) => Ok(fault.clone()),
        None => bail!("{}", unknown("fault", name, &names, "`synthetics faults` lists all faults")),
    }
}

/// Expects that one of these checks detects a fault. A fault that shows in a number may show in numbers of other checks too, so
/// it is only warned of.
///
/// # Errors
/// When none does; the error names the check that does.
pub(crate) fn expect_seen(fault: &FaultSpec, checks: &[Box<dyn AnyCheck>]) -> anyhow::Result<()> {
    let detects = |id: &str| {
        id == fault.check || fault.also_fails.iter().chain(&fault.also_inconclusive).any(|other| other == id)
    };
    if checks.iter().any(|check| detects(check.id())) {
        return Ok(());
    }
    if let Shows::Metric { .. } | Shows::Missing(_) = fault.shows {
        eprintln!("warning: only the check {} must show the fault {}", fault.check, fault.fault);
        return Ok(());
    }
    bail!("no check of this run can see the fault {}; the check {} does", fault.fault, fault.check);
}

fn shows(fault: &FaultSpec) -> String {
    match &fault.shows {
        Shows::Failures(failures) => failures
            .iter()
            .map(|failure| {
                // A check that is a single flow is called by its own name.
                let subject = if failure.subject == "-" { &fault.check } else { &failure.subject };
                format!("{subject} {}: {}", failure.step, failure.kind)
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Shows::Metric { name, bound: Bound::AtLeast(bound) } => {
            format!("{name} at least {}", metric_value(name, *bound))
        }
        Shows::Metric { name, bound: Bound::AtMost(bound) } => format!("{name} at most {}", metric_value(name, *bound)),
        Shows::Missing(metric) => format!("{metric} not published"),
        Shows::Inconclusive(cause) => format!("outcome inconclusive: {cause}"),
        Shows::Maintenance => "outcome maintenance".to_owned(),
    }
}

/// Formats a bound in the unit of its metric; a metric that is split by channel is named `Metric.channel`.
fn metric_value(name: &str, value: f64) -> String {
    let metric = name.split('.').next().unwrap_or(name);
    let unit = CATALOGUE.iter().find(|known| known.name == metric).map_or(Unit::Count, |known| known.unit);
    quantity(metric, value, unit)
}

fn as_value(fault: &FaultSpec) -> Value {
    let shows = match &fault.shows {
        Shows::Failures(failures) => {
            let list: Vec<Value> = failures
                .iter()
                .map(|failure| json!({ "subject": failure.subject, "step": failure.step, "kind": failure.kind }))
                .collect();
            json!({ "failures": list })
        }
        Shows::Metric { name, bound: Bound::AtLeast(bound) } => json!({ "metric": name, "at_least": bound }),
        Shows::Metric { name, bound: Bound::AtMost(bound) } => json!({ "metric": name, "at_most": bound }),
        Shows::Missing(metric) => json!({ "missing": metric }),
        Shows::Inconclusive(cause) => json!({ "outcome": "inconclusive", "cause": cause }),
        Shows::Maintenance => json!({ "outcome": "maintenance" }),
    };
    json!({
        "name": fault.fault.name(),
        "check": fault.check,
        "description": fault.description,
        "shows": shows,
        "runs": fault.runs,
        "every_seconds": fault.every.as_secs(),
        "also_fails": fault.also_fails,
        "also_inconclusive": fault.also_inconclusive,
        "alarms": fault.alarms,
    })
}
