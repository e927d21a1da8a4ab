//! The platform as a check reaches it: its address, its names, and the answers without a verdict on it.

use std::time::{Duration, Instant};

use check::{Cause, Mismatch, Phrase, StepEnded, foreign, phrase};
use probe::{Error, Maintenance, Method, Request, Response, Sent, Url, expect, is_throttled, remaining_wait};
use runtime::Step;
use settings::{Common, Section};

use crate::laravel::server_message;
use crate::maintenance::{Sender, maintenance_behind, maintenance_shown};
use crate::names::Platform;

/// Base URL and names of the platform, and the deadline of one request.
#[derive(Clone, Debug)]
pub struct Site {
    /// Base URL.
    pub base_url: Url,
    /// The platform's own names.
    pub platform: Platform,
    /// Signs of the platform's maintenance mode.
    pub maintenance: Maintenance,
    /// Longest time for one request.
    pub deadline: Duration,
}

impl Site {
    /// Reads the platform's part of a check's settings.
    #[must_use]
    pub fn read(section: &Section<'_>, common: &Common, deadline: Duration) -> Option<Self> {
        Some(Self {
            base_url: common.base_url.clone(),
            platform: section.shared()?,
            maintenance: common.maintenance.clone(),
            deadline,
        })
    }

    /// Sends a request of a user's flow in a step. Answers without a verdict on the platform end the step: maintenance
    /// mode, and throttling of our own requests.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn ask(&self, step: &Step<'_>, request: Request) -> Result<Response, StepEnded> {
        self.ask_expecting(step, request, &[]).await
    }

    /// Sends a request like [`Site::ask`]. With one of these statuses, a redirect is expected and does not lead to maintenance mode.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub(crate) async fn ask_expecting(
        &self,
        step: &Step<'_>,
        request: Request,
        statuses: &[u16],
    ) -> Result<Response, StepEnded> {
        let began = Instant::now();
        let sent = step.transmit(request).await;
        if let Some(shown) = self.maintenance_of(step, &sent, began, statuses).await {
            return Err(step.maintenance(shown));
        }
        let response = step.answered(sent.result)?;
        let texts = self.platform.login.throttled_texts.iter().map(|text| text.as_str().to_owned());
        if is_throttled(&response, &texts.collect::<Vec<_>>()) {
            let detail = phrase!(
                "{} throttles our own requests ({}{})\nanother run may use the same account, or the limit is too low for the \
                 schedule",
                foreign(response.url.path()),
                response.status.as_u16(),
                remaining_wait(&response),
            );
            return Err(step.inconclusive(Cause::Throttled, detail));
        }
        Ok(response)
    }

    /// Sends a request that is not judged: of a compensation, or about a leftover.
    ///
    /// # Errors
    /// The failure: maintenance mode, no answer, or a status other than these.
    pub(crate) async fn try_ask(
        &self,
        sender: &impl Sender,
        request: Request,
        statuses: &[u16],
    ) -> Result<Response, Phrase> {
        let began = Instant::now();
        let sent = sender.transmit(request).await;
        if let Some(shown) = self.maintenance_of(sender, &sent, began, statuses).await {
            return Err(shown);
        }
        let response = sent.result.map_err(Error::describe)?;
        status(&response, statuses).map_err(|mismatch| mismatch.actual)?;
        Ok(response)
    }

    /// Describes the maintenance mode that an answer shows, or leads to unless its status is one of these. The page behind it
    /// shares the deadline of the request, which began at `began`.
    pub(crate) async fn maintenance_of(
        &self,
        sender: &impl Sender,
        sent: &Sent,
        began: Instant,
        statuses: &[u16],
    ) -> Option<Phrase> {
        let is_expected =
            |answer: &Response| statuses.contains(&answer.status.as_u16()) || self.is_unauthenticated(answer);
        let (response, is_expected) = match (&sent.result, &sent.refused) {
            (Ok(answer), _) => (answer, is_expected(answer)),
            (Err(_), refused) => (refused.as_ref()?, false),
        };
        match maintenance_shown(&self.maintenance, response) {
            // Flows send no HEAD.
            None if !is_expected => {
                let left = self.deadline.saturating_sub(began.elapsed());
                maintenance_behind(sender, &self.maintenance, response, &Method::GET, left).await
            }
            shown => shown,
        }
    }

    /// Resolves a link of the platform to another page there, such as the next page of a list. Behind a proxy that ends TLS,
    /// Laravel may write the wrong scheme; the one of the base URL is used. `None` for another host or port.
    #[must_use]
    pub fn own_page(&self, from: &Url, link: &str) -> Option<Url> {
        let mut page = from.join(link).ok()?;
        let base = &self.base_url;
        let is_own = page.host() == base.host() && page.port() == base.port() && page.scheme().starts_with("http");
        if !is_own {
            return None;
        }
        page.set_scheme(base.scheme()).ok()?;
        Some(page)
    }

    /// Returns true for the answer to a request without a log-in. A redirect counts only if it leads to the form.
    pub(crate) fn is_unauthenticated(&self, response: &Response) -> bool {
        let to_form = || {
            let form = self.platform.login.form.below(&self.base_url);
            response.location().is_some_and(|to| to.origin() == form.origin() && to.path() == form.path())
        };
        self.platform.unauthenticated.as_slice().contains(&response.status.as_u16())
            && (!response.status.is_redirection() || to_form())
    }
}

