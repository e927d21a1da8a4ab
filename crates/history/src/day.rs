//! Numbers of a day.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Numbers of one check and UTC day.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// Start.
    pub at: Timestamp,
    /// Runs by outcome.
    pub runs: Counts,
    /// Durations of passed and failed runs; `None` without such runs.
    pub durations: Option<Percentiles>,
    /// Runs of each subject; `None` when the source does not count them.
    pub subjects: Option<BTreeMap<String, SubjectCounts>>,
}

/// Numbers of runs. Refused ones are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed runs.
    pub passed: u64,
    /// Failed runs.
    pub failed: u64,
    /// Inconclusive runs.
    pub inconclusive: u64,
    /// Runs in maintenance.
    pub maintenance: u64,
}

/// Percentiles of durations.
///
/// **Units:** milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Numbers of each subject by the start of the UTC day.
pub type SubjectDays = BTreeMap<Timestamp, BTreeMap<String, SubjectCounts>>;

/// Numbers of runs with a verdict about a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubjectCounts {
    /// Runs in which it passed.
    pub passed: u64,
    /// Runs in which it failed.
    pub failed: u64,
}
