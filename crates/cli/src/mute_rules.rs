//! Which alarms fall silent with a check, when, and by which alarm mute rule of CloudWatch. Pure.
//!
//! A rule begins and ends at full minutes: it begins up to a minute after the silence, and ends up to a minute after it.

use std::collections::{BTreeMap, BTreeSet};

use alarm::MetricAlarm;
use anyhow::ensure;
use check::incident::Silence;
use check::text::cut;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, SignedDurationRound, Timestamp, TimestampRound, Unit};
use lambda::MuteRule;
use runtime::settings::{When, Window};
use runtime::signed;

use crate::deployment::named;

/// The longest rule that CloudWatch takes.
const LONGEST: SignedDuration = SignedDuration::from_hours(15 * 24);
/// The time that the call may take: a rule whose minute has gone by when it arrives might never begin.
const AHEAD: SignedDuration = SignedDuration::from_secs(10);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
/// A rule's name has 255 characters; what stands before takes 80 at most.
const LONGEST_NAME: usize = 150;
/// A rule's description has 1,024 characters.
const LONGEST_DESCRIPTION: usize = 1_000;

/// The name of the rule of a mute.
pub(crate) fn name_of_mute(environment: &str, check: &str) -> String {
    named(environment, &format!("mute-{check}"))
}

/// How the names of windows' rules begin.
pub(crate) fn prefix_of_windows(environment: &str) -> String {
    named(environment, "window-")
}

/// How the descriptions of windows' rules begin. A rule without is somebody else's: the names of an environment `a` and of
/// one `a-window` may begin alike.
pub(crate) fn mark_of_windows(environment: &str) -> String {
    format!("Maintenance window of {environment}: ")
}

/// The deployed ones of the shipped alarms on a check's numbers; on those of every check when none is named. Alarms about the
/// monitor itself are on no check's numbers, and never silent.
pub(crate) fn alarms_of(shipped: &[MetricAlarm], deployed: &BTreeSet<String>, checks: &[&str]) -> Vec<String> {
    let is_meant = |check: &String| checks.is_empty() || checks.contains(&check.as_str());
    shipped
        .iter()
        .filter(|alarm| alarm.source.metrics().any(|(metric, _)| metric.dimensions.get("Check").is_some_and(is_meant)))
        .map(|alarm| alarm.name.clone())
        .filter(|name| deployed.contains(name))
        .collect()
}

/// The rule of a mute of a whole check.
///
/// # Errors
/// When CloudWatch has none so long.
pub(crate) fn for_mute(
    name: String,
    silence: &Silence,
    alarms: Vec<String>,
    before: Option<&MuteRule>,
    now: Timestamp,
) -> anyhow::Result<MuteRule> {
    let (begins, ends) = once(silence.from, silence.until, before, now)?;
    Ok(MuteRule {
        name,
        description: cut(&format!("Muted by {}: {}", silence.by, silence.reason), LONGEST_DESCRIPTION),
        alarms,
        ..rule_between(begins, ends)
    })
}

/// What becomes of a window in CloudWatch.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// This rule.
    Rule(MuteRule),
    /// There need be none, and why.
    None(&'static str),
    /// There should be one of this name and cannot, why, and what to do. One that is there goes on.
    Impossible { name: String, why: String },
}

