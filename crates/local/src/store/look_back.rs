//! The read side: the traces of runs, people and alarms in the store.

use std::collections::BTreeMap;

use alarm::{MetricId, Statistic};
use async_trait::async_trait;
use check::incident::{IncidentRecord, Mark, Silence};
use check::message::Topic;
use check::metric::NAMESPACE;
use check::{Phases, Report};
use history::{
    AlarmChanges, AlarmState, Counts, Day, Delivered, Found, History, LogLine, Notified, Part, Percentiles, Period,
    PhaseTimes, Point, RunOutcome, RunSummary, Runs, SearchCost, Series, StepPercentiles, StepSeries, StepTime,
    SubjectCounts, SubjectDays, Window, recorded,
};
use jiff::Timestamp;
use runtime::{OperatorStore, PortError};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::Store;
use super::error::Failed;
use super::points::points;
use super::state::{rows, time};

/// Most points of a series, as in one answer of CloudWatch.
const MAX_POINTS: usize = 100_800;
/// Most runs whose steps are ranked: one hundredth of them is enough for a 99th percentile.
const MAX_RANKED: i64 = 2_500;
/// Intervals of minutes between ranked runs. They have no divisor in common with an hour, in which the work of a platform repeats.
const EVERY: [i64; 8] = [1, 7, 11, 13, 29, 59, 101, 211];

#[async_trait]
impl History for Store {
    async fn runs(&self, check: &str, window: Window, limit: usize) -> Result<Runs, PortError> {
        self.read(format!("read the runs of {check}"), |store| {
            let sql = "SELECT scheduled_at, run_id, outcome, attempt_ms, report IS NOT NULL FROM runs
                       WHERE check_id = ? AND scheduled_at >= ? AND scheduled_at < ?
                       ORDER BY scheduled_at DESC, run_id LIMIT ?";
            let [from, until] = milliseconds(window);
            let mut runs = rows(store, sql, params![check, from, until, limit.saturating_add(1)], summary)?;
            let has_more = runs.len() > limit;
            runs.truncate(limit);
            Ok(Runs { runs, has_more, precision: None })
        })
    }

    async fn search_cost(&self, _check: &str, _run_id: &str) -> Result<SearchCost, PortError> {
        Ok(SearchCost::NONE)
    }

    async fn run(&self, check: &str, run_id: &str) -> Result<Option<Report>, PortError> {
        self.read(format!("read the run {run_id} of {check}"), |store| {
            let sql = "SELECT report FROM runs WHERE check_id = ? AND run_id = ?";
            let report: Option<Option<String>> = store.query_row(sql, [check, run_id], |row| row.get(0)).optional()?;
            Ok(report.flatten().map(|text| serde_json::from_str(&text)).transpose()?)
        })
    }

    async fn steps(&self, check: &str, run_id: &str) -> Result<Vec<StepTime>, PortError> {
        self.read(format!("read the steps of the run {run_id} of {check}"), |store| {
            let sql = "SELECT subject, name, result, duration_ms FROM run_steps JOIN runs ON runs.id = run_steps.run
                       WHERE check_id = ? AND run_id = ? ORDER BY position";
            rows(store, sql, [check, run_id], |row| {
                Ok(StepTime { subject: row.get(0)?, name: row.get(1)?, result: row.get(2)?, duration_ms: row.get(3)? })
            })
        })
    }

