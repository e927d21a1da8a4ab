//! States of alarms, and their changes.

use alarm::State;
use jiff::Timestamp;
use serde_json::Value;

/// State of an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmState {
    /// Name of the alarm.
    pub alarm: String,
    /// State.
    pub state: State,
    /// Time of the last change.
    pub since: Timestamp,
    /// Reason for the last change.
    pub reason: String,
    /// Values that decided; `null` when they are not known.
    pub decided_by: Value,
}

/// Change of an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmChange {
    /// State before the change. `None`: the alarm had none.
    pub previous: Option<State>,
    /// State after the change; `since` is the time of the change.
    pub now: AlarmState,
}

/// Changes of a window, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmChanges {
    /// The changes.
    pub changes: Vec<AlarmChange>,
    /// True if the window has more changes, older than these.
    pub has_more: bool,
    /// Time from which the source has every change; older ones are unknown.
    pub complete_from: Timestamp,
}
