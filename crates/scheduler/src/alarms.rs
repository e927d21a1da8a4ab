//! The shipped alarms, evaluated every minute on the recorded values as CloudWatch would.

use std::collections::BTreeMap;
use std::sync::Arc;

use alarm::{Comparison, Data, Evaluation, MetricAlarm, MissingData, Replay, State};
use jiff::Timestamp;
use local::{AlarmState, Store};
use runtime::{PortError, signed};
use serde_json::{Value, json};

/// Most values that a reason lists.
const MAX_LISTED: usize = 5;

/// States of alarms.
pub struct AlarmWatch {
    alarms: Vec<MetricAlarm>,
    states: BTreeMap<String, State>,
    /// Time from which all checks have run without a gap.
    complete_from: Timestamp,
    store: Arc<Store>,
}

/// Change of an alarm's state.
#[derive(Clone, Debug)]
pub struct AlarmChange {
    /// The alarm.
    pub alarm: MetricAlarm,
    /// State before.
    pub from: State,
    /// State now.
    pub to: State,
    /// Minute of the evaluation.
    pub at: Timestamp,
    /// The data points that decided, in words.
    pub reason: String,
    /// The data points that decided, the newest last: each with the start of its period, and `null` where data is missing.
    pub decided_by: Value,
}

impl AlarmWatch {
    /// Watches alarms on the values of a store. Each has the state that the store knows; the others begin with insufficient data, as
    /// new alarms do.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(alarms: Vec<MetricAlarm>, store: Arc<Store>, now: Timestamp) -> Result<Self, PortError> {
        let known = store.alarm_states()?.into_iter().filter(|known| alarms.iter().any(|own| own.name == known.alarm));
        let states = known.map(|known| (known.alarm, known.state)).collect();
        Ok(Self { alarms, states, complete_from: now, store })
    }

    /// Replaces the alarms. Those that stay keep their states.
    pub fn replace(&mut self, alarms: Vec<MetricAlarm>) {
        self.states.retain(|name, _| alarms.iter().any(|alarm| alarm.name == *name));
        self.alarms = alarms;
    }

    /// Notes that checks did not run for a while: values that are missing until now mean nothing.
    pub fn resume(&mut self, now: Timestamp) {
        self.complete_from = now;
    }

    pub(crate) fn store(&self) -> Arc<Store> {
        self.store.clone()
    }

    /// A stored change, if its alarm is watched.
    pub(crate) fn change(&self, stored: history::AlarmChange) -> Option<AlarmChange> {
        let alarm = self.alarms.iter().find(|alarm| alarm.name == stored.now.alarm)?;
        Some(AlarmChange {
            alarm: alarm.clone(),
            from: stored.previous.unwrap_or(State::InsufficientData),
            to: stored.now.state,
            at: stored.now.since,
            reason: stored.now.reason,
            decided_by: stored.now.decided_by,
        })
    }

    /// State of each alarm that has one, by name.
    pub(crate) fn states(&self) -> &BTreeMap<String, State> {
        &self.states
    }

    /// Evaluates all alarms at a minute, stores the changes, and returns them.
    ///
    /// # Errors
    /// When the store cannot be read or written. The states that are not stored stay, and change with a later evaluation.
    pub fn evaluate(&mut self, at: Timestamp) -> Result<Vec<AlarmChange>, PortError> {
        let mut changes = Vec::new();
        for alarm in &self.alarms {
            let Some(evaluation) = self.evaluation(alarm, at)? else { continue };
            let from = self.states.get(&alarm.name).copied().unwrap_or(State::InsufficientData);
            let Some(to) = evaluation.state.filter(|to| *to != from) else { continue };
            let points = evaluation.newest.iter().map(|(at, value)| json!({ "at": at, "value": value }));
            let decided_by = points.collect();
            changes.push(AlarmChange {
                alarm: alarm.clone(),
                from,
                to,
                at,
                reason: reason(alarm, &evaluation),
                decided_by,
            });
        }
        let mut stored = Vec::new();
        for change in changes {
            let result = self.store.set_alarm_state(&AlarmState {
                alarm: change.alarm.name.clone(),
                state: change.to,
                since: at,
                reason: change.reason.clone(),
                decided_by: change.decided_by.clone(),
            });
            match result {
                Ok(_) => {}
                Err(error) if stored.is_empty() => return Err(error),
                // Those that are stored are news, and the error comes again in a minute.
                Err(_) => break,
            }
            self.states.insert(change.alarm.name.clone(), change.to);
            stored.push(change);
        }
        Ok(stored)
    }

    /// Evaluates one alarm. `None`: values are missing since the checks did not run, and the alarm takes that for a fault.
    fn evaluation(&self, alarm: &MetricAlarm, at: Timestamp) -> Result<Option<Evaluation>, PortError> {
        let replay = Replay::default();
        let from = at - signed(replay.reach(alarm)) - signed(alarm.period);
        if alarm.missing == MissingData::Breaching && from < self.complete_from {
            return Ok(None);
        }
        let mut data = Data::default();
        for (metric, _) in alarm.source.metrics() {
            for (at, value) in self.store.values(&metric.name, &metric.dimensions, from, at)? {
                data.publish(metric, at, value);
            }
        }
        Ok(Some(replay.evaluate(alarm, &data, at)))
    }
}

/// Describes the data points that decided, the newest last.
fn reason(alarm: &MetricAlarm, evaluation: &Evaluation) -> String {
    let is_breaching = |value: f64| alarm.comparison.is_breaching(value, alarm.threshold);
    let breaching: Vec<f64> =
        evaluation.newest.iter().filter_map(|(_, value)| value.filter(|v| is_breaching(*v))).collect();
    let missing = evaluation.newest.iter().filter(|(_, value)| value.is_none()).count();
    let beyond = match alarm.comparison {
        Comparison::Greater => "above",
        Comparison::GreaterOrEqual => "at or above",
        Comparison::Less => "below",
        Comparison::LessOrEqual => "at or below",
    };
    let mut words =
        format!("{} of {} data points {beyond} {}", breaching.len(), evaluation.newest.len(), alarm.threshold);
    if !breaching.is_empty() {
        let newest = &breaching[breaching.len().saturating_sub(MAX_LISTED)..];
        let listed: Vec<String> = newest.iter().map(|value| format!("{}", (value * 100.0).round() / 100.0)).collect();
        words.push_str(&format!(": {}", listed.join(", ")));
    }
    if missing > 0 {
        words.push_str(&format!("; {missing} missing"));
    }
    words
}
