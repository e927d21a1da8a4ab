//! When an alarm would have been in which state.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::series::Windows;
use crate::{Alarm, Data, MetricAlarm, Query, Source, State, judge};

/// Seconds of a minute, and minutes of an hour and of a day.
const MINUTE: i64 = 60;
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// How alarms are evaluated, as far as CloudWatch does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// How many points beyond N are looked at when points are missing. Default 2, as in the one example of the documentation;
    /// its size is not published.
    pub beyond: usize,
}

impl Default for Replay {
    fn default() -> Self {
        Self { beyond: 2 }
    }
}

/// An alarm went from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The minute of the evaluation.
    pub at: Timestamp,
    /// The state before.
    pub from: State,
    /// The state since.
    pub to: State,
}

impl Replay {
    /// Every change of state of each alarm, by its name, evaluated each minute of `from` to `until`; both included. All begin
    /// with insufficient data, as new alarms do.
    ///
    /// An alarm whose periods together are longer than a day is evaluated once an hour, with data until the full hour
    /// (CloudWatch User Guide, "Alarm evaluation"). A composite alarm is evaluated when its alarms have been; one that stands
    /// on another that comes later in the list sees that one's state of the minute before.
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
        let judged: Vec<Judged> = alarms.iter().map(|alarm| self.judged(alarm, data, first, last)).collect();
        let mut states = vec![State::InsufficientData; alarms.len()];
        let places: BTreeMap<&str, usize> = (0..).zip(alarms).map(|(place, alarm)| (alarm.name(), place)).collect();
        let mut transitions: BTreeMap<String, Vec<Transition>> =
            alarms.iter().map(|alarm| (alarm.name().to_owned(), Vec::new())).collect();
        // The points of one evaluation; kept, since there are millions of them.
        let mut range = Vec::new();
        for now in first..=last {
            for (place, (alarm, judged)) in alarms.iter().zip(&judged).enumerate() {
                let next = match (alarm, judged) {
                    (Alarm::Metric(alarm), Judged::Points(points)) => self.state(alarm, points, now, &mut range),
                    (Alarm::Composite(composite), _) => {
                        let state_of =
                            |name: &str| places.get(name).map_or(State::InsufficientData, |place| states[*place]);
                        Some(if composite.rule.holds(&state_of) { State::Alarm } else { State::Ok })
                    }
                    (Alarm::Metric(_), Judged::Rule) => None,
                };
                let Some(next) = next.filter(|next| *next != states[place]) else { continue };
                if let (Ok(at), Some(own)) = (Timestamp::from_second(now * MINUTE), transitions.get_mut(alarm.name())) {
                    own.push(Transition { at, from: states[place], to: next });
                }
                states[place] = next;
            }
        }
        transitions
    }

    /// The points of an alarm, for every period that an evaluation can ask for.
    fn judged(&self, alarm: &Alarm, data: &Data, first: i64, last: i64) -> Judged {
        let Alarm::Metric(alarm) = alarm else { return Judged::Rule };
        let period = minutes(alarm.period);
        let reach = i64::try_from(alarm.evaluation_periods + self.beyond).unwrap_or(i64::MAX);
        let (first, last) = (first - reach.saturating_mul(period), last - 1);
        let windows = |metric, statistic| data.windows(metric, statistic, first, last, period);
        let windows = match &alarm.source {
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
        };
        let is_breaching = |value: f64| alarm.comparison.is_breaching(value, alarm.threshold);
        let breaching = windows.values.into_iter().map(|value| value.map(is_breaching)).collect();
        Judged::Points(Windows { first, values: breaching })
    }

    /// The state that an evaluation of this minute gives; `None`: it stays as it is.
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

enum Judged {
    /// Whether each point breaches.
    Points(Windows<bool>),
    Rule,
}

fn minutes(period: Duration) -> i64 {
    i64::try_from(period.as_secs() / 60).unwrap_or(i64::MAX).max(1)
}
