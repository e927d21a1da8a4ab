//! Next page of a list of the platform.

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use serde_json::Value;

/// Maximum length of a link to the next page, in bytes.
const MAX_LINK: usize = 2 * 1024;
/// Maximum length of a quoted value, in characters.
const MAX_QUOTED: usize = 60;
/// Places where Laravel's paginators name the next page.
const LARAVEL: [&str; 4] = ["/links/next", "/next_page_url", "/meta/next_cursor", "/next_cursor"];
/// Places where Laravel's paginators count the pages.
const LARAVEL_COUNTS: [&str; 2] = ["", "/meta"];

/// What a page says about the one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is none.
    Nothing,
    /// Its number.
    Page(String),
    /// A link to it.
    Link(String),
}

/// Reads the next page at a pointer. Where the pointer finds none, an answer that has one elsewhere is a mismatch: the pointer is
/// wrong, and the payments of the other pages would seem to be missing.
///
/// # Errors
/// A mismatch of kind `assertion` or `protocol`, with the value.
pub(crate) fn next_page(body: &Value, pointer: &str, wrapper: &str) -> Result<Next, Mismatch> {
    let unreadable = |value: &Value| {
        let expected = phrase!("a page number or a link at {}", ours(pointer));
        let actual = phrase!("{}, which is neither", foreign(value.to_string()).at_most(MAX_QUOTED));
        Err(Mismatch::new(FailureKind::Assertion, expected, actual))
    };
    match body.pointer(pointer) {
        None | Some(Value::Null | Value::Bool(false)) => {}
        Some(Value::String(text)) if text.trim().is_empty() => {}
        Some(Value::Number(page)) if page.as_u64().is_some_and(|page| page > 0) => {
            return Ok(Next::Page(page.to_string()));
        }
        Some(Value::String(text)) if text.len() > MAX_LINK => {
            let expected = phrase!("a link of at most {} bytes at {}", MAX_LINK, ours(pointer));
            return Err(Mismatch::new(FailureKind::Protocol, expected, phrase!("one of {}", text.len())));
        }
        Some(Value::String(text)) if text.chars().all(|letter| letter.is_ascii_digit()) => {
            return Ok(Next::Page(text.clone()));
        }
        Some(Value::String(text)) => return Ok(Next::Link(text.clone())),
        Some(other) => return unreadable(other),
    }
    match found_elsewhere(body, wrapper) {
        None => Ok(Next::Nothing),
        Some(actual) => {
            let expected = phrase!("the next page at {} (`platform.school_payments.next`)", ours(pointer));
            Err(Mismatch::new(FailureKind::Assertion, expected, phrase!("none there, but {}", actual)))
        }
    }
}

/// Describes the next page that an answer has in the places of Laravel's paginators.
fn found_elsewhere(body: &Value, wrapper: &str) -> Option<Phrase> {
    let below = |places: &[&'static str]| -> Vec<String> {
        ["", wrapper].iter().flat_map(|top| places.iter().map(move |place| format!("{top}{place}"))).collect()
    };
    let is_page = |value: &Value| value.is_number() || value.as_str().is_some_and(|text| !text.is_empty());
    if let Some(place) = below(&LARAVEL).into_iter().find(|place| body.pointer(place).is_some_and(is_page)) {
        return Some(phrase!("one at {}", ours(place)));
    }
    below(&LARAVEL_COUNTS).into_iter().find_map(|place| {
        let count = |name: &str| body.pointer(&format!("{place}/{name}"))?.as_u64();
        let (current, last) = (count("current_page")?, count("last_page")?);
        (current < last).then(|| phrase!("this is page {} of {}", current, last))
    })
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Next, String> {
        next_page(&body, "/next", "/data").map_err(|mismatch| {
            let [expected, actual] = [mismatch.expected, mismatch.actual].map(|text| text.admit(&NoSecrets, 200));
            format!("expected {expected}, found {actual}")
        })
    }

    #[test]
    fn next_page_is_a_number_a_link_or_nothing() {
        for nothing in
            [json!({}), json!([1]), json!({ "next": null }), json!({ "next": false }), json!({ "next": " " })]
        {
            assert_eq!(read(nothing.clone()), Ok(Next::Nothing), "{nothing}");
        }
        assert_eq!(read(json!({ "next": 2 })), Ok(Next::Page("2".to_owned())));
        assert_eq!(read(json!({ "next": "17" })), Ok(Next::Page("17".to_owned())));
        assert_eq!(read(json!({ "next": "?page=2" })), Ok(Next::Link("?page=2".to_owned())));
        for other in [json!(true), json!(0), json!(-1), json!(2.5), json!([2]), json!({ "page": 2 })] {
            let expected = format!("expected a page number or a link at /next, found {other}, which is neither");
            assert_eq!(read(json!({ "next": other })), Err(expected));
        }
        let long = read(json!({ "next": "x".repeat(MAX_LINK + 1) }));
        assert_eq!(long.unwrap_err(), "expected a link of at most 2048 bytes at /next, found one of 2049");
    }

    #[test]
    fn next_page_in_another_place_is_named() {
        for (body, found) in [
            (json!({ "links": { "next": "https://a.dk/?page=2" } }), Some("one at /links/next")),
            (json!({ "data": { "next_page_url": "https://a.dk/?page=2" } }), Some("one at /data/next_page_url")),
            (json!({ "meta": { "next_cursor": "eyJ" }, "next": null }), Some("one at /meta/next_cursor")),
            (json!({ "meta": { "current_page": 1, "last_page": 3 } }), Some("this is page 1 of 3")),
            (json!({ "current_page": 1, "last_page": 2 }), Some("this is page 1 of 2")),
            (json!({ "links": { "next": null }, "meta": { "current_page": 3, "last_page": 3 } }), None),
            (json!({ "links": [], "next_page_url": "" }), None),
        ] {
            let expected = found.map(|found| {
                format!(
                    "expected the next page at /next (`platform.school_payments.next`), found none there, but {found}"
                )
            });
            assert_eq!(read(body.clone()).err(), expected, "{body}");
        }
    }
}
