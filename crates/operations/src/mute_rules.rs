//! CloudWatch alarm mute rules for mutes and maintenance windows: affected alarms and schedule. Pure.
//!
//! A rule starts and ends at full minutes, each up to one minute later than the silence.

use std::collections::{BTreeMap, BTreeSet};

use alarm::MetricAlarm;
use alarm::MuteRule;
use anyhow::ensure;
use check::incident::Silence;
use check::text::cut;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, SignedDurationRound, Timestamp, TimestampRound, Unit};
use runtime::signed;
use settings::{When, Window};

use crate::names::resource;

/// CloudWatch's limit for the duration of a rule.
const MAX_DURATION: SignedDuration = SignedDuration::from_hours(15 * 24);
/// Time allowed for the API call. A rule whose start minute has passed when the call arrives might never start.
const CALL_TIME: SignedDuration = SignedDuration::from_secs(10);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
/// Limit for the window's part of a rule name. CloudWatch allows 255 characters, and the prefix takes at most 80.
const MAX_NAME_LENGTH: usize = 150;
/// Limit for a rule's description. CloudWatch allows 1,024 characters.
const MAX_DESCRIPTION_LENGTH: usize = 1_000;

/// Returns the name of the rule that mutes a check's alarms.
pub fn mute_rule_name(environment: &str, check: &str) -> String {
    resource(environment, &format!("mute-{check}"))
}

/// Returns the name prefix of rules for maintenance windows.
pub fn window_name_prefix(environment: &str) -> String {
    resource(environment, "window-")
}

/// Returns the description prefix of rules for maintenance windows. A rule without it belongs to another environment,
/// because rule names of the environments `a` and `a-window` may share a prefix.
pub fn window_description_prefix(environment: &str) -> String {
    format!("Maintenance window of {environment}: ")
}

/// Returns the deployed alarms on metrics of the given checks, or of every check when the list is empty. Alarms on the
/// monitoring itself use no check's metrics, so they are never muted.
pub fn alarms_for_checks(shipped: &[MetricAlarm], deployed: &BTreeSet<String>, checks: &[&str]) -> Vec<String> {
    let is_selected = |check: &String| checks.is_empty() || checks.contains(&check.as_str());
    shipped
        .iter()
        .filter(|alarm| {
            alarm.source.metrics().any(|(metric, _)| metric.dimensions.get("Check").is_some_and(is_selected))
        })
        .map(|alarm| alarm.name.clone())
        .filter(|name| deployed.contains(name))
        .collect()
}

/// Returns the rule for a mute of a whole check. `before` is the rule of the same name that exists already.
///
/// # Errors
/// When the mute exceeds CloudWatch's limit of 15 days.
pub fn for_mute(
    name: String,
    silence: &Silence,
    alarms: Vec<String>,
    before: Option<&MuteRule>,
    now: Timestamp,
) -> anyhow::Result<MuteRule> {
    let (starts, ends) = once(silence.from, silence.until, before, now)?;
    Ok(MuteRule {
        name,
        description: cut(&format!("Muted by {}: {}", silence.by, silence.reason), MAX_DESCRIPTION_LENGTH),
        alarms,
        ..rule_between(starts, ends)
    })
}

/// The CloudWatch rule for a maintenance window, or the reason for having none.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// The rule to create or keep.
    Rule(MuteRule),
    /// No rule is needed, for this reason.
    None(&'static str),
    /// A rule is needed but not possible. An existing rule stays.
    Impossible {
        /// Name of the rule.
        name: String,
        /// The reason and the next step.
        why: String,
    },
}

/// Determines the rule for each window of the settings, in their order. `before` has the existing window rules by name.
pub fn for_windows(
    environment: &str,
    windows: &[Window],
    alarms_for_checks: impl Fn(&[&str]) -> Vec<String>,
    before: &BTreeMap<String, MuteRule>,
    now: Timestamp,
) -> Vec<Verdict> {
    let mut taken = BTreeSet::new();
    let verdict = |window: &Window| {
        let checks: Vec<&str> =
            window.scopes().iter().filter(|(_, subject)| subject.is_none()).map(|(check, _)| check.as_str()).collect();
        if checks.is_empty() && !window.scopes().is_empty() {
            return Verdict::None("it covers only subjects, and alarms cover whole checks");
        }
        if matches!(window.when(), When::Once { until, .. } if *until <= now) {
            return Verdict::None("it is over");
        }
        let name = free_name(&window_name_prefix(environment), window.name(), &mut taken);
        let alarms = alarms_for_checks(&checks);
        if alarms.is_empty() {
            let owner = if checks.is_empty() { environment.to_owned() } else { checks.join(", ") };
            let why = format!("no alarm of {owner} is deployed: deploy infra/alarms.yaml");
            return Verdict::Impossible { name, why };
        }
        let timed = match window.when() {
            When::Once { from, until } => {
                once(*from, *until, before.get(&name), now).map(|(starts, ends)| rule_between(starts, ends))
            }
            When::Weekly { days, at, duration, .. } => weekly(days, *at, signed(*duration), window.zone()),
        };
        match timed {
            Ok(rule) => Verdict::Rule(MuteRule { name, description: description(environment, window), alarms, ..rule }),
            Err(error) => Verdict::Impossible { name, why: error.to_string() },
        }
    };
    windows.iter().map(verdict).collect()
}

