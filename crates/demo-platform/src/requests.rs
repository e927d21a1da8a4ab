//! What was asked: counts since the start, and the last requests in detail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ops::Event;
use crate::platform::Platform;

/// One request that reached the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it came, by the platform's clock.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path as sent, without the query.
    pub path: String,
    /// What it was answered; `None` while it was not, or when the client left first.
    pub status: Option<u16>,
    /// Its header `X-Synthetic-Run`.
    pub synthetic_run: Option<String>,
    /// Its header `traceparent`.
    pub traceparent: Option<String>,
    /// Its header `User-Agent`.
    pub user_agent: Option<String>,
}

/// The requests that reached the platform. What the fault `down` refuses did not.
#[derive(Debug, Default)]
pub struct RequestLog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: BTreeMap<String, u64>,
    last: VecDeque<(u64, Recorded)>,
    next: u64,
}

impl RequestLog {
    /// How many of the last requests are kept in detail.
    pub const KEPT: usize = 200;
    /// What stands for the path of requests that no route has: a counter each would let a client fill the memory.
    pub const UNROUTED: &str = "(no route)";

    /// How many came, by method and route: `GET /login`. A route is a path with its parameters named, not filled in.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().counts.clone()
    }

    /// The last [`Self::KEPT`], oldest first.
    #[must_use]
    pub fn last(&self) -> Vec<Recorded> {
        self.lock().last.iter().map(|(_, recorded)| recorded.clone()).collect()
    }

    /// Forgets all of it.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.counts.clear();
        inner.last.clear();
    }

    /// Remembers a request; the number names it in [`Self::answered`].
    fn came(&self, route: &str, recorded: Recorded) -> u64 {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        *inner.counts.entry(format!("{} {route}", recorded.method)).or_default() += 1;
        if inner.last.len() == Self::KEPT {
            inner.last.pop_front();
        }
        inner.last.push_back((number, recorded));
        number
    }

    /// Remembers what it was answered, if it is still remembered.
    fn answered(&self, number: u64, status: u16) {
        if let Some((_, recorded)) = self.lock().last.iter_mut().find(|(own, _)| *own == number) {
            recorded.status = Some(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done under this lock, so what a panicking thread left is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer that records.
pub(crate) async fn record(
    State(platform): State<Arc<Platform>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let recorded = Recorded {
        at: platform.now(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        status: None,
        synthetic_run: header(request.headers(), "x-synthetic-run"),
        traceparent: header(request.headers(), "traceparent"),
        user_agent: header(request.headers(), "user-agent"),
    };
    platform.counters.note(Event::Request, recorded.at);
    let number = platform.requests.came(route.as_ref().map_or(RequestLog::UNROUTED, MatchedPath::as_str), recorded);
    let answer = next.run(request).await;
    platform.requests.answered(number, answer.status().as_u16());
    if answer.status().is_server_error() {
        platform.counters.note(Event::ServerError, platform.now());
    }
    answer
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(path: &str) -> Recorded {
        Recorded {
            at: Timestamp::UNIX_EPOCH,
            method: "GET".to_owned(),
            path: path.to_owned(),
            status: None,
            synthetic_run: None,
            traceparent: None,
            user_agent: None,
        }
    }

    #[test]
    fn all_are_counted_and_the_last_are_kept() {
        let log = RequestLog::default();
        let first = log.came("/{n}", recorded("/first"));
        for n in 1..=RequestLog::KEPT {
            let number = log.came("/{n}", recorded(&format!("/{n}")));
            log.answered(number, 200);
        }
        log.answered(first, 500);
        assert_eq!(log.counts(), BTreeMap::from([("GET /{n}".to_owned(), 201)]));
        let last = log.last();
        assert_eq!((last.len(), last[0].path.as_str()), (RequestLog::KEPT, "/1"));
        assert!(last.iter().all(|recorded| recorded.status == Some(200)));
        log.clear();
        assert!(log.counts().is_empty() && log.last().is_empty());
    }
}
