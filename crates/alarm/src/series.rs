//! What was published: statistic sets by metric and minute.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{MetricId, Statistic};

/// Seconds of a minute.
const MINUTE: i64 = 60;

/// The values of a minute, as CloudWatch keeps them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    /// How many there are.
    pub count: f64,
    /// All of them together.
    pub sum: f64,
    /// The least.
    pub minimum: f64,
    /// The greatest.
    pub maximum: f64,
}

impl Datapoint {
    /// One value.
    #[must_use]
    pub const fn from_value(value: f64) -> Self {
        Self { count: 1.0, sum: value, minimum: value, maximum: value }
    }

    fn and(self, other: Self) -> Self {
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

/// All that was published.
#[derive(Clone, Debug, Default)]
pub struct Data {
    metrics: BTreeMap<MetricId, BTreeMap<i64, Datapoint>>,
}

impl Data {
    /// Something was published. A value that is not finite is not: CloudWatch refuses it.
    pub fn publish(&mut self, metric: &MetricId, at: Timestamp, value: f64) {
        if value.is_finite() {
            self.publish_set(metric, at, Datapoint::from_value(value));
        }
    }

    /// A whole statistic set was published.
    pub fn publish_set(&mut self, metric: &MetricId, at: Timestamp, set: Datapoint) {
        let minute = at.as_second().div_euclid(MINUTE);
        let points = match self.metrics.get_mut(metric) {
            Some(points) => points,
            None => self.metrics.entry(metric.clone()).or_default(),
        };
        points.entry(minute).and_modify(|own| *own = own.and(set)).or_insert(set);
    }

    /// The metrics that something was published of.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricId> {
        self.metrics.keys()
    }

    /// A statistic over each period that begins at one of these minutes (since 1970): `None` where nothing was published. One
    /// pass over the data, whatever the period.
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
        let mut within = Within::default();
        let mut points = points.range(first..last + period).peekable();
        for (place, start) in (first..=last).enumerate() {
            while let Some((minute, point)) = points.next_if(|(minute, _)| **minute < start + period) {
                within.push(*minute, *point);
            }
            within.leave(start);
            windows.values[place] = within.together().map(|set| set.value(statistic));
        }
        windows
    }
}

/// The points of a period that slides: those that come are added, those that go are forgotten and not subtracted, since a sum that
/// rounding has changed is another one. A queue of two stacks, so that each point is touched a few times, however long the period.
#[derive(Default)]
struct Within {
    /// Oldest last; each with all that are newer of these.
    older: Vec<(i64, Datapoint)>,
    /// Oldest first.
    newer: Vec<(i64, Datapoint)>,
    /// The newer ones together.
    together: Option<Datapoint>,
}

impl Within {
    fn push(&mut self, minute: i64, point: Datapoint) {
        self.newer.push((minute, point));
        self.together = Some(self.together.map_or(point, |set| set.and(point)));
    }

    /// Forgets what was before a minute.
    fn leave(&mut self, start: i64) {
        while self.older.last().or(self.newer.first()).is_some_and(|(minute, _)| *minute < start) {
            if self.older.is_empty() {
                for (minute, point) in self.newer.drain(..).rev() {
                    let with_newer = self.older.last().map_or(point, |(_, newer)| point.and(*newer));
                    self.older.push((minute, with_newer));
                }
                self.together = None;
            }
            self.older.pop();
        }
    }

    fn together(&self) -> Option<Datapoint> {
        match (self.older.last(), self.together) {
            (Some((_, older)), Some(newer)) => Some(older.and(newer)),
            (Some((_, older)), None) => Some(*older),
            (None, newer) => newer,
        }
    }
}

/// One value for each period, by the minute it begins at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Windows<T> {
    pub(crate) first: i64,
    pub(crate) values: Vec<Option<T>>,
}

impl<T: Copy> Windows<T> {
    pub(crate) fn at(&self, minute: i64) -> Option<T> {
        let place = usize::try_from(minute - self.first).ok()?;
        self.values.get(place).copied().flatten()
    }
}
