//! Answers: form tokens, JSON pointers, and assertions on bodies.

use std::time::{Duration, Instant};

use probe::expect::{self, Compare};
use probe::{Bytes, HeaderMap, HeaderValue, Limits, Redactor, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::input::split_first_line;
use crate::oracle::assert_presentable;

/// The first line is the name of the field, the rest is the page.
pub(crate) const PAGES: &[&[u8]] = &[
    b"_token\n<form><input type=\"hidden\" name=\"_token\" value=\"abcdefgh12345678\"></form>",
    b"_token\n<meta name=\"csrf-token\" content=\"abcdefgh12345678\"><form><input name=\"email\"></form>",
];

/// The first line is a pointer, the rest is the body.
pub(crate) const POINTERS: &[&[u8]] = &[
    b"/data/0/id\n{\"data\": [{\"id\": 7, \"password\": \"hunter2\"}, {\"a/b\": 1.0, \"m~n\": \"450.00\"}]}",
    b"/a~1b\n{\"a/b\": {\"\": [null, true, 18446744073709551615]}}",
];

/// The first line is the content type, the second a text, the rest is the body.
pub(crate) const BODIES: &[&[u8]] = &[
    "text/html; charset=utf-8\nKøreskole\n<title>Køreskole</title>".as_bytes(),
    b"text/html; charset=iso-8859-1\nx\nK\xf8reskole",
    b"application/json\nToo many\n{\"message\": \"Too many login attempts\", \"errors\": {\"email\": [\"x\"]}}",
];

fn response(kind: &str, body: &[u8]) -> Option<Response> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_str(kind).ok()?);
    Some(Response {
        status: StatusCode::OK,
        headers,
        body: Bytes::copy_from_slice(body),
        url: Url::parse("https://app.example/").ok()?,
        version: probe::Version::HTTP_11,
        certificate_expires: None,
        received: jiff::Timestamp::UNIX_EPOCH,
        redactor: Redactor::default(),
        limits: Limits::default(),
    })
}

/// Longest time for a page of about ten kilobytes, on a busy machine and unoptimized. No deadline interrupts the
/// parser.
const PATIENCE: Duration = Duration::from_secs(2);

/// A page yields a token, masked from then on, or a mismatch, and soon. The first line is the field's name.
pub(crate) fn form_token(data: &[u8]) {
    let (field, page) = split_first_line(data);
    let Some(response) = response("text/html; charset=utf-8", page) else { return };
    let started = Instant::now();
    let found = expect::form(&response, &expect::WantedForm::with_token(&field));
    let took = started.elapsed();
    assert!(took <= PATIENCE, "{} bytes took {took:?}", page.len());
    match found {
        Ok(form) => {
            let token = form.token.expose_secret();
            assert!(!token.trim().is_empty(), "an empty token");
            // One or two characters, besides white space, would mask every text.
            if token.trim().len() >= 8 {
                let masked = response.redactor.redact(&format!("it is {token} here"));
                // The page may choose a part of this sentence.
                let is_ours = ["it is  here", "it is [redacted] here"].iter().any(|text| text.contains(token));
                assert!(!masked.contains(token) || is_ours, "not masked: {masked}");
            }
        }
        Err(mismatch) => assert_presentable(&mismatch),
    }
}

/// A pointer finds the value defined by RFC 6901 in every JSON body. The first line is the pointer.
pub(crate) fn json_pointers(data: &[u8]) {
    let (pointer, body) = split_first_line(data);
    let Some(response) = response("application/json", body) else { return };
    let found = expect::json_exists(&response, &pointer);
    if let Err(mismatch) = &found {
        assert_presentable(mismatch);
    }
    match expect::json(&response) {
        Ok(value) => assert_eq!(found.as_ref().ok(), value.pointer(&pointer), "at {pointer:?}"),
        Err(mismatch) => {
            assert_presentable(&mismatch);
            assert!(found.is_err(), "found in a body without JSON");
        }
    }
    if let Ok(value) = found {
        for compare in [Compare::Strict, Compare::Loose] {
            if let Err(mismatch) = expect::json_equals(&response, &pointer, &value, compare) {
                panic!("a value differs from itself: {mismatch:?}");
            }
        }
        if let Err(mismatch) = expect::json_equals(&response, &pointer, &Value::from("another"), Compare::Loose) {
            assert_presentable(&mismatch);
        }
    }
    if let Err(mismatch) = expect::json_list(&response, &pointer) {
        assert_presentable(&mismatch);
    }
}

/// A text is either in a body or not, in any encoding, and all mismatches are within bounds. The first line is the
/// content type, the second the text.
pub(crate) fn assertions(data: &[u8]) {
    let (kind, rest) = split_first_line(data);
    let (text, body) = split_first_line(rest);
    let Some(response) = response(&kind, body) else { return };
    let (contains, lacks) = (expect::body_contains(&response, &text), expect::body_lacks(&response, &text));
    assert_ne!(contains.is_ok(), lacks.is_ok(), "both or neither of {text:?}");
    assert_eq!(contains.is_ok(), response.text().contains(&text));
    let more = [
        contains,
        lacks,
        expect::header_contains(&response, "content-type", &text),
        expect::header_equals(&response, "content-type", &text),
        expect::header_present(&response, &text),
        expect::status(&response, &[204]),
    ];
    more.iter().filter_map(|held| held.as_ref().err()).for_each(assert_presentable);
    let _ = (platform::server_message(&response), probe::is_throttled(&response, &[text]), response.malformed());
}
