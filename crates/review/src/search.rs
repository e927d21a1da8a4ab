//! The search for better numbers of an alarm.
//!
//! A change must keep every incident that the alarm saw, and delay none by much. Among those, the best removes the most firings without
//! an incident, then delays least, then changes least.

use std::collections::BTreeMap;

use alarm::{Comparison, JudgedValues, MetricAlarm};
use jiff::Timestamp;

use crate::behaviour::{Behaviour, Events, Replayed, behaviour};
use crate::kind::Kind;
use crate::proposal::{Change, Datapoints, Proposal, Tally, Verdict};
use crate::words::counted;

/// Fewest days of values for a proposal: each day of the week twice.
pub(crate) const MIN_DAYS: f64 = 14.0;
/// Smallest part of the periods with values for a proposal.
pub(crate) const MIN_COVERAGE: f64 = 0.5;
/// Fewest firings without an incident for a proposal, on at least [`MIN_FIRING_DAYS`] days: fewer may have one cause.
pub(crate) const MIN_UNMATCHED: usize = 3;
/// Fewest days with such firings.
pub(crate) const MIN_FIRING_DAYS: usize = 2;
/// Fewest missed incidents that a lower threshold must see.
const MIN_GAINED: usize = 2;
/// Longest accepted delay of a detection, unless two periods are longer. **Units:** minutes.
const MAX_ADDED: f64 = 10.0;
/// Step between two tried thresholds.
const STEP: f64 = 1.05;
/// Farthest threshold that is tried, as a multiple, when an incident shows that the alarm would still fire.
const FARTHEST: f64 = 20.0;
/// Farthest threshold without such an incident.
const FARTHEST_UNPROVEN: f64 = 1.5;
/// Margin above the lowest good threshold.
const MARGIN: f64 = 1.1;
/// Least distance of a lower threshold from the 99th percentile of values outside incidents.
const CLEAR: f64 = 1.25;
/// Longest range of an alarm with periods below an hour. **Units:** seconds.
const DAY_SECONDS: u64 = 86_400;

/// Part of the template that can be changed for this alarm alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Editable {
    pub(crate) threshold: bool,
    pub(crate) datapoints: bool,
}

/// An alarm, its values, and what happened meanwhile.
pub(crate) struct Trial<'a> {
    pub(crate) alarm: &'a MetricAlarm,
    pub(crate) check: Option<&'a str>,
    pub(crate) values: &'a JudgedValues,
    pub(crate) replayed: Replayed,
    pub(crate) events: Events<'a>,
    /// 99th percentile of the values outside the incidents of its check.
    pub(crate) p99: Option<f64>,
    /// Part of the periods with values.
    pub(crate) coverage: f64,
    /// Largest value that makes sense, such as 100 %.
    pub(crate) max: Option<f64>,
}

/// A tried change.
struct Tried {
    change: Change,
    behaviour: Behaviour,
    /// Largest delay of an incident, compared with the alarm as it is. **Units:** minutes.
    added: f64,
    /// Size of the change, as a part of the number.
    size: f64,
}

