//! Next page of a list of the platform.

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use probe::Response;
use probe::expect::{json, number};
use serde_json::Value;
use settings::written_id;

/// Maximum length of a link to the next page, in bytes.
const MAX_LINK: usize = 2 * 1024;
/// Maximum length of a quoted value, in characters.
const MAX_QUOTED: usize = 60;
/// Objects in which frameworks describe the page: at the top, or below the wrapper.
const OBJECTS: [&str; 5] = ["", "/meta", "/pagination", "/meta/pagination", "/paging"];
/// Names of the next page in such an object: those of Laravel's paginators, Fractal, JSON:API, HAL and others.
const NEXT: [&str; 13] = [
    "/links/next",
    "/links/next/href",
    "/_links/next",
    "/_links/next/href",
    "/next_page_url",
    "/nextPageUrl",
    "/next_cursor",
    "/nextCursor",
    "/next_page",
    "/nextPage",
    "/next",
    "/next/href",
    "/next/url",
];
/// Names of a flag for more pages in such an object.
const MORE: [&str; 6] = ["/has_more", "/hasMore", "/has_more_pages", "/hasMorePages", "/has_next_page", "/hasNextPage"];
/// Names of the number of this page and of the last one in such an object.
const CURRENT: [&str; 3] = ["current_page", "currentPage", "page"];
const LAST: [&str; 5] = ["last_page", "lastPage", "total_pages", "totalPages", "pages"];

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

/// Reads the next page of an answer at a pointer. Where the pointer finds none, an answer that has one elsewhere is a mismatch: the
/// pointer is wrong, and the payments of the other pages would seem to be missing.
///
/// # Errors
/// A mismatch of kind `assertion`, `body` or `protocol`, with the value.
pub(crate) fn next_page(answer: &Response, pointer: &str, wrapper: &str) -> Result<Next, Mismatch> {
    let links = answer.headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    next_of(&json(answer)?, links, pointer, wrapper)
}

fn next_of<'a>(
    body: &Value,
    mut links: impl Iterator<Item = &'a str>,
    pointer: &str,
    wrapper: &str,
) -> Result<Next, Mismatch> {
    match body.pointer(pointer).filter(|value| !is_nothing(value)) {
        None => {}
        Some(Value::String(text)) if text.len() > MAX_LINK => {
            let expected = phrase!("a link of at most {} bytes at {}", MAX_LINK, ours(pointer));
            return Err(Mismatch::new(FailureKind::Protocol, expected, phrase!("one of {}", text.len())));
        }
        // A cursor is neither.
        Some(Value::String(text)) if text.contains(['/', '?']) => return Ok(Next::Link(text.trim().to_owned())),
        Some(value) => {
            return page_number(value).map(Next::Page).ok_or_else(|| {
                let expected = phrase!("a page number or a link at {}", ours(pointer));
                let actual = phrase!("{}, which is neither", foreign(value.to_string()).at_most(MAX_QUOTED));
                Mismatch::new(FailureKind::Assertion, expected, actual)
            });
        }
    }
    let named = links.any(is_next).then(|| phrase!("a link with rel=\"next\" in the header `Link`"));
    match named.or_else(|| found_elsewhere(body, pointer, wrapper)) {
        None => Ok(Next::Nothing),
        Some(actual) => {
            let expected = phrase!("the next page at {} (`platform.school_payments.next`)", ours(pointer));
            Err(Mismatch::new(FailureKind::Assertion, expected, phrase!("none there, but {}", actual)))
        }
    }
}

/// True for the forms of a missing value: `null`, also as text, `false` and blank text.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => matches!(text.trim(), "" | "null"),
        _ => false,
    }
}

/// Reads a whole number of at least 1 without a sign or an exponent, which may be written as text.
fn page_number(value: &Value) -> Option<String> {
    let is_plain = |text: &str| text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    if value.as_str().is_some_and(|text| !is_plain(text.trim())) {
        return None;
    }
    let page = number(value).filter(|page| (1.0..9e15).contains(page) && page.fract() == 0.0)?;
    Some(written_id(&Value::from(page)))
}

