//! Pages of a list of the platform, one after the other.

use std::collections::HashSet;

use check::{FailureKind, Mismatch, foreign, ours, phrase};
use probe::{Response, Url};
use serde_json::Value;

use crate::next_page::{Next, next_page};
use crate::site::Site;

/// Maximum length of a quoted link, in characters.
const MAX_QUOTED: usize = 200;

/// The next page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// The page with this number.
    Numbered(String),
    /// The page at this URL of the platform.
    At(Url),
}

/// Pages of one list that were read.
pub struct Pages<'a> {
    site: &'a Site,
    next_at: Option<&'a str>,
    max: usize,
    read: HashSet<Url>,
    last: Vec<Value>,
}

impl<'a> Pages<'a> {
    /// Begins a list of at most `max` pages. `next_at` points to the next page in an answer; where it finds nothing, the usual
    /// places of frameworks count.
    #[must_use]
    pub fn new(site: &'a Site, next_at: Option<&'a str>, max: usize) -> Self {
        Self { site, next_at, max, read: HashSet::new(), last: Vec::new() }
    }

    /// Returns the page after an answer with these rows.
    ///
    /// # Errors
    /// A mismatch of kind `protocol` for a page that was read before or is one too many, of kind `redirect` for one at another host,
    /// and those of an unreadable answer.
    pub fn next(&mut self, answer: &Response, rows: &[Value]) -> Result<Option<NextPage>, Mismatch> {
        let endless = |actual| Mismatch::new(FailureKind::Protocol, "a list that ends", actual);
        let here = &answer.url;
        if !self.read.insert(here.clone()) {
            let page = foreign(&here[url::Position::BeforePath..]).at_most(MAX_QUOTED);
            return Err(endless(phrase!("page {} repeated after {} pages", page, self.read.len())));
        }
        // A new row may shift a page of one row.
        if rows.len() > 1 && rows == self.last {
            return Err(endless(phrase!("page {} with the same rows as the one before", self.read.len())));
        }
        self.last = rows.to_vec();
        let wrapper = self.site.platform.wrapper.as_str();
        let next = match next_page(answer, self.next_at, wrapper)? {
            Next::Nothing => return Ok(None),
            Next::Page(page) => NextPage::Numbered(page),
            Next::More => NextPage::Numbered((self.read.len() + 1).to_string()),
            Next::Cursor(cursor) => NextPage::At(with_query(here, "cursor", &cursor)),
            Next::Link(link) => {
                let page = self.site.own_page(here, &link).ok_or_else(|| elsewhere(&self.site.base_url, &link))?;
                NextPage::At(with_query_of(page, here))
            }
        };
        if self.read.len() == self.max {
            let expected = phrase!("a list of at most {} pages", self.max);
            let actual =
                "more; let the platform list more rows a page, for example with a query in the path of the list";
            return Err(Mismatch::new(FailureKind::Protocol, expected, actual));
        }
        Ok(Some(next))
    }
}

/// The page with a number, by Laravel's parameter.
#[must_use]
pub fn numbered(url: &Url, page: &str) -> Url {
    with_query(url, "page", page)
}

