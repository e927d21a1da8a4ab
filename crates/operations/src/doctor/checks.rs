//! Audit rules for the set of checks, their cadences and timeouts, and the alarms on their metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alarm::{Alarm, MetricId, Template};
use check::metric::{CATALOGUE, Channel, Dimensions, NAMESPACE};

use super::findings::{ALARMS, FUNCTIONS, Finding, Findings, Shipped};
use crate::cadence;

/// Metrics without an alarm, with the reason.
const WITHOUT_ALARM: [(&str, &str); 5] = [
    ("Requests", "the number of users is not a fault"),
    ("CpuLoad", "the healthy limit depends on the number of processors"),
    ("PaymentMismatches", "the function reports each one"),
    ("IntegrationFailures", "the function reports each one"),
    ("Leftovers", "the function reports each one"),
];

/// Returns the names of the checks in a template's mapping `Checks`.
fn mapped(template: &Template) -> Vec<&str> {
    template.mappings["Checks"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// Returns the names that a template's parameter `Checks` allows. Without allowed values, these are the names in the
/// mapping.
fn allowed(template: &Template) -> Vec<&str> {
    match template.allowed.get("Checks") {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => mapped(template),
    }
}

/// Returns the checks that can run: those both mapped and allowed.
pub(super) fn runnable(template: &Template) -> Vec<&str> {
    let allowed = allowed(template);
    mapped(template).into_iter().filter(|name| allowed.contains(name)).collect()
}

/// Returns the logical id of a check's function, given its name in the mapping.
fn function_id(name: &str) -> String {
    format!("{name}Function")
}

/// Returns the timeout of a check's function: its own, or the global one. **Units:** seconds.
pub(super) fn timeout(functions: &Template, name: &str) -> Option<f64> {
    let timeout = functions.resource(&function_id(name)).and_then(|function| function.properties.get("Timeout"));
    let value = timeout.unwrap_or(&functions.globals["Function"]["Timeout"]);
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Audits the alarms of a stack that runs a single check and has no other parameters. It must have the same alarms for
/// that check as a stack with all checks, and none for other checks.
pub(super) fn audit_single_check(every: &Shipped, name: &str, single: &[Alarm]) -> Vec<Finding> {
    let audited_id = every.template.mappings["Checks"][name]["Id"].as_str().unwrap_or_default();
    let ids = |alarms: &[Alarm], is_selected: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        let has_selected = |alarm: &&Alarm| {
            let metrics = alarm.numbers().map(|numbers| numbers.metrics).unwrap_or_default();
            let own = metrics.iter().map(|watched| &watched.metric).filter(|metric| metric.namespace == NAMESPACE);
            own.into_iter().any(|metric| is_selected(metric.dimensions.get("Check").map_or(audited_id, String::as_str)))
        };
        alarms.iter().filter(has_selected).map(|alarm| alarm.logical_id().to_owned()).collect()
    };
    let (expected, actual) = (ids(&every.alarms, &|id| id == audited_id), ids(single, &|id| id == audited_id));
    let lost = expected.difference(&actual).map(|id| {
        (
            id.clone(),
            format!("expected this alarm in every stack that runs {name}, found none in a stack that runs only {name}"),
        )
    });
    let others = ids(single, &|id| id != audited_id).into_iter().map(|id| {
        (
            id,
            format!(
                "expected this alarm only in stacks that run its check, found it in a stack that runs only \
                 {name}: it would have no data"
            ),
        )
    });
    let finding = |(id, rule): (String, String)| {
        let line = every.template.resource(&id).map_or(1, |resource| resource.line);
        Finding::new(every.file, line, format!("Resources.{id}.Condition"), rule)
    };
    lost.chain(others).map(finding).collect()
}

impl Findings<'_> {
    /// Each runnable check needs a cadence and alarms. Other checks must not have alarms.
    pub(super) fn audit_check_names(&mut self) {
        let (functions, alarms) = (self.input.functions, &self.input.alarms.template);
        const ALLOWED: &str = "Parameters.Checks.AllowedValues";
        let entry = |name: &str| format!("Mappings.Checks.{name}");
        let mut report = |file, path: String, rule: String| self.found.push(Finding::new(file, 1, path, rule));
        for name in allowed(functions) {
            if !mapped(functions).contains(&name) {
                let rule = format!(
                    "expected an entry for {name}, which the parameter Checks allows, found none: the check \
                     would have no cadence"
                );
                report(FUNCTIONS, entry(name), rule);
            }
            if !mapped(alarms).contains(&name) {
                let rule = format!(
                    "expected an entry for {name}, which {FUNCTIONS} allows, found none: the check would have \
                     no alarms"
                );
                report(ALARMS, entry(name), rule);
            }
            if !allowed(alarms).contains(&name) {
                let rule = format!(
                    "expected the value {name}, which {FUNCTIONS} allows, found none: no stack could contain \
                     the check's alarms"
                );
                report(ALARMS, ALLOWED.to_owned(), rule);
            }
        }
        for name in mapped(alarms) {
            if !mapped(functions).contains(&name) {
                report(
                    ALARMS,
                    entry(name),
                    format!("expected the name of a check in {FUNCTIONS}, found {name}: such a check cannot run"),
                );
            } else if !allowed(alarms).contains(&name) && !allowed(functions).contains(&name) {
                let rule = format!(
                    "expected a check that the parameter Checks allows, found {name}: the entry would have no effect"
                );
                report(ALARMS, entry(name), rule);
            }
        }
        for name in allowed(alarms) {
            if !allowed(functions).contains(&name) {
                let rule = format!(
                    "expected a check that {FUNCTIONS} allows, found {name}: it cannot run, so its \
                     monitoring-lost alarm would never clear"
                );
                report(ALARMS, ALLOWED.to_owned(), rule);
            }
        }
    }

    /// Returns the cadence of each check by id. Both templates must agree on it.
    pub(super) fn audit_cadences(&mut self) -> BTreeMap<String, Duration> {
        let mut cadences = BTreeMap::new();
        let empty = serde_json::Map::new();
        let (functions, alarms) =
            (&self.input.functions.mappings["Checks"], &self.input.alarms.template.mappings["Checks"]);
        let alarms = alarms.as_object().unwrap_or(&empty);
        for (name, entry) in functions.as_object().unwrap_or(&empty) {
            let path = format!("Mappings.Checks.{name}");
            let schedule = entry["Schedule"].as_str().unwrap_or_default();
            let Some(cadence) = cadence::from_schedule(schedule) else {
                self.report_in_functions(&path, format!("expected {}, found `{schedule}`", cadence::SUPPORTED));
                continue;
            };
            let id = entry["Id"].as_str().unwrap_or_default();
            cadences.insert(id.to_owned(), cadence);
            let Some(alarm_entry) = alarms.get(name) else { continue };
            let seconds = alarm_entry["Seconds"].as_u64().unwrap_or_default();
            if alarm_entry["Id"].as_str() != Some(id) || seconds != cadence.as_secs() {
                let rule = format!(
                    "expected {id} every {} s as in {}, found {} every {seconds} s: the periods of its alarms \
                     would not match its runs",
                    cadence.as_secs(),
                    FUNCTIONS,
                    alarm_entry["Id"].as_str().unwrap_or_default()
                );
                self.found.push(Finding::new(ALARMS, 1, path, rule));
            }
        }
        cadences
    }

    /// A function whose timeout is not below its cadence could overlap with its next run.
    pub(super) fn audit_timeouts(&mut self, cadences: &BTreeMap<String, Duration>) {
        let functions = self.input.functions;
        let mut reported = BTreeSet::new();
        for (name, entry) in functions.mappings["Checks"].as_object().into_iter().flatten() {
            let Some(cadence) = entry["Id"].as_str().and_then(|id| cadences.get(id)) else { continue };
            let own =
                functions.resource(&function_id(name)).filter(|function| function.properties.contains_key("Timeout"));
            let (line, path) = match own {
                Some(own) => (own.line, format!("{}.Properties.Timeout", own.path())),
                None => (1, "Globals.Function.Timeout".to_owned()),
            };
            let rule = match timeout(functions, name) {
                None => "expected a Timeout, found none: Lambda's default is 3 s".to_owned(),
                Some(timeout) if timeout >= cadence.as_secs_f64() => {
                    format!(
                        "expected a Timeout below {} s, the cadence of {name}, found {timeout} s: runs could overlap",
                        cadence.as_secs()
                    )
                }
                Some(_) => continue,
            };
            // The global timeout may be too long for several checks, and is reported once.
            if reported.insert(path.clone()) {
                self.found.push(Finding::new(FUNCTIONS, line, path, rule));
            }
        }
    }

    /// Every metric needs an alarm unless [`WITHOUT_ALARM`] lists it. A metric that all checks publish needs one for
    /// each check.
    pub(super) fn audit_metric_coverage(&mut self) {
        let numbers = self.input.alarms.alarms.iter().filter_map(Alarm::numbers);
        let metrics = numbers.flat_map(|numbers| numbers.metrics).map(|watched| watched.metric);
        let watched: Vec<MetricId> = metrics.filter(|metric| metric.namespace == NAMESPACE).collect();
        // Rejected alarms are findings already.
        let rejected = &self.input.alarms.rejected;
        let is_rejected = |name: &str| {
            rejected
                .iter()
                .any(|rejected| rejected.alarm.properties.get("MetricName").is_some_and(|metric| metric == name))
        };
        let is_watched = |name: &str, dimension: Option<(&str, &str)>| {
            let has = |metric: &MetricId, (key, value): (&str, &str)| {
                metric.dimensions.get(key).is_some_and(|actual| actual == value)
            };
            is_rejected(name)
                || watched.iter().any(|metric| metric.name == name && dimension.is_none_or(|part| has(metric, part)))
        };
        let alarms = &self.input.alarms.template;
        let ids = runnable(alarms).into_iter().filter_map(|name| alarms.mappings["Checks"][name]["Id"].as_str());
        let ids: Vec<&str> = ids.collect();
        let mut missing = Vec::new();
        for metric in CATALOGUE {
            if WITHOUT_ALARM.iter().any(|(name, _)| *name == metric.name) {
                continue;
            }
            let parts: Vec<Option<(&str, &str)>> = match (metric.dimensions, metric.owner) {
                (Dimensions::EnvironmentAndCheck, None) => ids.iter().map(|id| Some(("Check", *id))).collect(),
                (Dimensions::EnvironmentCheckAndChannel, _) => {
                    Channel::ALL.iter().map(|channel| Some(("Channel", channel.as_str()))).collect()
                }
                _ => vec![None],
            };
            let parts = parts.into_iter().filter(|part| !is_watched(metric.name, *part));
            missing.extend(parts.map(|part| match part {
                None => metric.name.to_owned(),
                Some((_, value)) => format!("{} of {value}", metric.name),
            }));
        }
        for metric in missing {
            let rule = format!("expected an alarm on {metric}, found none: the metric would not be monitored");
            self.found.push(Finding::new(ALARMS, 1, "Resources", rule));
        }
    }
}
