//! What to read about incidents.

use std::collections::BTreeMap;

use alarm::MetricAlarm;
use check::budget::Objective;
use check::incident::IncidentRecord;
use history::Window;
use jiff::{SignedDuration, Timestamp};

/// Time before the first failed run from which marks and changes of alarms count: a release comes before its incident.
pub const BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// Log lines to search.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSearch<'a> {
    /// True for the reports of runs that did not pass.
    pub runs: bool,
    /// Logs of the platform.
    pub platform: &'a [String],
}

/// What to read, and what is known already.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Name of the environment; empty if it is not known.
    pub environment: &'a str,
    /// Ids of all checks.
    pub checks: &'a [&'static str],
    /// The shipped alarms.
    pub alarms: &'a [MetricAlarm],
    /// Objective of each check.
    pub objectives: &'a BTreeMap<String, Objective>,
    /// Log lines to search.
    pub logs: LogSearch<'a>,
    /// Current time.
    pub now: Timestamp,
}

impl Asked<'_> {
    /// Window of the timeline: what is wanted, or else from [`BEFORE`] the first incident to the end of the last.
    pub(super) fn window(&self, records: &[IncidentRecord], wanted: Option<Window>) -> Window {
        let begin = records.iter().map(|record| record.since).min().unwrap_or(self.now);
        let end = records.iter().map(|record| record.closed_at.unwrap_or(self.now)).max().unwrap_or(self.now);
        wanted.unwrap_or_else(|| Window::new(begin - BEFORE, end + SignedDuration::from_mins(1)))
    }
}
