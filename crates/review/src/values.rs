//! Reading of values, in parts of the resolution that the source has.

use std::collections::BTreeMap;

use alarm::{Data, Datapoint, MetricAlarm, MetricId, Statistic};
use history::{History, Period, Point, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

/// Longest window of one question: a store answers with at most 100,800 points.
const MAX_WINDOW: SignedDuration = SignedDuration::from_hours(60 * 24);

/// Progress of a review, for people who wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Answered questions.
    pub done: usize,
    /// All questions.
    pub all: usize,
    /// The next question, as a noun.
    pub what: String,
}

/// Points of a series, and the start and period of each part.
pub(crate) type SeriesParts = (Vec<Point>, Vec<(Timestamp, Period)>);

/// Series that were read before.
pub(crate) type KnownSeries = BTreeMap<(MetricId, Statistic), SeriesParts>;

/// Values of metrics, and the resolution of their parts.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) data: Data,
    /// Start and period of each part, oldest first, by metric and statistic.
    parts: BTreeMap<(MetricId, Statistic), Vec<(Timestamp, Period)>>,
}

impl Recorded {
    /// Reads the values that some alarms judge, except those that are `known`. Values of one minute count as one, also those of several
    /// locations.
    pub(crate) async fn read(
        history: &dyn History,
        alarms: &[&MetricAlarm],
        window: Window,
        known: &KnownSeries,
    ) -> Result<Self, PortError> {
        let mut read: BTreeMap<MetricId, BTreeMap<Statistic, Vec<Point>>> = BTreeMap::new();
        let mut recorded = Self::default();
        for (metric, statistic) in alarms.iter().flat_map(|alarm| alarm.source.metrics()) {
            let statistics = read.entry(metric.clone()).or_default();
            if statistics.contains_key(&statistic) {
                continue;
            }
            let (points, parts) = match known.get(&(metric.clone(), statistic)) {
                Some(known) => known.clone(),
                None => series(history, metric, statistic, window, Period::MINUTE).await?,
            };
            recorded.parts.insert((metric.clone(), statistic), parts);
            statistics.insert(statistic, points);
        }
        for (metric, statistics) in read {
            if statistics.values().any(|points| !points.is_empty()) {
                recorded.add(&metric, statistics);
            }
        }
        Ok(recorded)
    }

    fn add(&mut self, metric: &MetricId, mut statistics: BTreeMap<Statistic, Vec<Point>>) {
        if statistics.len() == 1 {
            let points = statistics.pop_first().map(|(_, points)| points).unwrap_or_default();
            self.data.publish_all(metric, points.iter().map(|point| (point.at, Datapoint::from_value(point.value))));
            return;
        }
        let mut sets: BTreeMap<Timestamp, BTreeMap<Statistic, f64>> = BTreeMap::new();
        for (statistic, points) in statistics {
            for point in points {
                sets.entry(point.at).or_default().insert(statistic, point.value);
            }
        }
        self.data.publish_all(metric, sets.iter().map(|(at, statistics)| (*at, datapoint(statistics))));
    }

    /// True if a metric of the alarm has a value.
    pub(crate) fn has_values(&self, alarm: &MetricAlarm) -> bool {
        alarm.source.metrics().any(|(metric, _)| self.data.has(metric))
    }

    /// Time from which all values are fine enough for the periods of an alarm. `None`: no value is.
    pub(crate) fn fine_from(&self, alarm: &MetricAlarm) -> Option<Timestamp> {
        let period = i64::try_from(alarm.period.as_secs()).unwrap_or(i64::MAX);
        let start = |key: (MetricId, Statistic)| {
            let parts = self.parts.get(&key)?;
            let fine = parts.iter().rev().take_while(|(_, own)| period % own.seconds() == 0);
            fine.last().map(|(from, _)| *from)
        };
        let starts = alarm.source.metrics().map(|(metric, statistic)| start((metric.clone(), statistic)));
        starts.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

/// Reads a series of any length. Returns its points, and the start and period of each part.
pub(crate) async fn series(
    history: &dyn History,
    metric: &MetricId,
    statistic: Statistic,
    window: Window,
    period: Period,
) -> Result<SeriesParts, PortError> {
    let (mut points, mut parts): (Vec<Point>, Vec<(Timestamp, Period)>) = (Vec::new(), Vec::new());
    let mut from = window.from;
    while from < window.until {
        let until = period.floor((from + MAX_WINDOW).min(window.until)).max(from + period.duration());
        for part in history.series(metric, statistic, Window::new(from, until), period).await?.parts {
            // Parts of longer periods overlap the next question.
            let last = points.last().map(|point| point.at);
            points.extend(part.points.into_iter().filter(|point| last.is_none_or(|last| last < point.at)));
            if parts.last().is_none_or(|(_, own)| *own != part.period) {
                parts.push((part.window.from, part.period));
            }
        }
        from = until;
    }
    Ok((points, parts))
}

/// Start of each point, and the period of its part.
pub(crate) fn with_periods((points, parts): &SeriesParts) -> impl Iterator<Item = (Timestamp, Period)> {
    points.iter().map(|point| {
        let part = parts.iter().rev().find(|(from, _)| *from <= point.at).or(parts.first());
        (point.at, part.map_or(Period::MINUTE, |(_, period)| *period))
    })
}

/// Statistic set with these statistics. The others follow from them, or are those of a single value.
fn datapoint(statistics: &BTreeMap<Statistic, f64>) -> Datapoint {
    let own = |statistic| statistics.get(&statistic).copied();
    let any = statistics.values().copied().next().unwrap_or_default();
    let count = own(Statistic::SampleCount).unwrap_or(1.0);
    Datapoint {
        count,
        sum: own(Statistic::Sum).unwrap_or_else(|| own(Statistic::Average).unwrap_or(any) * count),
        minimum: own(Statistic::Minimum).unwrap_or(any),
        maximum: own(Statistic::Maximum).unwrap_or(any),
    }
}
