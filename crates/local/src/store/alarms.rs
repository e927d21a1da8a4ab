//! States of alarms that are evaluated on this machine, and their changes.

use alarm::State;
use history::{AlarmChange, AlarmState, Window};
use runtime::PortError;
use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;

use super::Store;
use super::error::Failed;
use super::state::{json, rows, time};

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

    /// Reads the newest changes of alarms in a window, newest first, at most as many as the limit.
    pub(super) fn changes(&self, window: Window, limit: usize) -> Result<Vec<AlarmChange>, PortError> {
        self.read("read the changes of alarms", |store| {
            let sql = "SELECT alarm, at, previous, state, reason, decided_by FROM alarm_changes
                       WHERE at >= ? AND at < ? ORDER BY at DESC, rowid DESC LIMIT ?";
            let between = params![window.from.as_millisecond(), window.until.as_millisecond(), limit];
            rows(store, sql, between, |row| {
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
