//! Maintenance mode, as any request to the platform may meet it.

use std::time::{Duration, Instant};

use check::{Phrase, foreign, ours, phrase};
use probe::{Client, Maintenance, Method, Request, Response, Sent, Url, remaining_wait};
use runtime::Step;

/// Maximum number of redirects on the way to the page of the maintenance mode.
const MAX_REDIRECTS: u8 = 3;

/// Sender of requests: a step, which records them, or the client of a compensation.
pub trait Sender: Sync {
    /// Sends a request.
    fn transmit(&self, request: Request) -> impl Future<Output = Sent> + Send;
}

impl Sender for Step<'_> {
    fn transmit(&self, request: Request) -> impl Future<Output = Sent> + Send {
        Step::transmit(self, request)
    }
}

impl Sender for Client {
    fn transmit(&self, request: Request) -> impl Future<Output = Sent> + Send {
        self.send(request)
    }
}

/// Describes the maintenance mode that an answer shows; `None` if it shows none.
#[must_use]
pub fn maintenance_shown(signs: &Maintenance, response: &Response) -> Option<Phrase> {
    let shown = || phrase!("{} answered {}", foreign(response.url.path()), as_in_maintenance(response));
    signs.is_shown_by(response).then(shown)
}

/// Describes the maintenance mode behind an answer that was not expected and shows too little: a redirect that was not followed
/// (`artisan down --redirect`) or that the client refused, or an answer to HEAD. The page behind it is requested, without
/// credentials.
pub async fn maintenance_behind(
    sender: &impl Sender,
    signs: &Maintenance,
    response: &Response,
    method: &Method,
    deadline: Duration,
) -> Option<Phrase> {
    let began = Instant::now();
    let mut page = page_behind(signs, response, method)?;
    for _ in 0..MAX_REDIRECTS {
        let left = deadline.saturating_sub(began.elapsed());
        let request = Request::new(Method::GET, page).deadline(left).max_redirects(MAX_REDIRECTS);
        let sent = sender.transmit(request).await;
        if let Ok(shown) = sent.result {
            return describe(signs, response, &shown);
        }
        // The page has another form of its own path, and names it with the wrong scheme too.
        page = page_behind(signs, &sent.refused?, &Method::GET)?;
    }
    None
}

fn describe(signs: &Maintenance, response: &Response, shown: &Response) -> Option<Phrase> {
    if !signs.is_shown_by(shown) {
        return None;
    }
    if shown.url == response.url {
        return maintenance_shown(signs, shown);
    }
    let (path, there) = (foreign(response.url.path()), foreign(shown.url.path()));
    Some(phrase!("{} leads to {}, which answered {}", path, there, as_in_maintenance(shown)))
}

fn as_in_maintenance(response: &Response) -> Phrase {
    phrase!("{} as in maintenance mode{}", ours(response.status), remaining_wait(response))
}

/// Page of the same host that may show maintenance mode where the answer does not.
fn page_behind(signs: &Maintenance, response: &Response, method: &Method) -> Option<Url> {
    let here = &response.url;
    if method == Method::HEAD && signs.may_have_status(response.status) {
        return Some(here.clone());
    }
    let mut page = response.location().filter(|_| response.status.is_redirection())?;
    // `artisan down --redirect` leaves requests of the page itself alone.
    let is_own = page.host() == here.host() && page.path() != here.path();
    // Behind a proxy that ends TLS, the scheme may be wrong, and the port with it.
    page.set_scheme(here.scheme()).ok()?;
    page.set_port(here.port()).ok()?;
    is_own.then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laravel::maintenance;
    use crate::tests::answer;

    #[test]
    fn page_behind_an_answer_is_on_the_same_host() {
        for (case, method, status, location, page) in [
            ("a redirect", "POST", 302, Some("/down"), Some("https://app.example/down")),
            ("a temporary one", "GET", 307, Some("/down?x"), Some("https://app.example/down?x")),
            ("behind a proxy", "GET", 302, Some("http://app.example/down"), Some("https://app.example/down")),
            ("to itself", "GET", 301, Some("http://app.example/api/me"), None),
            ("to another host", "GET", 302, Some("https://status.example/"), None),
            ("nowhere", "GET", 302, None, None),
            ("a location without a redirect", "POST", 201, Some("/down"), None),
            ("an answer to HEAD", "HEAD", 503, None, Some("https://app.example/api/me")),
            ("an answer to HEAD with --status", "HEAD", 418, None, Some("https://app.example/api/me")),
            ("another failure of HEAD", "HEAD", 500, None, None),
            ("a redirect of HEAD", "HEAD", 302, Some("/down"), Some("https://app.example/down")),
            ("a healthy answer to HEAD", "HEAD", 200, None, None),
            ("a whole answer", "GET", 503, None, None),
        ] {
            let location = location.map(|to| ("location", to));
            let response = answer(status, location.as_slice());
            let found = page_behind(&maintenance(), &response, &method.parse().unwrap());
            assert_eq!(found.as_ref().map(Url::as_str), page, "{case}");
        }
    }
}
