//! `docs/fault-matrix.md`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::alarms::Raised;
use crate::world::Datapoint;

/// Where it stands in the repository.
pub const PATH: &str = "docs/fault-matrix.md";

/// What one fault came to.
pub struct Row {
    /// Under which heading it stands.
    pub part: Part,
    /// What went wrong, in a few words.
    pub fault: String,
    /// The check, or the checks.
    pub check: String,
    /// What its runs showed.
    pub shows: String,
    /// What people and programs were told.
    pub received: String,
    /// Whether what the runs made was undone.
    pub undone: String,
    /// The alarms that were raised, by their names.
    pub alarms: Vec<Fired>,
}

/// The parts of the page, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Faults of the platform, by the catalogue.
    Platform,
    /// Answers that are right, and late.
    Late,
    /// What is wrong with the monitor, and what several checks see together.
    Beside,
    /// Recorded series of metrics that AWS publishes.
    Simulated,
}

impl Part {
    const ALL: [Self; 4] = [Self::Platform, Self::Late, Self::Beside, Self::Simulated];

    const fn heading(self) -> &'static str {
        match self {
            Self::Platform => {
                "## Faults of the platform\n\n\
                 Each fault of `crates/demo-platform/faults.toml`: what the run of its check shows (subject, step and kind of a\n\
                 failure), what is told once and what is told when it is over, whether what the runs made was undone, and the\n\
                 alarms of the check. Others *may fail too*, or *cannot judge*, where it says so; that all others see nothing, not\n\
                 even a number beyond a threshold, is held by `crates/cli/tests/program/faults.rs`.\n\n\
                 *here* is by how much what is late was late, for the alarm's threshold. An alarm on an objective looks at six\n\
                 hours: here few runs are behind the fault, so it is raised sooner than after hours that went well."
            }
            Self::Late => {
                "## Right answers that come late\n\n\
                 The faults of slowness, as strong as it takes for a check to need longer than it may, and no step its deadline."
            }
            Self::Beside => {
                "## The monitor itself, and several checks together\n\n\
                 What no fault of the platform's can show: a certificate that ends, a schedule that stands still, a topic that\n\
                 takes nothing, and two checks that fail at once."
            }
            Self::Simulated => {
                "## Metrics of AWS (*simulated*)\n\n\
                 What AWS publishes cannot be made to go wrong here. These alarms are held against a recorded series\n\
                 (`tests/e2e/matrix/recorded.toml`): that they fire, and end, when the numbers do."
            }
        }
    }
}

/// An alarm was raised.
#[derive(Clone, Debug)]
pub struct Fired {
    /// The name of its resource.
    pub alarm: String,
    /// Minutes from the fault to `ALARM`.
    pub after: i64,
    /// Minutes from the fault's end to `OK`; `None`: it was not waited for.
    pub back: Option<i64>,
}

impl Fired {
    /// What was raised, told from the minute a fault began and the minute it ended.
    pub fn new(raised: &[Raised], began: Timestamp, ended: Timestamp) -> Vec<Self> {
        let minutes = |from: Timestamp, to: Timestamp| to.duration_since(from).as_mins();
        let fired = |raised: &Raised| Self {
            alarm: raised.alarm.clone(),
            after: minutes(began, raised.at),
            back: raised.over.map(|over| minutes(ended, over)),
        };
        let mut fired: Vec<Self> = raised.iter().map(fired).collect();
        fired.sort_by(|one, other| one.alarm.cmp(&other.alarm));
        fired
    }

    fn written(&self) -> String {
        let back = self.back.map_or_else(|| "not waited for".to_owned(), |back| format!("{back} min"));
        format!("`{}` {} min, {back}", self.alarm, self.after)
    }
}

/// Whether what the runs made was undone, by what they published.
pub fn undone(points: &[Datapoint]) -> String {
    // Checks that make nothing do not publish it.
    let most = points.iter().filter(|point| point.metric == "Leftovers").map(|point| point.maximum).reduce(f64::max);
    let undone = most.map_or("makes nothing", |most| if most > 0.0 { "by a later run" } else { "at once" });
    undone.to_owned()
}

/// The whole page.
pub fn written(rows: &[Row], alarms: &BTreeSet<String>) -> String {
    let mut text = format!(
        "# Fault matrix\n\n\
         What each fault comes to, seen with the real function binaries against the demo platform and an AWS emulator, minute by\n\
         minute on a clock of the test's; the alarms are those of the shipped templates, judged as CloudWatch documents it. An\n\
         alarm is written with the minutes from the fault until it is in `ALARM`, and from the fault's end until it is `OK`\n\
         again. No other alarm of a check that ran was raised. {} alarms, each with a proof.\n\n\
         Written by `cargo xtask matrix`; the tests hold it against what they see. An alarm without a proof fails them.\n",
        alarms.len()
    );
    for part in Part::ALL {
        text.push_str(&format!("\n{}\n\n", part.heading()));
        text.push_str(
            "| fault | check | shows | told | what it made is undone | alarms: until `ALARM`, until `OK` |\n|---|---|---|---|---|---|\n",
        );
        for row in rows.iter().filter(|row| row.part == part) {
            let fired = list(row.alarms.iter().map(Fired::written));
            let cells = [&row.fault, &row.check, &row.shows, &row.received, &row.undone, &fired];
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    text.push_str("\n## Alarms, and what proves each\n\n| alarm | proof |\n|---|---|\n");
    let proofs = proofs(rows);
    for alarm in alarms {
        text.push_str(&format!("| `{alarm}` | {} |\n", proofs.get(alarm.as_str()).cloned().unwrap_or_default()));
    }
    text
}

/// The alarms that nothing has raised, and that ended again.
pub fn without_proof<'a>(rows: &[Row], alarms: &'a BTreeSet<String>) -> Vec<&'a str> {
    let proofs = proofs(rows);
    alarms.iter().map(String::as_str).filter(|alarm| !proofs.contains_key(alarm)).collect()
}

/// The first row that has raised each alarm, and in which it ended again.
fn proofs(rows: &[Row]) -> BTreeMap<&str, String> {
    let mut proofs = BTreeMap::new();
    for row in rows {
        let simulated = if row.part == Part::Simulated { " *(simulated)*" } else { "" };
        for fired in row.alarms.iter().filter(|fired| fired.back.is_some()) {
            proofs.entry(fired.alarm.as_str()).or_insert_with(|| format!("{}{simulated}", row.fault));
        }
    }
    proofs
}

/// Side by side in a cell; a dash when there is nothing.
pub fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "–".to_owned() } else { items.join("<br>") }
}
