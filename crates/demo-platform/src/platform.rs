//! The state of the platform.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::faults::{FaultSpec, Faults};
use crate::requests::RequestLog;
use crate::seed::Seed;
use crate::session::Sessions;

/// The wall clock: time is an input.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// All that handlers share.
pub(crate) struct Platform {
    pub(crate) clock: Clock,
    pub(crate) seed: Seed,
    pub(crate) faults: Arc<Faults>,
    pub(crate) catalogue: Vec<FaultSpec>,
    pub(crate) slow_delay: Duration,
    pub(crate) requests: RequestLog,
    pub(crate) sessions: Sessions,
}

impl Platform {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
