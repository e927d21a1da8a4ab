//! Waiting before another attempt.

use super::raw;
use crate::row::{Ask, Row};

/// Number of seconds that a test can wait.
const SHORT: &str = "2";
/// One hour.
const LONG: &str = "3600";

/// Text below the table.
pub const NOTE: &str = "\
Browsers show the page of the error and do nothing else with the header. `synthetics` reports the wait, measured from `Date`,
with the failure, and does not wait either. curl waits with `--retry`, measured from its own clock. A wait of an hour
is not tried in Chromium.
";

pub fn rows() -> Vec<Row> {
    // curl counts from its own clock, not from `Date`: the dates are far in the future.
    let answer = |answer: &'static str, wait: &'static str, lines: &str| {
        let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 4";
        Row::new(answer, Ask::Wait(wait), raw(format!("{head}\r\n{lines}\r\n\r\nfine")))
    };
    vec![
        answer("`Retry-After: 2`", SHORT, "Retry-After: 2").because("see below"),
        answer("`Retry-After: soon`", SHORT, "Retry-After: soon"),
        answer("`Retry-After: 3600`", LONG, "Retry-After: 3600"),
        answer(
            "`Retry-After` as a date",
            LONG,
            "Date: Sat, 06 Nov 2060 08:00:00 GMT\r\nRetry-After: Sat, 06 Nov 2060 09:00:00 GMT",
        ),
        answer(
            "both dates as in RFC 850",
            LONG,
            "Date: Saturday, 06-Nov-60 08:00:00 GMT\r\nRetry-After: Saturday, 06-Nov-60 09:00:00 GMT",
        ),
        answer(
            "both dates as in C's `asctime`",
            LONG,
            "Date: Sat Nov  6 08:00:00 2060\r\nRetry-After: Sat Nov  6 09:00:00 2060",
        ),
    ]
}
