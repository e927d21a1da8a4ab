//! Wait that the headers of a response ask for, and HTTP's dates.

use std::time::{Duration, UNIX_EPOCH};

use check::{Phrase, foreign, ours, phrase};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use crate::handshake::moment;

/// Longest wait that is reported, ten years: a server that asks for more means "never".
const MAX_WAIT: Duration = Duration::from_secs(10 * 365 * DAY);
/// Longest wait that is described in seconds. **Units:** seconds.
const DAY: u64 = 24 * 60 * 60;
/// Maximum length of a quoted value in characters.
const MAX_VALUE: usize = 40;

/// Wait time that headers ask for, to be appended to a status: `, for 30 s more`. Empty when they ask for none. A
/// `Retry-After` that cannot be read is quoted, unless another header has the time.
pub(crate) fn remaining(headers: &HeaderMap, received: Timestamp) -> Phrase {
    match wait_time(headers, received).map(|wait| wait.as_secs()) {
        Some(0) => Phrase::default(),
        Some(seconds @ 1..=DAY) => phrase!(", for {} s more", ours(seconds)),
        Some(_) => ", for more than a day".into(),
        None => headers.get("retry-after").map_or_else(Phrase::default, |value| {
            let value = String::from_utf8_lossy(value.as_bytes());
            phrase!(", with an unreadable Retry-After: {}", foreign(value.trim()).at_most(MAX_VALUE))
        }),
    }
}

/// Wait time that headers ask for, as [`retry_after`](crate::retry_after) describes.
pub(crate) fn wait_time(headers: &HeaderMap, received: Timestamp) -> Option<Duration> {
    let header = |name: &str| headers.get(name).map(HeaderValue::to_str)?.ok().map(str::trim);
    let now = header("date").and_then(http_date).unwrap_or(received);
    let until = |then: Timestamp| Duration::try_from(then.duration_since(now)).unwrap_or_default();
    let after = header("retry-after")
        .and_then(|after| seconds(after).map(Duration::from_secs).or_else(|| Some(until(http_date(after)?))));
    let reset = || {
        let reset = seconds(header("x-ratelimit-reset")?)?;
        Some(until(moment(i64::try_from(reset).unwrap_or(i64::MAX))))
    };
    Some(after.or_else(reset)?.min(MAX_WAIT))
}

/// Parses a number of seconds. A longer one than fits is the largest.
fn seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Parses a date in one of HTTP's three forms (RFC 9110, section 5.6.7).
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    // The end of the year 9999 is beyond the last time that can be written. No form has a date before 1970.
    let seconds = date.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Some(moment(i64::try_from(seconds).unwrap_or(i64::MAX)))
}
