//! The platform's data stores, as far as a monitor asks them: tiny servers that speak the real protocols, so that nothing
//! need be installed. They hold no data. What they answer is assumed of the real platform's, but for the protocols.
//!
//! The faults of the whole platform do not reach them; they have their own.

mod mysql;
mod redis;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::faults::Fault;
use crate::listener::reset;
use crate::platform::Platform;

/// How long accepting pauses when the system refuses.
const PAUSE: Duration = Duration::from_millis(50);
/// How long both had run when the platform started. **Units:** seconds.
const UPTIME_AT_START: i64 = 30 * 86_400;

/// Which one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    /// MySQL.
    Database,
    /// Redis.
    Cache,
}

impl Store {
    /// What is in the way of connections.
    const fn down(self) -> Fault {
        match self {
            Self::Database => Fault::DatabaseDown,
            Self::Cache => Fault::CacheDown,
        }
    }

    const fn slow(self) -> Fault {
        match self {
            Self::Database => Fault::DatabaseSlow,
            Self::Cache => Fault::CacheSlow,
        }
    }
}

/// Serves until it is dropped, which ends the open connections too.
pub(crate) async fn serve(store: Store, listener: TcpListener, platform: Arc<Platform>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Ended ones would pile up otherwise.
        while connections.try_join_next().is_some() {}
        connections.spawn(serve_one(store, stream, Arc::clone(&platform)));
    }
}

async fn serve_one(store: Store, mut stream: TcpStream, platform: Arc<Platform>) {
    let _ = stream.set_nodelay(true);
    let is_down = platform.faults.activation_of(store.down());
    let served = async {
        match store {
            Store::Database => mysql::serve(&mut stream, &platform).await,
            Store::Cache => redis::serve(&mut stream, &platform).await,
        }
    };
    let was_cut = tokio::select! {
        biased;
        () = is_down => true,
        // An error is the client's leaving.
        _ = served => false,
    };
    if was_cut {
        reset(&stream);
    }
}

/// Late, when the store is slow.
async fn hesitate(store: Store, platform: &Platform) {
    if platform.has(store.slow()) {
        tokio::time::sleep(platform.slow_delay).await;
    }
}

/// For how long both have run. **Units:** seconds.
fn uptime(platform: &Platform) -> i64 {
    UPTIME_AT_START + platform.now().duration_since(platform.started).as_secs()
}

/// What the other side sent is not the protocol.
fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