/// Describes the next page that an answer has in another place.
fn found_elsewhere(body: &Value, pointer: &str, wrapper: &str) -> Option<Phrase> {
    let mut tops = vec!["", wrapper];
    tops.dedup();
    let objects: Vec<String> = tops.iter().flat_map(|top| OBJECTS.map(|object| format!("{top}{object}"))).collect();
    let below = |names: &'static [&str]| {
        objects.iter().flat_map(move |object| names.iter().map(move |name| format!("{object}{name}")))
    };
    let is_next = |place: &String| body.pointer(place).is_some_and(names_a_page);
    if let Some(place) = below(&NEXT).chain([format!("{wrapper}{pointer}")]).find(is_next) {
        return Some(phrase!("one at {}", ours(place)));
    }
    let is_true = |place: &String| body.pointer(place).is_some_and(|value| matches!(&*written_id(value), "true" | "1"));
    if let Some(place) = below(&MORE).find(is_true) {
        return Some(phrase!("more pages according to {}", ours(place)));
    }
    objects.iter().find_map(|object| {
        let object = body.pointer(object)?;
        let labelled = object.get("links").and_then(Value::as_array).is_some_and(|links| links.iter().any(leads_on));
        labelled.then(|| "one in the list `links`".into()).or_else(|| counted(object))
    })
}

/// True for a link, a cursor or a page number.
fn names_a_page(value: &Value) -> bool {
    match value {
        Value::String(_) => !is_nothing(value),
        _ => page_number(value).is_some(),
    }
}

/// True for a link of a paginator, or one of Atom's form, to the next page: `{"url": "…", "label": "Next &raquo;"}`.
fn leads_on(link: &Value) -> bool {
    let text = |name: &str| link.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let is_next = text("label").contains("next") || text("rel") == "next";
    is_next && ["url", "href"].iter().any(|name| link.get(name).is_some_and(names_a_page))
}

/// Describes the pages that an object counts, if this one is not the last.
fn counted(object: &Value) -> Option<Phrase> {
    let count = |name: &str| object.get(name).and_then(number);
    let first = |names: &[&str]| names.iter().find_map(|name| count(name));
    let current = first(&CURRENT)?;
    let by_size = || Some((count("total")? / count("per_page").filter(|size| *size >= 1.0)?).ceil());
    let last = first(&LAST).or_else(by_size)?;
    (current < last).then(|| phrase!("this is page {} of {}", ours(current), ours(last)))
}

