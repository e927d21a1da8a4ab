//! Trends by week, and projections of resources.

use history::{Counts, Day, Point, Window};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::headroom::percentile;
use crate::slope::theil_sen;
use crate::subject_trend::SubjectTrends;
use crate::week::{MAX_ROWS, Week, days_of, in_window};

/// Fewest days with values for a projection: each day of the week twice.
const MIN_DAYS: usize = 14;
/// Farthest projection, as a multiple of the days with values.
const HORIZON: f64 = 12.0;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Trends of the window by week. Weeks begin on Monday, UTC, so that a change of the clock neither adds nor removes an hour.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Trends {
    /// The weeks, oldest first. All lists below have their order.
    pub weeks: Vec<Week>,
    /// Success and durations of each check.
    pub checks: Vec<CheckTrend>,
    /// Success of subjects.
    pub subjects: SubjectTrends,
    /// Durations of steps.
    pub steps: StepTrends,
    /// Load, queues, resources and certificates.
    pub series: Vec<SeriesTrend>,
    /// Numbers that no source has, with the reason.
    pub unavailable: Vec<String>,
    /// Cost.
    pub cost: CostTrend,
}

/// Weeks of a check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CheckTrend {
    /// Id of the check.
    pub check: String,
    /// Numbers of each week; `None` without runs.
    pub weeks: Vec<Option<CheckWeek>>,
}

/// Numbers of a check and week.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CheckWeek {
    /// Passed runs.
    pub passed: u64,
    /// Failed runs.
    pub failed: u64,
    /// Inconclusive runs.
    pub inconclusive: u64,
    /// Runs in maintenance.
    pub maintenance: u64,
    /// Passed part of the runs with a verdict; `None` without any.
    pub success: Option<f64>,
    /// Medians of the days' percentiles of durations; `None` without durations.
    ///
    /// **Units:** milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
}

/// Durations of steps.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum StepTrends {
    /// Read from the source.
    Known {
        /// The steps.
        steps: Vec<StepTrend>,
    },
    /// Only log lines have them, and they were not asked for.
    NotAsked,
}

impl StepTrends {
    /// The slowest steps of their newest week, and the number of the others; `None` if they were not asked for.
    #[must_use]
    pub fn slowest(&self) -> Option<(Vec<&StepTrend>, usize)> {
        let Self::Known { steps } = self else { return None };
        let newest = |step: &StepTrend| step.weeks.iter().rev().flatten().next().map_or(0.0, |week| week.p95_ms);
        let mut sorted: Vec<&StepTrend> = steps.iter().collect();
        sorted.sort_by(|one, other| newest(other).total_cmp(&newest(one)));
        sorted.truncate(MAX_ROWS);
        let others = steps.len() - sorted.len();
        Some((sorted, others))
    }
}

/// Weeks of a step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StepTrend {
    /// Id of the check.
    pub check: String,
    /// Subject; `-` if the check is a single flow.
    pub subject: String,
    /// Name of the step.
    pub step: String,
    /// Numbers of each week; `None` without a passed or failed step.
    pub weeks: Vec<Option<StepWeek>>,
}

/// Durations of a step in a week.
///
/// **Units:** milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StepWeek {
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
}

/// Group of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Requests of users.
    Load,
    /// Waiting work.
    Queue,
    /// Capacity.
    Resource,
    /// Certificates.
    Certificate,
}

/// Weeks of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SeriesTrend {
    /// Group.
    pub group: Group,
    /// Name of the metric, with its channel if it has one.
    pub metric: String,
    /// Id of the check.
    pub check: String,
    /// Unit, by its name in CloudWatch.
    pub unit: String,
    /// Statistic of a day; the week has the median of its days.
    pub statistic: String,
    /// Value of each week; `None` without values.
    pub weeks: Vec<Option<f64>>,
    /// Projection, for resources and certificates.
    pub projection: Option<Projection>,
}

/// Cost by week.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum CostTrend {
    /// The checks run on one machine, without a bill.
    OnOneMachine,
    /// Estimated from the price list and the runs of each week.
    Estimated {
        /// Cost of each week, in the order of the weeks.
        ///
        /// **Units:** USD at list price.
        weeks_usd: Vec<f64>,
        /// Cost of a month as planned.
        ///
        /// **Units:** USD at list price.
        month_usd: f64,
    },
}

/// Future of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Projection {
    /// Too few days have values.
    TooLittleData {
        /// Days with values.
        days: usize,
        /// Needed days.
        needed: usize,
    },
    /// The slope is not different from none, or falls, or the limit is too far to say.
    NoLimitInSight {
        /// Change in a day.
        per_day: f64,
        /// Lower end of the interval of 95 %.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// The limit is reached at this rate.
    Reaches {
        /// The limit.
        limit: f64,
        /// Present value, on the line through the days.
        now: f64,
        /// Change in a day.
        per_day: f64,
        /// Days until the limit.
        days: f64,
        /// The same with the upper end of the interval of 95 % of the slope.
        earliest_days: f64,
        /// The same with the lower end.
        latest_days: f64,
    },
    /// A certificate expires.
    Expires {
        /// Time.
        at: Timestamp,
        /// Days until then.
        days: f64,
    },
}

