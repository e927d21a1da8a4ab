//! Facts of the window: runs, incidents, marks, maintenance and changes of alarms.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alarm::{MetricAlarm, MetricId, Statistic};
use check::budget::Objective;
use check::incident::{IncidentRecord, Mark};
use check::metric::{self, Metric};
use history::{AlarmChanges, Counts, Day, History, Period, Point, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

use crate::check_review::CheckReview;
use crate::headroom::Values;
use crate::incident::IncidentSpan;
use crate::trend::added;
use crate::values::{KnownSeries, SeriesParts, series, with_periods};

/// Most changes of alarms to read.
const MAX_CHANGES: usize = 20_000;
/// Time before the window in which an incident of the window may have begun.
const LONGEST_INCIDENT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Time before the window in which alarms look back at most.
const LONGEST_REACH: SignedDuration = SignedDuration::from_hours(7);
/// Periods of maintenance.
const MAINTENANCE: Period = Period::minutes(5);
/// Check that publishes the state of maintenance.
const AVAILABILITY: &str = "availability";

/// Facts of the window.
pub(crate) struct Facts {
    /// Days of each check with runs.
    pub(crate) days: BTreeMap<String, Vec<Day>>,
    /// First run of each check, from some hours before the window on.
    pub(crate) first_runs: BTreeMap<String, Timestamp>,
    /// Interval between the runs of each check, at least its cadence.
    pub(crate) intervals: BTreeMap<String, Duration>,
    /// Checks with runs.
    pub(crate) checks: Vec<CheckReview>,
    /// Checks without runs.
    pub(crate) without_runs: Vec<String>,
    /// Incidents that overlap the window, oldest first.
    pub(crate) records: Vec<IncidentRecord>,
    /// Times of these incidents.
    pub(crate) incidents: Vec<IncidentSpan>,
    /// Times of planned maintenance.
    pub(crate) maintenance: Vec<(Timestamp, Timestamp)>,
    /// Marks, oldest first.
    pub(crate) marks: Vec<Mark>,
    /// Changes of alarms.
    pub(crate) changes: AlarmChanges,
    /// Names of the alarms that something evaluates.
    pub(crate) evaluated: BTreeSet<String>,
    /// Series read for these facts.
    pub(crate) known: KnownSeries,
    /// What could not be read, and is left out.
    pub(crate) warnings: Vec<String>,
}

/// The place and the time of the facts.
pub(crate) struct Reader<'a> {
    pub(crate) history: &'a dyn History,
    pub(crate) environment: &'a str,
    pub(crate) window: Window,
    pub(crate) objectives: &'a BTreeMap<String, Objective>,
}

