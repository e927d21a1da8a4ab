//! Series of a metric.

use jiff::Timestamp;

use crate::{Period, Window};

/// Statistic of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Start of the period.
    pub at: Timestamp,
    /// Value.
    pub value: f64,
}

/// Points of one period length.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Window, in whole periods.
    pub window: Window,
    /// Period of the points; longer than the requested one where the source keeps no finer values.
    pub period: Period,
    /// Points, oldest first.
    pub points: Vec<Point>,
}

/// Statistic of a metric over time. Only a source that keeps old values in longer periods has more than one part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Parts, oldest first; none of them overlap.
    pub parts: Vec<Part>,
}

impl Series {
    /// All points, oldest first.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.parts.iter().flat_map(|part| &part.points)
    }

    /// Period of the oldest point; `None` without points.
    #[must_use]
    pub fn resolution(&self) -> Option<Period> {
        self.parts.iter().find(|part| !part.points.is_empty()).map(|part| part.period)
    }
}
