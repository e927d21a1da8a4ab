//! Steps of runs, without their evidence.

use check::Phases;
use jiff::Timestamp;

use crate::{Percentiles, Point};

/// Step of a run's last attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTime {
    /// Subject.
    pub subject: String,
    /// Name.
    pub name: String,
    /// `passed`, `failed`, `inconclusive`, `maintenance` or `skipped`.
    pub result: String,
    /// Duration.
    ///
    /// **Units:** milliseconds.
    pub duration_ms: f64,
}

/// Average duration of a step over time.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSeries {
    /// Subject.
    pub subject: String,
    /// Name.
    pub name: String,
    /// Averages in milliseconds, oldest first.
    pub points: Vec<Point>,
}

/// Average time of the runs of one period in each phase of HTTP, summed over the requests of a run's last attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseTimes {
    /// Start of the period.
    pub at: Timestamp,
    /// Averages. `None`: no request of the period reached the phase.
    pub phases: Phases,
}

/// Percentiles of a step's durations, of passed and failed steps.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPercentiles {
    /// Subject.
    pub subject: String,
    /// Name.
    pub name: String,
    /// Percentiles.
    pub durations: Percentiles,
}
