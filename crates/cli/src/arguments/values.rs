//! Values of arguments that have a unit.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Parses a duration that may have days, of 24 hours each.
pub(super) fn days(text: &str) -> Result<SignedDuration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .filter(|duration| *duration >= SignedDuration::from_mins(1))
        .ok_or_else(|| "expected a duration of at least one minute, such as \"30m\", \"2h\" or \"7d\"".to_owned())
}

/// Parses a duration of at least a second.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| *duration >= Duration::from_secs(1))
        .ok_or_else(|| "expected a duration of at least one second, such as \"30s\" or \"5m\"".to_owned())
}

/// Parses an amount in USD.
pub(super) fn usd(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|usd| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "expected an amount in USD, such as 40 or 39.99".to_owned())
}
