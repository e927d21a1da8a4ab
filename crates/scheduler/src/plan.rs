//! A check and its cadence.

use std::sync::Arc;
use std::time::Duration;

use runtime::AnyCheck;

use crate::ticks::Ticks;

/// A check and when it runs.
#[derive(Clone)]
pub struct Plan {
    /// The check.
    pub check: Arc<dyn AnyCheck>,
    /// Interval between its runs.
    pub every: Duration,
    /// True if its runs may send messages to mailboxes and phones.
    pub may_send: bool,
}

impl Plan {
    pub(crate) fn ticks(&self) -> Ticks {
        Ticks::new(self.check.id(), self.every)
    }
}