    async fn step_durations(&self, check: &str, window: Window, period: Period) -> Result<Vec<StepSeries>, PortError> {
        self.read(format!("read the steps of {check}"), |store| {
            let sql = "SELECT subject, name, scheduled_at - scheduled_at % ? AS start, avg(duration_ms)
                       FROM runs JOIN run_steps ON run_steps.run = runs.id
                       WHERE check_id = ? AND scheduled_at >= ? AND scheduled_at < ? AND result IN ('passed', 'failed')
                       GROUP BY subject, name, start ORDER BY subject, name, start";
            let ([from, until], period) = (milliseconds(window.whole(period)), period.seconds().saturating_mul(1_000));
            let found = rows(store, sql, params![period, check, from, until], |row| {
                let point = Point { at: time(row.get(2)?)?, value: row.get(3)? };
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, point))
            })?;
            let mut series: Vec<StepSeries> = Vec::new();
            for (subject, name, point) in found {
                match series.last_mut().filter(|last| last.subject == subject && last.name == name) {
                    Some(last) => last.points.push(point),
                    None => series.push(StepSeries { subject, name, points: vec![point] }),
                }
            }
            Ok(series)
        })
    }

    async fn phase_durations(&self, check: &str, window: Window, period: Period) -> Result<Vec<PhaseTimes>, PortError> {
        self.read(format!("read the phases of {check}"), |store| {
            let sql = "SELECT scheduled_at - scheduled_at % ? AS start,
                              avg(dns_ms), avg(connect_ms), avg(tls_ms), avg(first_byte_ms), avg(transfer_ms)
                       FROM runs WHERE check_id = ? AND scheduled_at >= ? AND scheduled_at < ?
                       GROUP BY start ORDER BY start";
            let ([from, until], period) = (milliseconds(window.whole(period)), period.seconds().saturating_mul(1_000));
            let found = rows(store, sql, params![period, check, from, until], |row| {
                let phases = Phases {
                    dns_ms: row.get(1)?,
                    connect_ms: row.get(2)?,
                    tls_ms: row.get(3)?,
                    first_byte_ms: row.get(4)?,
                    transfer_ms: row.get(5)?,
                };
                Ok(PhaseTimes { at: time(row.get(0)?)?, phases })
            })?;
            Ok(found.into_iter().filter(|times| times.phases != Phases::default()).collect())
        })
    }

    async fn step_percentiles(&self, check: &str, window: Window) -> Result<Option<Vec<StepPercentiles>>, PortError> {
        self.read(format!("read the steps of {check}"), |store| Ok(Some(step_percentiles(store, check, window)?)))
    }

    async fn search_steps_cost(&self, _check: &str, _window: Window) -> Result<SearchCost, PortError> {
        Ok(SearchCost::NONE)
    }

    async fn search_steps(&self, check: &str, window: Window) -> Result<Vec<StepPercentiles>, PortError> {
        Ok(self.step_percentiles(check, window).await?.unwrap_or_default())
    }

    async fn search_subjects(&self, check: &str, window: Window) -> Result<SubjectDays, PortError> {
        let days = self.daily(check, window).await?;
        Ok(days.into_iter().map(|day| (day.at, day.subjects.unwrap_or_default())).collect())
    }

    async fn search_unpassed(&self, check: &str, window: Window, limit: usize) -> Result<Found<Report>, PortError> {
        self.read(format!("read the runs of {check} that did not pass"), |store| {
            let sql = "SELECT report FROM runs
                       WHERE check_id = ? AND scheduled_at >= ? AND scheduled_at < ? AND outcome != 'passed' AND report IS NOT NULL
                       ORDER BY scheduled_at, run_id LIMIT ?";
            let ([from, until], limit_and_one) = (milliseconds(window), limit.saturating_add(1));
            let texts: Vec<String> = rows(store, sql, params![check, from, until, limit_and_one], |row| Ok(row.get(0)?))?;
            let reports = texts.iter().map(|text| Ok(serde_json::from_str(text)?));
            Ok(Found::limited(reports.collect::<Result<_, Failed>>()?, limit))
        })
    }

    async fn search_log_cost(&self, log: &str, _window: Window) -> Result<SearchCost, PortError> {
        Err(no_log(log))
    }

    async fn search_log(&self, log: &str, _window: Window, _limit: usize) -> Result<Found<LogLine>, PortError> {
        Err(no_log(log))
    }

    async fn series(
        &self,
        metric: &MetricId,
        statistic: Statistic,
        window: Window,
        period: Period,
    ) -> Result<Series, PortError> {
        let operation = format!("read the values of {}", metric.name);
        let window = window.whole(period);
        // The store has the metrics of the catalogue only.
        if metric.namespace != NAMESPACE || window.is_empty() {
            return Ok(Series { parts: vec![Part { window, period, points: Vec::new() }] });
        }
        let points = self.read(&operation, |store| points(store, metric, statistic, window, period, MAX_POINTS))?;
        if points.len() > MAX_POINTS {
            let detail = format!("expected at most {MAX_POINTS} periods with values, found more; take a longer period");
            return Err(PortError::new(operation, detail));
        }
        Ok(Series { parts: vec![Part { window, period, points }] })
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        recorded::incidents(self, check, after).await
    }

    async fn alarm_changes(&self, window: Window, limit: usize) -> Result<AlarmChanges, PortError> {
        let mut changes = self.changes(window, limit.saturating_add(1))?;
        let has_more = changes.len() > limit;
        changes.truncate(limit);
        let complete_from = changes.last().filter(|_| has_more).map_or(window.from, |change| change.now.since);
        Ok(AlarmChanges { changes, has_more, complete_from })
    }

    async fn alarm_states(&self) -> Result<Vec<AlarmState>, PortError> {
        Self::alarm_states(self)
    }

    async fn mutes(&self, check: &str) -> Result<Vec<Silence>, PortError> {
        recorded::mutes(self, check).await
    }

    async fn notifications(&self, ids: &[String]) -> Result<Option<Vec<Notified>>, PortError> {
        self.read("read the notifications", |store| {
            let mut found = ids.iter().map(|id| notified(store, id)).collect::<Result<Vec<_>, _>>()?;
            found.sort_by_key(|notified| notified.as_ref().map(|notified| notified.notification.at));
            Ok(Some(found.into_iter().flatten().collect()))
        })
    }

    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError> {
        OperatorStore::marks(self, after).await
    }

    async fn daily(&self, check: &str, window: Window) -> Result<Vec<Day>, PortError> {
        self.read(format!("read the days of {check}"), |store| {
            let [from, until] = milliseconds(window.whole(Period::DAY));
            let sql = "SELECT day, passed, failed, inconclusive, maintenance, p50_ms, p95_ms, p99_ms FROM daily_runs
                       WHERE check_id = ? AND day >= ? AND day < ? ORDER BY day";
            let mut days = rows(store, sql, params![check, from, until], day)?;
            let sql =
                "SELECT day, subject, passed, failed FROM daily_subjects WHERE check_id = ? AND day >= ? AND day < ?";
            let subjects = rows(store, sql, params![check, from, until], |row| {
                Ok((time(row.get(0)?)?, row.get(1)?, SubjectCounts { passed: row.get(2)?, failed: row.get(3)? }))
            })?;
            let mut by_day: BTreeMap<Timestamp, BTreeMap<String, SubjectCounts>> = BTreeMap::new();
            for (at, subject, counts) in subjects {
                by_day.entry(at).or_default().insert(subject, counts);
            }
            for day in &mut days {
                day.subjects = Some(by_day.remove(&day.at).unwrap_or_default());
            }
            Ok(days)
        })
    }
}

