//! How long CloudWatch keeps values, by the length of their period.
//!
//! Source: CloudWatch User Guide, "Metrics retention"; API reference of `GetMetricData`, `StartTime` and `Period`: a period that is too
//! short for the age of the start returns nothing.

use history::{Period, Window};
use jiff::{SignedDuration, Timestamp};

/// Age until which values exist for a period, shortest period first. **Units:** days.
const KEPT: [(i64, Period); 3] = [(15, Period::MINUTE), (63, Period::minutes(5)), (455, Period::minutes(60))];
/// Time to answer a query with all its pages. Values removed meanwhile are asked for in the longer period.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// Divides a window by the age of its values, oldest part first. Each part has the shortest multiple of the requested period that exists
/// for all of it; the parts consist of whole periods and touch each other. A window of too old values has no parts.
pub(super) fn parts(window: Window, period: Period, now: Timestamp) -> Vec<(Window, Period)> {
    let kept_from = |days: i64| now - SignedDuration::from_hours(24 * days) + MARGIN;
    let mut parts: Vec<(Window, Period)> = Vec::new();
    let mut from = window.from.max(kept_from(KEPT[2].0));
    for (index, (_, finest)) in KEPT.into_iter().enumerate().rev() {
        let own = period.common_multiple(finest);
        // The next part begins where its shorter period exists, at the end of a period of this one.
        let end = match index.checked_sub(1) {
            Some(younger) => own.ceil(kept_from(KEPT[younger].0)).min(own.ceil(window.until)),
            None => own.ceil(window.until),
        };
        let part = Window::new(own.floor(from), end);
        if from >= end || window.until <= from {
            continue;
        }
        match parts.last_mut() {
            Some((last, same)) if *same == own => last.until = part.until,
            _ => parts.push((part, own)),
        }
        from = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of a window of the last days, as the days and minutes ago of both ends, and the minutes of the period.
    fn described(from: i64, until: i64, minutes: u32) -> Vec<(String, String, i64)> {
        let now: Timestamp = "2026-03-01T10:02:30Z".parse().unwrap();
        let at = |days: i64| now - SignedDuration::from_hours(24 * days);
        let parts = parts(Window::new(at(from), at(until)), Period::minutes(minutes), now);
        for pair in parts.windows(2) {
            assert_eq!(pair[0].0.until, pair[1].0.from, "parts touch: {pair:?}");
        }
        for (window, period) in &parts {
            assert_eq!(window.whole(*period), *window, "whole periods: {parts:?}");
        }
        let text = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
        parts
            .into_iter()
            .map(|(window, period)| (text(window.from), text(window.until), period.seconds() / 60))
            .collect()
    }

    #[test]
    fn a_window_is_divided_at_the_ages_of_retention() {
        let part = |from: &str, until: &str, minutes| (from.to_owned(), until.to_owned(), minutes);
        let now = "2026-03-01 10:03";
        let minute = "2026-02-14 10:15";
        let minutes = "2025-12-28 11:00";
        for (name, from, until, period, expected) in [
            ("recent", 1, 0, 1, vec![part("2026-02-28 10:02", now, 1)]),
            ("over one border", 20, 0, 1, vec![part("2026-02-09 10:00", minute, 5), part(minute, now, 1)]),
            (
                "over both borders, and older than anything",
                500,
                0,
                1,
                vec![part("2024-12-01 10:00", minutes, 60), part(minutes, minute, 5), part(minute, now, 1)],
            ),
            ("one old part", 40, 30, 1, vec![part("2026-01-20 10:00", "2026-01-30 10:05", 5)]),
            (
                "a period that exists at every age",
                500,
                0,
                1_440,
                vec![part("2024-12-01 00:00", "2026-03-02 00:00", 1_440)],
            ),
            (
                "a period that does not exist for old values",
                20,
                0,
                2,
                vec![part("2026-02-09 10:00", "2026-02-14 10:20", 10), part("2026-02-14 10:20", "2026-03-01 10:04", 2)],
            ),
            ("too old", 500, 456, 1, vec![]),
            ("empty", 1, 1, 1, vec![]),
        ] {
            assert_eq!(described(from, until, period), expected, "{name}");
        }
    }
}
