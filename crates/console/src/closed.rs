//! Parts of an answer about days that no longer change.

use history::{Part, Period, Runs, Series, Window};
use jiff::{SignedDuration, Timestamp};

/// Time after which CloudWatch has the values of a run, whose publication may have been repeated by the next runs.
const LATE: SignedDuration = SignedDuration::from_hours(2);

/// Start of the days that may still change.
pub(crate) fn open_from(now: Timestamp) -> Timestamp {
    Period::DAY.floor(now - LATE)
}

/// Divides a window into its whole closed days and the rest. A part may be empty.
pub(crate) fn split(window: Window, now: Timestamp) -> [Window; 2] {
    let border = open_from(now);
    let closed = Window::new(Period::DAY.floor(window.from), border.min(window.until));
    [closed, Window::new(window.from.max(border), window.until)]
}

/// Adds the newer runs to those of closed days, without the ones before the window.
pub(crate) fn runs(closed: Runs, open: Runs, window: Window, limit: usize) -> Runs {
    let mut runs = open;
    let known = closed.runs.len();
    let within = closed.runs.into_iter().filter(|run| run.at >= window.from);
    let before = runs.runs.len();
    runs.runs.extend(within);
    let is_whole = runs.runs.len() - before < known;
    runs.has_more |= runs.runs.len() > limit || (closed.has_more && !is_whole);
    runs.runs.truncate(limit);
    if runs.runs.len() > before {
        runs.precision = closed.precision;
    }
    runs
}

/// Adds the newer points to those of closed days, without the ones before the window.
pub(crate) fn series(closed: Series, open: Series, window: Window) -> Series {
    let mut parts: Vec<Part> = Vec::new();
    for mut part in closed.parts.into_iter().chain(open.parts) {
        let from = part.period.floor(window.from);
        part.window.from = part.window.from.max(from);
        part.points.retain(|point| point.at >= from);
        match parts.last_mut() {
            Some(last) if last.period == part.period => {
                last.window.until = part.window.until;
                last.points.extend(part.points);
            }
            _ if part.window.is_empty() => {}
            _ => parts.push(part),
        }
    }
    Series { parts }
}
