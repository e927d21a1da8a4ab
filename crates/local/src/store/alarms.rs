//! States of alarms that are evaluated on this machine, and their changes.

use alarm::State;
use jiff::Timestamp;
use runtime::PortError;
use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;

use super::Store;
use super::error::Failed;
use super::state::{json, rows, time};

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
    /// Values that decided.
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

impl Store {
    /// Reads the states of all alarms, by name.
    ///
    /// # Errors
    /// When the file cannot be read, or its contents are malformed.
    pub fn alarm_states(&self) -> Result<Vec<AlarmState>, PortError> {
        self.read("read the states of alarms", |store| {
            let sql = "SELECT alarm, state, since, reason, decided_by FROM alarm_states ORDER BY alarm";
            rows(store, sql, [], |row| {
                Ok(AlarmState {
                    alarm: row.get(0)?,
                    state: word(&row.get::<_, String>(1)?)?,
                    since: time(row.get(2)?)?,
                    reason: row.get(3)?,
                    decided_by: json(row, 4)?,
                })
            })
        })
    }

    /// Stores the state of an alarm, and the change if it is another state than before. Returns true for a change; otherwise
    /// nothing is written.
    ///
    /// # Errors
    /// When the file cannot be written, or its contents are malformed.
    pub fn set_alarm_state(&self, next: &AlarmState) -> Result<bool, PortError> {
        self.write(format!("store the state of the alarm {}", next.alarm), |store| {
            let sql = "SELECT state FROM alarm_states WHERE alarm = ?";
            let previous: Option<String> = store.query_row(sql, [&next.alarm], |row| row.get(0)).optional()?;
            let state = next.state.as_str();
            if previous.as_deref() == Some(state) {
                return Ok(false);
            }
            let (since, decided_by) = (next.since.as_millisecond(), serde_json::to_string(&next.decided_by)?);
            store.execute(
                "INSERT OR REPLACE INTO alarm_states (alarm, state, since, reason, decided_by) VALUES (?, ?, ?, ?, ?)",
                params![next.alarm, state, since, next.reason, decided_by],
            )?;
            store.execute(
                "INSERT INTO alarm_changes (alarm, at, previous, state, reason, decided_by) VALUES (?, ?, ?, ?, ?, ?)",
                params![next.alarm, since, previous, state, next.reason, decided_by],
            )?;
            Ok(true)
        })
    }

    /// Reads the changes of alarms at a time or later, newest first.
    ///
    /// # Errors
    /// When the file cannot be read, or its contents are malformed.
    pub fn alarm_changes(&self, after: Timestamp) -> Result<Vec<AlarmChange>, PortError> {
        self.read("read the changes of alarms", |store| {
            let sql = "SELECT alarm, at, previous, state, reason, decided_by FROM alarm_changes
                       WHERE at >= ? ORDER BY at DESC, rowid DESC";
            rows(store, sql, [after.as_millisecond()], |row| {
                let previous: Option<String> = row.get(2)?;
                Ok(AlarmChange {
                    previous: previous.map(|previous| word(&previous)).transpose()?,
                    now: AlarmState {
                        alarm: row.get(0)?,
                        state: word(&row.get::<_, String>(3)?)?,
                        since: time(row.get(1)?)?,
                        reason: row.get(4)?,
                        decided_by: json(row, 5)?,
                    },
                })
            })
        })
    }
}

/// Reads a state by its name.
fn word(text: &str) -> Result<State, Failed> {
    Ok(serde_json::from_value(Value::from(text))?)
}
