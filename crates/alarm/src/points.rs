//! Data points of an alarm in running counts: an evaluation costs the same for any number of periods.

use crate::judge::{Counted, judged};
use crate::series::Windows;
use crate::{MetricAlarm, State};

/// Minutes per hour.
const HOUR: i64 = 60;
/// Minutes per day.
const DAY: i64 = 24 * HOUR;

/// Length of a period in minutes, and the number of periods that an evaluation reads.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    /// Length of one period in minutes.
    pub(crate) period: i64,
    /// Periods to read: N, and some more.
    pub(crate) periods: i64,
}

/// Data points of an alarm, in the order in which evaluations read them.
///
/// The evaluations of one minute read every `period`-th point, so points are divided by the remainder of their minute. The real ones of
/// each remainder have an ordinal; counts up to a minute and up to an ordinal give any range as a difference.
pub(crate) struct Points<'a> {
    alarm: &'a MetricAlarm,
    range: Range,
    first: i64,
    /// Number of real points with the same remainder before each minute.
    real: Vec<u32>,
    /// Real points by remainder, oldest first.
    by_remainder: Vec<Vec<RealPoint>>,
}

/// A point that is not missing.
#[derive(Clone, Copy)]
struct RealPoint {
    minute: i64,
    /// Number of breaching points with the same remainder up to and including this one.
    breaching: u32,
}

impl<'a> Points<'a> {
    /// Counts the values that breach the alarm's threshold.
    pub(crate) fn new(alarm: &'a MetricAlarm, range: Range, values: &Windows<f64>) -> Self {
        let stride = usize::try_from(range.period).unwrap_or(1);
        let mut by_remainder: Vec<Vec<RealPoint>> = vec![Vec::new(); stride];
        let mut real = Vec::with_capacity(values.values.len());
        for (index, (value, minute)) in values.values.iter().zip(values.first..).enumerate() {
            let own = &mut by_remainder[index % stride];
            real.push(u32::try_from(own.len()).unwrap_or(u32::MAX));
            if let Some(value) = value {
                let before = own.last().map_or(0, |point| point.breaching);
                let breaching = before + u32::from(alarm.comparison.is_breaching(*value, alarm.threshold));
                own.push(RealPoint { minute, breaching });
            }
        }
        Self { alarm, range, first: values.first, real, by_remainder }
    }

    /// Evaluates the alarm at one minute; `None` when it keeps its state. The minute must be one that the values reach.
    pub(crate) fn state(&self, now: i64) -> Option<State> {
        if !is_evaluated(self.alarm, self.range, now) {
            return None;
        }
        let alarm = self.alarm;
        let (begin, end) = (now - self.range.periods * self.range.period, now);
        let real = |minute: i64| {
            let index = usize::try_from(minute - self.first).unwrap_or_default();
            self.real.get(index).map_or(0, |count| *count as usize)
        };
        let (before, until) = (real(begin), real(end));
        let remainder = usize::try_from((end - self.first).rem_euclid(self.range.period)).unwrap_or_default();
        let points = &self.by_remainder[remainder];
        let breaching_before =
            |ordinal: usize| ordinal.checked_sub(1).map_or(0, |index| points[index].breaching as usize);
        let newest = until.saturating_sub(alarm.evaluation_periods).max(before);
        let oldest = points.get(before).filter(|_| before < until);
        let counted = Counted {
            real: until - before,
            breaching: breaching_before(until) - breaching_before(before),
            newest_breaching: breaching_before(until) - breaching_before(newest),
            oldest_age: oldest
                .map_or(0, |point| usize::try_from((end - point.minute) / self.range.period).unwrap_or_default()),
        };
        judged(counted, alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.missing)
    }
}

/// True if CloudWatch evaluates the alarm at this minute: one whose periods add up to more than a day only at the full hour.
pub(crate) fn is_evaluated(alarm: &MetricAlarm, range: Range, now: i64) -> bool {
    let periods = i64::try_from(alarm.evaluation_periods).unwrap_or(i64::MAX);
    let is_hourly = range.period.saturating_mul(periods) > DAY;
    !is_hourly || now.rem_euclid(HOUR) == 0
}
