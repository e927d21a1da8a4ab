//! The rules on which checks run, how often, and that somebody looks at what they publish.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alarm::{Alarm, MetricId, Template};
use check::metric::{CATALOGUE, Channel, Dimensions, NAMESPACE};

use super::audit::{Finding, Findings, Shipped};
use super::{ALARMS, FUNCTIONS};
use crate::cadence;

/// A metric that no alarm is about, and why.
const WITHOUT_ALARM: [(&str, &str); 5] = [
    ("Requests", "how many users there are is no fault"),
    ("CpuLoad", "what is much depends on the number of processors"),
    ("PaymentMismatches", "its function tells each one"),
    ("IntegrationFailures", "its function tells each one"),
    ("Leftovers", "its function tells each one"),
];

/// The checks of a template's mapping, by their names there.
fn known(template: &Template) -> Vec<&str> {
    template.mappings["Checks"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// The checks that a template's parameter takes; where it does not say which, those of the mapping.
fn taken(template: &Template) -> Vec<&str> {
    match template.allowed.get("Checks") {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => known(template),
    }
}

/// The checks that may run: known and taken.
pub(super) fn running(template: &Template) -> Vec<&str> {
    let taken = taken(template);
    known(template).into_iter().filter(|name| taken.contains(name)).collect()
}

/// The function of a check, by its name in the mapping.
fn function(name: &str) -> String {
    format!("{name}Function")
}

/// The seconds after which the function of a check is ended: its own, or what holds for all.
pub(super) fn timeout(functions: &Template, name: &str) -> Option<f64> {
    let own = functions.resource(&function(name)).and_then(|function| function.properties.get("Timeout"));
    let value = own.unwrap_or(&functions.globals["Function"]["Timeout"]);
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// What is wrong with the alarms of a stack that runs one check alone, given that only `Checks` is: those of the check must be as they
/// are with all, and there must be none of another.
pub(super) fn alone(every: &Shipped, name: &str, alone: &[Alarm]) -> Vec<Finding> {
    let own = every.template.mappings["Checks"][name]["Id"].as_str().unwrap_or_default();
    let ids = |alarms: &[Alarm], is_asked: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
        let is_of = |alarm: &&Alarm| match alarm {
            Alarm::Metric(alarm) => alarm
                .source
                .metrics()
                .filter(|(metric, _)| metric.namespace == NAMESPACE)
                .any(|(metric, _)| is_asked(metric.dimensions.get("Check").map_or(own, String::as_str))),
            Alarm::Composite(_) => false,
        };
        alarms.iter().filter(is_of).map(|alarm| alarm.logical_id().to_owned()).collect()
    };
    let (expected, actual) = (ids(&every.alarms, &|id| id == own), ids(alone, &|id| id == own));
    let lost = expected.difference(&actual).map(|id| {
        (
            id.clone(),
            format!("expected it in every stack with {name}, found none where {name} runs alone: nobody would be told"),
        )
    });
    let others = ids(alone, &|id| id != own).into_iter().map(|id| {
        (
            id,
            format!(
                "expected it only where its check runs, found it where {name} runs alone: it would have no numbers"
            ),
        )
    });
    let of = |(id, rule): (String, String)| {
        let line = every.template.resource(&id).map_or(1, |resource| resource.line);
        Finding::new(every.file, line, format!("Resources.{id}.Condition"), rule)
    };
    lost.chain(others).map(of).collect()
}

impl Findings<'_> {
    /// Each check that may run has a cadence and alarms, and there are alarms on no other.
    pub(super) fn stacks_name_the_same_checks(&mut self) {
        let (functions, alarms) = (self.rooms.functions, &self.rooms.alarms.template);
        const TAKEN: &str = "Parameters.Checks.AllowedValues";
        let entry = |name: &str| format!("Mappings.Checks.{name}");
        let mut of = |file, path: String, rule: String| self.found.push(Finding::new(file, 1, path, rule));
        for name in taken(functions) {
            if !known(functions).contains(&name) {
                let rule = format!("expected an entry of {name}, which the parameter Checks takes, found none");
                of(FUNCTIONS, entry(name), rule);
            }
            if !known(alarms).contains(&name) {
                let rule = format!(
                    "expected an entry of {name}, which {FUNCTIONS} lets run, found none: it would have no alarms"
                );
                of(ALARMS, entry(name), rule);
            }
            if !taken(alarms).contains(&name) {
                let rule = format!(
                    "expected {name}, which {FUNCTIONS} lets run, found it not: no stack could have its alarms"
                );
                of(ALARMS, TAKEN.to_owned(), rule);
            }
        }
        for name in known(alarms) {
            if !known(functions).contains(&name) {
                of(ALARMS, entry(name), format!("expected a check of {FUNCTIONS}, found none of this name"));
            } else if !taken(alarms).contains(&name) && !taken(functions).contains(&name) {
                let rule =
                    format!("expected a check that the parameter Checks takes, found {name}: nothing comes of it");
                of(ALARMS, entry(name), rule);
            }
        }
        for name in taken(alarms) {
            if !taken(functions).contains(&name) {
                let rule = format!(
                    "expected a check that {FUNCTIONS} lets run, found {name}: an alarm on one that does not run is never quiet"
                );
                of(ALARMS, TAKEN.to_owned(), rule);
            }
        }
    }

    /// How often each check runs, by its id. Both templates must say the same.
    pub(super) fn cadences(&mut self) -> BTreeMap<String, Duration> {
        let mut cadences = BTreeMap::new();
        let empty = serde_json::Map::new();
        let (functions, alarms) =
            (&self.rooms.functions.mappings["Checks"], &self.rooms.alarms.template.mappings["Checks"]);
        let alarms = alarms.as_object().unwrap_or(&empty);
        for (name, entry) in functions.as_object().unwrap_or(&empty) {
            let path = format!("Mappings.Checks.{name}");
            let schedule = entry["Schedule"].as_str().unwrap_or_default();
            let Some(cadence) = cadence::from_schedule(schedule) else {
                self.report_in_functions(&path, format!("expected {}, found `{schedule}`", cadence::FORMS));
                continue;
            };
            let id = entry["Id"].as_str().unwrap_or_default();
            cadences.insert(id.to_owned(), cadence);
            let Some(own) = alarms.get(name) else { continue };
            let seconds = own["Seconds"].as_u64().unwrap_or_default();
            if own["Id"].as_str() != Some(id) || seconds != cadence.as_secs() {
                let rule = format!(
                    "expected {id} every {} s, as {} has it, found {} every {seconds} s: its alarms would look at other minutes",
                    cadence.as_secs(),
                    FUNCTIONS,
                    own["Id"].as_str().unwrap_or_default()
                );
                self.found.push(Finding::new(ALARMS, 1, path, rule));
            }
        }
        cadences
    }

    /// A function that may run longer than its cadence overlaps with itself.
    pub(super) fn timeouts(&mut self, cadences: &BTreeMap<String, Duration>) {
        let functions = self.rooms.functions;
        let mut actual = BTreeSet::new();
        for (name, entry) in functions.mappings["Checks"].as_object().into_iter().flatten() {
            let Some(cadence) = entry["Id"].as_str().and_then(|id| cadences.get(id)) else { continue };
            let own =
                functions.resource(&function(name)).filter(|function| function.properties.contains_key("Timeout"));
            let (line, path) = match own {
                Some(own) => (own.line, format!("{}.Properties.Timeout", own.path())),
                None => (1, "Globals.Function.Timeout".to_owned()),
            };
            let rule = match timeout(functions, name) {
                None => "expected a timeout, found none: it would be 3 s".to_owned(),
                Some(timeout) if timeout >= cadence.as_secs_f64() => {
                    format!(
                        "expected less than {} s, as often as {name} runs, found {timeout} s: runs would overlap",
                        cadence.as_secs()
                    )
                }
                Some(_) => continue,
            };
            // One line of the globals may be wrong for several checks.
            if actual.insert(path.clone()) {
                self.found.push(Finding::new(FUNCTIONS, line, path, rule));
            }
        }
    }

    /// Every metric has an alarm, or a reason that it has none: what each check publishes, one for each.
    pub(super) fn unwatched(&mut self) {
        let watched: Vec<&MetricId> = self
            .rooms
            .alarms
            .alarms
            .iter()
            .filter_map(|alarm| match alarm {
                Alarm::Metric(alarm) => Some(alarm.source.metrics().map(|(metric, _)| metric)),
                Alarm::Composite(_) => None,
            })
            .flatten()
            .filter(|metric| metric.namespace == NAMESPACE)
            .collect();
        // What is wrong with an alarm that is refused is told already.
        let refused = &self.rooms.alarms.refused;
        let is_refused = |name: &str| {
            refused.iter().any(|refused| refused.alarm.properties.get("MetricName").is_some_and(|own| own == name))
        };
        let is_watched = |name: &str, dimension: Option<(&str, &str)>| {
            let has = |metric: &MetricId, (key, value): (&str, &str)| {
                metric.dimensions.get(key).is_some_and(|own| own == value)
            };
            is_refused(name)
                || watched.iter().any(|metric| metric.name == name && dimension.is_none_or(|part| has(metric, part)))
        };
        let alarms = &self.rooms.alarms.template;
        let ids = running(alarms).into_iter().filter_map(|name| alarms.mappings["Checks"][name]["Id"].as_str());
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
        for what in missing {
            let rule = format!("expected an alarm on {what}, found none: nobody looks at it");
            self.found.push(Finding::new(ALARMS, 1, "Resources", rule));
        }
    }
}
