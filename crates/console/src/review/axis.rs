//! The window of a review as an axis of time.

use jiff::Timestamp;
use review::Trends;

/// Width of a strip, in its own units.
pub(super) const WIDTH: f64 = 1_000.0;

/// Axis from the start to the end of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    from: Timestamp,
    until: Timestamp,
}

impl Axis {
    pub(super) fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until }
    }

    /// Place of a time. Times outside the window are at its ends.
    pub(super) fn x(self, at: Timestamp) -> f64 {
        let part = at.duration_since(self.from).as_secs_f64() / self.until.duration_since(self.from).as_secs_f64();
        (part * WIDTH).clamp(0.0, WIDTH)
    }

    /// Places of the starts of the weeks, without that of the window.
    pub(super) fn ticks(self, trends: &Trends) -> Vec<String> {
        trends.weeks.iter().skip(1).map(|week| place(self.x(week.from))).collect()
    }
}

/// Formats a day: `3 Nov`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%-d %b").to_string()
}

/// Formats a coordinate.
pub(super) fn place(value: f64) -> String {
    // `-0.0` would be a character longer, and is the same.
    format!("{:.1}", if value == 0.0 { 0.0 } else { value })
}
