//! The projection of a resource: its weeks, the line to its limit, and the uncertainty of that line.

use jiff::{SignedDuration, Timestamp};
use review::words::number;
use review::{Projection, SeriesTrend, Week};

use super::axis::{day, place};

/// Size of a chart, in its own units.
const WIDTH: f64 = 320.0;
const LEFT: f64 = 16.0;
const RIGHT: f64 = WIDTH - 16.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 100.0;
/// Farthest drawn day, as a multiple of the days until the limit.
const FARTHEST: f64 = 2.0;

/// The chart.
pub(crate) struct ProjectionChart {
    /// Weeks with a value.
    pub(crate) past: String,
    /// Line at this rate.
    pub(crate) line: String,
    /// Area between the earliest and the latest line.
    pub(crate) fan: String,
    pub(crate) limit_y: String,
    pub(crate) limit: String,
    pub(crate) now_x: String,
    /// Place and date of the limit at this rate.
    pub(crate) reached: (String, String),
    pub(crate) from: String,
    pub(crate) now: String,
    pub(crate) now_y: String,
    pub(crate) now_date: String,
}

impl ProjectionChart {
    /// Draws a projection that reaches a limit; `None` for others.
    pub(super) fn new(series: &SeriesTrend, weeks: &[Week], until: Timestamp) -> Option<Self> {
        let Projection::Reaches { limit, now, days, earliest_days, latest_days, .. } = *series.projection.as_ref()?
        else {
            return None;
        };
        let from = weeks.first()?.from;
        let past_days = until.duration_since(from).as_secs_f64() / 86_400.0;
        let end = latest_days.min(days * FARTHEST).max(days);
        let x = |day: f64| LEFT + (day + past_days) / (end + past_days) * (RIGHT - LEFT);
        let values = || series.weeks.iter().flatten().copied();
        let low = values().chain([now]).fold(f64::INFINITY, f64::min);
        let y = |value: f64| BOTTOM - (value - low) / (limit - low).max(f64::MIN_POSITIVE) * (BOTTOM - TOP);
        let point = |day: f64, value: f64| format!("{},{}", place(x(day)), place(y(value)));
        let middle = |week: &Week| {
            let half = week.until.duration_since(week.from).as_secs_f64() / 2.0;
            (week.from.duration_since(until).as_secs_f64() + half) / 86_400.0
        };
        let past: Vec<String> =
            weeks.iter().zip(&series.weeks).filter_map(|(week, value)| Some(point(middle(week), (*value)?))).collect();
        // The latest line may leave the chart before it reaches the limit.
        let at_end = now + (limit - now) * (end / latest_days).min(1.0);
        let seconds = SignedDuration::from_secs((days * 86_400.0) as i64);
        Some(Self {
            past: past.join(" "),
            line: format!("{} {}", point(0.0, now), point(days, limit)),
            fan: format!(
                "{} {} {} {}",
                point(0.0, now),
                point(earliest_days, limit),
                point(end.min(latest_days), limit),
                point(end.min(latest_days), at_end)
            ),
            limit_y: place(y(limit)),
            limit: format!("{} %", number(limit)),
            now_x: place(x(0.0)),
            reached: (place(x(days)), until.checked_add(seconds).map(day).unwrap_or_default()),
            from: day(from),
            now: format!("{} %", number(now)),
            now_y: place(y(now) + 14.0),
            now_date: day(until),
        })
    }
}