/// Reads a notification with its topics and deliveries. `None`: no topic has accepted it, or it is too old.
fn notified(store: &Transaction<'_>, id: &str) -> Result<Option<Notified>, Failed> {
    let sql = "SELECT topic, notification FROM notifications WHERE notification_id = ? ORDER BY topic";
    let accepted = rows(store, sql, [id], |row| Ok((topic(row.get(0)?)?, row.get::<_, String>(1)?)))?;
    let Some((_, text)) = accepted.first() else { return Ok(None) };
    let sql = "SELECT topic, destination, attempts, delivered_at, error FROM deliveries
               WHERE notification_id = ? ORDER BY topic, destination";
    let deliveries = rows(store, sql, [id], |row| {
        let delivered_at: Option<i64> = row.get(3)?;
        Ok(Delivered {
            topic: topic(row.get(0)?)?,
            destination: row.get(1)?,
            attempts: row.get(2)?,
            delivered_at: delivered_at.map(time).transpose()?,
            error: row.get(4)?,
        })
    })?;
    let notification = serde_json::from_str(text)?;
    Ok(Some(Notified { notification, topics: accepted.into_iter().map(|(topic, _)| topic).collect(), deliveries }))
}

fn topic(name: String) -> Result<Topic, Failed> {
    let unknown = || Failed::Unreadable(format!("topic: expected the name of a topic, found {name}"));
    Topic::ALL.into_iter().find(|topic| topic.as_str() == name).ok_or_else(unknown)
}

