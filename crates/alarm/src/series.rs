//! What was published: statistic sets by metric and minute.

use std::collections::{BTreeMap, VecDeque};

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
    pub const fn of(value: f64) -> Self {
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
            self.publish_set(metric, at, Datapoint::of(value));
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
    ) -> Windows {
        let length = usize::try_from(last - first + 1).unwrap_or_default();
        let mut windows = Windows { first, values: vec![None; length] };
        let Some(points) = self.metrics.get(metric) else { return windows };
        // What is in the period, oldest first; of the least and the greatest those alone that may still become it.
        let mut within: VecDeque<(i64, Datapoint)> = VecDeque::new();
        let mut extremes: VecDeque<(i64, f64)> = VecDeque::new();
        let (mut count, mut sum) = (0.0, 0.0);
        let mut points = points.range(first..last + period).peekable();
        for start in first..=last {
            while let Some((minute, point)) = points.next_if(|(minute, _)| **minute < start + period) {
                within.push_back((*minute, *point));
                count += point.count;
                sum += point.sum;
                let extreme = match statistic {
                    Statistic::Minimum => Some((point.minimum, Ordering::Least)),
                    Statistic::Maximum => Some((point.maximum, Ordering::Greatest)),
                    Statistic::Average | Statistic::Sum | Statistic::SampleCount => None,
                };
                if let Some((value, order)) = extreme {
                    while extremes.back().is_some_and(|(_, other)| order.prefers(value, *other)) {
                        extremes.pop_back();
                    }
                    extremes.push_back((*minute, value));
                }
            }
            while let Some((_, gone)) = within.front().filter(|(minute, _)| *minute < start) {
                count -= gone.count;
                sum -= gone.sum;
                within.pop_front();
            }
            while extremes.front().is_some_and(|(minute, _)| *minute < start) {
                extremes.pop_front();
            }
            if within.is_empty() {
                // What rounding has left of sums ends with what was summed.
                (count, sum) = (0.0, 0.0);
                continue;
            }
            windows.values[usize::try_from(start - first).unwrap_or_default()] = match statistic {
                Statistic::SampleCount => Some(count),
                Statistic::Sum => Some(sum),
                Statistic::Average => Some(sum / count),
                Statistic::Minimum | Statistic::Maximum => extremes.front().map(|(_, value)| *value),
            };
        }
        windows
    }
}

enum Ordering {
    Least,
    Greatest,
}

impl Ordering {
    /// Whether one value makes the other, older one irrelevant.
    fn prefers(&self, value: f64, other: f64) -> bool {
        match self {
            Self::Least => value <= other,
            Self::Greatest => value >= other,
        }
    }
}

/// One value for each period, by the minute it begins at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Windows {
    pub(crate) first: i64,
    pub(crate) values: Vec<Option<f64>>,
}

impl Windows {
    pub(crate) fn at(&self, minute: i64) -> Option<f64> {
        let place = usize::try_from(minute - self.first).ok()?;
        self.values.get(place).copied().flatten()
    }
}
