//! Distance of the judged values from a threshold, and their gaps.

use alarm::{Comparison, MetricAlarm};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// Most listed gaps, the longest ones.
const MAX_GAPS: usize = 10;
/// Fewest missing periods in a row that are a gap.
const MIN_PERIODS: usize = 3;

/// Values outside the incidents of its check, compared with the threshold. Percentiles count towards the threshold: 95 % of the values are as far from it
/// as `p95` or farther, also when low values breach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Headroom {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The value nearest to the threshold, or farthest beyond it.
    pub worst: f64,
    /// Number of values.
    pub values: usize,
}

/// Presence of values in the whole periods of a window.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Values {
    /// Number of periods.
    pub periods: usize,
    /// Periods without a value.
    pub missing: usize,
    /// The longest gaps of at least three periods, at most ten, oldest first.
    pub gaps: Vec<Gap>,
    /// Number of all such gaps.
    pub gap_count: usize,
}

/// Time without values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// Start.
    pub from: Timestamp,
    /// End.
    pub until: Timestamp,
}

impl Gap {
    fn length(self) -> SignedDuration {
        self.until.duration_since(self.from)
    }
}

impl Values {
    /// Finds the gaps between the values of whole periods.
    pub(crate) fn new(values: &[(Timestamp, Option<f64>)], period: SignedDuration) -> Self {
        let mut gaps = Vec::new();
        for missing in values.chunk_by(|one, other| one.1.is_some() == other.1.is_some()) {
            if let ([(from, None), ..], [.., (last, _)]) = (missing, missing)
                && missing.len() >= MIN_PERIODS
            {
                gaps.push(Gap { from: *from, until: *last + period });
            }
        }
        let gap_count = gaps.len();
        gaps.sort_by_key(|gap| std::cmp::Reverse(gap.length()));
        gaps.truncate(MAX_GAPS);
        gaps.sort_by_key(|gap| gap.from);
        Self {
            periods: values.len(),
            missing: values.iter().filter(|(_, value)| value.is_none()).count(),
            gaps,
            gap_count,
        }
    }

    /// Part of the periods with a value.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        if self.periods == 0 { 0.0 } else { 1.0 - self.missing as f64 / self.periods as f64 }
    }
}

/// Compares values with the threshold of an alarm. `None` without values.
pub(crate) fn headroom(alarm: &MetricAlarm, values: impl Iterator<Item = f64>) -> Option<Headroom> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    if matches!(alarm.comparison, Comparison::Less | Comparison::LessOrEqual) {
        sorted.reverse();
    }
    Some(Headroom {
        p50: percentile(&sorted, 50.0)?,
        p95: percentile(&sorted, 95.0)?,
        p99: percentile(&sorted, 99.0)?,
        worst: *sorted.last()?,
        values: sorted.len(),
    })
}

/// Percentile of sorted values by nearest rank: the first value with at least this percentage of all at or before it.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_by_nearest_rank() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        for (percent, expected) in [(0.0, 1.0), (50.0, 100.0), (95.0, 190.0), (99.0, 198.0), (100.0, 200.0)] {
            assert_eq!(percentile(&values, percent), Some(expected), "{percent}");
        }
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn gaps_have_at_least_three_periods() {
        let begin: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        let at = |minute: i64| begin + SignedDuration::from_mins(minute);
        let missing = [2, 3, 10, 11, 12, 19];
        let values: Vec<_> = (0..20).map(|minute| (at(minute), (!missing.contains(&minute)).then_some(1.0))).collect();
        let found = Values::new(&values, SignedDuration::from_mins(1));
        assert_eq!((found.periods, found.missing, found.gap_count), (20, 6, 1));
        assert_eq!(found.gaps, [Gap { from: at(10), until: at(13) }]);
        assert!((found.coverage() - 0.7).abs() < 1e-9);
    }
}
