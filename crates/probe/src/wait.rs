//! Wait that the headers of a response ask for, and HTTP's dates.

use std::time::Duration;

use check::{Phrase, ours, phrase};
use http::HeaderMap;
use jiff::Timestamp;

/// Wait time that headers ask for, to be appended to a status: `, for 30 s more`. Empty when they ask for none.
pub(crate) fn remaining(headers: &HeaderMap, received: Timestamp) -> Phrase {
    wait_time(headers, received).map(|wait| phrase!(", for {} s more", ours(wait.as_secs()))).unwrap_or_default()
}

/// Wait time that headers ask for, as [`retry_after`](crate::retry_after) describes.
pub(crate) fn wait_time(headers: &HeaderMap, received: Timestamp) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let now = header("date").and_then(http_date).unwrap_or(received);
    let until = |then: Timestamp| Duration::try_from(then.duration_since(now)).unwrap_or_default();
    if let Some(after) = header("retry-after") {
        return after.trim().parse().ok().map(Duration::from_secs).or_else(|| Some(until(http_date(after)?)));
    }
    let reset = header("x-ratelimit-reset")?.trim().parse().ok()?;
    Some(until(Timestamp::from_second(reset).ok()?))
}

/// Parses a date in one of HTTP's three forms (RFC 9110, section 5.6.7).
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(text.trim()).ok()?).ok()
}
