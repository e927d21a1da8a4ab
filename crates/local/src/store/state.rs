//! The state of checks and the record of their incidents.

use std::collections::BTreeMap;

use async_trait::async_trait;
use check::incident::{CheckState, IncidentChange, IncidentRecord, Mark};
use jiff::Timestamp;
use runtime::{Commit, CommitError, Delivery, LastRun, OperatorStore, PortError, Provenance, StateItem, StateStore};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::de::DeserializeOwned;

use super::Store;
use super::error::Failed;

#[async_trait]
impl StateStore for Store {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        self.read(format!("read the state of {check}"), |store| item(store, check))
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let is_written = self.write(format!("write the state of {}", commit.check), |store| {
            if !is_current(store, commit)? {
                return Ok(false);
            }
            write(store, commit)?;
            commit.changes.iter().try_for_each(|change| record(store, change))?;
            Ok(true)
        })?;
        if is_written { Ok(()) } else { Err(CommitError::Moved) }
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        self.write(format!("clear the outbox of {check}"), |store| discard(store, check, delivered))
    }
}

#[async_trait]
impl OperatorStore for Store {
    async fn amend(&self, check: &str, expected_version: u64, state: &CheckState) -> Result<(), CommitError> {
        let is_written = self.write(format!("change the state of {check}"), |store| {
            let is_expected = version(store, check)? == expected_version;
            if is_expected {
                set_state(store, check, state)?;
            }
            Ok(is_expected)
        })?;
        if is_written { Ok(()) } else { Err(CommitError::Moved) }
    }

    async fn clear_memory(&self, check: &str) -> Result<(), PortError> {
        let operation = format!("clear the memory of {check}");
        let changed = self.write(&operation, |store| {
            execute(store, "UPDATE checks SET version = version + 1, memory = NULL WHERE id = ?", [check])
        })?;
        if changed == 0 { Err(PortError::new(operation, "nothing is stored about it")) } else { Ok(()) }
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        self.read(format!("read the incidents of {check}"), |store| {
            let sql = "SELECT record FROM incidents WHERE check_id = ? AND since >= ? ORDER BY since DESC, id";
            rows(store, sql, params![check, after.as_millisecond()], |row| json(row, 0))
        })
    }

    async fn add_mark(&self, mark: &Mark) -> Result<(), PortError> {
        self.write("store the mark", |store| {
            let Mark { at, text, by } = mark;
            let sql = "INSERT INTO marks (at, text, by) VALUES (?, ?, ?)";
            execute(store, sql, params![at.as_millisecond(), text, by])?;
            Ok(())
        })
    }

    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError> {
        self.read("read the marks", |store| {
            let sql = "SELECT at, text, by FROM marks WHERE at >= ? ORDER BY at DESC, rowid DESC";
            rows(store, sql, [after.as_millisecond()], |row| {
                Ok(Mark { at: time(row.get(0)?)?, text: row.get(1)?, by: row.get(2)? })
            })
        })
    }
}