impl Trial<'_> {
    /// Behaviour with other numbers.
    pub(crate) fn behaviour(&self, alarm: &MetricAlarm) -> Behaviour {
        behaviour(alarm, self.check, &self.values.transitions(alarm), self.replayed, self.events)
    }

    /// Judges the numbers of the alarm.
    pub(crate) fn verdict(&self, kind: Kind, editable: Editable, before: &Behaviour) -> Verdict {
        if let Some(reason) = kind.why_not_proposed() {
            return Verdict::Keep { reason: reason.to_owned() };
        }
        if before.unmatched == 0 {
            return self.tighter(editable, before);
        }
        if let Some(reason) = self.too_few_values().or_else(|| too_few_firings(before)) {
            return Verdict::TooLittleData { reason };
        }
        self.looser(editable, before)
    }

    fn too_few_values(&self) -> Option<String> {
        let days = self.replayed.until.duration_since(self.replayed.from).as_hours() as f64 / 24.0;
        if days < MIN_DAYS {
            return Some(format!("{days:.1} days of values; a proposal needs {MIN_DAYS}, each day of the week twice"));
        }
        if self.coverage < MIN_COVERAGE {
            let percent = self.coverage * 100.0;
            return Some(format!(
                "{percent:.0} % of its periods have values; a proposal needs {:.0} %",
                MIN_COVERAGE * 100.0
            ));
        }
        None
    }

    /// Looks for numbers that remove firings without an incident.
    fn looser(&self, editable: Editable, before: &Behaviour) -> Verdict {
        let mut tried: Vec<Tried> = Vec::new();
        let farthest = if before.seen().is_empty() { FARTHEST_UNPROVEN } else { FARTHEST };
        if editable.threshold {
            let good = self.thresholds(farthest).into_iter().map(|threshold| self.try_threshold(threshold, before));
            let good: Vec<Tried> = good.filter(|tried| self.is_good(tried, before)).collect();
            tried.extend(with_margin(good));
        }
        if editable.datapoints {
            let all = self.datapoints().into_iter().map(|datapoints| self.try_datapoints(datapoints, before));
            tried.extend(all.filter(|tried| self.is_good(tried, before)));
        }
        let rank = |tried: &Tried| (tried.behaviour.unmatched, tried.added, tried.size);
        let best = tried.into_iter().min_by(|one, other| {
            let (one, other) = (rank(one), rank(other));
            one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)).then(one.2.total_cmp(&other.2))
        });
        let Some(best) = best else {
            let reason = match before.seen().len() {
                0 => "no small change removes its firings without an incident, and no incident shows that a larger one would still fire"
                    .to_owned(),
                seen => format!(
                    "no change removes half of its firings without an incident and still sees {} in time",
                    counted(seen, "incident")
                ),
            };
            return Verdict::Keep { reason };
        };
        let removed = before.unmatched - best.behaviour.unmatched;
        let seen = before.seen().len();
        let kept = match seen {
            0 => "no incident of the window was seen before either".to_owned(),
            1 => format!("the 1 incident it saw is still seen, {}", later(best.added)),
            _ => format!("all {seen} incidents it saw are still seen, {}", later(best.added)),
        };
        let reason =
            format!("removes {removed} of {} without an incident; {kept}", counted(before.unmatched, "firing"));
        proposal(before, best, reason)
    }

    /// Looks for a threshold nearer to the values that sees missed incidents and nothing else.
    fn tighter(&self, editable: Editable, before: &Behaviour) -> Verdict {
        let none = |reason: &str| Verdict::Keep { reason: reason.to_owned() };
        if before.missed.len() < MIN_GAINED || !editable.threshold {
            return none(if before.firings.is_empty() { "it never fired" } else { "every firing matches an incident" });
        }
        let Some(p99) = self.p99 else { return none("it never fired") };
        let sees_more = |tried: &Tried| {
            let gained = before.missed.iter().filter(|id| !tried.behaviour.missed.contains(id)).count();
            tried.behaviour.unmatched == 0 && gained >= MIN_GAINED
        };
        let nearer = self.nearer(p99 * CLEAR).into_iter().map(|threshold| self.try_threshold(threshold, before));
        let Some(best) =
            nearer.filter(sees_more).max_by_key(|tried| before.missed.len() - tried.behaviour.missed.len())
        else {
            return none("no nearer threshold sees a missed incident without firing for anything else");
        };
        if let Some(reason) = self.too_few_values() {
            return Verdict::TooLittleData { reason };
        }
        let gained = before.missed.len() - best.behaviour.missed.len();
        let reason = format!("sees {} that it missed, and fires for nothing else", counted(gained, "incident"));
        proposal(before, best, reason)
    }

    /// A change is good if it removes half of the firings without an incident, keeps every incident and delays none by much.
    fn is_good(&self, tried: &Tried, before: &Behaviour) -> bool {
        let allowed = MAX_ADDED.max(2.0 * self.alarm.period.as_secs_f64() / 60.0);
        let keeps_all = before.seen().is_subset(&tried.behaviour.seen());
        keeps_all && tried.added <= allowed && 2 * tried.behaviour.unmatched <= before.unmatched
    }

    fn try_threshold(&self, threshold: f64, before: &Behaviour) -> Tried {
        let from = self.alarm.threshold;
        let changed = MetricAlarm { threshold, ..self.alarm.clone() };
        let size = (threshold / from - 1.0).abs();
        self.tried(&changed, Change::Threshold { from, to: threshold }, size, before)
    }

    fn try_datapoints(&self, to: Datapoints, before: &Behaviour) -> Tried {
        let from = Datapoints { to_alarm: self.alarm.datapoints_to_alarm, periods: self.alarm.evaluation_periods };
        let changed =
            MetricAlarm { datapoints_to_alarm: to.to_alarm, evaluation_periods: to.periods, ..self.alarm.clone() };
        let size = to.to_alarm as f64 / from.to_alarm as f64 - 1.0;
        self.tried(&changed, Change::Datapoints { from, to }, size, before)
    }

    fn tried(&self, changed: &MetricAlarm, change: Change, size: f64, before: &Behaviour) -> Tried {
        let behaviour = self.behaviour(changed);
        let first = |behaviour: &Behaviour| {
            let mut first: BTreeMap<String, Timestamp> = BTreeMap::new();
            for firing in &behaviour.firings {
                for id in &firing.incidents {
                    first.entry(id.clone()).or_insert(firing.from);
                }
            }
            first
        };
        let after = first(&behaviour);
        let added = first(before).into_iter().filter_map(|(id, at)| {
            let later = after.get(&id)?;
            Some(later.duration_since(at).as_secs_f64() / 60.0)
        });
        let added = added.max_by(f64::total_cmp).unwrap_or_default();
        Tried { change, behaviour, added, size }
    }

    /// Thresholds farther from the values, nearest first.
    fn thresholds(&self, farthest: f64) -> Vec<f64> {
        let mut farther = Vec::new();
        let mut factor = STEP;
        while factor <= farthest {
            let threshold = match self.alarm.comparison {
                Comparison::Greater | Comparison::GreaterOrEqual => self.alarm.threshold * factor,
                Comparison::Less | Comparison::LessOrEqual => self.alarm.threshold / factor,
            };
            let threshold = rounded(threshold);
            let is_possible = self.max.is_none_or(|max| threshold < max);
            if is_possible && threshold != self.alarm.threshold && farther.last() != Some(&threshold) {
                farther.push(threshold);
            }
            factor *= STEP;
        }
        farther
    }

    /// Thresholds nearer to the values, down to a limit, the farthest first.
    fn nearer(&self, limit: f64) -> Vec<f64> {
        let is_upper = matches!(self.alarm.comparison, Comparison::Greater | Comparison::GreaterOrEqual);
        let mut nearer = Vec::new();
        let mut threshold = self.alarm.threshold / STEP;
        while is_upper && threshold > limit && threshold > 0.0 && nearer.len() < 100 {
            let next = rounded(threshold);
            if nearer.last() != Some(&next) && next != self.alarm.threshold {
                nearer.push(next);
            }
            threshold /= STEP;
        }
        nearer
    }

    /// Larger M of the same N, then M of M up to twice N.
    fn datapoints(&self) -> Vec<Datapoints> {
        let (to_alarm, periods) = (self.alarm.datapoints_to_alarm, self.alarm.evaluation_periods);
        let same = (to_alarm + 1..=periods).map(|to_alarm| Datapoints { to_alarm, periods });
        let more = (periods + 1..=2 * periods).map(|number| Datapoints { to_alarm: number, periods: number });
        let period = self.alarm.period.as_secs();
        same.chain(more).filter(|own| period.saturating_mul(own.periods as u64) <= DAY_SECONDS).collect()
    }
}

