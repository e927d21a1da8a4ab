//! Runs, for looking back, and how long everything is kept.

use check::Report;
use check::incident::IncidentRecord;
use jiff::SignedDuration;
use runtime::PortError;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::Store;
use super::error::Failed;

/// Time for which runs, their steps and values are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Most rows of a table to remove after one run.
const AT_ONCE: u32 = 2_000;
/// Time after which another whole report of a passed run is stored.
const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// Stores a run, and removes old rows. Of a passed run, the whole report is stored once an hour.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(&self, report: &Report) -> Result<(), PortError> {
        self.write(format!("store the run of {}", report.key.check), |store| {
            insert(store, report)?;
            prune(store, report)
        })
    }
}

fn insert(store: &Transaction<'_>, report: &Report) -> Result<(), Failed> {
    let scheduled_at = report.key.scheduled_time.as_millisecond();
    let outcome = report.outcome.word();
    let is_whole = outcome != "passed" || !has_whole(store, report)?;
    let text = is_whole.then(|| serde_json::to_string(report)).transpose()?;
    store.execute(
        "INSERT OR REPLACE INTO runs (run_id, check_id, slot, scheduled_at, started, ended, outcome, report)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            report.run_id,
            report.key.check,
            report.key.slot(),
            scheduled_at,
            report.started.as_millisecond(),
            report.ended.as_millisecond(),
            outcome,
            text,
        ],
    )?;
    let sql = "INSERT INTO steps (run_id, position, subject, name, result, duration_ms) VALUES (?, ?, ?, ?, ?, ?)";
    let mut insert = store.prepare(sql)?;
    for (position, step) in report.last_attempt().into_iter().flat_map(|attempt| &attempt.steps).enumerate() {
        let subject = step.subject.as_str();
        insert.execute(params![report.run_id, position, subject, step.name, step.result.word(), step.duration_ms])?;
    }
    Ok(())
}

/// True if a whole report of a passed run of the check is recent enough.
fn has_whole(store: &Transaction<'_>, report: &Report) -> Result<bool, Failed> {
    let after = (report.key.scheduled_time - WHOLE_EVERY).as_millisecond();
    let sql =
        "SELECT 1 FROM runs WHERE check_id = ? AND scheduled_at > ? AND outcome = 'passed' AND report IS NOT NULL";
    let found: Option<i64> = store.query_row(sql, params![report.key.check, after], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}

/// Removes old rows, a limited number at a time, so that no other process waits for long.
///
/// The time is that of the run, but at most a day after the one before: one wrong clock removes nothing.
fn prune(store: &Transaction<'_>, report: &Report) -> Result<(), Failed> {
    let sql = "SELECT max(ended) FROM runs WHERE run_id <> ?";
    let before: Option<i64> = store.query_row(sql, [&report.run_id], |row| row.get(0))?;
    let now = report.ended.as_millisecond();
    let now = before.map_or(now, |before| now.min(before.saturating_add(DAY.as_millis() as i64)));
    for (table, time, kept) in [
        ("runs", "scheduled_at", KEPT),
        ("metric_values", "at", KEPT),
        ("notifications", "queued_at", IncidentRecord::KEPT),
        ("incidents", "closed_at", IncidentRecord::KEPT),
    ] {
        let old = format!("SELECT rowid FROM {table} WHERE {time} < ? LIMIT {AT_ONCE}");
        let before = now.saturating_sub(kept.as_millis() as i64);
        store.execute(&format!("DELETE FROM {table} WHERE rowid IN ({old})"), [before])?;
    }
    // Reading a row frees a page.
    let mut vacuum = store.prepare("PRAGMA incremental_vacuum(100)")?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}
