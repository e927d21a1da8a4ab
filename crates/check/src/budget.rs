//! Objectives and error budgets: the part of a check's runs that has to pass, and how much of the rest has failed already.
//!
//! The budget of thirty days is the failed runs that the objective allows among all runs of these days. Runs without a verdict
//! count neither way. Notifications, console and reviews use this arithmetic.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Part of a check's runs that has to pass within [`Objective::DAYS`] days.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Objective(f64);

/// Reason why a number is no objective, or none that an alarm can guard.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ObjectiveError {
    /// It is no part of the runs, or all of them.
    #[error("expected a number above 0 and below 1, such as 0.99, found {0}")]
    NotAPart(f64),
    /// A single failed run would raise the alarm.
    #[error(
        "expected at most {most} for a check with a run every {cadence_seconds} s, found {found}: a single failed run within six \
         hours would raise the alarm"
    )]
    TooHigh {
        /// The number.
        found: f64,
        /// Highest objective of this cadence, rounded down.
        most: f64,
        /// Seconds between two runs.
        cadence_seconds: u64,
    },
    /// More runs would have to fail than there are.
    #[error("expected at least {least}, found {found}: the alarm would need more failed runs than six hours have")]
    TooLow {
        /// The number.
        found: f64,
        /// Lowest objective, rounded up.
        least: f64,
    },
}

/// Data points of a burn-rate alarm: M of N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurnAlarm {
    /// Failed runs that raise it (M).
    pub to_alarm: u32,
    /// Runs that it looks at (N).
    pub periods: u32,
}

impl Objective {
    /// Days of the error budget. The current UTC day is one of them.
    pub const DAYS: u32 = 30;
    /// Burn rate of the alarm: at this rate, the budget of thirty days lasts for five.
    pub const BURN_RATE: f64 = 6.0;
    /// Window of the alarm.
    pub const ALARM_WINDOW: Duration = Duration::from_secs(6 * 60 * 60);

    /// Creates an objective.
    ///
    /// # Errors
    /// When the number is not above 0 and below 1.
    pub fn new(target: f64) -> Result<Self, ObjectiveError> {
        if target > 0.0 && target < 1.0 { Ok(Self(target)) } else { Err(ObjectiveError::NotAPart(target)) }
    }

    /// Part of the runs that has to pass.
    #[must_use]
    pub const fn target(self) -> f64 {
        self.0
    }

    /// Failed runs as a part of those that the objective allows among these; `None` without any run.
    #[must_use]
    pub fn spent(self, runs: DayRuns) -> Option<f64> {
        let all = runs.all();
        (all > 0.0).then(|| runs.failed as f64 / ((1.0 - self.0) * all))
    }

    /// Data points of the burn-rate alarm of a check with this cadence: M = ceil(6 x (1 - target) x N).
    ///
    /// # Errors
    /// When a single failed run would raise the alarm, or no number of them.
    pub fn burn_alarm(self, cadence: Duration) -> Result<BurnAlarm, ObjectiveError> {
        let seconds = cadence.as_secs().max(1);
        let periods = u32::try_from(Self::ALARM_WINDOW.as_secs() / seconds).unwrap_or(u32::MAX).max(1);
        let allowed = Self::BURN_RATE * (1.0 - self.0) * f64::from(periods);
        // 1 - 0.975 is a little more than 0.025; a whole number stays one.
        let to_alarm = (allowed - 1e-6).ceil();
        if to_alarm > f64::from(periods) {
            let least = ((1.0 - 1.0 / Self::BURN_RATE) * 1e3).ceil() / 1e3;
            return Err(ObjectiveError::TooLow { found: self.0, least });
        }
        if to_alarm < 2.0 {
            let most = ((1.0 - 1.0 / (Self::BURN_RATE * f64::from(periods))) * 1e4).floor() / 1e4;
            return Err(ObjectiveError::TooHigh { found: self.0, most, cadence_seconds: seconds });
        }
        Ok(BurnAlarm { to_alarm: to_alarm as u32, periods })
    }
}

impl fmt::Display for Objective {
    /// Writes the target in percent: `99.9 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", rounded(self.0 * 100.0, 4))
    }
}

/// Runs with a verdict of one UTC day. As JSON `[passed, failed]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct DayRuns {
    /// Passed runs.
    pub passed: u64,
    /// Failed runs.
    pub failed: u64,
}

impl From<(u64, u64)> for DayRuns {
    fn from((passed, failed): (u64, u64)) -> Self {
        Self { passed, failed }
    }
}

impl From<DayRuns> for (u64, u64) {
    fn from(runs: DayRuns) -> Self {
        (runs.passed, runs.failed)
    }
}

impl DayRuns {
    fn with(self, other: Self) -> Self {
        Self { passed: self.passed.saturating_add(other.passed), failed: self.failed.saturating_add(other.failed) }
    }

    fn all(self) -> f64 {
        self.passed as f64 + self.failed as f64
    }
}

/// Passed and failed runs of a check by UTC day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunCounts(BTreeMap<Date, DayRuns>);

impl RunCounts {
    /// Maximum number of days that [`RunCounts::count`] keeps: those of the budget, and one more.
    pub const MAX_DAYS: i64 = 31;

