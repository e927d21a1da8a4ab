//! A history in memory, with the resolution of a deployment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use alarm::{MetricId, State, Statistic};
use async_trait::async_trait;
use check::incident::{IncidentRecord, Mark, Severity, Silence};
use check::metric::NAMESPACE;
use check::{Failure, FailureKind, Mismatch, NoSecrets, Report, Subject};
use history::{
    AlarmChange, AlarmChanges, AlarmState, Counts, Day, Found, History, LogLine, Notified, Part, Percentiles, Period,
    PhaseTimes, Point, Runs, SearchCost, Series, StepPercentiles, StepSeries, StepTime, SubjectCounts, Window,
};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

/// What was recorded. Values older than `fine_from` have periods of five minutes.
pub struct Fake {
    pub window: Window,
    pub fine_from: Timestamp,
    /// Values by check, metric and minute since the start of the window.
    pub values: BTreeMap<(String, String), BTreeMap<i64, f64>>,
    pub incidents: Vec<IncidentRecord>,
    pub changes: Vec<AlarmChange>,
    pub complete_from: Timestamp,
    pub has_steps: bool,
    /// Passed and failed runs of each subject on each day; `None` if nothing counts them.
    pub subjects: Option<BTreeMap<String, SubjectCounts>>,
    pub searches: AtomicUsize,
}

impl Fake {
    /// A window in which a check runs every minute and passes, as it does half a day before and after.
    pub fn new(days: i64, check: &str) -> Self {
        let until: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        let window = Window::new(until - SignedDuration::from_hours(24 * days), until);
        let mut fake = Self {
            window,
            fine_from: window.from - SignedDuration::from_hours(24),
            values: BTreeMap::new(),
            incidents: Vec::new(),
            changes: Vec::new(),
            complete_from: window.from,
            has_steps: true,
            subjects: Some(BTreeMap::new()),
            searches: AtomicUsize::new(0),
        };
        for (metric, value) in [("Inconclusive", 0.0), ("Success", 1.0), ("Duration", 1_000.0)] {
            fake.set(check, metric, -12 * 60, (days * 24 + 24) * 60, value);
        }
        fake
    }

    pub fn at(&self, minute: i64) -> Timestamp {
        self.window.from + SignedDuration::from_mins(minute)
    }

    /// Sets a metric for some minutes.
    pub fn set(&mut self, check: &str, metric: &str, from: i64, minutes: i64, value: f64) {
        let own = self.values.entry((check.to_owned(), metric.to_owned())).or_default();
        own.extend((from..from + minutes).map(|minute| (minute, value)));
    }

    /// Removes the values of a metric from some minutes.
    pub fn remove(&mut self, check: &str, metric: &str, from: i64, minutes: i64) {
        let own = self.values.entry((check.to_owned(), metric.to_owned())).or_default();
        own.retain(|minute, _| !(from..from + minutes).contains(minute));
    }

    /// Adds an incident, with failed runs.
    pub fn incident(&mut self, check: &str, from: i64, minutes: i64) {
        self.set(check, "Success", from, minutes, 0.0);
        let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500");
        let failure = Failure::new(Subject::whole(), "log in", mismatch, &NoSecrets);
        self.incidents.push(IncidentRecord {
            schema_version: IncidentRecord::SCHEMA_VERSION,
            id: format!("{check}.{}", self.at(from).strftime("%Y%m%dT%H%M%SZ")),
            check: check.to_owned(),
            subject: Subject::whole(),
            since: self.at(from),
            opened_at: self.at(from + 1),
            severity: Severity::Critical,
            escalated_at: None,
            first: failure.clone(),
            latest: failure,
            notifications: Vec::new(),
            silences: Vec::new(),
            acknowledged: None,
            dependency: None,
            closed_at: Some(self.at(from + minutes)),
        });
    }

    /// Adds a recorded change of an alarm to `ALARM`.
    pub fn fired(&mut self, alarm: &str, minute: i64) {
        self.changes.push(AlarmChange { previous: Some(State::Ok), now: state(alarm, self.at(minute), State::Alarm) });
    }
}

fn state(alarm: &str, since: Timestamp, state: State) -> AlarmState {
    AlarmState { alarm: alarm.to_owned(), state, since, reason: String::new(), decided_by: serde_json::Value::Null }
}

fn steps() -> Vec<StepPercentiles> {
    let durations = Percentiles { p50: 1.0, p95: 2.0, p99: 3.0 };
    vec![StepPercentiles { subject: "-".to_owned(), name: "log in".to_owned(), durations }]
}

/// Error of a question that no review asks.
fn unread(reason: &str) -> PortError {
    PortError::new("read the history", reason)
}

#[async_trait]
impl History for Fake {
    async fn runs(&self, _check: &str, _window: Window, _limit: usize) -> Result<Runs, PortError> {
        Err(unread("a review reads no single runs"))
    }

    async fn search_cost(&self, _check: &str, _run_id: &str) -> Result<SearchCost, PortError> {
        Err(unread("a review searches no reports"))
    }

    async fn run(&self, _check: &str, _run_id: &str) -> Result<Option<Report>, PortError> {
        Err(unread("a review reads no reports"))
    }

