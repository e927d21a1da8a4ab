//! Values of arguments that have a unit.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

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

/// Parses an amount in USD.
pub(super) fn usd(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|usd| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "expected an amount in USD, such as 40 or 39.99".to_owned())
}