fn too_few_firings(before: &Behaviour) -> Option<String> {
    let unmatched = before.firings.iter().filter(|firing| !firing.is_matched());
    let mut days: Vec<i64> = unmatched.map(|firing| day(firing.from)).collect();
    let count = days.len();
    days.dedup();
    (count < MIN_UNMATCHED || days.len() < MIN_FIRING_DAYS).then(|| {
        format!(
            "{} without an incident on {}; a proposal needs {MIN_UNMATCHED} on {MIN_FIRING_DAYS} days, since fewer may have one cause",
            counted(count, "firing"),
            counted(days.len(), "day")
        )
    })
}

/// Keeps the best thresholds, and of those the farthest within a margin from the nearest: the data of a month is not all data.
fn with_margin(tried: Vec<Tried>) -> Option<Tried> {
    let fewest = tried.iter().map(|one| one.behaviour.unmatched).min()?;
    let mut best = tried.into_iter().filter(|one| one.behaviour.unmatched == fewest);
    let nearest = best.next()?;
    let (limit, added) = ((1.0 + nearest.size) * MARGIN - 1.0, nearest.added);
    let farther = best.take_while(|one| one.size <= limit && one.added <= added).last();
    Some(farther.unwrap_or(nearest))
}

fn proposal(before: &Behaviour, best: Tried, reason: String) -> Verdict {
    Verdict::Change(Proposal {
        change: best.change,
        before: Tally::from(before),
        after: Tally::from(&best.behaviour),
        added_delay_minutes: best.added,
        reason,
    })
}

fn later(minutes: f64) -> String {
    if minutes <= 0.0 { "none of them later".to_owned() } else { format!("at most {minutes:.0} min later") }
}

/// Rounds to two significant digits, so that people read and remember the number.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = value.abs().log10().floor() as i32 - 1;
    if digits >= 0 {
        let unit = 10f64.powi(digits);
        (value / unit).round() * unit
    } else {
        // A division keeps decimals such as 0.85 exact.
        let unit = 10f64.powi(-digits);
        (value * unit).round() / unit
    }
}

fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_have_two_significant_digits() {
        for (value, expected) in [(8_432.0, 8_400.0), (0.8512, 0.85), (99.6, 100.0), (10.4, 10.0), (5.25, 5.3)] {
            assert_eq!(rounded(value), expected, "{value}");
        }
    }
}
