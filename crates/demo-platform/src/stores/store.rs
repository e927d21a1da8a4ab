//! Properties that both data stores share.

use std::io;

use crate::faults::Fault;
use crate::platform::Platform;

/// Uptime of both stores at the start of the platform. **Units:** seconds.
const UPTIME_AT_START: i64 = 30 * 86_400;

/// A data store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    /// MySQL.
    Database,
    /// Redis.
    Cache,
}

impl Store {
    /// The fault that resets connections.
    pub(super) const fn down(self) -> Fault {
        match self {
            Self::Database => Fault::DatabaseDown,
            Self::Cache => Fault::CacheDown,
        }
    }

    /// The fault that delays answers.
    const fn slow(self) -> Fault {
        match self {
            Self::Database => Fault::DatabaseSlow,
            Self::Cache => Fault::CacheSlow,
        }
    }
}

/// Waits while the store's slowness fault is active.
pub(super) async fn delay_if_slow(store: Store, platform: &Platform) {
    if platform.has(store.slow()) {
        tokio::time::sleep(platform.slow_delay).await;
    }
}

/// Uptime of both stores. **Units:** seconds.
pub(super) fn uptime(platform: &Platform) -> i64 {
    UPTIME_AT_START + platform.now().duration_since(platform.started).as_secs()
}

/// An error for data that violates the protocol.
pub(super) fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
