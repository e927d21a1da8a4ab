//! Runs and days, from the metrics that every check publishes.
//!
//! `Success` is 1 for a passed run and 0 for a failed one, `Inconclusive` is 1 for an inconclusive run and 0 for any other. A run in
//! maintenance has only `Inconclusive`. A value counts twice if CloudWatch accepted a call whose answer was lost.

use std::collections::{BTreeMap, BTreeSet};

use alarm::{MetricId, Statistic};
use aws_sdk_cloudwatch::Client;
use check::metric::{DURATION, INCONCLUSIVE, Metric, NAMESPACE, SUCCESS};
use history::{Counts, Day, Percentiles, Period, RunOutcome, RunSummary, Runs, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

use super::retention::parts;
use super::values::{self, Query};

/// Periods of one step back in time. Lists of runs end soon after their limit.
const PERIODS: i64 = 1_440;

/// The metrics of a check.
pub(super) struct Metrics {
    success: MetricId,
    inconclusive: MetricId,
    duration: MetricId,
}

impl Metrics {
    pub(super) fn new(environment: &str, check: &str) -> Self {
        let dimensions = [("Environment", environment), ("Check", check)];
        let dimensions: BTreeMap<_, _> = dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let id = |metric: &Metric| MetricId {
            namespace: NAMESPACE.to_owned(),
            name: metric.name.to_owned(),
            dimensions: dimensions.clone(),
        };
        Self { success: id(&SUCCESS), inconclusive: id(&INCONCLUSIVE), duration: id(&DURATION) }
    }

    /// Queries of [`counts`].
    fn counted(&self) -> [Query<'_>; 4] {
        let (count, sum) = (Statistic::SampleCount.as_str(), Statistic::Sum.as_str());
        [(&self.success, count), (&self.success, sum), (&self.inconclusive, count), (&self.inconclusive, sum)]
    }
}

/// Reads the newest runs of a window.
pub(super) async fn newest(
    client: &Client,
    metrics: &Metrics,
    window: Window,
    limit: usize,
    now: Timestamp,
) -> Result<Runs, PortError> {
    let mut found = Runs { runs: Vec::new(), has_more: false, precision: None };
    let mut queries = metrics.counted().to_vec();
    queries.push((&metrics.duration, Statistic::Average.as_str()));
    for (part, period) in parts(window, Period::MINUTE, now).into_iter().rev() {
        let step = SignedDuration::from_secs(period.seconds() * PERIODS);
        let mut until = part.until;
        while part.from < until {
            let from = (until - step).max(part.from);
            let read = values::read(client, &queries, Window::new(from, until), period).await?;
            for at in starts(&read).into_iter().rev() {
                let runs = runs_of(at, counts(&read, at), read[4].get(&at).copied(), limit);
                if !runs.is_empty() {
                    found.precision = Some(period);
                }
                found.runs.extend(runs);
            }
            if found.runs.len() > limit {
                found.runs.truncate(limit);
                return Ok(Runs { has_more: true, ..found });
            }
            until = from;
        }
    }
    Ok(found)
}

/// Reads the numbers of each day that overlaps a window.
pub(super) async fn daily(
    client: &Client,
    metrics: &Metrics,
    window: Window,
    now: Timestamp,
) -> Result<Vec<Day>, PortError> {
    let mut queries = metrics.counted().to_vec();
    queries.extend(["p50", "p95", "p99"].map(|percentile| (&metrics.duration, percentile)));
    let mut days = Vec::new();
    for (part, period) in parts(window, Period::DAY, now) {
        let read = values::read(client, &queries, part, period).await?;
        days.extend(starts(&read).into_iter().map(|at| {
            let [p50, p95, p99] = [4, 5, 6].map(|index: usize| read[index].get(&at).copied());
            let durations = match (p50, p95, p99) {
                (Some(p50), Some(p95), Some(p99)) => Some(Percentiles { p50, p95, p99 }),
                _ => None,
            };
            Day { at, runs: counts(&read, at), durations, subjects: None }
        }));
    }
    Ok(days)
}

/// Starts of all periods with a value, oldest first.
fn starts(read: &[BTreeMap<Timestamp, f64>]) -> BTreeSet<Timestamp> {
    read.iter().flat_map(|points| points.keys().copied()).collect()
}

/// Numbers of runs in a period, from the answers to [`Metrics::counted`].
fn counts(read: &[BTreeMap<Timestamp, f64>], at: Timestamp) -> Counts {
    // CloudWatch answers with floating-point numbers.
    let number = |index: usize| read[index].get(&at).copied().unwrap_or_default().round().max(0.0) as u64;
    let [judged, passed, all, inconclusive] = [0, 1, 2, 3].map(number);
    Counts {
        passed,
        failed: judged.saturating_sub(passed),
        inconclusive,
        maintenance: all.saturating_sub(inconclusive).saturating_sub(judged),
    }
}

/// Runs of one period, of each outcome at most one more than the limit.
fn runs_of(at: Timestamp, counts: Counts, duration_ms: Option<f64>, limit: usize) -> Vec<RunSummary> {
    let run = |outcome, duration_ms| RunSummary { at, run_id: None, has_report: false, outcome, duration_ms };
    let most = limit.saturating_add(1);
    let many = |count: u64, run| std::iter::repeat_n(run, usize::try_from(count).map_or(most, |count| count.min(most)));
    many(counts.failed, run(RunOutcome::Failed, duration_ms))
        .chain(many(counts.inconclusive, run(RunOutcome::Inconclusive, None)))
        .chain(many(counts.maintenance, run(RunOutcome::Maintenance, None)))
        .chain(many(counts.passed, run(RunOutcome::Passed, duration_ms)))
        .collect()
}