impl Reader<'_> {
    /// Reads the facts of these checks.
    pub(crate) async fn facts(
        &self,
        alarms: &[MetricAlarm],
        ids: &BTreeSet<String>,
        note: &mut (dyn FnMut(String) + Send),
    ) -> Result<Facts, PortError> {
        let window = self.window;
        let mut warnings = Vec::new();
        let mut marks =
            kept(self.history.marks(window.from).await, "marks are missing", &mut warnings).unwrap_or_default();
        marks.retain(|mark| mark.at < window.until);
        marks.sort_by_key(|mark| mark.at);
        let unknown = AlarmChanges { changes: Vec::new(), has_more: false, complete_from: window.until };
        let changes = self.history.alarm_changes(window, MAX_CHANGES).await;
        let changes = kept(changes, "recorded changes of alarms are unknown", &mut warnings).unwrap_or(unknown);
        let states = self.history.alarm_states().await;
        let states = kept(states, "states of alarms are unknown", &mut warnings).unwrap_or_default();
        let mut facts = Facts {
            days: BTreeMap::new(),
            first_runs: BTreeMap::new(),
            intervals: BTreeMap::new(),
            checks: Vec::new(),
            without_runs: Vec::new(),
            records: Vec::new(),
            incidents: Vec::new(),
            maintenance: Vec::new(),
            marks,
            changes,
            evaluated: states.into_iter().map(|state| state.alarm).collect(),
            known: KnownSeries::new(),
            warnings,
        };
        for id in ids {
            note(format!("runs of {id}"));
            let days = self.days(id).await?;
            if days.is_empty() {
                facts.without_runs.push(id.clone());
            } else {
                self.add_check(id, cadence(alarms, id), days, &mut facts).await?;
            }
        }
        if facts.days.contains_key(AVAILABILITY) {
            let metric = self.metric(&metric::MAINTENANCE, AVAILABILITY);
            let (points, _) = series(self.history, &metric, Statistic::Maximum, window, MAINTENANCE).await?;
            facts.maintenance = maintenance(&points);
        }
        facts.records.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
        facts.incidents = facts.records.iter().map(|record| IncidentSpan::new(record, window.until)).collect();
        Ok(facts)
    }

    /// Reads the days of a check, with the runs of the window only. The source counts whole days, so those that the window cuts are
    /// counted from values. A day without any in the window is left out; one without any value at all has only the numbers of the source.
    async fn days(&self, id: &str) -> Result<Vec<Day>, PortError> {
        let mut days = self.history.daily(id, self.window).await?;
        for day in &mut days {
            let whole = Window::new(day.at, day.at + Period::DAY.duration());
            if whole.from < self.window.from || self.window.until < whole.until {
                day.runs = self.counts(id, whole).await?.unwrap_or(day.runs);
            }
        }
        days.retain(|day| day.runs != Counts::default());
        Ok(days)
    }

    /// Counts the runs of a day within the window; `None` if the day has no values. A run in maintenance has no success.
    async fn counts(&self, id: &str, day: Window) -> Result<Option<Counts>, PortError> {
        let (mut sums, mut has_values) = (Vec::new(), false);
        for metric in [&metric::SUCCESS, &metric::INCONCLUSIVE] {
            for statistic in [Statistic::SampleCount, Statistic::Sum] {
                let (points, _) =
                    series(self.history, &self.metric(metric, id), statistic, day, Period::MINUTE).await?;
                has_values |= !points.is_empty();
                let own = points.iter().filter(|point| self.window.from <= point.at && point.at < self.window.until);
                sums.push(own.map(|point| point.value).sum::<f64>().round() as u64);
            }
        }
        let [judged, passed, all, inconclusive] = sums[..] else { return Ok(None) };
        Ok(has_values.then(|| Counts {
            passed,
            failed: judged.saturating_sub(passed),
            inconclusive,
            maintenance: all.saturating_sub(inconclusive).saturating_sub(judged),
        }))
    }

    async fn add_check(&self, id: &str, cadence: Duration, days: Vec<Day>, facts: &mut Facts) -> Result<(), PortError> {
        let window = self.window;
        let records = self.history.incidents(id, window.from - LONGEST_INCIDENT).await?;
        let overlaps = |record: &IncidentRecord| {
            record.since < window.until && record.closed_at.is_none_or(|closed| window.from <= closed)
        };
        facts.records.extend(records.into_iter().filter(overlaps));
        // The alarm on lost monitoring reads the same.
        let key = (self.metric(&metric::INCONCLUSIVE, id), Statistic::Minimum);
        let read = Window::new(window.from - LONGEST_REACH, window.until);
        let runs = series(self.history, &key.0, key.1, read, Period::MINUTE).await?;
        if let Some(first) = runs.0.first() {
            facts.first_runs.insert(id.to_owned(), first.at);
        }
        let interval = interval(&runs, cadence);
        facts.checks.push(self.check(id, interval, &days, &runs));
        facts.intervals.insert(id.to_owned(), interval);
        facts.days.insert(id.to_owned(), days);
        facts.known.insert(key, runs);
        Ok(())
    }

    /// Judges the runs of a check. Old runs may be known by longer periods; then gaps are as long as those at least.
    fn check(&self, id: &str, interval: Duration, days: &[Day], runs: &SeriesParts) -> CheckReview {
        let counts = days.iter().fold(Counts::default(), |sum, day| added(sum, day.runs));
        let minutes = u32::try_from(interval.as_secs() / 60).unwrap_or(1);
        let period = Period::minutes(minutes);
        let present: BTreeSet<Timestamp> = with_periods(runs).flat_map(|(at, own)| starts(at, own, period)).collect();
        let first = runs.0.first().map_or(self.window.until, |first| first.at.max(self.window.from));
        let mut at = period.ceil(first);
        let mut periods = Vec::new();
        while at + period.duration() <= self.window.until {
            periods.push((at, present.contains(&at).then_some(1.0)));
            at += period.duration();
        }
        let length = periods.len() as f64 * period.seconds() as f64 / 86_400.0;
        let values = Values::new(&periods, period.duration());
        CheckReview::new(id, interval, counts, values, self.objectives.get(id).copied(), length)
    }

    /// Identity of a check's metric in this environment.
    pub(crate) fn metric(&self, metric: &Metric, check: &str) -> MetricId {
        let dimensions = [("Environment", self.environment), ("Check", check)];
        MetricId {
            namespace: metric::NAMESPACE.to_owned(),
            name: metric.name.to_owned(),
            dimensions: dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }
}

/// The answer; `None` with a warning when it is missing. A review without it is useful all the same.
fn kept<T>(answer: Result<T, PortError>, missing: &str, warnings: &mut Vec<String>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            warnings.push(format!("{missing}: {error}"));
            None
        }
    }
}

/// Cadence of a check: the period of its alarm on lost monitoring.
fn cadence(alarms: &[MetricAlarm], id: &str) -> Duration {
    let own = alarms.iter().find(|alarm| {
        let mut metrics = alarm.source.metrics();
        metrics.any(|(own, _)| {
            own.name == metric::INCONCLUSIVE.name && own.dimensions.get("Check").is_some_and(|own| own == id)
        })
    });
    own.map_or(Duration::from_secs(60), |alarm| alarm.period)
}

/// Starts of the periods that a point of another period covers.
fn starts(at: Timestamp, own: Period, period: Period) -> impl Iterator<Item = Timestamp> {
    let end = at + own.duration();
    let following = move |start: &Timestamp| Some(*start + period.duration()).filter(|next| *next < end);
    std::iter::successors(Some(period.floor(at)), following)
}

/// Median interval between runs in whole minutes, at least the cadence: on one machine, checks may run less often. Points of longer periods
/// than the cadence say nothing about it.
fn interval(runs: &SeriesParts, cadence: Duration) -> Duration {
    let is_fine = |period: Period| period.seconds().unsigned_abs() <= cadence.as_secs();
    let fine: Vec<Timestamp> = with_periods(runs).filter(|(_, period)| is_fine(*period)).map(|(at, _)| at).collect();
    let mut seconds: Vec<u64> =
        fine.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs().unsigned_abs()).collect();
    seconds.sort_unstable();
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    cadence.max(Duration::from_secs(median.div_ceil(60) * 60))
}

/// Times of planned maintenance, from the platform's own report.
fn maintenance(points: &[Point]) -> Vec<(Timestamp, Timestamp)> {
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    for point in points.iter().filter(|point| point.value > 0.0) {
        let end = point.at + MAINTENANCE.duration();
        match spans.last_mut() {
            Some((_, until)) if point.at <= *until => *until = end,
            _ => spans.push((point.at, end)),
        }
    }
    spans
}
