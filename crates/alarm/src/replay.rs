//! Replay of alarms over recorded data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::points::{Points, Range, is_evaluated};
use crate::series::Windows;
use crate::{Alarm, CompositeAlarm, Data, MetricAlarm, NotReplayed, Query, Source, State, judge};

/// Seconds per minute.
const MINUTE: i64 = 60;

/// Evaluates alarms over recorded data, with the parameter that CloudWatch does not document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Number of data points beyond N that are read when some are missing. Default 2, as in the only example of the
    /// documentation; CloudWatch does not publish the number.
    pub beyond: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Self { beyond: 2 }
    }
}

/// Change of an alarm's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Minute of the evaluation.
    pub at: Timestamp,
    /// Previous state.
    pub from: State,
    /// New state.
    pub to: State,
}

/// Evaluation of an alarm at one minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// State that follows; `None` when the alarm keeps its state.
    pub state: Option<State>,
    /// Data points of the N newest periods, oldest first, by the start of the period; `None` where data is missing.
    pub newest: Vec<(Timestamp, Option<f64>)>,
}

impl Replay {
    /// Computes the state changes of each alarm, by name, with one evaluation per minute from `from` to `until`, both
    /// inclusive. All alarms start with insufficient data, as new alarms do.
    ///
    /// An alarm whose periods add up to more than a day is evaluated once an hour, with data until the full hour (CloudWatch
    /// User Guide, "Alarm evaluation"). A composite alarm is evaluated in list order, so it uses the previous minute's state
    /// of an alarm that comes later in the list.
    ///
    /// The result has no entry for an alarm that is not replayed, nor for a composite alarm that names one: see
    /// [`not_replayed`].
    #[must_use]
    pub fn transitions(
        &self,
        alarms: &[Alarm],
        data: &Data,
        from: Timestamp,
        until: Timestamp,
    ) -> BTreeMap<String, Vec<Transition>> {
        let (first, last) = (minute(from), minute(until));
        let unknown = unknown_states(alarms);
        let alarms: Vec<&Alarm> = alarms.iter().filter(|alarm| !unknown.contains(alarm.name())).collect();
        let mut changes: Vec<Vec<(i64, State)>> = alarms
            .iter()
            .map(|alarm| match alarm {
                Alarm::Metric(alarm) => self.changes(alarm, &self.values(alarm, data, first, last), first, last),
                Alarm::Composite(_) | Alarm::Unreplayed(_) => Vec::new(),
            })
            .collect();
        add_composites(&alarms, &mut changes, first, last);
        alarms.iter().zip(changes).map(|(alarm, own)| (alarm.name().to_owned(), transitions(&own))).collect()
    }

    /// Computes the values that an alarm judges from `from` to `until`, both inclusive. Changes of its threshold, of M, and of N
    /// down from this alarm's can then be replayed without reading the data again.
    #[must_use]
    pub fn judged(&self, alarm: &MetricAlarm, data: &Data, from: Timestamp, until: Timestamp) -> JudgedValues {
        let (first, last) = (minute(from), minute(until));
        JudgedValues { replay: *self, values: self.values(alarm, data, first, last), first, last }
    }

    /// Evaluates an alarm at one minute, with the data points that decide.
    #[must_use]
    pub fn evaluate(&self, alarm: &MetricAlarm, data: &Data, at: Timestamp) -> Evaluation {
        let now = minute(at);
        let values = self.values(alarm, data, now, now);
        let period = minutes(alarm.period);
        let periods = i64::try_from(alarm.evaluation_periods).unwrap_or(i64::MAX);
        let state = self.state(alarm, &values, now);
        let begins = (1..=periods).rev().map(|back| now - back.saturating_mul(period));
        let newest = begins.filter_map(|begin| Some((Timestamp::from_second(begin * MINUTE).ok()?, values.at(begin))));
        Evaluation { state, newest: newest.collect() }
    }

    /// Time before an evaluation from which it reads data.
    #[must_use]
    pub fn reach(&self, alarm: &MetricAlarm) -> Duration {
        let periods = u32::try_from(alarm.evaluation_periods + self.beyond).unwrap_or(u32::MAX);
        alarm.period.saturating_mul(periods)
    }

