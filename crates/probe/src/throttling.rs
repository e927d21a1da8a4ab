//! Throttled requests, and the wait that a server asks for.

use std::time::Duration;

use check::Phrase;
use serde_json::Value;

use crate::wait::{remaining, wait_time};
use crate::{Response, json};

/// Detects a throttled request: status 429, or 422 with one of these texts. Some log-in scaffolds (Laravel Breeze) use the
/// same status for a throttled log-in and a wrong password, so only the text differs.
#[must_use]
pub fn is_throttled(response: &Response, texts: &[String]) -> bool {
    match response.status.as_u16() {
        429 => true,
        422 => {
            // Laravel escapes characters outside ASCII, so parse the body before searching it.
            let Ok(body) = json::read(&response.body) else { return false };
            let body_text = body.to_string();
            texts.iter().any(|text| body_text.contains(Value::from(text.as_str()).to_string().trim_matches('"')))
        }
        _ => false,
    }
}

/// Wait time that a response asks for, to be appended to its status: `, for 30 s more`. Empty when it asks for none. A
/// `Retry-After` that cannot be read is quoted.
#[must_use]
pub fn remaining_wait(response: &Response) -> Phrase {
    remaining(&response.headers, response.received)
}

/// Wait time that a response asks for, at most ten years, from `Retry-After` (RFC 9110, section 10.2.3: seconds or a date), or
/// if that cannot be read, from Laravel's `X-RateLimit-Reset` (Unix time). Times are relative to the `Date` of the response, or
/// else to our clock. A date in the past means no wait.
#[must_use]
pub fn retry_after(response: &Response) -> Option<Duration> {
    wait_time(&response.headers, response.received)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::expect::tests::response;

    const TEN_YEARS: Option<Option<u64>> = Some(Some(315_360_000));

    fn limit(status: u16, body: &str, headers: &[(&'static str, &'static str)]) -> Option<Option<u64>> {
        let mut response = response(status, body);
        response.received = "2026-11-23T04:49:30Z".parse().unwrap();
        for (name, value) in headers {
            response.headers.insert(*name, HeaderValue::from_static(value));
        }
        let texts = ["Too many login attempts".to_owned(), "For mange loginforsøg".to_owned()];
        is_throttled(&response, &texts).then(|| retry_after(&response).map(|after| after.as_secs()))
    }

    #[test]
    fn throttling_is_distinguished_from_a_wrong_password() {
        let date = ("date", "Mon, 23 Nov 2026 04:49:00 GMT");
        let breeze = r#"{"errors":{"email":["Too many login attempts. Please try again in 42 seconds."]}}"#;
        let danish = "{\"errors\":{\"email\":[\"For mange loginfors\\u00f8g. Pr\\u00f8v igen om 42 sekunder.\"]}}";
        for (case, status, body, headers, expected) in [
            ("Retry-After", 429, "", &[("retry-after", "42")][..], Some(Some(42))),
            ("a date", 429, "", &[date, ("retry-after", "Mon, 23 Nov 2026 04:50:30 GMT")], Some(Some(90))),
            ("RFC 850", 429, "", &[date, ("retry-after", "Monday, 23-Nov-26 04:50:30 GMT")], Some(Some(90))),
            ("asctime", 429, "", &[date, ("retry-after", "Mon Nov 23 04:50:30 2026")], Some(Some(90))),
            ("a date in the past", 429, "", &[date, ("retry-after", "Mon, 23 Nov 2026 04:48:30 GMT")], Some(Some(0))),
            (
                "a date without a Date header",
                429,
                "",
                &[("retry-after", "Mon, 23 Nov 2026 04:50:30 GMT")],
                Some(Some(60)),
            ),
            ("X-RateLimit-Reset", 429, "", &[date, ("x-ratelimit-reset", "1795409355")], Some(Some(15))),
            (
                "X-RateLimit-Reset next to an unreadable Retry-After",
                429,
                "",
                &[date, ("retry-after", "soon"), ("x-ratelimit-reset", "1795409355")],
                Some(Some(15)),
            ),
            (
                "Retry-After next to X-RateLimit-Reset",
                429,
                "",
                &[("retry-after", "42"), ("x-ratelimit-reset", "9")],
                Some(Some(42)),
            ),
            (
                "an X-RateLimit-Reset beyond all times",
                429,
                "",
                &[("x-ratelimit-reset", "99999999999999999999")],
                TEN_YEARS,
            ),
            ("nothing", 429, "", &[], Some(None)),
            ("nonsense", 429, "", &[("retry-after", "soon")], Some(None)),
            ("zero", 429, "", &[("retry-after", "0")], Some(Some(0))),
            ("the largest number", 429, "", &[("retry-after", "18446744073709551615")], TEN_YEARS),
            ("a larger number", 429, "", &[("retry-after", "99999999999999999999")], TEN_YEARS),
            ("the year 9999", 429, "", &[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], TEN_YEARS),
            ("Breeze", 422, breeze, &[], Some(None)),
            ("Breeze in Danish", 422, danish, &[], Some(None)),
            (
                "a wrong password",
                422,
                r#"{"errors":{"email":["These credentials do not match our records."]}}"#,
                &[],
                None,
            ),
            ("the text with another status", 200, breeze, &[], None),
        ] {
            assert_eq!(limit(status, body, headers), expected, "{case}");
        }
    }
}
