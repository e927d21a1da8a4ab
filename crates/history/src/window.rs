//! Windows of time, and the periods that divide them.

use jiff::{SignedDuration, Timestamp};

/// Window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start.
    pub from: Timestamp,
    /// End, exclusive.
    pub until: Timestamp,
}

impl Window {
    /// Creates a window. It is empty if it does not end after its start.
    #[must_use]
    pub const fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until }
    }

    /// True if no time is within.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.until <= self.from
    }

    /// The window of all periods that overlap this one.
    #[must_use]
    pub fn whole(self, period: Period) -> Self {
        Self { from: period.floor(self.from), until: period.ceil(self.until) }
    }
}

/// Length of the periods of a series: some full minutes, as CloudWatch requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(i64);

impl Period {
    /// The shortest period.
    pub const MINUTE: Self = Self(60);
    /// One day. Days begin at midnight, UTC.
    pub const DAY: Self = Self(86_400);

    /// Period of some minutes, at least one.
    #[must_use]
    pub const fn minutes(minutes: u32) -> Self {
        Self(if minutes == 0 { 60 } else { minutes as i64 * 60 })
    }

    /// Length in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Length.
    #[must_use]
    pub const fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(self.0)
    }

    /// The shortest common multiple of two periods.
    #[must_use]
    pub const fn common_multiple(self, other: Self) -> Self {
        let (mut divisor, mut rest) = (self.0, other.0);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Self(self.0 / divisor * other.0)
    }

    /// Start of the period of a time.
    #[must_use]
    pub fn floor(self, at: Timestamp) -> Timestamp {
        let start = at.as_millisecond().div_euclid(1_000).div_euclid(self.0) * self.0;
        Timestamp::from_second(start).unwrap_or(at)
    }

    /// First start of a period at a time or later.
    #[must_use]
    pub fn ceil(self, at: Timestamp) -> Timestamp {
        let start = self.floor(at);
        if start == at { at } else { start + self.duration() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_at_multiples_since_1970() {
        let at: Timestamp = "2026-03-01T10:07:30.5Z".parse().unwrap();
        for (period, start, end) in [
            (Period::MINUTE, "2026-03-01T10:07:00Z", "2026-03-01T10:08:00Z"),
            (Period::minutes(5), "2026-03-01T10:05:00Z", "2026-03-01T10:10:00Z"),
            (Period::minutes(0), "2026-03-01T10:07:00Z", "2026-03-01T10:08:00Z"),
            (Period::DAY, "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        ] {
            let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
            assert_eq!(Window::new(at, at).whole(period), Window::new(start, end), "{period:?}");
            assert_eq!((period.floor(start), period.ceil(start)), (start, start), "{period:?}");
        }
    }

    #[test]
    fn common_multiple_is_the_shortest() {
        for (own, other, expected) in [(1, 5, 5), (5, 5, 5), (6, 5, 30), (60, 5, 60), (7, 60, 420), (90, 60, 180)] {
            let [own, other, expected] = [own, other, expected].map(Period::minutes);
            assert_eq!(own.common_multiple(other), expected);
            assert_eq!(other.common_multiple(own), expected);
        }
    }
}