/// True for a `Link` header with a link to the next page (RFC 8288): `<https://…>; rel="next"`.
fn is_next(links: &str) -> bool {
    links.split('<').skip(1).filter_map(|link| link.split_once('>')).any(|(_, parameters)| {
        parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
            let mut relations = value.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | ','));
            name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        })
    })
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Next, String> {
        read_with(body, &[])
    }

    fn read_with(body: Value, links: &[&str]) -> Result<Next, String> {
        next_of(&body, links.iter().copied(), "/next", "/data").map_err(|mismatch| {
            let [expected, actual] = [mismatch.expected, mismatch.actual].map(|text| text.admit(&NoSecrets, 200));
            format!("expected {expected}, found {actual}")
        })
    }

    #[test]
    fn next_page_is_a_number_a_link_or_nothing() {
        for nothing in [json!({}), json!([1])] {
            assert_eq!(read(nothing.clone()), Ok(Next::Nothing), "{nothing}");
        }
        for nothing in [json!(null), json!(false), json!(" "), json!("null")] {
            assert_eq!(read(json!({ "next": nothing })), Ok(Next::Nothing), "{nothing}");
        }
        for (number, page) in [(json!(2), "2"), (json!(2.0), "2"), (json!("17"), "17"), (json!(" 3.0 "), "3")] {
            assert_eq!(read(json!({ "next": number })), Ok(Next::Page(page.to_owned())), "{number}");
        }
        for (written, link) in
            [("?page=2", "?page=2"), (" https://a.dk/?page=2 ", "https://a.dk/?page=2"), ("/b", "/b")]
        {
            assert_eq!(read(json!({ "next": written })), Ok(Next::Link(link.to_owned())), "{written}");
        }
        for other in [
            json!(true),
            json!(0),
            json!("0"),
            json!(-1),
            json!("+2"),
            json!(2.5),
            json!("1e3"),
            json!("eyJpZCI6MX0"),
            json!("#"),
            json!([2]),
            json!({ "page": 2 }),
        ] {
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
            (json!({ "meta": { "current_page": "1", "last_page": 2.0 } }), Some("this is page 1 of 2")),
            (
                json!({ "meta": { "pagination": { "current_page": 1, "total_pages": 2, "links": {} } } }),
                Some("this is page 1 of 2"),
            ),
            (
                json!({ "meta": { "pagination": { "links": { "next": "https://a.dk/?page=2" } } } }),
                Some("one at /meta/pagination/links/next"),
            ),
            (json!({ "meta": { "total": 3, "per_page": 2, "current_page": 1 } }), Some("this is page 1 of 2")),
            (json!({ "links": { "next": { "href": "/?page=2" } } }), Some("one at /links/next/href")),
            (json!({ "_links": { "next": { "href": "/?page=2" } } }), Some("one at /_links/next/href")),
            (json!({ "meta": { "next": "/?page=2" } }), Some("one at /meta/next")),
            (json!({ "pagination": { "next": 2 } }), Some("one at /pagination/next")),
            (json!({ "next_page": "2" }), Some("one at /next_page")),
            (json!({ "nextPageUrl": "/?page=2" }), Some("one at /nextPageUrl")),
            (json!({ "data": { "data": [], "next": 2 } }), Some("one at /data/next")),
            (json!({ "has_more": true }), Some("more pages according to /has_more")),
            (
                json!({ "data": { "meta": { "hasMorePages": 1 } } }),
                Some("more pages according to /data/meta/hasMorePages"),
            ),
            (
                json!({ "links": [{ "url": null, "label": "Prev" }, { "url": "/?page=2", "label": "Next &raquo;" }] }),
                Some("one in the list `links`"),
            ),
            (json!({ "meta": { "links": [{ "rel": "next", "href": "/?page=2" }] } }), Some("one in the list `links`")),
            (json!({ "links": [{ "url": "/?page=1", "label": "1" }, { "url": null, "label": "Next &raquo;" }] }), None),
            (
                json!({ "has_more": false, "_links": { "next": null }, "next_page": 0, "meta": { "next": "null" } }),
                None,
            ),
            (json!({ "meta": { "pagination": { "current_page": "2", "total_pages": 2, "links": [] } } }), None),
            (json!({ "meta": { "current_page": 1, "last_page": 0, "total": 0, "per_page": 15 } }), None),
            (json!({ "meta": { "total": 3, "per_page": 0, "current_page": 1 } }), None),
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

    #[test]
    fn next_page_in_the_link_header_is_named() {
        for (link, is_named) in [
            (r#"<https://a.dk/?page=2>; rel="next""#, true),
            (r#"<https://a.dk/?page=1,2>; rel="first", <https://a.dk/?page=2>; title=b; REL=Next"#, true),
            (r#"</?page=2>; rel="last next""#, true),
            (r#"<https://a.dk/?rel=next>; rel="prev""#, false),
            (r#"</style.css>; rel=preload; as=style"#, false),
            ("", false),
        ] {
            let found = read_with(json!([]), &["</a>; rel=preload", link]);
            assert_eq!(found.is_err(), is_named, "{link}: {found:?}");
            if let Err(error) = found {
                assert!(
                    error.ends_with("found none there, but a link with rel=\"next\" in the header `Link`"),
                    "{error}"
                );
            }
        }
        let known = read_with(json!({ "next": 2 }), &[r#"</?page=2>; rel="next""#]);
        assert_eq!(known, Ok(Next::Page("2".to_owned())), "the pointer counts");
    }
}