/// Durations of each step in a window, ranked. Percentiles are by nearest rank. Of many runs, those of every n-th minute count.
fn step_percentiles(store: &Transaction<'_>, check: &str, window: Window) -> Result<Vec<StepPercentiles>, Failed> {
    let [from, until] = milliseconds(window);
    let sql = "SELECT count(*) FROM runs WHERE check_id = ? AND scheduled_at >= ? AND scheduled_at < ?";
    let runs: i64 = store.prepare_cached(sql)?.query_row(params![check, from, until], |row| row.get(0))?;
    let every = EVERY.into_iter().find(|every| runs / every <= MAX_RANKED).unwrap_or(EVERY[EVERY.len() - 1]);
    let sql = "SELECT subject, name, duration_ms FROM runs JOIN run_steps ON run_steps.run = runs.id
               WHERE check_id = ? AND scheduled_at >= ? AND scheduled_at < ? AND scheduled_at / 60000 % ? = 0
               AND result IN ('passed', 'failed')";
    let mut statement = store.prepare_cached(sql)?;
    let mut found = statement.query(params![check, from, until, every])?;
    let mut by_step: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    while let Some(row) = found.next()? {
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        let (subject, name) = (text(0)?, text(1)?);
        // A check has a few steps, and a week tens of thousands of them.
        match by_step.iter_mut().find(|((own, own_name), _)| own == subject && own_name == name) {
            Some((_, durations)) => durations.push(row.get(2)?),
            None => {
                by_step.insert((subject.to_owned(), name.to_owned()), vec![row.get(2)?]);
            }
        }
    }
    let ranked = by_step.into_iter().map(|((subject, name), mut durations)| {
        durations.sort_by(f64::total_cmp);
        let at = |percent: usize| durations[(durations.len() * percent).div_ceil(100).clamp(1, durations.len()) - 1];
        StepPercentiles { subject, name, durations: Percentiles { p50: at(50), p95: at(95), p99: at(99) } }
    });
    Ok(ranked.collect())
}

fn no_log(log: &str) -> PortError {
    PortError::new(format!("search the log {log}"), "a store has no logs of the platform")
}

fn milliseconds(window: Window) -> [i64; 2] {
    [window.from, window.until].map(Timestamp::as_millisecond)
}

fn summary(row: &Row<'_>) -> Result<RunSummary, Failed> {
    let word: String = row.get(2)?;
    let unknown = || Failed::Unreadable(format!("runs.outcome: expected an outcome, found {word}"));
    Ok(RunSummary {
        at: time(row.get(0)?)?,
        run_id: Some(row.get(1)?),
        outcome: RunOutcome::read(&word).ok_or_else(unknown)?,
        duration_ms: row.get(3)?,
        has_report: row.get(4)?,
    })
}

fn day(row: &Row<'_>) -> Result<Day, Failed> {
    let runs = Counts { passed: row.get(1)?, failed: row.get(2)?, inconclusive: row.get(3)?, maintenance: row.get(4)? };
    let durations = match (row.get(5)?, row.get(6)?, row.get(7)?) {
        (Some(p50), Some(p95), Some(p99)) => Some(Percentiles { p50, p95, p99 }),
        _ => None,
    };
    Ok(Day { at: time(row.get(0)?)?, runs, durations, subjects: None })
}
