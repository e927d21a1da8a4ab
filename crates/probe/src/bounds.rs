//! Limits and cookies of a request, which all of its hops share.

use std::time::{Duration, Instant};

use check::{Exchange, FailureKind, Mismatch, Phrase, Piece, foreign, ours, phrase};
use url::Url;

use crate::{Cookies, Error, timing::Phase};

/// Limits and cookies that all hops of a request share.
pub(crate) struct Bounds {
    pub(crate) started: Instant,
    pub(crate) deadline: Duration,
    pub(crate) body_cap: u64,
    pub(crate) follow: bool,
    pub(crate) cookies: Option<Cookies>,
    /// URL of the first hop. Cookies are sent only to its scheme and host.
    pub(crate) home: Url,
}

impl Bounds {
    /// True at scheme and host of the request's own URL. Cookies know no port.
    pub(crate) fn takes_cookies(&self, url: &Url) -> bool {
        url.scheme() == self.home.scheme() && url.host() == self.home.host()
    }

    /// True at scheme, host and port of the request's own URL.
    pub(crate) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.home.origin()
    }

    /// Host of a URL: ours at home, foreign after a redirect.
    pub(crate) fn host(&self, url: &Url) -> Piece {
        let host = url.host_str().unwrap_or_default();
        if url.host() == self.home.host() { ours(host) } else { foreign(host) }
    }

    pub(crate) fn timeout_error(&self, phase: Phase, exchange: &Exchange) -> Error {
        let read = match phase {
            Phase::Body => phrase!(", {} bytes so far", ours(exchange.body_bytes)),
            _ => Phrase::default(),
        };
        let mismatch = Mismatch::new(
            FailureKind::Timeout,
            phrase!("a response within {} ms", self.deadline.as_millis()),
            phrase!("still {} after {} ms{}", ours(phase), self.started.elapsed().as_millis(), read),
        )
        .with_evidence(phrase!("{} {}", ours(&exchange.method), &exchange.url));
        Error::Target { mismatch: Box::new(mismatch), transient: true }
    }
}
