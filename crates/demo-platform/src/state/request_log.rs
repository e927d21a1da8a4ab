//! The record of requests: counts since the start, and the last requests in detail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A request that reached the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Time of arrival, by the platform's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path as sent, without the query.
    pub path: String,
    /// The status of the answer; `None` until it is sent, or if the client disconnected first.
    pub status: Option<u16>,
    /// The header `X-Synthetic-Run`.
    pub synthetic_run: Option<String>,
    /// The header `traceparent`.
    pub traceparent: Option<String>,
    /// The header `User-Agent`.
    pub user_agent: Option<String>,
}

/// The requests that reached the platform, without those reset by the fault `down`.
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
    /// Number of requests that are kept in detail.
    pub const KEPT: usize = 200;
    /// The route of requests without one. Counting them by path would let a client exhaust the memory.
    pub const UNROUTED: &str = "(no route)";

    /// Number of requests by method and route, such as `GET /login`. A route contains parameter names, not their values.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().counts.clone()
    }

    /// The last [`Self::KEPT`] requests, oldest first.
    #[must_use]
    pub fn last(&self) -> Vec<Recorded> {
        self.lock().last.iter().map(|(_, recorded)| recorded.clone()).collect()
    }

    /// Clears the record.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.counts.clear();
        inner.last.clear();
    }

    /// Records a request. The returned number identifies it in [`Self::answered`].
    pub(crate) fn received(&self, route: &str, recorded: Recorded) -> u64 {
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

    /// Records the status of an answer, if the request is still kept.
    pub(crate) fn answered(&self, number: u64, status: u16) {
        if let Some((_, recorded)) = self.lock().last.iter_mut().find(|(own, _)| *own == number) {
            recorded.status = Some(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No change under this lock can be left half done, so the data is consistent even after a panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    fn all_requests_are_counted_and_the_last_ones_kept() {
        let log = RequestLog::default();
        let first = log.received("/{n}", recorded("/first"));
        for n in 1..=RequestLog::KEPT {
            let number = log.received("/{n}", recorded(&format!("/{n}")));
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
