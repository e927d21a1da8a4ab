#![doc = include_str!("../README.md")]

mod alarms;
mod day;
mod log;
mod notified;
pub mod recorded;
mod run;
mod series;
mod step;
mod window;

use alarm::{MetricId, Statistic};
use async_trait::async_trait;
use check::Report;
use check::incident::{IncidentRecord, Mark, Silence};
use jiff::Timestamp;
use runtime::PortError;

pub use alarms::{AlarmChange, AlarmChanges, AlarmState};
pub use day::{Counts, Day, Percentiles, SubjectCounts, SubjectDays};
pub use log::{Found, LogLine};
pub use notified::{Delivered, Notified};
pub use run::{RunOutcome, RunSummary, Runs, SearchCost};
pub use series::{Part, Point, Series};
pub use step::{PhaseTimes, StepPercentiles, StepSeries, StepTime};
pub use window::{Period, Window};

/// Reads the recorded past. Changes nothing.
///
/// **Errors** of every method: the source cannot be read, or holds something malformed. No method returns a part of an answer as if
/// it were the whole.
#[async_trait]
pub trait History: Send + Sync {
    /// Reads the newest runs of a check by scheduled time in the window, newest first.
    async fn runs(&self, check: &str, window: Window, limit: usize) -> Result<Runs, PortError>;

    /// Price of [`History::run`] for this run.
    async fn search_cost(&self, check: &str, run_id: &str) -> Result<SearchCost, PortError>;

    /// Reads the report of a run. `None`: the run is unknown, or its report was not kept.
    ///
    /// **Side effects:** costs what [`History::search_cost`] says.
    async fn run(&self, check: &str, run_id: &str) -> Result<Option<Report>, PortError>;

    /// Reads the steps of a run's last attempt, in order. Empty: the run is unknown, or the source keeps steps only in reports.
    async fn steps(&self, check: &str, run_id: &str) -> Result<Vec<StepTime>, PortError>;

    /// Computes the average duration of each step for each period. Empty where the source keeps steps only in reports.
    async fn step_durations(&self, check: &str, window: Window, period: Period) -> Result<Vec<StepSeries>, PortError>;

    /// Computes the average time in each phase of HTTP for each period with requests, oldest first. Empty where the source keeps exchanges
    /// only in reports.
    async fn phase_durations(&self, check: &str, window: Window, period: Period) -> Result<Vec<PhaseTimes>, PortError>;

    /// Computes percentiles of the durations of each step, by subject and name. Of many runs, an even part counts. `None`: the source keeps steps only in log lines;
    /// [`History::search_steps`] reads those.
    async fn step_percentiles(&self, check: &str, window: Window) -> Result<Option<Vec<StepPercentiles>>, PortError>;

    /// Price of one search of the log lines of this window, as [`History::search_steps`] and [`History::search_unpassed`] make one.
    /// [`History::search_subjects`] makes two.
    async fn search_steps_cost(&self, check: &str, window: Window) -> Result<SearchCost, PortError>;

    /// Computes percentiles of the durations of each step from log lines, if the source keeps steps only there.
    ///
    /// **Side effects:** costs what [`History::search_steps_cost`] says.
    async fn search_steps(&self, check: &str, window: Window) -> Result<Vec<StepPercentiles>, PortError>;

    /// Counts the runs of each subject for each UTC day of the window from log lines, if the source counts them only there.
    ///
    /// **Side effects:** costs twice what [`History::search_steps_cost`] says.
    async fn search_subjects(&self, check: &str, window: Window) -> Result<SubjectDays, PortError>;

    /// Reads the oldest reports of runs in the window that did not pass, oldest first.
    ///
    /// **Side effects:** costs what [`History::search_steps_cost`] says.
    async fn search_unpassed(&self, check: &str, window: Window, limit: usize) -> Result<Found<Report>, PortError>;

    /// Price of [`History::search_log`] for this window.
    async fn search_log_cost(&self, log: &str, window: Window) -> Result<SearchCost, PortError>;

    /// Reads the oldest lines of the window about errors in a log of the platform, oldest first.
    ///
    /// **Side effects:** costs what [`History::search_log_cost`] says.
    async fn search_log(&self, log: &str, window: Window, limit: usize) -> Result<Found<LogLine>, PortError>;

    /// Computes a statistic of a metric for each period that overlaps the window. Periods begin at multiples of their length since 1970;
    /// one without values has no point.
    async fn series(
        &self,
        metric: &MetricId,
        statistic: Statistic,
        window: Window,
        period: Period,
    ) -> Result<Series, PortError>;

    /// Reads the incidents of a check that began at a time or later, newest first, with acknowledgements.
    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError>;

    /// Reads notifications by id, oldest first. Unknown ids are left out. `None`: the source keeps no messages.
    async fn notifications(&self, ids: &[String]) -> Result<Option<Vec<Notified>>, PortError>;

    /// Reads the newest changes of alarms in the window, newest first.
    async fn alarm_changes(&self, window: Window, limit: usize) -> Result<AlarmChanges, PortError>;

    /// Reads the state of each alarm, by name.
    async fn alarm_states(&self) -> Result<Vec<AlarmState>, PortError>;

    /// Reads the stored mutes of a check, also the ended ones not removed yet.
    async fn mutes(&self, check: &str) -> Result<Vec<Silence>, PortError>;

    /// Reads the marks of a time or later, newest first.
    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError>;

    /// Reads the numbers of each UTC day that overlaps the window and has a run of the check, oldest first.
    async fn daily(&self, check: &str, window: Window) -> Result<Vec<Day>, PortError>;
}
