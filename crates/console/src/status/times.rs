//! Times as the public reads them, in UTC.

use std::fmt;

use askama::filters::HtmlSafe;
use history::Period;
use jiff::Timestamp;

/// Time with its date, marked up.
#[derive(Clone, Copy)]
pub(super) struct At(pub(super) Timestamp);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        marked(f, self.0, "%-d %b %Y, %H:%M UTC")
    }
}

/// Start and end, marked up. The end has a date only if it is another one.
#[derive(Clone, Copy)]
pub(super) struct Between(pub(super) Timestamp, pub(super) Timestamp);

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        marked(f, self.0, "%-d %b %Y, %H:%M")?;
        f.write_str(" to ")?;
        let is_same_day = Period::DAY.floor(self.0) == Period::DAY.floor(self.1);
        marked(f, self.1, if is_same_day { "%H:%M UTC" } else { "%-d %b %Y, %H:%M UTC" })
    }
}

fn marked(f: &mut fmt::Formatter<'_>, at: Timestamp, format: &str) -> fmt::Result {
    let (iso, text) = (at.strftime("%Y-%m-%dT%H:%MZ"), at.strftime(format));
    write!(f, "<time datetime=\"{iso}\">{text}</time>")
}

// Both have digits and constants only.
impl HtmlSafe for At {}
impl HtmlSafe for Between {}

/// Formats a day: `3 Sep`.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%-d %b").to_string()
}

/// Formats a time for programs.
pub(super) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
