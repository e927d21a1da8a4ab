//! Next page of a list of the platform.

use check::{FailureKind, Mismatch, foreign, ours, phrase};
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
const NEXT: [&str; 11] = [
    "/links/next",
    "/links/next/href",
    "/_links/next",
    "/_links/next/href",
    "/next_page_url",
    "/nextPageUrl",
    "/next_page",
    "/nextPage",
    "/next",
    "/next/href",
    "/next/url",
];
/// Names of a cursor in such an object.
const CURSOR: [&str; 2] = ["/next_cursor", "/nextCursor"];
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
    /// Its cursor.
    Cursor(String),
    /// There is one.
    More,
}

/// Reads the next page of an answer: at a pointer of the settings, if the list has one, else where frameworks write it.
///
/// # Errors
/// A mismatch of kind `assertion`, `body` or `protocol`, with the value at the pointer.
pub(crate) fn next_page(answer: &Response, pointer: Option<&str>, wrapper: &str) -> Result<Next, Mismatch> {
    let links = answer.headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    next_of(&json(answer)?, links, pointer, wrapper)
}

fn next_of<'a>(
    body: &Value,
    mut links: impl Iterator<Item = &'a str>,
    pointer: Option<&str>,
    wrapper: &str,
) -> Result<Next, Mismatch> {
    let at_pointer = pointer.and_then(|pointer| Some((pointer, body.pointer(pointer)?)));
    let next = match at_pointer.filter(|(_, value)| !is_nothing(value)) {
        Some((pointer, value)) => read(value).ok_or_else(|| {
            let expected = phrase!("a page number or a link at {}", ours(pointer));
            let actual = phrase!("{}, which is neither", foreign(value.to_string()).at_most(MAX_QUOTED));
            Mismatch::new(FailureKind::Assertion, expected, actual)
        })?,
        None => links.find_map(in_header).or_else(|| found(body, pointer, wrapper)).unwrap_or(Next::Nothing),
    };
    match &next {
        Next::Link(text) | Next::Cursor(text) if text.len() > MAX_LINK => {
            let expected = phrase!("a link of at most {} bytes to the next page", MAX_LINK);
            Err(Mismatch::new(FailureKind::Protocol, expected, phrase!("one of {}", text.len())))
        }
        _ => Ok(next),
    }
}

