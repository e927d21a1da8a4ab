//! Times, spans and numbers as the pages show them.

use std::fmt;

use askama::filters::HtmlSafe;
use check::message::span;
use check::text::utc;
use jiff::{SignedDuration, Timestamp};

/// Time in a page: in UTC, until a script replaces it by the time of the reader's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    /// The time in UTC, without markup.
    pub(crate) fn utc(&self) -> String {
        utc(self.0)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iso = self.0.strftime("%Y-%m-%dT%H:%M:%SZ");
        let utc = self.utc();
        write!(f, "<time datetime=\"{iso}\" title=\"{utc}\">{utc}</time>")
    }
}

// It has digits and constants only.
impl HtmlSafe for Moment {}

/// Formats the time since a moment: `5 min`, `2 h 3 min`. A moment in the future counts as now.
pub(crate) fn since(now: Timestamp, at: Timestamp) -> String {
    lasted(now.duration_since(at))
}

/// Formats a length of time.
pub(crate) fn lasted(duration: SignedDuration) -> String {
    span(duration.as_secs().max(0))
}

/// Formats a fraction in percent, rounded down: `99.97 %`, `100 %`.
pub(crate) fn percent(fraction: f64) -> String {
    let rounded = (fraction * 10_000.0).floor() / 100.0;
    if rounded >= 100.0 { "100 %".to_owned() } else { format!("{rounded:.2} %") }
}

/// Formats a duration in milliseconds: `253 ms`, `2.41 s`.
pub(crate) fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => "<1 ms".to_owned(),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms if ms < 100_000.0 => format!("{:.2} s", ms / 1_000.0),
        ms => format!("{:.0} s", ms / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_against_us() {
        for (fraction, expected) in [(1.0, "100 %"), (0.99999, "99.99 %"), (0.5, "50.00 %"), (0.0, "0.00 %")] {
            assert_eq!(percent(fraction), expected);
        }
        for (ms, expected) in [(0.2, "<1 ms"), (253.4, "253 ms"), (2_410.0, "2.41 s"), (120_000.0, "120 s")] {
            assert_eq!(milliseconds(ms), expected);
        }
    }

    #[test]
    fn times_are_readable_without_a_script() {
        let at = Moment("2026-11-23T04:50:07.9Z".parse().unwrap());
        let expected =
            "<time datetime=\"2026-11-23T04:50:07Z\" title=\"2026-11-23 04:50:07 UTC\">2026-11-23 04:50:07 UTC</time>";
        assert_eq!(at.to_string(), expected);
    }
}
