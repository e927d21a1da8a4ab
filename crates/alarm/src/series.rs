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

    /// Statistic set of the values of both.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }

    /// Value of a statistic.
    #[must_use]
    pub fn value(self, statistic: Statistic) -> f64 {
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

    /// Adds many statistic sets of a metric.
    pub fn publish_all(&mut self, metric: &MetricId, sets: impl IntoIterator<Item = (Timestamp, Datapoint)>) {
        let points = self.metrics.entry(metric.clone()).or_default();
        for (at, set) in sets {
            let minute = at.as_second().div_euclid(MINUTE);
            points.entry(minute).and_modify(|own| *own = own.merge(set)).or_insert(set);
        }
    }

    /// True if the metric has a value.
    #[must_use]
    pub fn has(&self, metric: &MetricId) -> bool {
        self.metrics.get(metric).is_some_and(|points| !points.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Statistic; 5] =
        [Statistic::SampleCount, Statistic::Sum, Statistic::Average, Statistic::Minimum, Statistic::Maximum];

    fn metric() -> MetricId {
        MetricId { namespace: "Test".to_owned(), name: "M".to_owned(), dimensions: BTreeMap::new() }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60 + 59).unwrap()
    }

    /// Values by minute: several in some minutes, none in others.
    const VALUES: [(i64, f64); 12] = [
        (-3, 8.0),
        (0, 4.0),
        (0, 2.0),
        (1, 16.0),
        (2, 1.0),
        (4, -3.0),
        (4, 7.0),
        (5, 32.0),
        (9, 5.0),
        (10, 6.0),
        (10, 64.0),
        (13, 9.0),
    ];

    /// Statistic of the values in a period, one by one.
    fn expected(statistic: Statistic, start: i64, period: i64) -> Option<f64> {
        let within = |(minute, _): &&(i64, f64)| (start..start + period).contains(minute);
        let values: Vec<f64> = VALUES.iter().filter(within).map(|(_, value)| *value).collect();
        let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
        (!values.is_empty()).then_some(match statistic {
            Statistic::SampleCount => count,
            Statistic::Sum => sum,
            Statistic::Average => sum / count,
            Statistic::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
            Statistic::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    #[test]
    fn statistics_cover_the_values_of_each_period() {
        let mut data = Data::default();
        for (minute, value) in VALUES {
            data.publish(&metric(), at(minute), value);
        }
        data.publish(&metric(), at(7), f64::NAN);
        for statistic in ALL {
            for period in [1, 2, 3, 5, 8] {
                let windows = data.windows(&metric(), statistic, -1, 14, period);
                assert_eq!((windows.first, windows.values.len()), (-1, 16));
                for minute in -1..=14 {
                    let expected = expected(statistic, minute, period);
                    assert_eq!(windows.at(minute), expected, "{statistic:?} of {period} minutes at {minute}");
                }
                assert_eq!((windows.at(-2), windows.at(15)), (None, None));
            }
        }
    }

    #[test]
    fn metrics_with_values_are_listed() {
        let mut data = Data::default();
        assert_eq!(data.metrics().count(), 0);
        let set = Datapoint { count: 2.0, sum: 3.0, minimum: 1.0, maximum: 2.0 };
        data.publish_set(&metric(), at(0), set);
        assert_eq!(data.metrics().collect::<Vec<_>>(), [&metric()]);
        assert_eq!(data.windows(&metric(), Statistic::Average, 0, 0, 1).at(0), Some(1.5));
    }
}