    /// Value of an alarm for every period that an evaluation from `first` to `last` can read.
    fn values(&self, alarm: &MetricAlarm, data: &Data, first: i64, last: i64) -> Windows<f64> {
        let period = minutes(alarm.period);
        let reach = i64::try_from(alarm.evaluation_periods + self.beyond).unwrap_or(i64::MAX);
        let first = first - reach.saturating_mul(period);
        let windows = |metric, statistic| data.windows(metric, statistic, first, last, period);
        match &alarm.source {
            Source::Metric { metric, statistic } => windows(metric, *statistic),
            Source::Math { queries, returned } => {
                let mut found: BTreeMap<&str, Windows<f64>> = BTreeMap::new();
                for (id, query) in queries {
                    let values = match query {
                        Query::Metric { metric, statistic } => windows(metric, *statistic),
                        Query::Expression(expression) => {
                            let point = |minute| {
                                expression.point(&|id: &str| found.get(id).and_then(|windows| windows.at(minute)))
                            };
                            Windows { first, values: (first..=last).map(point).collect() }
                        }
                    };
                    found.insert(id, values);
                }
                found.remove(returned.as_str()).unwrap_or(Windows { first, values: Vec::new() })
            }
        }
    }

    /// Evaluates an alarm at one minute; `None` when it keeps its state.
    fn state(&self, alarm: &MetricAlarm, values: &Windows<f64>, now: i64) -> Option<State> {
        let range = self.range(alarm);
        if !is_evaluated(alarm, range, now) {
            return None;
        }
        let point = |back: i64| {
            let value = values.at(now - back.saturating_mul(range.period))?;
            Some(alarm.comparison.is_breaching(value, alarm.threshold))
        };
        let points: Vec<Option<bool>> = (1..=range.periods).rev().map(point).collect();
        judge(&points, alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.missing)
    }

    fn range(&self, alarm: &MetricAlarm) -> Range {
        let periods = i64::try_from(alarm.evaluation_periods + self.beyond).unwrap_or(i64::MAX);
        Range { period: minutes(alarm.period), periods }
    }

    /// Changes of an alarm's state, by minute.
    fn changes(&self, alarm: &MetricAlarm, values: &Windows<f64>, first: i64, last: i64) -> Vec<(i64, State)> {
        let points = Points::new(alarm, self.range(alarm), values);
        let mut state = State::InsufficientData;
        let mut changes = Vec::new();
        for now in first..=last {
            if let Some(next) = points.state(now).filter(|next| *next != state) {
                changes.push((now, next));
                state = next;
            }
        }
        changes
    }
}

/// Values that an alarm judges over a window.
#[derive(Clone, Debug)]
pub struct JudgedValues {
    replay: Replay,
    values: Windows<f64>,
    first: i64,
    last: i64,
}

impl JudgedValues {
    /// Computes the state changes of an alarm on these values, as [`Replay::transitions`] does. The alarm must have the metric,
    /// statistic and period of the values, and may have any threshold and M, and an N of at most theirs.
    #[must_use]
    pub fn transitions(&self, alarm: &MetricAlarm) -> Vec<Transition> {
        transitions(&self.replay.changes(alarm, &self.values, self.first, self.last))
    }

    /// Values of the periods that begin at multiples of the period's length within the window, by their start, oldest first;
    /// `None` where data is missing. Each published value is part of one of them.
    pub fn whole_periods(&self, period: Duration) -> impl Iterator<Item = (Timestamp, Option<f64>)> {
        let period = minutes(period);
        let begin = self.first.div_euclid(period) * period;
        let begin = if begin < self.first { begin + period } else { begin };
        let mut next = begin;
        std::iter::from_fn(move || {
            let start = next;
            next += period;
            (start + period <= self.last + 1)
                .then(|| Some((Timestamp::from_second(start * MINUTE).ok()?, self.values.at(start))))?
        })
    }
}

