//! Proposals: another threshold, or another M of N, with its effect on the same data.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::behaviour::{Behaviour, Delay};

/// Judgement on the numbers of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The numbers should stay.
    Keep {
        /// Reason, as a clause.
        reason: String,
    },
    /// The data does not support a change.
    TooLittleData {
        /// Reason, with the data that is there and the data that is needed.
        reason: String,
    },
    /// Other numbers would have been better.
    Change(Proposal),
}

/// Proposed numbers of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Proposal {
    /// The change.
    pub change: Change,
    /// Behaviour of the alarm as it is.
    pub before: Tally,
    /// Behaviour with the change, on the same data.
    pub after: Tally,
    /// Longest time by which an incident would have been detected later; negative if earlier.
    ///
    /// **Units:** minutes.
    pub added_delay_minutes: f64,
    /// Reason, as a sentence.
    pub reason: String,
}

/// Change of an alarm's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// Another threshold, in the unit of the metric.
    Threshold {
        /// Threshold as it is.
        from: f64,
        /// Proposed threshold.
        to: f64,
    },
    /// Another number of breaching periods.
    Datapoints {
        /// Numbers as they are.
        from: Datapoints,
        /// Proposed numbers.
        to: Datapoints,
    },
}

/// M of N: breaching periods among the evaluated ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Datapoints {
    /// Data points to alarm, M.
    pub to_alarm: usize,
    /// Evaluation periods, N.
    pub periods: usize,
}

impl fmt::Display for Datapoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.to_alarm, self.periods)
    }
}

/// Behaviour in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Tally {
    /// Firings.
    pub firings: usize,
    /// Firings that match no incident.
    pub unmatched: usize,
    /// Time in `ALARM`.
    ///
    /// **Units:** minutes.
    pub minutes_in_alarm: f64,
    /// Incidents that a firing matches.
    pub incidents_seen: usize,
    /// Delays of detection; `None` without a matched incident.
    pub detection: Option<Delay>,
}

impl From<&Behaviour> for Tally {
    fn from(behaviour: &Behaviour) -> Self {
        Self {
            firings: behaviour.firings.len(),
            unmatched: behaviour.unmatched,
            minutes_in_alarm: behaviour.minutes_in_alarm,
            incidents_seen: behaviour.seen().len(),
            detection: behaviour.detection,
        }
    }
}
