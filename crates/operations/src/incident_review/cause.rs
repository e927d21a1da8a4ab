//! What was affected together, and what it has in common.

use std::collections::BTreeMap;

use check::incident::{IncidentRecord, Mark};
use check::message::span;
use check::{Report, StepResult};
use schemars::JsonSchema;
use serde::Serialize;

use super::asked::BEFORE;
use super::gathered::{Gathered, name};

/// What was affected together, and what may be the cause.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Cause {
    /// Other incidents at the same time.
    pub together: Vec<Together>,
    /// What they have in common, the most telling first; empty if nothing is evident.
    pub shared: Vec<String>,
}

/// An incident at the same time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Together {
    /// Id.
    pub id: String,
    /// Check, and its subject.
    pub name: String,
    /// Time from the first failed run of the review; negative if it began before.
    ///
    /// **Units:** seconds.
    pub after: i64,
    /// Step that failed first.
    pub step: String,
    /// Kind of the failure.
    pub kind: String,
}

impl Together {
    /// When it began, in words.
    #[must_use]
    pub fn when(&self) -> String {
        match self.after {
            0 => "at the same time".to_owned(),
            after if after > 0 => format!("{} later", span(after)),
            before => format!("{} earlier", span(-before)),
        }
    }
}

/// Finds what the incidents have in common with each other and with others.
pub(super) fn cause(records: &[&IncidentRecord], gathered: &Gathered) -> Cause {
    let Some(first) = records.iter().map(|record| record.since).min() else { return Cause::default() };
    let together = gathered.others.iter().map(|record| Together {
        id: record.id.clone(),
        name: name(&record.check, &record.subject),
        after: record.since.duration_since(first).as_secs(),
        step: record.first.step.clone(),
        kind: record.first.kind.to_string(),
    });
    let all: Vec<&IncidentRecord> = records.iter().copied().chain(&gathered.others).collect();
    let earliest = all.iter().map(|record| record.since).min().unwrap_or(first);
    let mut shared = Vec::new();
    let mut needed: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter()
        .filter_map(|record| record.dependency.as_deref())
        .for_each(|check| *needed.entry(check).or_default() += 1);
    shared.extend(needed.iter().map(|(check, count)| {
        format!("{count} of {} failed in a step of {check}, which they need", incidents(all.len()))
    }));
    let is_before = |mark: &&Mark| mark.at <= earliest && earliest.duration_since(mark.at) <= BEFORE;
    shared.extend(gathered.marks.iter().rfind(is_before).map(|mark| {
        let before = span(earliest.duration_since(mark.at).as_secs());
        format!("the mark \"{}\" by {}, {before} before the first failed run", mark.text, mark.by)
    }));
    shared.extend(
        common(&all, |record| record.first.step.clone())
            .map(|(step, count)| format!("{count} of {} incidents fail first in the step {step}", all.len())),
    );
    shared.extend(
        common(&all, |record| record.first.kind.to_string())
            .map(|(kind, count)| format!("{count} of {} incidents fail first with {kind}", all.len())),
    );
    let hosts: Vec<String> = gathered.incidents.iter().filter_map(|own| host(own.first.as_deref()?)).collect();
    let is_one = hosts.windows(2).all(|pair| pair[0] == pair[1]);
    shared.extend(hosts.first().filter(|_| is_one).map(|host| {
        let which = if hosts.len() == 1 { "the failed request went" } else { "all failed requests went" };
        format!("{which} to {host}")
    }));
    Cause { together: together.collect(), shared }
}

fn incidents(count: usize) -> String {
    if count == 1 { "1 incident".to_owned() } else { format!("{count} incidents") }
}

/// The most frequent value, if several incidents and at least half of all have it.
fn common(all: &[&IncidentRecord], value: impl Fn(&IncidentRecord) -> String) -> Option<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for record in all {
        *counts.entry(value(record)).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (most.1 > 1 && most.1 * 2 >= all.len()).then_some(most)
}

/// Host of the failed request.
fn host(report: &Report) -> Option<String> {
    let steps = report.last_attempt().into_iter().flat_map(|attempt| &attempt.steps);
    let failed = steps.filter(|step| matches!(step.result, StepResult::Failed { .. }));
    let url = failed.flat_map(|step| step.exchanges.last()).map(|exchange| exchange.url.as_str()).next()?;
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next()?;
    (!host.is_empty()).then(|| host.to_owned())
}