/// Adds the changes of composite alarms. Their state can change only where that of another alarm has changed, one minute later at most.
fn add_composites(alarms: &[&Alarm], changes: &mut [Vec<(i64, State)>], first: i64, last: i64) {
    let composites = alarms.iter().enumerate().filter_map(|(index, alarm)| match alarm {
        Alarm::Composite(composite) => Some((index, composite)),
        Alarm::Metric(_) | Alarm::Unreplayed(_) => None,
    });
    let composites: Vec<(usize, &CompositeAlarm)> = composites.collect();
    let indexes: BTreeMap<&str, usize> = (0..).zip(alarms).map(|(index, alarm)| (alarm.name(), index)).collect();
    let named = composites.iter().flat_map(|(_, composite)| composite.rule.alarms());
    let named: BTreeSet<usize> = named.filter_map(|name| indexes.get(name).copied()).collect();
    let mut by_minute: BTreeMap<i64, Vec<(usize, State)>> = BTreeMap::new();
    for index in named {
        for (at, state) in &changes[index] {
            by_minute.entry(*at).or_default().push((index, *state));
        }
    }
    let mut states = vec![State::InsufficientData; alarms.len()];
    let mut due: BTreeSet<i64> = by_minute.keys().flat_map(|at| [*at, at + 1]).chain([first]).collect();
    while let Some(now) = due.pop_first().filter(|now| *now <= last) {
        let mut changed = by_minute.remove(&now).unwrap_or_default();
        changed.sort_unstable_by_key(|(index, _)| *index);
        let mut changed = changed.into_iter().peekable();
        for (index, composite) in &composites {
            while let Some((earlier, state)) = changed.next_if(|(earlier, _)| earlier < index) {
                states[earlier] = state;
            }
            let state_of = |name: &str| indexes.get(name).map_or(State::InsufficientData, |index| states[*index]);
            let next = if composite.rule.holds(&state_of) { State::Alarm } else { State::Ok };
            if next != states[*index] {
                states[*index] = next;
                changes[*index].push((now, next));
                due.insert(now + 1);
            }
        }
        for (index, state) in changed {
            states[index] = state;
        }
    }
}

fn transitions(changes: &[(i64, State)]) -> Vec<Transition> {
    let before = std::iter::once(State::InsufficientData).chain(changes.iter().map(|(_, state)| *state));
    let transition = |((now, to), from): (&(i64, State), State)| {
        Timestamp::from_second(now * MINUTE).ok().map(|at| Transition { at, from, to: *to })
    };
    changes.iter().zip(before).filter_map(transition).collect()
}

/// Parts of alarms that are not replayed, by logical id: those of the alarms themselves, of composite alarms that name
/// such an alarm, and alarms that suppress actions.
#[must_use]
pub fn not_replayed(alarms: &[Alarm]) -> BTreeMap<&str, Vec<NotReplayed>> {
    let unknown = unknown_states(alarms);
    let parts = |alarm: &Alarm| match alarm {
        Alarm::Metric(_) => Vec::new(),
        Alarm::Unreplayed(alarm) => alarm.not_replayed.clone(),
        Alarm::Composite(alarm) => {
            let names = alarm.rule.alarms().into_iter().filter(|name| unknown.contains(name));
            let named = names.map(|name| NotReplayed {
                property: "AlarmRule".to_owned(),
                part: name.to_owned(),
                reason: "this alarm is not replayed either",
            });
            let suppressor = alarm.suppressor.as_ref().map(|name| NotReplayed {
                property: "ActionsSuppressor".to_owned(),
                part: format!("the suppression of actions by {name}"),
                reason: "states are replayed, not actions",
            });
            named.chain(suppressor).collect()
        }
    };
    let parts = alarms.iter().map(|alarm| (alarm.logical_id(), parts(alarm)));
    parts.filter(|(_, parts)| !parts.is_empty()).collect()
}

/// Names of the alarms whose state does not follow from published values.
fn unknown_states(alarms: &[Alarm]) -> BTreeSet<&str> {
    let mut unknown: BTreeSet<&str> = BTreeSet::new();
    loop {
        let is_unknown = |alarm: &&Alarm| match alarm {
            Alarm::Metric(_) => false,
            Alarm::Unreplayed(_) => true,
            Alarm::Composite(alarm) => !unknown.is_disjoint(&alarm.rule.alarms()),
        };
        let names: BTreeSet<&str> = alarms.iter().filter(is_unknown).map(Alarm::name).collect();
        if names == unknown {
            return unknown;
        }
        unknown = names;
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(MINUTE)
}

fn minutes(period: Duration) -> i64 {
    i64::try_from(period.as_secs() / 60).unwrap_or(i64::MAX).max(1)
}