/// Reads a link or a page number. A cursor is neither.
fn read(value: &Value) -> Option<Next> {
    match value {
        Value::String(text) if text.contains(['/', '?']) => Some(Next::Link(text.trim().to_owned())),
        _ => page_number(value).map(Next::Page),
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

/// Finds the next page where frameworks write it.
fn found(body: &Value, pointer: Option<&str>, wrapper: &str) -> Option<Next> {
    let mut tops = vec!["", wrapper];
    tops.dedup();
    let objects: Vec<String> = tops.iter().flat_map(|top| OBJECTS.map(|object| format!("{top}{object}"))).collect();
    let below = |names: &'static [&str]| {
        objects.iter().flat_map(move |object| names.iter().map(move |name| format!("{object}{name}")))
    };
    let mut named = below(&NEXT).chain(pointer.map(|pointer| format!("{wrapper}{pointer}")));
    if let Some(next) = named.find_map(|place| body.pointer(&place).and_then(read)) {
        return Some(next);
    }
    let objects: Vec<&Value> = objects.iter().filter_map(|object| body.pointer(object)).collect();
    let labelled = |object: &&Value| object.get("links")?.as_array()?.iter().find_map(leads_on);
    let cursor = |place: String| body.pointer(&place)?.as_str().filter(|text| !is_nothing(&Value::from(*text)));
    let is_true = |place: String| body.pointer(&place).is_some_and(|value| matches!(&*written_id(value), "true" | "1"));
    (objects.iter().find_map(labelled))
        .or_else(|| below(&CURSOR).find_map(cursor).map(|text| Next::Cursor(text.trim().to_owned())))
        .or_else(|| objects.iter().find_map(|object| counted(object)))
        .or_else(|| below(&MORE).any(is_true).then_some(Next::More))
}

/// Link of a paginator, or one of Atom's form, to the next page: `{"url": "…", "label": "Next &raquo;"}`.
fn leads_on(link: &Value) -> Option<Next> {
    let text = |name: &str| link.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let is_next = text("label").contains("next") || text("rel") == "next";
    ["url", "href"].iter().filter(|_| is_next).find_map(|name| link.get(name).and_then(read))
}

/// Number of the next page, if this one is not the last of those that an object counts.
fn counted(object: &Value) -> Option<Next> {
    let count = |name: &str| object.get(name).and_then(number);
    let first = |names: &[&str]| names.iter().find_map(|name| count(name));
    let current = first(&CURRENT)?;
    let by_size = || Some((count("total")? / count("per_page").filter(|size| *size >= 1.0)?).ceil());
    let last = first(&LAST).or_else(by_size)?;
    page_number(&Value::from(current + 1.0)).filter(|_| current < last).map(Next::Page)
}

/// Link to the next page in a `Link` header (RFC 8288): `<https://…>; rel="next"`.
fn in_header(links: &str) -> Option<Next> {
    let mut links = links.split('<').skip(1).filter_map(|link| link.split_once('>'));
    let next = links.find(|(_, parameters)| {
        parameters.split(';').filter_map(|parameter| parameter.split_once('=')).any(|(name, value)| {
            let mut relations = value.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | ','));
            name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
        })
    });
    next.map(|(link, _)| Next::Link(link.trim().to_owned()))
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
        next_of(&body, links.iter().copied(), Some("/next"), "/data").map_err(|mismatch| {
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
        let long = read(json!({ "next": format!("/{}", "x".repeat(MAX_LINK)) }));
        assert_eq!(long.unwrap_err(), "expected a link of at most 2048 bytes to the next page, found one of 2049");
    }

    #[test]
    fn next_page_is_found_where_frameworks_write_it() {
        let link = |text: &str| Next::Link(text.to_owned());
        let page = |number: &str| Next::Page(number.to_owned());
        for (body, next) in [
            (json!({ "links": { "next": "https://a.dk/?page=2" } }), link("https://a.dk/?page=2")),
            (json!({ "data": { "next_page_url": "https://a.dk/?page=2" } }), link("https://a.dk/?page=2")),
            (json!({ "meta": { "next_cursor": "eyJ" }, "next": null }), Next::Cursor("eyJ".to_owned())),
            (json!({ "meta": { "next_cursor": "eyJ", "next_page_url": "/?cursor=eyJ" } }), link("/?cursor=eyJ")),
            (json!({ "meta": { "current_page": 1, "last_page": 3 } }), page("2")),
            (json!({ "current_page": 2, "last_page": 3, "has_more": true }), page("3")),
            (json!({ "meta": { "current_page": "1", "last_page": 2.0 } }), page("2")),
            (json!({ "meta": { "pagination": { "current_page": 1, "total_pages": 2, "links": {} } } }), page("2")),
            (
                json!({ "meta": { "pagination": { "links": { "next": "https://a.dk/?page=2" } } } }),
                link("https://a.dk/?page=2"),
            ),
            (json!({ "meta": { "total": 3, "per_page": 2, "current_page": 1 } }), page("2")),
            (json!({ "links": { "next": { "href": "/?page=2" } } }), link("/?page=2")),
            (json!({ "_links": { "next": { "href": "/?page=2" } } }), link("/?page=2")),
            (json!({ "meta": { "next": "/?page=2" } }), link("/?page=2")),
            (json!({ "pagination": { "next": 2 } }), page("2")),
            (json!({ "next_page": "2" }), page("2")),
            (json!({ "nextPageUrl": "/?page=2" }), link("/?page=2")),
            (json!({ "data": { "data": [], "next": 2 } }), page("2")),
            (json!({ "has_more": true }), Next::More),
            (json!({ "data": { "meta": { "hasMorePages": 1 } } }), Next::More),
            (
                json!({ "links": [{ "url": null, "label": "Prev" }, { "url": "/?page=2", "label": "Next &raquo;" }] }),
                link("/?page=2"),
            ),
            (json!({ "meta": { "links": [{ "rel": "next", "href": "/?page=2" }] } }), link("/?page=2")),
            (
                json!({ "links": [{ "url": "/?page=1", "label": "1" }, { "url": null, "label": "Next &raquo;" }] }),
                Next::Nothing,
            ),
            (
                json!({ "has_more": false, "_links": { "next": null }, "next_page": 0, "meta": { "next": "null" } }),
                Next::Nothing,
            ),
            (
                json!({ "meta": { "pagination": { "current_page": "2", "total_pages": 2, "links": [] } } }),
                Next::Nothing,
            ),
            (json!({ "meta": { "current_page": 1, "last_page": 0, "total": 0, "per_page": 15 } }), Next::Nothing),
            (json!({ "meta": { "total": 3, "per_page": 0, "current_page": 1 } }), Next::Nothing),
            (json!({ "links": { "next": null }, "meta": { "current_page": 3, "last_page": 3 } }), Next::Nothing),
            (json!({ "links": [], "next_page_url": "" }), Next::Nothing),
            (json!({ "meta": { "next": "2026-12-05 08:00" }, "_links": { "next": "none" } }), Next::Nothing),
        ] {
            assert_eq!(read(body.clone()), Ok(next), "{body}");
        }
        let long = json!({ "meta": { "next_cursor": "x".repeat(MAX_LINK + 1) } });
        assert_eq!(
            read(long).unwrap_err(),
            "expected a link of at most 2048 bytes to the next page, found one of 2049"
        );
    }

    #[test]
    fn next_page_is_found_in_the_link_header() {
        for (link, next) in [
            (r#"<https://a.dk/?page=2>; rel="next""#, Some("https://a.dk/?page=2")),
            (
                r#"<https://a.dk/?page=1,2>; rel="first", <https://a.dk/?page=2>; title=b; REL=Next"#,
                Some("https://a.dk/?page=2"),
            ),
            (r#"</?page=2>; rel="last next""#, Some("/?page=2")),
            (r#"<https://a.dk/?rel=next>; rel="prev""#, None),
            (r#"</style.css>; rel=preload; as=style"#, None),
            ("", None),
        ] {
            let next = next.map_or(Next::Nothing, |next| Next::Link(next.to_owned()));
            assert_eq!(read_with(json!([]), &["</a>; rel=preload", link]), Ok(next), "{link}");
        }
        let known = read_with(json!({ "next": 2 }), &[r#"</?page=3>; rel="next""#]);
        assert_eq!(known, Ok(Next::Page("2".to_owned())), "the pointer counts");
    }
}
