//! Numbers and judgements of a review in words, the same in every report.

use check::message::span;
use jiff::Timestamp;

use crate::check_review::Sensitivity;
use crate::incident::{ReviewedIncident, SeenBy};
use crate::kind::Kind;
use crate::trend::Projection;

/// Formats a number in few digits.
#[must_use]
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// Formats a value with its unit, by its name in CloudWatch.
#[must_use]
pub fn quantity(value: f64, unit: Option<&str>) -> String {
    match unit {
        Some("Milliseconds") => milliseconds(value),
        Some("Seconds") => format!("{} s", number(value)),
        Some("Percent") => format!("{} %", number(value)),
        _ => number(value),
    }
}

/// Formats a value with all of its digits and its unit, by its name in CloudWatch.
#[must_use]
pub fn exact(value: f64, unit: Option<&str>) -> String {
    let suffix = match unit {
        Some("Milliseconds") => " ms",
        Some("Seconds") => " s",
        Some("Percent") => " %",
        _ => "",
    };
    format!("{value}{suffix}")
}

/// Formats a change with its sign; one that rounds to none has no sign.
#[must_use]
pub fn signed(value: f64) -> String {
    let text = format!("{value:+.2}");
    if text.trim_start_matches(['+', '-']).chars().all(|c| matches!(c, '0' | '.')) { "0.00".to_owned() } else { text }
}

/// Formats a duration in milliseconds, from ten seconds on in seconds.
#[must_use]
pub fn milliseconds(value: f64) -> String {
    if value >= 10_000.0 { format!("{:.1} s", value / 1_000.0) } else { format!("{value:.0} ms") }
}

/// Formats a part in percent, rounded down: 99.99 % must not look like 100 %.
#[must_use]
pub fn percent(part: f64) -> String {
    format!("{:.2} %", (part * 10_000.0).floor() / 100.0)
}

/// Formats a number of minutes in its two largest units.
#[must_use]
pub fn minutes(minutes: f64) -> String {
    span((minutes * 60.0).round() as i64)
}

/// Formats a number of minutes, with a sign if it is negative.
#[must_use]
pub fn signed_minutes(value: f64) -> String {
    if value < 0.0 { format!("-{}", minutes(-value)) } else { minutes(value) }
}

/// Formats a time without its seconds.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Formats a number of things: `1 alarm`, `2 alarms`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

impl Projection {
    /// The projection in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::TooLittleData { days, needed } => format!("none: {days} days of values, {needed} needed"),
            Self::NoLimitInSight { per_day, .. } => format!("steady ({} a day)", signed(*per_day)),
            Self::Reaches { limit, days, earliest_days, latest_days, .. } => {
                format!("{} % in {days:.0} days at this rate ({earliest_days:.0} to {latest_days:.0})", number(*limit))
            }
            Self::Expires { at, .. } => format!("expires {}", minute(*at)),
        }
    }
}

impl ReviewedIncident {
    /// The reason why it names no alarm.
    #[must_use]
    pub const fn without_alarm(&self) -> &'static str {
        if self.replayed { "no alarm" } else { "not replayed" }
    }
}

impl SeenBy {
    /// Name and delay of the alarm.
    #[must_use]
    pub fn words(&self) -> String {
        match self.delay_minutes {
            Some(delay) => format!("{} after {}", self.alarm, signed_minutes(delay)),
            None => format!("{} before the window", self.alarm),
        }
    }
}

impl Sensitivity {
    /// The judgement in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::HasFailed => "has failed".to_owned(),
            Self::NeverFailed { shortest_fault_minutes } => {
                format!("never failed; a fault of {} would show", minutes(*shortest_fault_minutes))
            }
            Self::NeverCould { reason } => format!("NEVER COULD FAIL: {reason}"),
        }
    }
}

impl Kind {
    /// The kind in a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Symptom => "symptom",
            Self::Early => "early warning",
            Self::Objective => "objective",
            Self::Monitoring => "monitoring",
            Self::State => "state",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_few_digits_and_their_unit() {
        for (value, unit, expected) in [
            (5_000.0, Some("Milliseconds"), "5000 ms"),
            (12_540.0, Some("Milliseconds"), "12.5 s"),
            (12.345, Some("Percent"), "12.3 %"),
            (1.2, Some("Seconds"), "1.20 s"),
            (60.0, None, "60"),
            (0.985, Some("Count"), "0.98"),
        ] {
            assert_eq!(quantity(value, unit), expected);
        }
        assert_eq!(exact(10_000.0, Some("Milliseconds")), "10000 ms");
        assert_eq!((signed(-0.004), signed(0.126)), ("0.00".to_owned(), "+0.13".to_owned()));
        assert_eq!(percent(0.999_99), "99.99 %");
        assert_eq!((signed_minutes(-1.5), signed_minutes(62.0)), ("-1 min 30 s".to_owned(), "1 h 2 min".to_owned()));
    }
}
