//! Replay of alarms over recorded data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::series::Windows;
use crate::{Alarm, Data, MetricAlarm, NotReplayed, Query, Source, State, judge};

/// Seconds per minute.
const MINUTE: i64 = 60;
/// Minutes per hour.
const HOUR: i64 = 60;
/// Minutes per day.
const DAY: i64 = 24 * HOUR;

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
        let minute = |at: Timestamp| at.as_second().div_euclid(MINUTE);
        let (first, last) = (minute(from), minute(until));
        let unknown = unknown_states(alarms);
        let alarms: Vec<&Alarm> = alarms.iter().filter(|alarm| !unknown.contains(alarm.name())).collect();
        let inputs: Vec<AlarmInput> = alarms.iter().map(|alarm| self.input(alarm, data, first, last)).collect();
        let mut states = vec![State::InsufficientData; alarms.len()];
        let indexes: BTreeMap<&str, usize> = (0..).zip(&alarms).map(|(index, alarm)| (alarm.name(), index)).collect();
        let mut transitions: BTreeMap<String, Vec<Transition>> =
            alarms.iter().map(|alarm| (alarm.name().to_owned(), Vec::new())).collect();
        // Buffer for the data points of one evaluation; reused, since there are millions of evaluations.
        let mut range = Vec::new();
        for now in first..=last {
            for (index, (alarm, input)) in alarms.iter().zip(&inputs).enumerate() {
                let next = match (alarm, input) {
                    (Alarm::Metric(alarm), AlarmInput::Points(points)) => self.state(alarm, points, now, &mut range),
                    (Alarm::Composite(composite), _) => {
                        let state_of =
                            |name: &str| indexes.get(name).map_or(State::InsufficientData, |index| states[*index]);
                        Some(if composite.rule.holds(&state_of) { State::Alarm } else { State::Ok })
                    }
                    (Alarm::Metric(_) | Alarm::Unreplayed(_), _) => None,
                };
                let Some(next) = next.filter(|next| *next != states[index]) else { continue };
                if let (Ok(at), Some(own)) = (Timestamp::from_second(now * MINUTE), transitions.get_mut(alarm.name())) {
                    own.push(Transition { at, from: states[index], to: next });
                }
                states[index] = next;
            }
        }
        transitions
    }

    /// Evaluates an alarm at one minute, with the data points that decide.
    #[must_use]
    pub fn evaluate(&self, alarm: &MetricAlarm, data: &Data, at: Timestamp) -> Evaluation {
        let now = at.as_second().div_euclid(MINUTE);
        let values = self.values(alarm, data, now, now);
        let points = values.breaching(alarm);
        let period = minutes(alarm.period);
        let periods = i64::try_from(alarm.evaluation_periods).unwrap_or(i64::MAX);
        let state = self.state(alarm, &points, now, &mut Vec::new());
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

    /// Data points of an alarm for every period that an evaluation can read.
    fn input(&self, alarm: &Alarm, data: &Data, first: i64, last: i64) -> AlarmInput {
        let Alarm::Metric(alarm) = alarm else { return AlarmInput::Rule };
        AlarmInput::Points(self.values(alarm, data, first, last).breaching(alarm))
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
    fn state(
        &self,
        alarm: &MetricAlarm,
        points: &Windows<bool>,
        now: i64,
        range: &mut Vec<Option<bool>>,
    ) -> Option<State> {
        let period = minutes(alarm.period);
        let periods = i64::try_from(alarm.evaluation_periods).unwrap_or(i64::MAX);
        let is_hourly = period.saturating_mul(periods) > DAY;
        if is_hourly && now.rem_euclid(HOUR) != 0 {
            return None;
        }
        range.clear();
        let back = i64::try_from(alarm.evaluation_periods + self.beyond).unwrap_or(i64::MAX);
        range.extend((1..=back).rev().map(|back| points.at(now - back.saturating_mul(period))));
        judge(range, alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.missing)
    }
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

impl Windows<f64> {
    /// True for each value that breaches the alarm's threshold.
    fn breaching(&self, alarm: &MetricAlarm) -> Windows<bool> {
        let is_breaching = |value: f64| alarm.comparison.is_breaching(value, alarm.threshold);
        Windows { first: self.first, values: self.values.iter().map(|value| value.map(is_breaching)).collect() }
    }
}

enum AlarmInput {
    /// True for each data point that breaches.
    Points(Windows<bool>),
    Rule,
}

fn minutes(period: Duration) -> i64 {
    i64::try_from(period.as_secs() / 60).unwrap_or(i64::MAX).max(1)
}
