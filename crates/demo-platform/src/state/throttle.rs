//! Limits on attempts, as in Laravel's rate limiter: a fixed window that starts with the first attempt.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A limit on attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Allowed attempts per window.
    pub attempts: u32,
    /// Length of the window, which starts with the first attempt.
    pub per: Duration,
}

impl Default for Throttle {
    /// The limit of Laravel's log-in scaffolds: 5 per minute.
    fn default() -> Self {
        Self { attempts: 5, per: Duration::from_secs(60) }
    }
}

/// Counts attempts by key.
pub(crate) struct Limiter {
    throttle: Throttle,
    counts: Mutex<HashMap<String, Count>>,
}

#[derive(Clone, Copy)]
struct Count {
    attempts: u32,
    resets: Timestamp,
}

/// The state of the limit after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) attempts: u32,
    pub(crate) remaining: u32,
    pub(crate) is_over: bool,
    pub(crate) resets: Timestamp,
}

impl Limiter {
    pub(crate) fn new(throttle: Throttle) -> Self {
        Self { throttle, counts: Mutex::default() }
    }

    /// Counts an attempt, successful or not. Attempts beyond the limit do not count.
    pub(crate) fn attempt(&self, key: &str, now: Timestamp) -> Limit {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|_, count| count.resets > now);
        let per = SignedDuration::try_from(self.throttle.per).unwrap_or(SignedDuration::MAX);
        let resets = now.saturating_add(per).unwrap_or(Timestamp::MAX);
        let count = counts.entry(key.to_owned()).or_insert(Count { attempts: 0, resets });
        let is_over = count.attempts >= self.throttle.attempts;
        if !is_over {
            count.attempts += 1;
        }
        let remaining = self.throttle.attempts - count.attempts;
        Limit { attempts: self.throttle.attempts, remaining, is_over, resets: count.resets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_attempt_in_a_minute_is_over_the_limit() {
        let limiter = Limiter::new(Throttle::default());
        let at = |second| Timestamp::from_second(second).unwrap();
        for attempt in 0..5 {
            let limit = limiter.attempt("a", at(attempt));
            assert!(!limit.is_over && limit.remaining == 4 - u32::try_from(attempt).unwrap(), "{limit:?}");
        }
        let over = limiter.attempt("a", at(30));
        assert!(over.is_over && over.resets == at(60), "{over:?}");
        assert!(!limiter.attempt("b", at(30)).is_over, "another key");
        assert!(!limiter.attempt("a", at(60)).is_over, "a minute after the first");
    }
}
