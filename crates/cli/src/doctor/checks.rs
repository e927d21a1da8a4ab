//! The rules on which checks run, how often, and that somebody looks at what they publish.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alarm::Alarm;
use check::metric::CATALOGUE;

use super::audit::{Finding, Findings};
use super::{ALARMS, FUNCTIONS};
use crate::cadence;

/// A metric that no alarm is about, and why.
const WITHOUT_ALARM: [(&str, &str); 7] = [
    ("Duration", "each check has a budget of its own"),
    ("Requests", "how many users there are is no fault"),
    ("CpuLoad", "what is much depends on the number of processors"),
    ("PaymentMismatches", "its function tells each one"),
    ("IntegrationFailures", "its function tells each one"),
    ("LeftBehind", "its function tells each one"),
    ("Success", "its function tells each failure"),
];

impl Findings<'_> {
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
            let Some(cadence) = cadence::of_schedule(schedule) else {
                self.of_functions(
                    &path,
                    format!("expected cron(* * * * ? *) or cron(A/B * * * ? *), saw `{schedule}`"),
                );
                continue;
            };
            let id = entry["Id"].as_str().unwrap_or_default();
            cadences.insert(id.to_owned(), cadence);
            let Some(own) = alarms.get(name) else { continue };
            let seconds = own["Seconds"].as_u64().unwrap_or_default();
            if own["Id"].as_str() != Some(id) || seconds != cadence.as_secs() {
                let rule = format!(
                    "expected {id} every {} s, as {} has it, saw {} every {seconds} s: its alarms would look at other minutes",
                    cadence.as_secs(),
                    FUNCTIONS,
                    own["Id"].as_str().unwrap_or_default()
                );
                self.found.push(Finding { file: ALARMS, line: 1, path, rule });
            }
        }
        for name in alarms.keys().filter(|name| functions.get(name.as_str()).is_none()) {
            let rule = format!("expected a check of {}, saw none of this name", FUNCTIONS);
            let path = format!("Mappings.Checks.{name}");
            self.found.push(Finding { file: ALARMS, line: 1, path, rule });
        }
        cadences
    }

    /// A function that may run longer than its cadence overlaps with itself.
    pub(super) fn timeout(&mut self, cadences: &BTreeMap<String, Duration>) {
        let timeout = self.rooms.functions.globals["Function"]["Timeout"].as_u64();
        let shortest = cadences.values().min();
        match (timeout, shortest) {
            (Some(timeout), Some(shortest)) if timeout >= shortest.as_secs() => {
                let rule = format!(
                    "expected less than the shortest cadence, {} s, saw {timeout} s: runs would overlap",
                    shortest.as_secs()
                );
                self.of_functions("Globals.Function.Timeout", rule);
            }
            (None, _) => self.of_functions("Globals.Function.Timeout", "expected a timeout, saw none: it would be 3 s"),
            _ => {}
        }
    }

    /// Every metric has an alarm, or a reason that it has none.
    pub(super) fn unwatched(&mut self) {
        let watched: BTreeSet<String> = self
            .rooms
            .alarms
            .alarms
            .iter()
            .filter_map(|alarm| match alarm {
                Alarm::Metric(alarm) => Some(alarm),
                Alarm::Composite(_) => None,
            })
            .flat_map(|alarm| alarm.source.metrics().map(|(metric, _)| metric.name.clone()).collect::<Vec<_>>())
            .collect();
        for metric in CATALOGUE {
            let is_excused = WITHOUT_ALARM.iter().any(|(name, _)| *name == metric.name);
            if !watched.contains(metric.name) && !is_excused {
                let rule = format!("expected an alarm on {}, saw none: nobody looks at it", metric.name);
                self.found.push(Finding { file: ALARMS, line: 1, path: "Resources".to_owned(), rule });
            }
        }
    }
}
