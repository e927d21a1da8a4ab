//! Time as a port.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// The wall clock, for when; how long is measured with the monotonic clock.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The machine's own time, but waits are skipped: the clock is ahead by all of them. For several runs in a row on one
/// machine, and for tests.
#[derive(Debug, Default)]
pub struct SkippingClock {
    ahead: Mutex<SignedDuration>,
}

impl SkippingClock {
    /// Puts the clock forward.
    pub fn skip(&self, duration: Duration) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let more = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        *ahead = ahead.saturating_add(more);
    }
}

#[async_trait]
impl Clock for SkippingClock {
    fn now(&self) -> Timestamp {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        self.skip(duration);
    }
}

/// A length of time, for arithmetic with times. One that is too long for it is the longest.
#[must_use]
pub fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
