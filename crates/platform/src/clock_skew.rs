//! Difference between our clock and that of a server.

use jiff::{SignedDuration, Timestamp};
use probe::Response;

/// Time by which our clock is ahead of the server's. Returns `None` when the answer has no date.
#[must_use]
pub fn skew(response: &Response, now: Timestamp) -> Option<SignedDuration> {
    let date = response.header("date")?;
    Some(now.duration_since(probe::http_date(date)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::answer;

    #[test]
    fn clock_skew_is_read_from_the_date_header() {
        let now = "2026-11-23T04:49:30Z".parse().unwrap();
        let seconds = |headers| skew(&answer(200, headers), now).map(|skew| skew.as_secs());
        assert_eq!(seconds(&[("date", "Mon, 23 Nov 2026 04:49:00 GMT")]), Some(30));
        assert_eq!(seconds(&[("date", "Mon, 23 Nov 2026 04:50:00 GMT")]), Some(-30));
        assert_eq!(seconds(&[("date", "Monday, 23-Nov-26 04:49:00 GMT")]), Some(30), "RFC 850");
        assert_eq!(seconds(&[("date", "Mon Nov 23 04:49:00 2026")]), Some(30), "asctime");
        assert_eq!(seconds(&[("date", "now")]), None);
        assert_eq!(seconds(&[]), None);
    }
}
