//! A check and its cadence.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runtime::AnyCheck;

use crate::ticks::Ticks;

/// A check and when it runs.
#[derive(Clone)]
pub struct Plan {
    /// The check.
    pub check: Arc<dyn AnyCheck>,
    /// Interval between its runs. They send canaries, as on AWS.
    pub every: Duration,
}

/// How the times of several checks lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each at other times than the rest.
    Spread,
    /// All at the same times, and one after the other, so that they do not slow each other down.
    InSequence,
}

impl Plan {
    /// Times of the check from `start` on.
    pub(crate) fn ticks(&self, order: Order, start: Timestamp) -> Ticks {
        match order {
            Order::Spread => Ticks::spread(self.check.id(), self.every),
            Order::InSequence => Ticks::with(start, self.every),
        }
    }
}