    /// Counts one run with a verdict, and forgets the days that no budget needs any longer.
    pub fn count(&mut self, at: Timestamp, passed: bool) {
        let day = utc_day(at);
        let one = DayRuns { passed: u64::from(passed), failed: u64::from(!passed) };
        self.add(day, one);
        // A run of the evening may end after one of the next day. Other days after this one come from a clock that was wrong.
        let (oldest, newest) = (days_after(day, 1 - Self::MAX_DAYS), days_after(day, 1));
        self.0.retain(|day, _| (oldest..=newest).contains(day));
        while self.0.len() > Self::MAX_DAYS as usize {
            self.0.pop_first();
        }
    }

    /// Adds the runs of a day.
    pub fn add(&mut self, day: Date, runs: DayRuns) {
        let counted = self.0.entry(day).or_default();
        *counted = counted.with(runs);
    }

    /// True if no run was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sum of the days from `first` to `last`.
    fn sum(&self, first: Date, last: Date) -> DayRuns {
        if first > last {
            return DayRuns::default();
        }
        self.0.range(first..=last).fold(DayRuns::default(), |sum, (_, runs)| sum.with(*runs))
    }
}

impl FromIterator<(Date, DayRuns)> for RunCounts {
    fn from_iter<I: IntoIterator<Item = (Date, DayRuns)>>(days: I) -> Self {
        let mut counts = Self::default();
        for (day, runs) in days {
            counts.add(day, runs);
        }
        counts
    }
}

/// Error budget of a check: its runs of the last [`Objective::DAYS`] UTC days against its objective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBudget {
    /// Part of the runs that has to pass within thirty days.
    pub objective: f64,
    /// Days from the first counted run to this one, at most 30.
    pub days: u32,
    /// Passed runs of these days.
    pub passed: u64,
    /// Failed runs of these days.
    pub failed: u64,
    /// Failed runs as a part of those that the objective allows; above 1 when there were more. Absent while the runs may cover
    /// less than a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<f64>,
    /// Remaining part of the budget, 0 when it is gone; present with `spent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<f64>,
    /// Seconds until the budget is gone when runs fail as often as since the beginning of the previous UTC day, 0 when it is gone.
    /// Absent when it would last, and without `spent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_in_seconds: Option<i64>,
}

impl ErrorBudget {
    /// Computes the budget at a time.
    #[must_use]
    pub fn new(objective: Objective, counts: &RunCounts, now: Timestamp) -> Self {
        let today = utc_day(now);
        let first = days_after(today, 1 - i64::from(Objective::DAYS));
        let runs = counts.sum(first, today);
        let oldest = counts.0.range(first..=today).find(|(_, runs)| runs.all() > 0.0).map(|(day, _)| *day);
        let days = oldest.map_or(0, |oldest| days_between(oldest, today) + 1);
        // The first and the current day may be short; a day between them is whole.
        let spent = objective.spent(runs).filter(|_| days > 2).map(|spent| rounded(spent, 3));
        Self {
            objective: objective.0,
            days: u32::try_from(days).unwrap_or(Objective::DAYS),
            passed: runs.passed,
            failed: runs.failed,
            spent,
            left: spent.map(|spent| rounded((1.0 - spent).max(0.0), 3)),
            gone_in_seconds: spent.and_then(|_| gone_in_seconds(objective, counts, now)),
        }
    }

    /// True if at least as many runs failed as the objective allows among those counted. Further passed runs allow more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.spent.is_some_and(|spent| spent >= 1.0)
    }

    /// Passed part of the runs; `None` without any.
    #[must_use]
    pub fn success(&self) -> Option<f64> {
        let runs = DayRuns { passed: self.passed, failed: self.failed };
        (runs.all() > 0.0).then(|| self.passed as f64 / runs.all())
    }
}

/// Seconds until the budget is gone when runs go on to fail as since the beginning of the previous day. `None`: it lasts.
fn gone_in_seconds(objective: Objective, counts: &RunCounts, now: Timestamp) -> Option<i64> {
    let today = utc_day(now);
    let yesterday = days_after(today, -1);
    let recent = counts.sum(yesterday, today);
    let elapsed = (now.as_second() - start(yesterday)?).max(1) as f64;
    // Runs and failed runs per second.
    let (rate, failing) = (recent.all() / elapsed, recent.failed as f64 / elapsed);
    let allowed = 1.0 - objective.0;
    for later in 0..i64::from(Objective::DAYS) {
        let counted = counts.sum(days_after(today, later + 1 - i64::from(Objective::DAYS)), today);
        let begins = (start(days_after(today, later))? - now.as_second()).max(0) as f64;
        let ends = (start(days_after(today, later + 1))? - now.as_second()) as f64;
        // Failed runs beyond the allowed ones, now and per second.
        let (excess, growth) = (counted.failed as f64 - allowed * counted.all(), failing - allowed * rate);
        // A millionth of a run: products of decimals are not exact.
        if excess + growth * begins >= -1e-6 && counted.all() + rate * begins > 0.0 {
            return Some(begins as i64);
        }
        let gone = -excess / growth;
        if growth > 0.0 && gone < ends {
            return Some(gone as i64);
        }
    }
    None
}

/// UTC day of a time.
#[must_use]
pub fn utc_day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn days_after(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

fn days_between(first: Date, last: Date) -> i64 {
    first.until(last).map_or(0, |span| i64::from(span.get_days()))
}

/// Start of a UTC day, in seconds since 1970.
fn start(day: Date) -> Option<i64> {
    day.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp().as_second())
}

/// Rounds to a number of decimals.
fn rounded(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}

/// Writes a part in percent, with one decimal at most.
pub(crate) fn percent(part: f64) -> String {
    format!("{} %", rounded(part * 100.0, 1))
}

#[cfg(test)]
mod tests;
