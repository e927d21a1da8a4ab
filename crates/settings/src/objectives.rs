//! Objectives of checks.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use check::budget::Objective;

use crate::names::unknown;
use crate::section::Section;

/// Key of the section.
pub(crate) const OBJECTIVES: &str = "objectives";

/// Objective of one check.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawObjective {
    /// Part of its runs that has to pass within 30 days: above 0 and below 1. Required.
    target: Option<f64>,
}

/// Validates the objectives of a file, and returns that of one check: its own or its default. `section` is the section of
/// all objectives, `cadence` the time between two runs of the check.
pub(crate) fn validate(
    raw: BTreeMap<String, RawObjective>,
    section: &Section<'_>,
    id: &str,
    cadence: Duration,
    default: Option<f64>,
) -> Option<Objective> {
    let checks = section.check_ids();
    let known: Vec<&str> = checks.iter().map(String::as_str).collect();
    let mut own = None;
    for (check, RawObjective { target }) in raw {
        if !known.contains(&check.as_str()) {
            section.problem(&check, unknown("check", &check, &known, ""));
            continue;
        }
        let section = section.table(&check);
        let objective = section.required("target", target);
        let objective = objective.and_then(|target| section.parsed("target", Objective::new(target)));
        if check == id {
            let alarm = objective.map(|objective| objective.burn_alarm(cadence));
            alarm.and_then(|alarm| section.parsed("target", alarm));
            // A wrong one is not replaced by the default.
            own = Some(objective);
        }
    }
    own.unwrap_or_else(|| Objective::new(section.table(id).or_default("target", None, default?)).ok())
}
