//! Times at which a check is due.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

/// Times at a fixed interval. Each check has its own offset within the interval, so that checks do not run all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    /// **Units:** milliseconds, at least 1.
    every: i64,
    /// **Units:** milliseconds, less than `every`.
    offset: i64,
}

impl Ticks {
    /// Creates the times of a check. The same check always has the same.
    pub(crate) fn spread(check: &str, every: Duration) -> Self {
        let every = milliseconds(every);
        let mut hasher = DefaultHasher::new();
        check.hash(&mut hasher);
        // The lower half of the hash is never negative.
        let offset = i64::from((hasher.finish() & u64::from(u32::MAX)) as u32) % every;
        Self { every, offset }
    }

    /// Creates times at the interval before and after this one.
    pub(crate) fn with(at: Timestamp, every: Duration) -> Self {
        let every = milliseconds(every);
        Self { every, offset: at.as_millisecond().rem_euclid(every) }
    }

    /// The first time after `at`.
    pub(crate) fn after(self, at: Timestamp) -> Timestamp {
        let passed = self.passed(at.as_millisecond());
        let next = passed.saturating_add(1).saturating_mul(self.every).saturating_add(self.offset);
        Timestamp::from_millisecond(next).unwrap_or(Timestamp::MAX)
    }

    /// Number of times after `from`, up to and including `until`.
    pub(crate) fn between(self, from: Timestamp, until: Timestamp) -> u64 {
        let passed = self.passed(until.as_millisecond()) - self.passed(from.as_millisecond());
        u64::try_from(passed).unwrap_or_default()
    }

    /// Number of times since 1970, up to and including this one.
    fn passed(self, at: i64) -> i64 {
        (at - self.offset).div_euclid(self.every)
    }
}

fn milliseconds(every: Duration) -> i64 {
    i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_000_000_000 + millisecond).unwrap()
    }

    #[test]
    fn times_follow_each_other_at_the_interval() {
        for check in ["availability", "login", "booking"] {
            let ticks = Ticks::spread(check, Duration::from_secs(60));
            let first = ticks.after(at(0));
            assert!(at(0) < first && first <= at(60_000), "{check}: {first}");
            let second = ticks.after(first);
            assert_eq!(second.duration_since(first).as_millis(), 60_000, "{check}");
            let just_before = Timestamp::from_millisecond(second.as_millisecond() - 1).unwrap();
            assert_eq!(ticks.after(just_before), second, "{check}");
            assert_eq!([ticks.between(first, first), ticks.between(first, just_before)], [0, 0], "{check}");
            assert_eq!(ticks.between(first, second), 1, "{check}");
            assert_eq!(ticks.between(second, first), 0, "{check}: backwards");
        }
    }

    #[test]
    fn times_include_the_one_they_were_made_with() {
        let ticks = Ticks::with(at(12_345), Duration::from_secs(5));
        assert_eq!(ticks.after(at(12_344)), at(12_345));
        assert_eq!(ticks.after(at(12_345)), at(17_345));
    }

    #[test]
    fn checks_are_spread_over_the_interval() {
        let first = |check| Ticks::spread(check, Duration::from_secs(60)).after(at(0));
        assert_ne!(first("availability"), first("login"));
        assert_eq!(first("login"), first("login"), "the same after a restart");
    }
}