fn description(environment: &str, window: &Window) -> String {
    let text = format!("{}{}: {}", window_description_prefix(environment), window.name(), window.reason());
    cut(&text, MAX_DESCRIPTION_LENGTH)
}

/// Returns the start and end of a one-time rule. `None`: the rule is recurring.
pub fn times(rule: &MuteRule) -> Option<(Timestamp, Timestamp)> {
    let starts: DateTime = rule.expression.strip_prefix("at(")?.strip_suffix(')')?.parse().ok()?;
    let duration: SignedDuration = rule.duration.parse().ok()?;
    let starts = starts.to_zoned(TimeZone::get(&rule.zone).ok()?).ok()?.timestamp();
    Some((starts, starts.checked_add(duration).ok()?))
}

/// Returns the start and end of the rule for a one-time silence. For an active silence, the rule starts within
/// the next minute. An active rule keeps its start: a new start would interrupt the mute, and muted
/// alarms would send their notifications.
fn once(
    from: Timestamp,
    until: Timestamp,
    before: Option<&MuteRule>,
    now: Timestamp,
) -> anyhow::Result<(Timestamp, Timestamp)> {
    let soonest = minute(now + CALL_TIME, RoundMode::Ceil)?;
    let ends = minute(until, RoundMode::Ceil)?;
    let is_active = |(starts, ended): &(Timestamp, Timestamp)| {
        from <= now && *starts <= soonest && now < *ended && ends.duration_since(*starts) <= MAX_DURATION
    };
    let starts = match before.and_then(times).filter(is_active) {
        Some((starts, _)) => starts,
        None => soonest.max(minute(from, RoundMode::Floor)?),
    };
    let ends = ends.max(starts + MINUTE);
    let duration = ends.duration_since(starts);
    ensure!(
        duration <= MAX_DURATION,
        "expected at most 15 days, CloudWatch's limit, found {duration:#}: split it into several windows"
    );
    Ok((starts, ends))
}

fn rule_between(starts: Timestamp, ends: Timestamp) -> MuteRule {
    MuteRule {
        name: String::new(),
        description: String::new(),
        expression: starts.strftime("at(%Y-%m-%dT%H:%M)").to_string(),
        duration: ends.duration_since(starts).to_string(),
        zone: "UTC".to_owned(),
        alarms: Vec::new(),
    }
}

fn weekly(days: &BTreeSet<i8>, at: Time, duration: SignedDuration, zone: &str) -> anyhow::Result<MuteRule> {
    let named: Vec<&str> = (1..).zip(DAYS).filter(|(number, _)| days.contains(number)).map(|(_, name)| name).collect();
    let days = if named.len() == DAYS.len() { "*".to_owned() } else { named.join(",") };
    // From the start of the first minute to the end of the last one.
    let duration = duration + SignedDuration::from_secs(at.second().into());
    let duration = duration.round(SignedDurationRound::new().smallest(Unit::Minute).mode(RoundMode::Ceil))?;
    Ok(MuteRule {
        name: String::new(),
        description: String::new(),
        expression: format!("cron({} {} * * {days})", at.minute(), at.hour()),
        duration: duration.to_string(),
        zone: zone.to_owned(),
        alarms: Vec::new(),
    })
}

fn minute(at: Timestamp, mode: RoundMode) -> Result<Timestamp, jiff::Error> {
    at.round(TimestampRound::new().smallest(Unit::Minute).mode(mode))
}

/// Returns a unique rule name for a window, built from the lower-case letters and digits of the window's name.
fn free_name(prefix: &str, window: &str, taken: &mut BTreeSet<String>) -> String {
    let lower = window.to_ascii_lowercase();
    let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut words = words.collect::<Vec<_>>().join("-");
    words.truncate(MAX_NAME_LENGTH);
    if words.is_empty() {
        words.push_str("unnamed");
    }
    let mut name = format!("{prefix}{words}");
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{prefix}{words}-{number}");
    }
    name
}

#[cfg(test)]
mod tests;