/// What becomes of each window of the settings, in their order. `before` are the windows' rules that are there, by name.
pub(crate) fn for_windows(
    environment: &str,
    windows: &[Window],
    alarms_of: impl Fn(&[&str]) -> Vec<String>,
    before: &BTreeMap<String, MuteRule>,
    now: Timestamp,
) -> Vec<Verdict> {
    let mut taken = BTreeSet::new();
    let verdict = |window: &Window| {
        let checks: Vec<&str> =
            window.scopes().iter().filter(|(_, subject)| subject.is_none()).map(|(check, _)| check.as_str()).collect();
        if checks.is_empty() && !window.scopes().is_empty() {
            return Verdict::None("it is about subjects, which alarms do not know");
        }
        if matches!(window.when(), When::Once { until, .. } if *until <= now) {
            return Verdict::None("it is over");
        }
        let name = free_name(&prefix_of_windows(environment), window.name(), &mut taken);
        let alarms = alarms_of(&checks);
        if alarms.is_empty() {
            let of = if checks.is_empty() { environment.to_owned() } else { checks.join(", ") };
            let why = format!("no alarm of {of} is deployed: deploy infra/alarms.yaml");
            return Verdict::Impossible { name, why };
        }
        let timed = match window.when() {
            When::Once { from, until } => {
                once(*from, *until, before.get(&name), now).map(|(begins, ends)| rule_between(begins, ends))
            }
            When::Weekly { days, at, duration, .. } => weekly(days, *at, signed(*duration), window.zone()),
        };
        match timed {
            Ok(rule) => Verdict::Rule(MuteRule { name, description: described(environment, window), alarms, ..rule }),
            Err(error) => Verdict::Impossible { name, why: error.to_string() },
        }
    };
    windows.iter().map(verdict).collect()
}

fn described(environment: &str, window: &Window) -> String {
    let text = format!("{}{}: {}", mark_of_windows(environment), window.name(), window.reason());
    cut(&text, LONGEST_DESCRIPTION)
}

/// When a rule begins and ends that comes once; `None` when it is no such rule.
pub(crate) fn times(rule: &MuteRule) -> Option<(Timestamp, Timestamp)> {
    let begins: DateTime = rule.expression.strip_prefix("at(")?.strip_suffix(')')?.parse().ok()?;
    let duration: SignedDuration = rule.duration.parse().ok()?;
    let begins = begins.to_zoned(TimeZone::get(&rule.zone).ok()?).ok()?.timestamp();
    Some((begins, begins.checked_add(duration).ok()?))
}

/// When a silence that comes once begins and ends for alarms: within the next minute when it has begun. A rule that holds
/// keeps its beginning: moved, it would end for a moment, and alarms would tell what they kept.
fn once(
    from: Timestamp,
    until: Timestamp,
    before: Option<&MuteRule>,
    now: Timestamp,
) -> anyhow::Result<(Timestamp, Timestamp)> {
    let soonest = minute(now + AHEAD, RoundMode::Ceil)?;
    let ends = minute(until, RoundMode::Ceil)?;
    let holds = |(begins, ended): &(Timestamp, Timestamp)| {
        from <= now && *begins <= soonest && now < *ended && ends.duration_since(*begins) <= LONGEST
    };
    let begins = match before.and_then(times).filter(holds) {
        Some((begins, _)) => begins,
        None => soonest.max(minute(from, RoundMode::Floor)?),
    };
    let ends = ends.max(begins + MINUTE);
    let duration = ends.duration_since(begins);
    ensure!(
        duration <= LONGEST,
        "CloudWatch mutes for 15 days at most, this is {duration:#}: make several windows of it"
    );
    Ok((begins, ends))
}

fn rule_between(begins: Timestamp, ends: Timestamp) -> MuteRule {
    MuteRule {
        name: String::new(),
        description: String::new(),
        expression: begins.strftime("at(%Y-%m-%dT%H:%M)").to_string(),
        duration: ends.duration_since(begins).to_string(),
        zone: "UTC".to_owned(),
        alarms: Vec::new(),
    }
}

fn weekly(days: &BTreeSet<i8>, at: Time, duration: SignedDuration, zone: &str) -> anyhow::Result<MuteRule> {
    let named: Vec<&str> = (1..).zip(DAYS).filter(|(number, _)| days.contains(number)).map(|(_, name)| name).collect();
    let days = if named.len() == DAYS.len() { "*".to_owned() } else { named.join(",") };
    // From the minute in which it begins to the one in which it ends.
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

/// The name of a window's rule, which no other has: lower-case letters, digits and hyphens of the window's own.
fn free_name(prefix: &str, window: &str, taken: &mut BTreeSet<String>) -> String {
    let lower = window.to_ascii_lowercase();
    let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut words = words.collect::<Vec<_>>().join("-");
    words.truncate(LONGEST_NAME);
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