fn item(store: &Transaction<'_>, check: &str) -> Result<StateItem, Failed> {
    let found = store
        .query_row("SELECT version, state, memory FROM checks WHERE id = ?", [check], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((version, state, memory)) = found else { return Ok(StateItem::default()) };
    let state = CheckState::read(&state).map_err(|error| Failed::Unreadable(format!("checks.state: {error}")))?;
    let sql = "SELECT slot, scheduled_at, run_id, release, settings FROM last_runs WHERE check_id = ?";
    let last_run = rows(store, sql, [check], |row| Ok((row.get(0)?, last_run(row)?)))?;
    let outbox = "SELECT delivery FROM outbox WHERE check_id = ? ORDER BY rowid";
    let outbox = rows(store, outbox, [check], |row| json::<Delivery>(row, 0))?;
    Ok(StateItem { version, last_run: last_run.into_iter().collect::<BTreeMap<_, _>>(), state, memory, outbox })
}

fn last_run(row: &Row<'_>) -> Result<LastRun, Failed> {
    let provenance = match (row.get(3)?, row.get(4)?) {
        (Some(release), Some(settings)) => Some(Provenance { release, settings }),
        _ => None,
    };
    Ok(LastRun { at: time(row.get(1)?)?, run_id: row.get(2)?, provenance })
}

/// True if nobody has written since the state was read, and the slot had no run as late as this one.
fn is_current(store: &Transaction<'_>, commit: &Commit) -> Result<bool, Failed> {
    let last: Option<i64> = store
        .query_row(
            "SELECT scheduled_at FROM last_runs WHERE check_id = ? AND slot = ?",
            [&commit.check, &commit.slot],
            |row| row.get(0),
        )
        .optional()?;
    let is_later = last.is_none_or(|last| last < commit.last_run.at.as_millisecond());
    Ok(is_later && version(store, &commit.check)? == commit.expected_version)
}

fn version(store: &Transaction<'_>, check: &str) -> Result<u64, Failed> {
    let version = store.query_row("SELECT version FROM checks WHERE id = ?", [check], |row| row.get(0));
    Ok(version.optional()?.unwrap_or_default())
}

fn set_state(store: &Transaction<'_>, check: &str, state: &CheckState) -> Result<(), Failed> {
    let sql = "INSERT INTO checks (id, version, state) VALUES (?1, 1, ?2)
               ON CONFLICT (id) DO UPDATE SET version = version + 1, state = ?2";
    execute(store, sql, params![check, serde_json::to_string(state)?])?;
    Ok(())
}

fn write(store: &Transaction<'_>, commit: &Commit) -> Result<(), Failed> {
    let check = &commit.check;
    set_state(store, check, &commit.state)?;
    execute(store, "UPDATE checks SET memory = ? WHERE id = ?", params![commit.memory, check])?;
    for slot in &commit.forget {
        execute(store, "DELETE FROM last_runs WHERE check_id = ? AND slot = ?", [check, slot])?;
    }
    let LastRun { at, run_id, provenance } = &commit.last_run;
    let (release, settings) = provenance.as_ref().map(|own| (&own.release, &own.settings)).unzip();
    execute(
        store,
        "INSERT OR REPLACE INTO last_runs (check_id, slot, scheduled_at, run_id, release, settings)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![check, commit.slot, at.as_millisecond(), run_id, release, settings],
    )?;
    discard(store, check, &commit.discard)?;
    for delivery in &commit.enqueue {
        execute(
            store,
            "INSERT OR REPLACE INTO outbox (check_id, delivery_key, delivery) VALUES (?, ?, ?)",
            params![check, delivery.key(), serde_json::to_string(delivery)?],
        )?;
    }
    Ok(())
}

fn discard(store: &Transaction<'_>, check: &str, keys: &[String]) -> Result<(), Failed> {
    for key in keys {
        execute(store, "DELETE FROM outbox WHERE check_id = ? AND delivery_key = ?", [check, key])?;
    }
    Ok(())
}

/// Applies a change to the record of its incident.
fn record(store: &Transaction<'_>, change: &IncidentChange) -> Result<(), Failed> {
    let (check, id) = (&change.check, &change.incident.id);
    let earlier = store
        .query_row("SELECT record FROM incidents WHERE check_id = ? AND id = ?", [check, id], |row| {
            row.get::<_, String>(0)
        })
        .optional()?;
    let earlier = earlier.map(|earlier| serde_json::from_str(&earlier)).transpose()?;
    let record = IncidentRecord::after(earlier, change);
    execute(
        store,
        "INSERT OR REPLACE INTO incidents (check_id, id, subject, since, closed_at, severity, record)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            check,
            id,
            record.subject.as_str(),
            record.since.as_millisecond(),
            record.closed_at.map(Timestamp::as_millisecond),
            record.severity.as_str(),
            serde_json::to_string(&record)?,
        ],
    )?;
    Ok(())
}

/// Executes a statement. SQLite keeps it, since reading its text takes longer than most of them.
pub(super) fn execute(store: &Transaction<'_>, sql: &str, parameters: impl rusqlite::Params) -> Result<usize, Failed> {
    Ok(store.prepare_cached(sql)?.execute(parameters)?)
}

/// All rows of a query.
pub(super) fn rows<T>(
    store: &Transaction<'_>,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, Failed>,
) -> Result<Vec<T>, Failed> {
    let mut statement = store.prepare_cached(sql)?;
    let mut found = statement.query(parameters)?;
    let mut read_rows = Vec::new();
    while let Some(row) = found.next()? {
        read_rows.push(read(row)?);
    }
    Ok(read_rows)
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, Failed> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?)?)
}

pub(super) fn time(milliseconds: i64) -> Result<Timestamp, Failed> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|_| Failed::Unreadable(format!("expected a time in milliseconds, found {milliseconds}")))
}
