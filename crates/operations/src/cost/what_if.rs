//! `--what-if KEY=VALUE`: hypothetical changes to the plan.

use std::str::FromStr;

use anyhow::{Context, bail};
use jiff::SignedDuration;
use settings::unknown;

use super::running::Plan;

/// The keys.
const KEYS: [&str; 8] =
    ["cadence.CHECK", "seconds.CHECK", "memory", "architecture", "retention", "checks", "zones", "incidents"];

/// Sentence on where all keys are listed, for errors.
const LIST: &str = "`synthetics cost --help` lists all keys";

/// Applies changes to a plan. When a key is given twice, the last value applies.
///
/// # Errors
/// When a key is unknown or a value is invalid. The error lists the valid choices.
pub(super) fn apply(plan: &Plan, changes: &[String]) -> anyhow::Result<Plan> {
    let mut plan = plan.clone();
    for change in changes {
        let Some((key, value)) = change.split_once('=') else {
            bail!("--what-if: expected KEY=VALUE, such as cadence.login=5m, found `{change}`\n{LIST}");
        };
        apply_one(&mut plan, key.trim(), value.trim()).with_context(|| format!("--what-if {change}"))?;
    }
    Ok(plan)
}

fn apply_one(plan: &mut Plan, key: &str, value: &str) -> anyhow::Result<()> {
    match key.split_once('.') {
        Some(("cadence", check)) => {
            plan.cadences.insert(check.to_owned(), seconds_between(value)?);
        }
        Some(("seconds", check)) => {
            plan.seconds.insert(check.to_owned(), number(value, 0.001, 900.0)?);
        }
        None if key == "memory" => plan.memory_mb = Some(number(value, 128, 10_240)?),
        None if key == "architecture" => set(plan, "Architecture", value),
        None if key == "retention" => set(plan, "LogRetentionDays", value),
        None if key == "checks" => plan.checks = value.to_owned(),
        // The bill depends on the number of subnets, not on their ids.
        None if key == "zones" => {
            let zones: u32 = number(value, 0, 6)?;
            let subnets: Vec<String> = (1..=zones).map(|zone| format!("subnet-{zone}")).collect();
            set(plan, "PrivateSubnets", &subnets.join(","));
        }
        None if key == "incidents" => plan.incidents = number(value, 0.0, 100_000.0)?,
        parts => {
            // A suggestion has the check that was written.
            let check = parts.map_or("CHECK", |(_, check)| check);
            let keys = KEYS.map(|known| known.replace("CHECK", check));
            bail!("{}", unknown("key", key, &keys.each_ref().map(String::as_str), LIST))
        }
    }
    Ok(())
}

fn set(plan: &mut Plan, parameter: &str, value: &str) {
    plan.parameters.insert(parameter.to_owned(), value.to_owned());
}

fn number<T: FromStr + PartialOrd + std::fmt::Display>(value: &str, least: T, most: T) -> anyhow::Result<T> {
    match value.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => bail!("expected a number from {least} to {most}, found `{value}`"),
    }
}

/// Reads a cadence. It must divide an hour, because a schedule fires at the same minutes of every hour.
fn seconds_between(value: &str) -> anyhow::Result<u64> {
    let seconds = value.parse::<SignedDuration>().ok().and_then(|every| u64::try_from(every.as_secs()).ok());
    let possible: Vec<u64> = (1..=60).filter(|minutes| 60 % minutes == 0).collect();
    match seconds {
        Some(seconds) if seconds % 60 == 0 && possible.contains(&(seconds / 60)) => Ok(seconds),
        _ => {
            let possible: Vec<String> = possible.iter().map(|minutes| format!("{minutes}m")).collect();
            bail!("expected an interval that divides an hour, one of {}, found `{value}`", possible.join(", "))
        }
    }
}
