//! Published values: statistic sets by metric and minute.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{MetricId, Statistic};

/// Seconds per minute.
const MINUTE: i64 = 60;

/// Values of one minute, as CloudWatch stores them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    /// Number of values.
    pub count: f64,
    /// Sum of the values.
    pub sum: f64,
    /// Smallest value.
    pub minimum: f64,
    /// Largest value.
    pub maximum: f64,
}

impl Datapoint {
    /// Statistic set of a single value.
    #[must_use]
    pub const fn from_value(value: f64) -> Self {
        Self { count: 1.0, sum: value, minimum: value, maximum: value }
    }

    fn merge(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }

    fn value(self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::SampleCount => self.count,
            Statistic::Sum => self.sum,
            Statistic::Average => self.sum / self.count,
            Statistic::Minimum => self.minimum,
            Statistic::Maximum => self.maximum,
        }
    }
}

/// All published values.
#[derive(Clone, Debug, Default)]
pub struct Data {
    metrics: BTreeMap<MetricId, BTreeMap<i64, Datapoint>>,
}

impl Data {
    /// Adds a value. Values that are not finite are ignored, since CloudWatch rejects them.
    pub fn publish(&mut self, metric: &MetricId, at: Timestamp, value: f64) {
        if value.is_finite() {
            self.publish_set(metric, at, Datapoint::from_value(value));
        }
    }

    /// Adds a statistic set.
    pub fn publish_set(&mut self, metric: &MetricId, at: Timestamp, set: Datapoint) {
        let minute = at.as_second().div_euclid(MINUTE);
        let points = match self.metrics.get_mut(metric) {
            Some(points) => points,
            None => self.metrics.entry(metric.clone()).or_default(),
        };
        points.entry(minute).and_modify(|own| *own = own.merge(set)).or_insert(set);
    }

    /// Metrics with at least one value.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricId> {
        self.metrics.keys()
    }

    /// Computes a statistic for each period that starts at one of these minutes (since 1970); `None` for a period without
    /// values. Takes one pass over the data for any period.
    pub(crate) fn windows(
        &self,
        metric: &MetricId,
        statistic: Statistic,
        first: i64,
        last: i64,
        period: i64,
    ) -> Windows<f64> {
        let length = usize::try_from(last - first + 1).unwrap_or_default();
        let mut windows = Windows { first, values: vec![None; length] };
        let Some(points) = self.metrics.get(metric) else { return windows };
        let mut window = SlidingWindow::default();
        let mut points = points.range(first..last + period).peekable();
        for (index, start) in (first..=last).enumerate() {
            while let Some((minute, point)) = points.next_if(|(minute, _)| **minute < start + period) {
                window.push(*minute, *point);
            }
            window.drop_before(start);
            windows.values[index] = window.total().map(|set| set.value(statistic));
        }
        windows
    }
}

/// Statistic sets within a sliding period. Old ones are dropped rather than subtracted, since subtraction would accumulate
/// rounding errors. It is a queue of two stacks, so each set is touched a few times at most, for any period.
#[derive(Default)]
struct SlidingWindow {
    /// Oldest last; each merged with all newer ones of this stack.
    older: Vec<(i64, Datapoint)>,
    /// Oldest first.
    newer: Vec<(i64, Datapoint)>,
    /// Total of `newer`.
    newer_total: Option<Datapoint>,
}

impl SlidingWindow {
    fn push(&mut self, minute: i64, point: Datapoint) {
        self.newer.push((minute, point));
        self.newer_total = Some(self.newer_total.map_or(point, |set| set.merge(point)));
    }

    /// Drops everything before a minute.
    fn drop_before(&mut self, start: i64) {
        while self.older.last().or(self.newer.first()).is_some_and(|(minute, _)| *minute < start) {
            if self.older.is_empty() {
                for (minute, point) in self.newer.drain(..).rev() {
                    let with_newer = self.older.last().map_or(point, |(_, newer)| point.merge(*newer));
                    self.older.push((minute, with_newer));
                }
                self.newer_total = None;
            }
            self.older.pop();
        }
    }

    fn total(&self) -> Option<Datapoint> {
        match (self.older.last(), self.newer_total) {
            (Some((_, older)), Some(newer)) => Some(older.merge(newer)),
            (Some((_, older)), None) => Some(*older),
            (None, newer) => newer,
        }
    }
}

/// One value per period, by the minute at which the period starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Windows<T> {
    pub(crate) first: i64,
    pub(crate) values: Vec<Option<T>>,
}

impl<T: Copy> Windows<T> {
    pub(crate) fn at(&self, minute: i64) -> Option<T> {
        let index = usize::try_from(minute - self.first).ok()?;
        self.values.get(index).copied().flatten()
    }
}
