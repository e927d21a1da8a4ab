//! Weeks of a window.

use history::{Day, Window};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Seconds of a week.
const WEEK: i64 = 7 * 86_400;
/// Seconds from the Monday before 1970 to 1970, a Thursday.
const FROM_MONDAY: i64 = 3 * 86_400;
/// Most rows of a table of steps or subjects in a report.
pub(crate) const MAX_ROWS: usize = 12;

/// A week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Week {
    /// Start; that of the window in the first week.
    pub from: Timestamp,
    /// End; that of the window in the last week.
    pub until: Timestamp,
}

impl Week {
    /// True if seven days are in the window.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.until.duration_since(self.from).as_secs() == WEEK
    }

    pub(crate) fn has(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// Divides a window into weeks.
pub(crate) fn weeks(window: Window) -> Vec<Week> {
    let monday = |at: Timestamp| (at.as_second() + FROM_MONDAY).div_euclid(WEEK) * WEEK - FROM_MONDAY;
    let mut weeks = Vec::new();
    let mut from = window.from;
    while from < window.until {
        let until = Timestamp::from_second(monday(from) + WEEK).unwrap_or(window.until).min(window.until);
        weeks.push(Week { from, until });
        from = until;
    }
    weeks
}

/// Days of a week.
pub(crate) fn days_of<'d>(days: &'d [Day], week: Week, weeks: &[Week]) -> impl Iterator<Item = &'d Day> {
    days.iter().filter(move |day| week.has(in_window(day.at, weeks)))
}

/// The start of a day, or that of the window if the window begins within the day.
pub(crate) fn in_window(day: Timestamp, weeks: &[Week]) -> Timestamp {
    weeks.first().map_or(day, |first| day.max(first.from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn weeks_begin_on_monday_across_a_clock_change() {
        // 25 October 2026 has 25 hours in Berlin, a Sunday.
        let found = weeks(Window::new(at("2026-10-22T10:00:00Z"), at("2026-11-04T10:00:00Z")));
        let texts: Vec<(String, String)> =
            found.iter().map(|week| (week.from.to_string(), week.until.to_string())).collect();
        let expected = [
            ("2026-10-22T10:00:00Z", "2026-10-26T00:00:00Z"),
            ("2026-10-26T00:00:00Z", "2026-11-02T00:00:00Z"),
            ("2026-11-02T00:00:00Z", "2026-11-04T10:00:00Z"),
        ];
        assert_eq!(texts, expected.map(|(from, until)| (from.to_owned(), until.to_owned())));
        assert_eq!(found.iter().map(|week| week.is_whole()).collect::<Vec<_>>(), [false, true, false]);
    }
}
