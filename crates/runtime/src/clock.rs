//! Time as a port.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Clock of a run: the wall clock for points in time, the monotonic one for durations and deadlines.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the current time. It may jump when the machine sets its clock.
    fn now(&self) -> Timestamp;

    /// Returns the monotonic time, which counts waits and never jumps.
    fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Waits for a duration.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
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

/// The machine's clock with waits skipped: it runs ahead by their sum. For several runs in a row on one machine, and
/// for tests.
#[derive(Debug, Default)]
pub struct SkippingClock {
    /// Difference from the system's clock at the start.
    behind: SignedDuration,
    ahead: Mutex<SignedDuration>,
}

impl SkippingClock {
    /// A clock that starts in the past, so that it shows the present once it was moved forward by this duration.
    #[must_use]
    pub fn behind(duration: Duration) -> Self {
        Self { behind: signed(duration), ahead: Mutex::default() }
    }

    /// Moves the clock forward.
    pub fn skip(&self, duration: Duration) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let more = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        *ahead = ahead.saturating_add(more);
    }

    fn ahead(&self) -> SignedDuration {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for SkippingClock {
    fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.ahead().saturating_sub(self.behind)).unwrap_or(Timestamp::MAX)
    }

    fn instant(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.ahead().unsigned_abs()).unwrap_or(now)
    }

    async fn sleep(&self, duration: Duration) {
        self.skip(duration);
    }
}

/// Converts a duration for arithmetic with timestamps, capped at the longest possible one.
#[must_use]
pub fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
