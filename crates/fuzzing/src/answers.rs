//! Answers: the token of a form, JSON pointers, and assertions on a body.

use std::time::{Duration, Instant};

use check::Mismatch;
use probe::expect::{self, Compare};
use probe::{Bytes, HeaderMap, HeaderValue, Redactor, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::halves;

fn response(kind: &str, body: &[u8]) -> Option<Response> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_str(kind).ok()?);
    Some(Response {
        status: StatusCode::OK,
        headers,
        body: Bytes::copy_from_slice(body),
        url: Url::parse("https://app.example/").ok()?,
        certificate_expires: None,
        redactor: Redactor::default(),
    })
}

/// All that is told is short and can be shown.
fn fit(mismatch: &Mismatch) {
    for text in [Some(&mismatch.expected), Some(&mismatch.actual), mismatch.evidence.as_ref()].into_iter().flatten() {
        assert!(text.chars().count() <= 300, "too long: {text}");
        assert!(!text.chars().any(char::is_control), "cannot be shown: {text:?}");
    }
}

/// The longest that a page of some ten kilobytes may take, on a busy machine and unoptimized. No deadline interrupts it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A page has a token, which is masked from then on, or what is there instead is told, and soon. The first line is the
/// field's name.
pub fn form_token(data: &[u8]) {
    let (field, page) = halves(data);
    let Some(response) = response("text/html; charset=utf-8", page) else { return };
    let started = Instant::now();
    let found = expect::form_token(&response, &field);
    let took = started.elapsed();
    assert!(took <= PATIENCE, "{} bytes took {took:?}", page.len());
    match found {
        Ok(token) => {
            let token = token.expose_secret();
            assert!(!token.trim().is_empty(), "an empty token");
            // One or two characters would mask every text.
            if token.len() >= 8 {
                let masked = response.redactor.redact(&format!("it is {token} here"));
                assert!(!masked.contains(token) || "it is  here [redacted]".contains(token), "not masked: {masked}");
            }
        }
        Err(mismatch) => fit(&mismatch),
    }
}

/// A pointer finds what RFC 6901 says it finds, wherever the body is JSON. The first line is the pointer.
pub fn json_pointers(data: &[u8]) {
    let (pointer, body) = halves(data);
    let Some(response) = response("application/json", body) else { return };
    let found = expect::json_exists(&response, &pointer);
    if let Err(mismatch) = &found {
        fit(mismatch);
    }
    match expect::json(&response) {
        Ok(value) => assert_eq!(found.as_ref().ok(), value.pointer(&pointer), "at {pointer:?}"),
        Err(mismatch) => {
            fit(&mismatch);
            assert!(found.is_err(), "found in what is no JSON");
        }
    }
    if let Ok(value) = found {
        for compare in [Compare::Strict, Compare::Loose] {
            if let Err(mismatch) = expect::json_equals(&response, &pointer, &value, compare) {
                panic!("a value that is not itself: {mismatch:?}");
            }
        }
        if let Err(mismatch) = expect::json_equals(&response, &pointer, &Value::from("another"), Compare::Loose) {
            fit(&mismatch);
        }
    }
    if let Err(mismatch) = expect::json_list(&response, &pointer) {
        fit(&mismatch);
    }
}

/// A text is in a body or not, never both, whatever the encoding; all is told within bounds. The first line is the content
/// type, the second the text.
pub fn assertions(data: &[u8]) {
    let (kind, rest) = halves(data);
    let (text, body) = halves(rest);
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
    more.iter().filter_map(|held| held.as_ref().err()).for_each(fit);
    let _ = (probe::server_message(&response), probe::throttled(&response, &[text]), response.malformed());
}
