//! Alarms in words.

use alarm::{Comparison, MetricAlarm, MissingData, Source as AlarmSource, State};
use check::message::span;
use check::metric::{CATALOGUE, Unit};
use check::text::quantity;

/// Condition of an alarm: `Duration > 5000 ms in 5 of 10 × 5 min`.
pub(crate) fn ordinal_condition(alarm: &MetricAlarm) -> String {
    let (name, statistic) = match &alarm.source {
        AlarmSource::Metric { metric, statistic } => (metric.name.as_str(), statistic.as_str().to_lowercase()),
        AlarmSource::Math { .. } => ("expression", "value".to_owned()),
    };
    let unit = CATALOGUE.iter().find(|known| known.name == name).map(|known| known.unit);
    // A fraction, such as a rate of success, keeps its digits.
    let unit = unit.filter(|unit| *unit != Unit::Count || alarm.threshold.fract() == 0.0);
    let threshold = unit.map_or_else(|| alarm.threshold.to_string(), |unit| quantity(name, alarm.threshold, unit));
    let period = span(i64::try_from(alarm.period.as_secs()).unwrap_or(i64::MAX));
    let (m, n) = (alarm.datapoints_to_alarm, alarm.evaluation_periods);
    format!("{name} ({statistic}) {} {threshold} in {m} of {n} × {period}", sign(alarm.comparison))
}

/// Treatment of missing values.
pub(crate) const fn missing(alarm: &MetricAlarm) -> &'static str {
    match alarm.missing {
        MissingData::Missing => "missing data is left out",
        MissingData::Ignore => "missing data keeps the state",
        MissingData::Breaching => "missing data counts as beyond the threshold",
        MissingData::NotBreaching => "missing data counts as within the threshold",
    }
}

/// Word and class of a state.
pub(crate) const fn state(state: Option<State>) -> (&'static str, &'static str) {
    match state {
        Some(State::Alarm) => ("in alarm", "bad"),
        Some(State::Ok) => ("OK", "good"),
        Some(State::InsufficientData) | None => ("too little data", "none"),
    }
}

/// Sign of a comparison.
const fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => "≥",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "≤",
    }
}