    async fn steps(&self, _check: &str, _run_id: &str) -> Result<Vec<StepTime>, PortError> {
        Err(unread("a review reads no single steps"))
    }

    async fn step_durations(
        &self,
        _check: &str,
        _window: Window,
        _period: Period,
    ) -> Result<Vec<StepSeries>, PortError> {
        Err(unread("a review reads percentiles"))
    }

    async fn phase_durations(
        &self,
        _check: &str,
        _window: Window,
        _period: Period,
    ) -> Result<Vec<PhaseTimes>, PortError> {
        Err(unread("a review reads no phases"))
    }

    async fn step_percentiles(&self, _check: &str, _window: Window) -> Result<Option<Vec<StepPercentiles>>, PortError> {
        Ok(self.has_steps.then(steps))
    }

    async fn search_steps_cost(&self, _check: &str, _window: Window) -> Result<SearchCost, PortError> {
        Err(unread("the caller asks for the price"))
    }

    async fn search_steps(&self, _check: &str, _window: Window) -> Result<Vec<StepPercentiles>, PortError> {
        self.searches.fetch_add(1, Ordering::Relaxed);
        Ok(steps())
    }

    async fn search_unpassed(&self, _check: &str, _window: Window, _limit: usize) -> Result<Found<Report>, PortError> {
        Err(PortError::new("search runs", "a review reads none"))
    }

    async fn search_log_cost(&self, _log: &str, _window: Window) -> Result<SearchCost, PortError> {
        Err(PortError::new("search a log", "a review reads none"))
    }

    async fn search_log(&self, _log: &str, _window: Window, _limit: usize) -> Result<Found<LogLine>, PortError> {
        Err(PortError::new("search a log", "a review reads none"))
    }

    async fn series(
        &self,
        metric: &MetricId,
        statistic: Statistic,
        window: Window,
        period: Period,
    ) -> Result<Series, PortError> {
        let check = metric.dimensions.get("Check").cloned().unwrap_or_default();
        let values = self.values.get(&(check, metric.name.clone())).filter(|_| metric.namespace == NAMESPACE);
        let coarse = period.common_multiple(Period::minutes(5));
        let border = coarse.ceil(self.fine_from);
        let mut series = Series::default();
        for (from, until, period) in
            [(window.from, window.until.min(border), coarse), (window.from.max(border), window.until, period)]
        {
            let part = Window::new(from, until);
            if part.is_empty() {
                continue;
            }
            let part = part.whole(period);
            let mut points: BTreeMap<Timestamp, Vec<f64>> = BTreeMap::new();
            for (minute, value) in values.into_iter().flatten() {
                let at = self.at(*minute);
                if part.from <= at && at < part.until {
                    points.entry(period.floor(at)).or_default().push(*value);
                }
            }
            let point = |(at, values): (Timestamp, Vec<f64>)| Point { at, value: value(statistic, &values) };
            series.parts.push(Part { window: part, period, points: points.into_iter().map(point).collect() });
        }
        Ok(series)
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        let is_wanted = |record: &&IncidentRecord| record.check == check && record.since >= after;
        Ok(self.incidents.iter().filter(is_wanted).cloned().collect())
    }

    async fn notifications(&self, _ids: &[String]) -> Result<Option<Vec<Notified>>, PortError> {
        Err(unread("a review reads no notifications"))
    }

    async fn alarm_changes(&self, _window: Window, _limit: usize) -> Result<AlarmChanges, PortError> {
        Ok(AlarmChanges { changes: self.changes.clone(), has_more: false, complete_from: self.complete_from })
    }

    async fn alarm_states(&self) -> Result<Vec<AlarmState>, PortError> {
        Err(PortError::new("read the states of alarms", "access denied"))
    }

    async fn mutes(&self, _check: &str) -> Result<Vec<Silence>, PortError> {
        Err(unread("a review reads no mutes"))
    }

    async fn marks(&self, _after: Timestamp) -> Result<Vec<Mark>, PortError> {
        Ok(Vec::new())
    }

    async fn daily(&self, check: &str, window: Window) -> Result<Vec<Day>, PortError> {
        let Some(values) = self.values.get(&(check.to_owned(), "Success".to_owned())) else { return Ok(Vec::new()) };
        let mut days: BTreeMap<Timestamp, Counts> = BTreeMap::new();
        let whole = window.whole(Period::DAY);
        for (minute, value) in values {
            let at = self.at(*minute);
            if at < whole.from || whole.until <= at {
                continue;
            }
            let counts = days.entry(Period::DAY.floor(at)).or_default();
            counts.passed += u64::from(*value > 0.5);
            counts.failed += u64::from(*value <= 0.5);
        }
        let day = |(at, runs)| Day { at, runs, durations: None, subjects: self.subjects.clone() };
        Ok(days.into_iter().map(day).collect())
    }
}

fn value(statistic: Statistic, values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    match statistic {
        Statistic::SampleCount => values.len() as f64,
        Statistic::Sum => sum,
        Statistic::Average => sum / values.len() as f64,
        Statistic::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
        Statistic::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}