/// A URL with this value of a parameter.
fn with_query(url: &Url, name: &str, value: &str) -> Url {
    let others: Vec<_> = url.query_pairs().into_owned().filter(|(other, _)| other != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    url
}

/// A link to the next page, with the parameters that it lacks: Laravel's paginator writes only the page
/// unless asked to keep the others, and the page would be one of another list.
fn with_query_of(mut link: Url, page: &Url) -> Url {
    let own: HashSet<String> = link.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let missing: Vec<_> = page.query_pairs().into_owned().filter(|(name, _)| !own.contains(name)).collect();
    if !missing.is_empty() {
        link.query_pairs_mut().extend_pairs(missing);
    }
    link
}

/// A link to a next page elsewhere.
fn elsewhere(base: &Url, link: &str) -> Mismatch {
    let host = base.host_str().unwrap_or_default();
    let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
    let expected = phrase!("a next page on the platform's host and port, {}", ours(format_args!("{host}{port}")));
    let actual = phrase!("a link to another host or port: {}", foreign(link).at_most(MAX_QUOTED));
    Mismatch::new(FailureKind::Redirect, expected, actual)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use check::NoSecrets;
    use serde_json::json;

    use super::*;
    use crate::laravel::maintenance;
    use crate::names::Platform;
    use crate::tests::response;

    fn site() -> Site {
        let base_url = "https://app.example/".parse().unwrap();
        Site { base_url, platform: Platform::default(), maintenance: maintenance(), deadline: Duration::from_secs(1) }
    }

    /// URLs of the pages of a list whose page with this number has this answer, or the reason that ended it.
    fn read(first: &str, answer: impl Fn(usize) -> Value) -> Result<Vec<String>, String> {
        let site = site();
        let mut pages = Pages::new(&site, None, 4);
        let (mut url, mut read) = (site.base_url.join(first).unwrap(), Vec::new());
        loop {
            read.push(url[url::Position::BeforePath..].to_owned());
            let body = answer(read.len());
            let rows = body["data"].as_array().cloned().unwrap_or_default();
            let answer = Response { url: url.clone(), ..response(200, body.to_string().leak()) };
            let next = pages.next(&answer, &rows).map_err(|mismatch| {
                let [expected, actual] = [mismatch.expected, mismatch.actual].map(|text| text.admit(&NoSecrets, 200));
                format!("expected {expected}, found {actual}")
            })?;
            url = match next {
                None => return Ok(read),
                Some(NextPage::At(url)) => url,
                Some(NextPage::Numbered(page)) => numbered(&url, &page),
            };
        }
    }

    #[test]
    fn pages_are_read_with_the_parameters_of_the_first() {
        let two = |next: Value| move |page: usize| if page == 1 { next.clone() } else { json!({ "data": [] }) };
        for (first, next, second) in [
            ("/a?from=1&page=1", json!({ "links": { "next": "https://app.example/a?page=2" } }), "/a?page=2&from=1"),
            ("/a?from=1", json!({ "next": "?from=2&page=2" }), "/a?from=2&page=2"),
            ("/a", json!({ "next": "http://app.example/b" }), "/b"),
            ("/a?from=1&page=1", json!({ "meta": { "current_page": 1, "last_page": 2 } }), "/a?from=1&page=2"),
            ("/a", json!({ "has_more": true }), "/a?page=2"),
            ("/a?to=2", json!({ "meta": { "next_cursor": "e&J" } }), "/a?to=2&cursor=e%26J"),
        ] {
            assert_eq!(read(first, two(next.clone())), Ok(vec![first.to_owned(), second.to_owned()]), "{next}");
        }
        assert_eq!(read("/a", |_| json!({ "data": [1, 2] })), Ok(vec!["/a".to_owned()]));
    }

    #[test]
    fn list_without_an_end_is_a_mismatch() {
        fn row(page: usize) -> Value {
            json!([{ "id": page }, { "id": page + 1 }])
        }
        type Answer = fn(usize) -> Value;
        let cases: [(&str, Answer, &str); 5] = [
            ("itself", |_| json!({ "next": "/a" }), "expected a list that ends, found page /a repeated after 1 pages"),
            (
                "an earlier page",
                |page| json!({ "next": if page == 2 { "/a?p=1" } else { "/a?p=2" } }),
                "expected a list that ends, found page /a?p=2 repeated after 3 pages",
            ),
            (
                "one that ignores the number",
                |_| json!({ "data": row(1), "has_more": true }),
                "expected a list that ends, found page 2 with the same rows as the one before",
            ),
            (
                "too many",
                |page| json!({ "data": row(page), "has_more": true }),
                "expected a list of at most 4 pages, found more; let the platform list more rows a page, for example with a query in the path of the list",
            ),
            (
                "elsewhere",
                |_| json!({ "next": "https://evil.example/a" }),
                "expected a next page on the platform's host and port, app.example, found a link to another host or port: https://evil.example/a",
            ),
        ];
        for (case, answer, expected) in cases {
            assert_eq!(read("/a", answer), Err(expected.to_owned()), "{case}");
        }
        // New rows shift pages of one row.
        let shifted = |page: usize| json!({ "data": [1], "has_more": page < 3 });
        assert_eq!(read("/a", shifted).map(|pages| pages.len()), Ok(3));
    }
}
