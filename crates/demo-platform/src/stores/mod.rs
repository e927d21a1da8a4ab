//! The platform's data stores: minimal servers for the real protocols, limited to the queries of a monitor, so that nothing
//! needs to be installed. They store no data. Assumed: the contents of their answers.
//!
//! Faults of the whole platform do not affect them; they have separate faults.

mod mysql;
mod redis;
mod store;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) use store::Store;

use crate::listener::reset;
use crate::platform::Platform;

/// Pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until dropped, which also closes the open connections.
pub(crate) async fn serve(store: Store, listener: TcpListener, platform: Arc<Platform>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Reaps finished connections.
        while connections.try_join_next().is_some() {}
        connections.spawn(serve_one(store, stream, Arc::clone(&platform)));
    }
}

async fn serve_one(store: Store, mut stream: TcpStream, platform: Arc<Platform>) {
    let _ = stream.set_nodelay(true);
    let is_down = platform.faults.wait_until_active(store.down());
    let served = async {
        match store {
            Store::Database => mysql::serve(&mut stream, &platform).await,
            Store::Cache => redis::serve(&mut stream, &platform).await,
        }
    };
    let was_cut = tokio::select! {
        biased;
        () = is_down => true,
        // An error means that the client disconnected.
        _ = served => false,
    };
    if was_cut {
        reset(&stream);
    }
}