/// Expects one of these statuses. A mismatch adds the server's message and the path.
///
/// # Errors
/// A mismatch of kind `status`.
pub fn status(response: &Response, expected: &[u16]) -> Result<(), Mismatch> {
    expect::status(response, expected).map_err(|mismatch| {
        let message = server_message(response).map(|message| phrase!(" ({})", message)).unwrap_or_default();
        let actual = phrase!("{}{} at {}", mismatch.actual, message, foreign(response.url.path()));
        Mismatch { actual, ..mismatch }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laravel::maintenance;
    use crate::tests::answer;

    #[test]
    fn own_page_has_the_scheme_of_the_base_url() {
        for (base, link, page) in [
            ("https://app.example/", "?page=2", Some("https://app.example/list?page=2")),
            ("https://app.example/", "http://app.example/list?page=2", Some("https://app.example/list?page=2")),
            ("http://127.0.0.1:8/", "https://127.0.0.1:8/x", Some("http://127.0.0.1:8/x")),
            ("https://app.example/", "https://app.example:8443/x", None),
            ("https://app.example/", "//evil.example/x", None),
            ("https://app.example/", "ftp://app.example/x", None),
        ] {
            let base_url: Url = base.parse().unwrap();
            let from = base_url.join("/list").unwrap();
            let site = Site {
                base_url,
                platform: Platform::default(),
                maintenance: maintenance(),
                deadline: Duration::from_secs(1),
            };
            assert_eq!(site.own_page(&from, link).as_ref().map(Url::as_str), page, "{link}");
        }
    }

    #[test]
    fn unauthenticated_answer_is_401_or_leads_to_the_form() {
        let platform: Platform = toml::from_str("unauthenticated = [401, 302]").unwrap();
        let base_url = "https://app.example/".parse().unwrap();
        let site = Site { base_url, platform, maintenance: maintenance(), deadline: Duration::from_secs(1) };
        for (case, status, location, expected) in [
            ("401", 401, None, true),
            ("to the form", 302, Some("/login"), true),
            ("to the form, absolute and with a query", 302, Some("https://app.example/login?next=%2F"), true),
            ("to another page", 302, Some("/home"), false),
            ("to another host's form", 302, Some("https://evil.example/login"), false),
            ("nowhere", 302, None, false),
            ("another status", 403, None, false),
        ] {
            let location = location.map(|to| ("location", to));
            assert_eq!(site.is_unauthenticated(&answer(status, location.as_slice())), expected, "{case}");
        }
    }
}
