//! Text of `docs/fault-matrix.md`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::alarms::Raised;
use crate::world::Datapoint;

/// Path of the page in the repository.
pub const PATH: &str = "docs/fault-matrix.md";

/// Effect of one fault.
pub struct Row {
    /// Part of the page with this row.
    pub part: Part,
    /// Short description of the fault.
    pub fault: String,
    /// The checks that detect it.
    pub check: String,
    /// Result in the runs.
    pub shows: String,
    /// Events of the notifications.
    pub notified: String,
    /// The run that removed the test data.
    pub cleaned_up: String,
    /// Raised alarms, sorted by name.
    pub alarms: Vec<Fired>,
}

/// Parts of the page, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Faults of the platform, from the catalogue.
    Platform,
    /// Correct but late answers.
    Late,
    /// Faults of the monitor, and faults that several checks detect together.
    Monitor,
    /// Recorded series of AWS metrics.
    Simulated,
}

impl Part {
    const ALL: [Self; 4] = [Self::Platform, Self::Late, Self::Monitor, Self::Simulated];

    const fn heading(self) -> &'static str {
        match self {
            Self::Platform => {
                "## Faults of the platform\n\n\
                 Each fault of `crates/demo-platform/faults.toml`: the result of its check (subject, step and kind of a\n\
                 failure), the notification when it starts and when it ends, the run that removed the test data, and the\n\
                 alarms of the check. Some faults also affect other checks, which *may fail* or *may be inconclusive*.\n\
                 All remaining checks pass, with every value within its threshold: `crates/cli/tests/program/faults.rs`\n\
                 proves it.\n\n\
                 *here* gives the delay that this test used to exceed the threshold of the alarm. Alarms on an objective\n\
                 fire after many failed runs, so one fault of each check lasts until then."
            }
            Self::Late => {
                "## Correct but late answers\n\n\
                 Each delay makes the check exceed its budget for `Duration`, while every step meets its deadline."
            }
            Self::Monitor => {
                "## The monitor itself, and several checks together\n\n\
                 Faults outside the catalogue: an expiring certificate, a stopped schedule, a topic that refuses\n\
                 messages, and two checks that fail at the same time."
            }
            Self::Simulated => {
                "## Metrics of AWS (*simulated*)\n\n\
                 The test cannot change metrics that AWS publishes. It evaluates these alarms on recorded series\n\
                 (`tests/e2e/matrix/recorded.toml`) and expects them to fire and to clear with the values."
            }
        }
    }
}

/// A raised alarm.
#[derive(Clone, Debug)]
pub struct Fired {
    /// Name of its resource.
    pub alarm: String,
    /// Minutes from the fault to `ALARM`.
    pub after: i64,
    /// Minutes from the end of the fault to `OK`; `None` when the test did not wait for it.
    pub cleared_after: Option<i64>,
}

impl Fired {
    /// Converts raised alarms, given the start and the end of the fault.
    pub fn new(raised: &[Raised], began: Timestamp, ended: Timestamp) -> Vec<Self> {
        let minutes = |from: Timestamp, to: Timestamp| to.duration_since(from).as_mins();
        let fired = |raised: &Raised| Self {
            alarm: raised.alarm.clone(),
            after: minutes(began, raised.at),
            cleared_after: raised.over.map(|over| minutes(ended, over)),
        };
        let mut fired: Vec<Self> = raised.iter().map(fired).collect();
        fired.sort_by(|one, other| one.alarm.cmp(&other.alarm));
        fired
    }

    fn text(&self) -> String {
        let cleared = self.cleared_after.map_or_else(|| "not measured".to_owned(), |after| format!("{after} min"));
        format!("`{}` {} min, {cleared}", self.alarm, self.after)
    }
}

/// The run that removed the test data, derived from the metric `Leftovers`.
pub fn cleaned_up(points: &[Datapoint]) -> String {
    // Checks without test data do not publish the metric.
    let most = points.iter().filter(|point| point.metric == "Leftovers").map(|point| point.maximum).reduce(f64::max);
    most.map_or("no test data", |most| if most > 0.0 { "a later run" } else { "the same run" }).to_owned()
}

/// Renders the complete page.
pub fn text(rows: &[Row], alarms: &BTreeSet<String>) -> String {
    let mut text = format!(
        "# Fault matrix\n\n\
         The effect of each fault on reports, notifications and alarms. The test runs the function binaries\n\
         against the demo platform and an AWS emulator, minute by minute on a simulated clock. The alarms are\n\
         those of the shipped templates, evaluated as CloudWatch documents. Each alarm is listed with the\n\
         minutes from the start of the fault to `ALARM`, and from the end of the fault to `OK`. No other alarm\n\
         of these checks fired. {} alarms, each with a proof.\n\n\
         `cargo xtask matrix` generates this page. A test fails when the page is outdated or an alarm has no\n\
         proof.\n",
        alarms.len()
    );
    for part in Part::ALL {
        text.push_str(&format!("\n{}\n\n", part.heading()));
        text.push_str(
            "| fault | check | result | notified | test data removed by | alarms: to `ALARM`, to `OK` |\n\
             |---|---|---|---|---|---|\n",
        );
        for row in rows.iter().filter(|row| row.part == part) {
            let fired = list(row.alarms.iter().map(Fired::text));
            let cells = [&row.fault, &row.check, &row.shows, &row.notified, &row.cleaned_up, &fired];
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    text.push_str("\n## Proof of each alarm\n\n| alarm | proof |\n|---|---|\n");
    let proofs = proofs(rows);
    for alarm in alarms {
        text.push_str(&format!("| `{alarm}` | {} |\n", proofs.get(alarm.as_str()).cloned().unwrap_or_default()));
    }
    text
}

/// Alarms that no row has raised and cleared.
pub fn without_proof<'a>(rows: &[Row], alarms: &'a BTreeSet<String>) -> Vec<&'a str> {
    let proofs = proofs(rows);
    alarms.iter().map(String::as_str).filter(|alarm| !proofs.contains_key(alarm)).collect()
}

/// For each alarm, the first row in which it was raised and cleared.
fn proofs(rows: &[Row]) -> BTreeMap<&str, String> {
    let mut proofs = BTreeMap::new();
    for row in rows {
        let simulated = if row.part == Part::Simulated { " *(simulated)*" } else { "" };
        for fired in row.alarms.iter().filter(|fired| fired.cleared_after.is_some()) {
            proofs.entry(fired.alarm.as_str()).or_insert_with(|| format!("{}{simulated}", row.fault));
        }
    }
    proofs
}

/// Joins the lines of a cell; a dash when there are none.
pub fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "–".to_owned() } else { items.join("<br>") }
}
