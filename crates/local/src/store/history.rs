//! Runs, for looking back, and how long everything is kept.

use check::Report;
use check::incident::IncidentRecord;
use jiff::SignedDuration;
use runtime::PortError;
use rusqlite::{OptionalExtension as _, Transaction, params};
use settings::Retention;

use super::Store;
use super::error::Failed;
use super::rollups;
use super::state::execute;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Most rows of a table to remove after one run.
const AT_ONCE: u32 = 2_000;
/// Most runs to remove after one run because the file is too large, and number of the newest runs that stay whatever its size.
const RUNS_AT_ONCE: u32 = 100;
/// Time after which another whole report of a passed run is stored.
const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Time of the newest other run. It must not read all runs, as `max` would.
const NEWEST: &str = "SELECT scheduled_at FROM runs WHERE run_id <> ? ORDER BY scheduled_at DESC LIMIT 1";

impl Store {
    /// Stores a run, adds it to the numbers of its day, and removes old rows. Of a passed run, the whole report is stored once
    /// an hour.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(&self, report: &Report) -> Result<(), PortError> {
        self.write_history(format!("store the run of {}", report.key.check), |store| {
            insert(store, report)?;
            prune(store, report, &self.retention)?;
            if size(store)? > self.retention.max_size {
                remove_oldest(store)?;
            }
            vacuum(store)
        })
    }
}

fn insert(store: &Transaction<'_>, report: &Report) -> Result<(), Failed> {
    let scheduled_at = report.key.scheduled_time.as_millisecond();
    let outcome = report.outcome.word();
    let is_whole = outcome != "passed" || !has_whole(store, report)?;
    let text = is_whole.then(|| serde_json::to_string(report)).transpose()?;
    let stored = "SELECT 1 FROM runs WHERE run_id = ?";
    let stored: Option<i64> = store.prepare_cached(stored)?.query_row([&report.run_id], |row| row.get(0)).optional()?;
    // A run that is stored again counts once.
    if stored.is_none() {
        rollups::add(store, report)?;
    }
    let phases = rollups::phases(report);
    execute(store,
        "INSERT OR REPLACE INTO runs (run_id, check_id, slot, scheduled_at, started, ended, outcome, report, attempt_ms,
                                      dns_ms, connect_ms, tls_ms, first_byte_ms, transfer_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            report.run_id,
            report.key.check,
            report.key.slot(),
            scheduled_at,
            report.started.as_millisecond(),
            report.ended.as_millisecond(),
            outcome,
            text,
            rollups::duration_ms(report),
            phases.dns_ms,
            phases.connect_ms,
            phases.tls_ms,
            phases.first_byte_ms,
            phases.transfer_ms,
        ],
    )?;
    let run = store.last_insert_rowid();
    let sql = "INSERT INTO run_steps (run, position, subject, name, result, duration_ms) VALUES (?, ?, ?, ?, ?, ?)";
    let mut insert = store.prepare_cached(sql)?;
    for (position, step) in report.last_attempt().into_iter().flat_map(|attempt| &attempt.steps).enumerate() {
        let subject = step.subject.as_str();
        insert.execute(params![run, position, subject, step.name, step.result.word(), step.duration_ms])?;
    }
    Ok(())
}

/// True if a whole report of a passed run of the check is recent enough.
fn has_whole(store: &Transaction<'_>, report: &Report) -> Result<bool, Failed> {
    let after = (report.key.scheduled_time - WHOLE_EVERY).as_millisecond();
    let sql =
        "SELECT 1 FROM runs WHERE check_id = ? AND scheduled_at > ? AND outcome = 'passed' AND report IS NOT NULL";
    let found: Option<i64> =
        store.prepare_cached(sql)?.query_row(params![report.key.check, after], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}

/// Removes old rows, a limited number at a time, so that no other process waits for long.
///
/// The time is that of the run, but at most a day after the one before: one wrong clock removes nothing.
fn prune(store: &Transaction<'_>, report: &Report, retention: &Retention) -> Result<(), Failed> {
    let before: Option<i64> = store.prepare_cached(NEWEST)?.query_row([&report.run_id], |row| row.get(0)).optional()?;
    let now = report.ended.as_millisecond();
    let day = DAY.as_millis() as i64;
    let now = before.map_or(now, |before| now.min(before.saturating_add(day)));
    let keep = i64::try_from(retention.keep.as_millis()).unwrap_or(i64::MAX);
    let long = IncidentRecord::KEPT.as_millis() as i64;
    for (table, time, kept) in [
        ("runs", "scheduled_at", keep),
        ("points", "at", keep),
        ("notifications", "queued_at", long),
        ("deliveries", "attempted_at", long),
        ("incidents", "closed_at", long),
        ("alarm_changes", "at", long),
        ("marks", "at", long),
        // A day is kept from its end.
        ("daily_runs", "day", long + day),
        ("daily_subjects", "day", long + day),
    ] {
        let old = format!("SELECT rowid FROM {table} WHERE {time} < ? LIMIT {AT_ONCE}");
        let before = now.saturating_sub(kept);
        execute(store, &format!("DELETE FROM {table} WHERE rowid IN ({old})"), [before])?;
    }
    Ok(())
}

/// Bytes of the file that hold something.
fn size(store: &Transaction<'_>) -> Result<u64, Failed> {
    let number = |name: &str| store.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    let used = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(used.saturating_mul(number("page_size")?))
}

/// Removes the oldest runs, their steps, and the values published until then, a limited number at a time. Incidents and the
/// numbers of days stay.
fn remove_oldest(store: &Transaction<'_>) -> Result<(), Failed> {
    let sql = format!(
        "SELECT max(scheduled_at) FROM (
             SELECT scheduled_at FROM runs
             WHERE scheduled_at < (SELECT scheduled_at FROM runs ORDER BY scheduled_at DESC LIMIT 1 OFFSET {RUNS_AT_ONCE})
             ORDER BY scheduled_at LIMIT {RUNS_AT_ONCE})"
    );
    let until: Option<i64> = store.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
    for (table, time, at_once) in [("runs", "scheduled_at", RUNS_AT_ONCE), ("points", "at", AT_ONCE)] {
        let old = format!("SELECT rowid FROM {table} WHERE {time} <= ? ORDER BY {time} LIMIT {at_once}");
        execute(store, &format!("DELETE FROM {table} WHERE rowid IN ({old})"), [until])?;
    }
    Ok(())
}

/// Gives some free pages back to the disk.
fn vacuum(store: &Transaction<'_>) -> Result<(), Failed> {
    // Reading a row frees a page.
    let mut vacuum = store.prepare("PRAGMA incremental_vacuum(100)")?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::state::rows;
    use super::*;

    #[test]
    fn newest_run_is_found_without_reading_all() {
        let store = Store::in_memory().unwrap();
        let plan = store.read("explain", |store| {
            let sql = format!("EXPLAIN QUERY PLAN {NEWEST}");
            rows(store, &sql, ["run"], |row| Ok(row.get::<_, String>(3)?))
        });
        // A sort would read all runs too, and be a line.
        assert_eq!(plan.unwrap(), ["SCAN runs USING INDEX runs_age"]);
    }
}
