//! Lists of the platform, with all their pages.

use check::{FailureKind, Mismatch, Phrase, StepEnded, phrase};
use probe::{Method, Response, Url};
use runtime::Step;
use serde_json::Value;

use super::{BackgroundSession, UserSession};
use crate::pages::{NextPage, Pages, numbered};
use crate::site::{Site, status};
use crate::values::{found_in_some, items};

/// Maximum number of pages of a list.
const MAX_PAGES: usize = 100;
/// Maximum size of all pages of a list. **Units:** bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

impl UserSession<'_> {
    /// Returns the items of an answer and of the pages after it, until there are enough. Each pointer of the settings must have a
    /// value, at least `null`, in one of them.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn items(
        &self,
        step: &Step<'_>,
        first: &Response,
        pointers: &[&str],
        is_enough: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>, StepEnded> {
        let mut list = List::new(self.site);
        let mut next = list.add(first, &is_enough).map_err(|mismatch| step.fail("list", mismatch))?;
        while let Some(url) = next {
            let answer = self.get(step, url).await?;
            step.check("status", status(&answer, &[200]))?;
            next = list.add(&answer, &is_enough).map_err(|mismatch| step.fail("list", mismatch))?;
        }
        step.check_value("list", list.finish(pointers))
    }
}

impl BackgroundSession {
    /// Returns the items of a list like [`UserSession::items`].
    ///
    /// # Errors
    /// The failure: maintenance mode, no answer, another status than 200, or the mismatch of an answer.
    pub async fn items(
        &self,
        first: Url,
        pointers: &[&str],
        is_enough: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>, Phrase> {
        let unexpected = |mismatch: Mismatch| phrase!("expected {}, found {}", mismatch.expected, mismatch.actual);
        let mut list = List::new(&self.site);
        let mut next = Some(first);
        while let Some(url) = next {
            let answer = self.send(Method::GET, url, None, &[200]).await?;
            next = list.add(&answer, &is_enough).map_err(unexpected)?;
        }
        list.finish(pointers).map_err(unexpected)
    }
}

/// The items of the pages that were read.
struct List<'a> {
    site: &'a Site,
    pages: Pages<'a>,
    bytes: usize,
    items: Vec<Value>,
    /// Index of the first item of the last page.
    last_page: usize,
}

impl<'a> List<'a> {
    fn new(site: &'a Site) -> Self {
        Self { site, pages: Pages::new(site, None, MAX_PAGES), bytes: 0, items: Vec::new(), last_page: 0 }
    }

    /// Adds the items of an answer. Returns the URL of the next page.
    fn add(&mut self, answer: &Response, is_enough: impl Fn(&[Value]) -> bool) -> Result<Option<Url>, Mismatch> {
        let page = items(&self.site.platform, answer, &[])?;
        let next = self.pages.next(answer, &page)?;
        self.bytes += answer.body.len();
        if next.is_some() && self.bytes > MAX_BYTES {
            let expected = phrase!("a list of at most {} MB", MAX_BYTES / 1024 / 1024);
            return Err(Mismatch::new(FailureKind::Protocol, expected, "more"));
        }
        // A new item shifts the pages, so an item may be on two of them.
        let before = self.items.split_off(self.last_page);
        let new: Vec<Value> = page.into_iter().filter(|item| !before.contains(item)).collect();
        self.items.extend(before);
        self.last_page = self.items.len();
        self.items.extend(new);
        let is_enough = is_enough(&self.items);
        Ok(next.filter(|_| !is_enough).map(|next| match next {
            NextPage::At(url) => url,
            NextPage::Numbered(page) => numbered(&answer.url, &page),
        }))
    }

    fn finish(self, pointers: &[&str]) -> Result<Vec<Value>, Mismatch> {
        found_in_some(&self.items, pointers).map(|()| self.items)
    }
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

    #[test]
    fn items_of_all_pages_are_kept_once_and_bounded() {
        let base_url: Url = "https://app.example/".parse().unwrap();
        let (platform, deadline) = (Platform::default(), Duration::from_secs(1));
        let site = Site { base_url: base_url.clone(), platform, maintenance: maintenance(), deadline };
        let page = |number: usize, items: Value| {
            let body = json!({ "data": items, "has_more": number < 3 }).to_string();
            Response { url: numbered(&base_url, &number.to_string()), ..response(200, body.leak()) }
        };
        let mut list = List::new(&site);
        // A new item has shifted the second page.
        for (number, items) in
            [(1, json!([{ "id": 5 }, { "id": 4 }])), (2, json!([{ "id": 4 }, { "id": 3 }])), (3, json!([]))]
        {
            let next = list.add(&page(number, items), |_| false).unwrap();
            assert_eq!(next.is_some(), number < 3);
        }
        assert_eq!(list.finish(&["/id"]).unwrap(), [json!({ "id": 5 }), json!({ "id": 4 }), json!({ "id": 3 })]);

        let mut list = List::new(&site);
        let enough = list.add(&page(1, json!([1, 2])), |items| items.len() == 2).unwrap();
        assert_eq!(enough, None);
        let mismatch = list.finish(&["/id"]).unwrap_err();
        assert_eq!(mismatch.expected.admit(&NoSecrets, 100), "a value at /id in the items of the list");

        let mut list = List::new(&site);
        let long = page(1, json!(["x".repeat(MAX_BYTES)]));
        assert_eq!(list.add(&long, |_| false).unwrap_err().expected.admit(&NoSecrets, 100), "a list of at most 16 MB");
    }
}