/// Sums up the days of a check.
pub(crate) fn check_trend(check: &str, days: &[Day], weeks: &[Week]) -> CheckTrend {
    let week = |week: &Week| {
        let own: Vec<&Day> = days_of(days, *week, weeks).collect();
        if own.is_empty() {
            return None;
        }
        let counts = own.iter().fold(Counts::default(), |sum, day| added(sum, day.runs));
        let verdicts = counts.passed + counts.failed;
        let median = |value: fn(&history::Percentiles) -> f64| {
            let mut values: Vec<f64> = own.iter().filter_map(|day| day.durations.as_ref()).map(value).collect();
            values.sort_by(f64::total_cmp);
            percentile(&values, 50.0)
        };
        Some(CheckWeek {
            passed: counts.passed,
            failed: counts.failed,
            inconclusive: counts.inconclusive,
            maintenance: counts.maintenance,
            success: (verdicts > 0).then(|| counts.passed as f64 / verdicts as f64),
            p50_ms: median(|durations| durations.p50),
            p95_ms: median(|durations| durations.p95),
            p99_ms: median(|durations| durations.p99),
        })
    };
    CheckTrend { check: check.to_owned(), weeks: weeks.iter().map(week).collect() }
}

/// Sum of two numbers of runs.
pub(crate) fn added(one: Counts, other: Counts) -> Counts {
    Counts {
        passed: one.passed + other.passed,
        failed: one.failed + other.failed,
        inconclusive: one.inconclusive + other.inconclusive,
        maintenance: one.maintenance + other.maintenance,
    }
}

/// Median of the days of each week.
pub(crate) fn by_week(days: &[Point], weeks: &[Week]) -> Vec<Option<f64>> {
    let week = |week: &Week| {
        let own = days.iter().filter(|point| week.has(in_window(point.at, weeks)));
        let mut values: Vec<f64> = own.map(|point| point.value).collect();
        values.sort_by(f64::total_cmp);
        percentile(&values, 50.0)
    };
    weeks.iter().map(week).collect()
}

/// Projects a resource from the whole days of a window to its limit, from the end of the window on.
pub(crate) fn project(days: &[Point], limit: f64, window: Window) -> Projection {
    let noon = |day: &Point| day.at + SignedDuration::from_hours(12);
    let is_whole = |day: &&Point| window.from <= day.at && day.at + SignedDuration::from_hours(24) <= window.until;
    let days: Vec<&Point> = days.iter().filter(is_whole).collect();
    if days.len() < MIN_DAYS {
        return Projection::TooLittleData { days: days.len(), needed: MIN_DAYS };
    }
    let from_end = |at: Timestamp| (at.as_second() - window.until.as_second()) as f64 / DAY;
    let points: Vec<(f64, f64)> = days.iter().map(|day| (from_end(noon(day)), day.value)).collect();
    let Some(slope) = theil_sen(&points) else {
        return Projection::TooLittleData { days: days.len(), needed: MIN_DAYS };
    };
    let left = |per_day: f64| ((limit - slope.intercept) / per_day).max(0.0);
    let horizon = HORIZON * days.len() as f64;
    if slope.low <= 0.0 || left(slope.slope) > horizon {
        return Projection::NoLimitInSight { per_day: slope.slope, low: slope.low, high: slope.high };
    }
    Projection::Reaches {
        limit,
        now: slope.intercept,
        per_day: slope.slope,
        days: left(slope.slope),
        earliest_days: left(slope.high),
        latest_days: left(slope.low),
    }
}

/// Expiry of a certificate, from the newest value.
pub(crate) fn expiry(days: &[Point]) -> Option<Projection> {
    let newest = days.last()?;
    let at = newest.at + SignedDuration::try_from_secs_f64(newest.value * DAY).ok()?;
    Some(Projection::Expires { at, days: newest.value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn points(count: i64, value: impl Fn(i64) -> f64) -> Vec<Point> {
        let point =
            |day| Point { at: at("2026-10-20T00:00:00Z") + SignedDuration::from_hours(24 * day), value: value(day) };
        (0..count).map(point).collect()
    }

    #[test]
    fn disk_that_fills_has_a_date_and_its_uncertainty() {
        let window = Window::new(at("2026-10-19T06:00:00Z"), at("2026-11-19T00:00:00Z"));
        let wave = |day: i64| if day % 2 == 0 { 0.4 } else { -0.4 };
        let Projection::Reaches { days, earliest_days, latest_days, now: value, .. } =
            project(&points(30, |day| 60.5 + day as f64 + wave(day)), 100.0, window)
        else {
            panic!("expected a date")
        };
        assert!((days - 10.0).abs() < 1.5, "{days}");
        assert!(earliest_days <= days && days <= latest_days, "{earliest_days} {days} {latest_days}");
        assert!((value - 90.0).abs() < 1.0, "{value}");
    }

    #[test]
    fn steady_disk_has_no_date() {
        let window = Window::new(at("2026-10-20T00:00:00Z"), at("2026-11-19T00:00:00Z"));
        let cut = Window::new(at("2026-10-20T00:00:01Z"), at("2026-11-03T00:00:00Z"));
        for (name, found) in [
            ("a day that the window cuts", project(&points(14, |day| 60.0 + day as f64), 100.0, cut)),
            ("too few days", project(&points(13, |day| 60.0 + day as f64), 100.0, window)),
            ("a wave", project(&points(30, |day| 60.0 + (day % 7) as f64), 100.0, window)),
            ("falling", project(&points(30, |day| 60.0 - day as f64), 100.0, window)),
            ("far away", project(&points(30, |day| 10.0 + day as f64 * 0.01), 100.0, window)),
        ] {
            let is_none = matches!(found, Projection::TooLittleData { .. } | Projection::NoLimitInSight { .. });
            assert!(is_none, "{name}: {found:?}");
        }
    }

    #[test]
    fn certificate_expires_after_its_newest_value() {
        let found = expiry(&points(3, |day| 30.0 - day as f64)).unwrap();
        assert_eq!(found, Projection::Expires { at: at("2026-11-19T00:00:00Z"), days: 28.0 });
    }
}
