//! Statistics of a metric's values for each period.

use std::collections::BTreeMap;

use alarm::{Datapoint, MetricId, Statistic};
use history::{Period, Point, Window};
use rusqlite::{Transaction, params};

use super::error::Failed;
use super::state::{rows, time};

/// Reads a statistic of whole periods, oldest first. It ends with the first point beyond the limit.
pub(super) fn points(
    store: &Transaction<'_>,
    metric: &MetricId,
    statistic: Statistic,
    window: Window,
    period: Period,
    limit: usize,
) -> Result<Vec<Point>, Failed> {
    let mut sets: Vec<(i64, Datapoint)> = Vec::new();
    let series = series(store, metric)?;
    for id in &series {
        add(store, *id, window, period, limit, &mut sets)?;
    }
    if series.len() > 1 {
        sets = merged(sets);
    }
    sets.truncate(limit.saturating_add(1));
    sets.into_iter().map(|(start, set)| Ok(Point { at: time(start)?, value: set.value(statistic) })).collect()
}

/// Numbers of the metric, one for each unit.
fn series(store: &Transaction<'_>, metric: &MetricId) -> Result<Vec<i64>, Failed> {
    let dimensions: &BTreeMap<_, _> = &metric.dimensions;
    let dimensions = serde_json::to_string(dimensions)?;
    let sql = "SELECT id FROM series WHERE metric = ? AND dimensions = ?";
    rows(store, sql, [&metric.name, &dimensions], |row| Ok(row.get(0)?))
}

/// Adds the periods of a series, up to one beyond the limit. SQLite takes four times as long to group them.
fn add(
    store: &Transaction<'_>,
    series: i64,
    window: Window,
    period: Period,
    limit: usize,
    sets: &mut Vec<(i64, Datapoint)>,
) -> Result<(), Failed> {
    let period = period.seconds().saturating_mul(1_000);
    let sql = "SELECT at, value FROM points WHERE series = ? AND at >= ? AND at < ? ORDER BY at";
    let mut statement = store.prepare_cached(sql)?;
    let mut found = statement.query(params![series, window.from.as_millisecond(), window.until.as_millisecond()])?;
    let (begin, most) = (sets.len(), sets.len().saturating_add(limit));
    while let Some(row) = found.next()? {
        let (at, value): (i64, f64) = (row.get(0)?, row.get(1)?);
        let start = at - at.rem_euclid(period);
        if let Some((last, set)) = sets[begin..].last_mut()
            && *last == start
        {
            *set = set.merge(Datapoint::from_value(value));
        } else if sets.len() > most {
            break;
        } else {
            sets.push((start, Datapoint::from_value(value)));
        }
    }
    Ok(())
}

fn merged(sets: Vec<(i64, Datapoint)>) -> Vec<(i64, Datapoint)> {
    let mut by_start: BTreeMap<i64, Datapoint> = BTreeMap::new();
    for (start, set) in sets {
        by_start.entry(start).and_modify(|own| *own = own.merge(set)).or_insert(set);
    }
    by_start.into_iter().collect()
}
