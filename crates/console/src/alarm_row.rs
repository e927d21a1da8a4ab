//! An alarm as a row of a table.

use alarm::MetricAlarm;
use history::AlarmState;
use jiff::Timestamp;
use operations::names::short_name;
use serde_json::Value;

use crate::shown::Moment;
use crate::words::{missing, ordinal_condition, state};

/// An alarm, with the values that decided about its state.
pub(crate) struct AlarmRow {
    pub(crate) name: String,
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
    pub(crate) since: Option<Moment>,
    pub(crate) reason: String,
    pub(crate) condition: String,
    pub(crate) missing: &'static str,
    pub(crate) description: String,
    pub(crate) severity: String,
    pub(crate) points: Vec<Decided>,
}

/// A value that decided.
pub(crate) struct Decided {
    pub(crate) at: Moment,
    /// `None`: it is missing.
    pub(crate) value: Option<f64>,
    pub(crate) is_beyond: bool,
}

impl AlarmRow {
    pub(crate) fn new(alarm: &MetricAlarm, known: Option<&AlarmState>, environment: &str) -> Self {
        let (word, class) = state(known.map(|known| known.state));
        Self {
            name: short_name(&alarm.name, environment).to_owned(),
            word,
            class,
            since: known.map(|known| Moment(known.since)),
            reason: known.map(|known| known.reason.clone()).unwrap_or_default(),
            condition: ordinal_condition(alarm),
            missing: missing(alarm),
            description: alarm.description.clone(),
            severity: alarm.metadata["Severity"].as_str().unwrap_or("none").to_owned(),
            points: known.map(|known| points(alarm, &known.decided_by)).unwrap_or_default(),
        }
    }
}

/// Values that decided, as this machine or CloudWatch recorded them. Another form has none.
fn points(alarm: &MetricAlarm, decided_by: &Value) -> Vec<Decided> {
    let read = |point: &Value| {
        let at: Timestamp = point["at"].as_str()?.parse().ok()?;
        let value = point["value"].as_f64();
        let is_beyond = value.is_some_and(|value| alarm.comparison.is_breaching(value, alarm.threshold));
        Some(Decided { at: Moment(at), value, is_beyond })
    };
    decided_by.as_array().into_iter().flatten().filter_map(read).collect()
}
