//! Values of arguments that have a unit.

use std::time::Duration;

use history::Window;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// Longest interval of runs, and longest time for a program to run.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Parses a duration that may have days, of 24 hours each.
fn with_days(text: &str) -> Option<SignedDuration> {
    text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours())).ok()
}

/// Parses a duration of at least a minute.
pub(super) fn days(text: &str) -> Result<SignedDuration, String> {
    with_days(text)
        .filter(|duration| *duration >= SignedDuration::from_mins(1))
        .ok_or_else(|| "expected a duration of at least one minute, such as \"30m\", \"2h\" or \"7d\"".to_owned())
}

/// Parses a duration of a second to a year.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    with_days(text)
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| (Duration::from_secs(1)..=LONGEST).contains(duration))
        .ok_or_else(|| "expected a duration of 1 second to 365 days, such as \"30s\", \"5m\" or \"1d\"".to_owned())
}

/// Parses a window of time.
pub(super) fn window(text: &str) -> Result<Window, String> {
    let time = |text: &str| {
        let zoned = text.trim().parse::<Timestamp>();
        zoned
            .ok()
            .or_else(|| text.trim().parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp()))
    };
    let found = text.split_once("..").and_then(|(from, until)| Some(Window::new(time(from)?, time(until)?)));
    found.filter(|window| !window.is_empty()).ok_or_else(|| {
        "expected two times with .. between them, the earlier first, such as 2026-12-01T08:00Z..2026-12-01T12:00Z; a time without a zone is UTC"
            .to_owned()
    })
}

/// Parses an amount in USD.
pub(super) fn usd(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|usd| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "expected an amount in USD, such as 40 or 39.99".to_owned())
}
