use bytes::Bytes;
use check::{Failure, Subject};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json as value;

use super::*;
use crate::{Limits, Redactor};

pub(crate) fn response(status: u16, body: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/html; charset=UTF-8"));
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        version: http::Version::HTTP_11,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        url: "https://justdriving.dk/".parse().unwrap(),
        certificate_expires: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        redactor: Redactor::default(),
        limits: Limits::default(),
    }
}

/// The failure that a mismatch becomes.
pub(crate) fn shown(mismatch: Mismatch, response: &Response) -> Failure {
    Failure::new(Subject::whole(), "step", mismatch, &response.redactor)
}

type Expectation = Box<dyn Fn(&Response) -> Result<(), Mismatch>>;

fn boxed(expectation: impl Fn(&Response) -> Result<(), Mismatch> + 'static) -> Expectation {
    Box::new(expectation)
}

#[test]
fn responses_meet_or_miss_expectations() {
    use FailureKind::{Assertion, Body, Header, Status};
    let html = "<h1>Velkommen</h1>";
    let body = r#"{"data":{"id":7,"price":"450.00","tags":["a","b"],"a/b":{"~":null}},"":1}"#;
    for (case, body, expectation, fails) in [
        ("the status", html, boxed(|r| status(r, &[200])), None),
        ("one of several", html, boxed(|r| status(r, &[204, 200])), None),
        (
            "another status",
            html,
            boxed(|r| status(r, &[201, 204])),
            Some((Status, "status 201 or 204", "status 200 OK")),
        ),
        ("a header", html, boxed(|r| header_present(r, "Content-Type")), None),
        ("no header", html, boxed(|r| header_present(r, "etag")), Some((Header, "a header etag", "no header etag"))),
        ("a header in part", html, boxed(|r| header_contains(r, "content-type", "html")), None),
        (
            "a header with a longer value",
            html,
            boxed(|r| header_equals(r, "content-type", "text/html")),
            Some((Header, "content-type: text/html", "content-type: text/html; charset=UTF-8")),
        ),
        ("a text", html, boxed(|r| body_contains(r, "Velkommen")), None),
        (
            "a missing text",
            html,
            boxed(|r| body_contains(r, "Log ud")),
            Some((Assertion, r#""Log ud" in the body"#, "18 bytes, text/html; charset=UTF-8 without it")),
        ),
        ("no forbidden text", html, boxed(|r| body_lacks(r, "Whoops")), None),
        (
            "a forbidden text",
            html,
            boxed(|r| body_lacks(r, "Velk")),
            Some((Assertion, r#"a body without "Velk""#, "the text at byte 4")),
        ),
        ("JSON", body, boxed(|r| json(r).map(drop)), None),
        (
            "HTML instead of JSON",
            html,
            boxed(|r| json(r).map(drop)),
            Some((Body, "a JSON body", "18 bytes, text/html; charset=UTF-8: expected value at line 1 column 1")),
        ),
        ("a pointer to a member", body, boxed(|r| json_exists(r, "/data/tags/1").map(drop)), None),
        ("a pointer to null", body, boxed(|r| json_exists(r, "/data/a~1b/~0").map(drop)), None),
        ("a pointer to the empty name", body, boxed(|r| json_exists(r, "/").map(drop)), None),
        ("a pointer to everything", body, boxed(|r| json_exists(r, "").map(drop)), None),
        (
            "a pointer to nothing",
            body,
            boxed(|r| json_exists(r, "/data/nope").map(drop)),
            Some((Assertion, "a value at /data/nope", "no value")),
        ),
        (
            "a pointer into a body that is not JSON",
            html,
            boxed(|r| json_exists(r, "/data").map(drop)),
            Some((Body, "a JSON body", "18 bytes, text/html; charset=UTF-8: expected value at line 1 column 1")),
        ),
        ("a value", body, boxed(|r| json_equals(r, "/data/id", &value!(7), Compare::Strict)), None),
        (
            "another type",
            body,
            boxed(|r| json_equals(r, "/data/id", &value!("7"), Compare::Strict)),
            Some((Assertion, r#""id": "7" at /data/id"#, r#""id": 7 at /data/id"#)),
        ),
        ("another type, loosely", body, boxed(|r| json_equals(r, "/data/id", &value!("7"), Compare::Loose)), None),
        ("an amount, loosely", body, boxed(|r| json_equals(r, "/data/price", &value!(450), Compare::Loose)), None),
    ] {
        let response = response(200, body);
        let failed = expectation(&response).err().map(|mismatch| shown(mismatch, &response));
        let actual = failed.as_ref().map(|failed| (failed.kind, failed.expected.as_str(), failed.actual.as_str()));
        assert_eq!(actual, fails, "{case}");
    }
}

#[test]
fn numbers_are_compared_exactly() {
    use Compare::{Loose, Strict};
    for (case, one, other, compare, same) in [
        ("the same number in another notation", value!(1), value!(1.0), Strict, true),
        (
            "ids beyond the precision of a float",
            value!(9007199254740993_u64),
            value!(9007199254740992_u64),
            Strict,
            false,
        ),
        ("such an id as a string", value!("9007199254740993"), value!(9007199254740992_u64), Loose, false),
        ("strings are compared as strings", value!("0123"), value!("123"), Loose, false),
        ("a string that is not a number", value!("7 kr"), value!(7), Loose, false),
        ("infinity", value!("inf"), value!(7), Loose, false),
        ("a list of either", value!(["1", 2]), value!([1, "2"]), Loose, true),
        ("a member more", value!({"a": 1}), value!({"a": 1, "b": 2}), Strict, false),
        ("null", value!(null), value!("null"), Loose, false),
    ] {
        assert_eq!(equal(&one, &other, compare), same, "{case}");
    }
}

#[test]
fn texts_are_read_in_the_encoding_of_browsers() {
    for (kinds, body, text, malformed) in [
        (
            &["text/html"][..],
            &b"K\xf8re"[..],
            "Køre",
            Some("not UTF-8 from byte 1 on and without a charset, read as windows-1252"),
        ),
        (
            &["text/plain"],
            b"K\xf8re",
            "Køre",
            Some("not UTF-8 from byte 1 on and without a charset, read as windows-1252"),
        ),
        (&[], b"K\xf8re", "Køre", Some("not UTF-8 from byte 1 on and without a charset, read as windows-1252")),
        (&["text/html"], "Køre".as_bytes(), "Køre", None),
        (&["text/html"], b"\xef\xbb\xbfK\xf8re", "K\u{fffd}re", Some("not UTF-8 from byte 4 on")),
        (&["text/html; charset=utf-8"], b"K\xf8re", "K\u{fffd}re", Some("not UTF-8 from byte 1 on")),
        (
            &["text/html"],
            b"<meta charset=utf-8>K\xf8re",
            "<meta charset=utf-8>K\u{fffd}re",
            Some("not UTF-8 from byte 21 on"),
        ),
        (&["application/json"], b"K\xf8re", "K\u{fffd}re", Some("not UTF-8 from byte 1 on")),
        (&["text/xml"], b"K\xf8re", "K\u{fffd}re", Some("not UTF-8 from byte 1 on")),
        (&["text/plain; charset=utf-8", "text/html; charset=iso-8859-1"], b"K\xf8re", "Køre", None),
        (
            &["text/xml"],
            b"<?xml version='1.0' encoding='ISO-8859-1'?>K\xf8re",
            "<?xml version='1.0' encoding='ISO-8859-1'?>Køre",
            None,
        ),
        (
            &["application/rss+xml"],
            b"<?xml encoding = \"iso-8859-2\"?>\xb3",
            "<?xml encoding = \"iso-8859-2\"?>ł",
            None,
        ),
        (&["application/xml"], "<?xml encoding='utf-16'?>ø".as_bytes(), "<?xml encoding='utf-16'?>ø", None),
        (&["text/html"], b"<?xml encoding='iso-8859-2'?>\xb3", "<?xml encoding='iso-8859-2'?>ł", None),
        (
            &["text/html"],
            b"<?xml encoding='iso-8859-2'?><meta charset=iso-8859-1>\xf8",
            "<?xml encoding='iso-8859-2'?><meta charset=iso-8859-1>ø",
            None,
        ),
        (
            &["text/xml; charset=utf-8"],
            "<?xml encoding='iso-8859-1'?>ø".as_bytes(),
            "<?xml encoding='iso-8859-1'?>ø",
            None,
        ),
        (
            &["text/plain"],
            b"<?xml encoding='iso-8859-2'?>\xf8",
            "<?xml encoding='iso-8859-2'?>ø",
            Some("not UTF-8 from byte 29 on and without a charset, read as windows-1252"),
        ),
        (&["text/xml"], b"<?xml encoding='x'?>\xf8", "<?xml encoding='x'?>\u{fffd}", Some("not UTF-8 from byte 20 on")),
    ] {
        let mut response = response(200, "");
        response.body = Bytes::from_static(body);
        response.headers.remove("content-type");
        for kind in kinds {
            response.headers.append("content-type", HeaderValue::from_static(kind));
        }
        assert_eq!(response.text(), text, "{kinds:?}");
        let described = response.malformed().map(|malformed| malformed.admit(&check::NoSecrets, 100).to_string());
        assert_eq!(described.as_deref(), malformed, "{kinds:?}");
    }
}

#[test]
fn deep_json_fails_without_a_crash() {
    let response = response(200, &"[".repeat(10_000));
    let failed = shown(json(&response).unwrap_err(), &response);
    assert_eq!(failed.kind, FailureKind::Body);
    assert!(failed.actual.contains("recursion limit"), "{}", failed.actual);
}

#[test]
fn refusal_for_a_time_says_how_long() {
    for (code, after, expected) in [
        (503, Some("120"), "status 503 Service Unavailable, for 120 s more"),
        (429, Some("97"), "status 429 Too Many Requests, for 97 s more"),
        (429, Some("Thu, 01 Jan 1970 00:01:30 GMT"), "status 429 Too Many Requests, for 90 s more"),
        (503, Some("0"), "status 503 Service Unavailable"),
        (503, Some("Thu, 01 Jan 1970 00:00:00 GMT"), "status 503 Service Unavailable"),
        (503, Some("86400"), "status 503 Service Unavailable, for 86400 s more"),
        (503, Some("86401"), "status 503 Service Unavailable, for more than a day"),
        (503, Some("18446744073709551615"), "status 503 Service Unavailable, for more than a day"),
        (503, Some("99999999999999999999"), "status 503 Service Unavailable, for more than a day"),
        (503, Some("Fri, 31 Dec 9999 23:59:59 GMT"), "status 503 Service Unavailable, for more than a day"),
        (429, Some("soon"), "status 429 Too Many Requests, with an unreadable Retry-After: soon"),
        (503, Some("-5"), "status 503 Service Unavailable, with an unreadable Retry-After: -5"),
        (503, Some("+5"), "status 503 Service Unavailable, with an unreadable Retry-After: +5"),
        (503, Some("1.5"), "status 503 Service Unavailable, with an unreadable Retry-After: 1.5"),
        (
            503,
            Some("an hour, or perhaps two, as long as the work takes"),
            "status 503 Service Unavailable, with an unreadable Retry-After: an hour, or perhaps two, as long as the…",
        ),
        (503, None, "status 503 Service Unavailable"),
        (500, Some("120"), "status 500 Internal Server Error"),
    ] {
        let mut response = response(code, "");
        if let Some(after) = after {
            response.headers.insert("retry-after", HeaderValue::from_static(after));
        }
        let failure = shown(status(&response, &[200]).unwrap_err(), &response);
        assert_eq!(failure.actual, expected, "{after:?}");
    }
}

#[test]
fn unexpected_redirect_names_its_target() {
    let long = format!("/{}", "x".repeat(300));
    for (code, location, expected) in [
        (302, "/login?x", "status 302 Found, to /login?x".to_owned()),
        (
            301,
            "https://other.example/\u{e6}",
            "status 301 Moved Permanently, to https://other.example/\u{e6}".to_owned(),
        ),
        (308, "/a\u{202e}b", "status 308 Permanent Redirect, to /a\\u{202e}b".to_owned()),
        (307, "/?token=canary-secret", "status 307 Temporary Redirect, to /?token=[redacted]".to_owned()),
        (304, &long, format!("status 304 Not Modified, to {}\u{2026}", &long[..159])),
        (302, "", "status 302 Found, to (empty)".to_owned()),
        (201, "/new", "status 201 Created".to_owned()),
    ] {
        let mut response = response(code, "");
        response.redactor.register("canary-secret");
        response.headers.insert("location", HeaderValue::from_bytes(location.as_bytes()).unwrap());
        let failure = shown(status(&response, &[200]).unwrap_err(), &response);
        assert_eq!(failure.actual, expected, "{location}");
    }
}

#[test]
fn excerpts_are_redacted() {
    let response = response(200, r#"{"id":1,"token":"abc-def","note":"my canary-secret"}"#);
    response.redactor.register("canary-secret");
    for failed in [
        status(&response, &[201]),
        body_contains(&response, "x-canary-secret"),
        body_lacks(&response, "canary"),
        body_lacks(&response, "note"),
        json_equals(&response, "/token", &value!("other-token"), Compare::Strict),
        json_equals(&response, "/note", &value!("x"), Compare::Strict),
        json_exists(&response, "/canary-secret").map(drop),
    ] {
        let text = format!("{:?}", shown(failed.unwrap_err(), &response));
        assert!(
            !text.contains("canary-secret") && !text.contains("abc-def") && !text.contains("other-token"),
            "{text}"
        );
        assert!(text.contains("[redacted]"), "{text}");
    }
}
