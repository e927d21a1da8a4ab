//! Limits and cookies of a request, which all of its hops share.

use std::time::{Duration, Instant};

use check::{Exchange, FailureKind, Mismatch, Phrase, Piece, foreign, ours, phrase};
use http::{HeaderValue, Method, header::COOKIE};
use url::Url;

use crate::{Cookies, Error, cookies::Key, redirect::Hop, timing::Phase};

/// Request with its header `Cookie` and the jar: one that was made before gets the same answer, and so do those after it.
#[derive(PartialEq, Eq)]
pub(crate) struct Visit {
    method: Method,
    url: Url,
    cookie: Option<HeaderValue>,
    jar: Vec<(Key, String)>,
}

impl Visit {
    /// Describes the cookies of a request that closes a loop of redirects; `None` where a browser would get further. New values of the
    /// same cookies, as Laravel sets with every answer, lead further once. After the last redirect, any request that was made before
    /// closes a loop.
    pub(crate) fn loops(&self, visited: &[Self], is_last: bool) -> Option<&'static str> {
        if visited.contains(self) {
            return Some("");
        }
        let is_here = |visit: &&Self| visit.method == self.method && visit.url == self.url;
        let before: Vec<&Self> = visited.iter().rev().filter(is_here).collect();
        let has_same_names = |visit: &&&Self| visit.jar.iter().map(name).eq(self.jar.iter().map(name));
        let is_repeated = before.iter().take(2).filter(has_same_names).count() == 2;
        (is_repeated || is_last && !before.is_empty()).then_some(", only with other values of cookies")
    }
}

fn name((key, _): &(Key, String)) -> &Key {
    key
}

/// Limits and cookies that all hops of a request share.
pub(crate) struct Bounds {
    pub(crate) started: Instant,
    pub(crate) deadline: Duration,
    pub(crate) body_cap: u64,
    pub(crate) follow: bool,
    /// Cookies of the caller, or of a visitor whose jar is empty at the first hop. `None` when no redirect is followed.
    pub(crate) cookies: Option<Cookies>,
    /// True for a visitor: nothing but what the hops set is in the jar.
    pub(crate) is_visitor: bool,
    /// Client for the origin of the first hop, if it presents a certificate there.
    pub(crate) identified: Option<reqwest::Client>,
    /// URL of the first hop. Cookies of the caller are sent only to its scheme and host.
    pub(crate) home: Url,
}

impl Bounds {
    /// Jar for a URL. That of the caller may hold a session, so it is for scheme and host of the request's own URL. Cookies know no
    /// port.
    pub(crate) fn jar(&self, url: &Url) -> Option<&Cookies> {
        let is_home = url.scheme() == self.home.scheme() && url.host() == self.home.host();
        self.cookies.as_ref().filter(|_| is_home || self.is_visitor)
    }

    /// Value of the header `Cookie` for a hop: its own header, then the cookies of the jar.
    pub(crate) fn cookie_header(&self, hop: &Hop) -> Option<HeaderValue> {
        let in_jar = self.jar(&hop.url).and_then(|jar| jar.header(&hop.url));
        let (Some(own), Some(other)) = (hop.headers.get(COOKIE), &in_jar) else {
            return in_jar.or_else(|| hop.headers.get(COOKIE).cloned());
        };
        let mut both = HeaderValue::from_bytes(&[own.as_bytes(), other.as_bytes()].join(&b"; "[..])).ok()?;
        both.set_sensitive(true);
        Some(both)
    }

    /// The request that a hop makes with the cookies of now.
    pub(crate) fn visit(&self, hop: &Hop) -> Visit {
        let jar = self.cookies.as_ref().map(Cookies::stored).unwrap_or_default();
        Visit { method: hop.method.clone(), url: hop.url.clone(), cookie: self.cookie_header(hop), jar }
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
