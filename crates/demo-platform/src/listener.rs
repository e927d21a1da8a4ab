//! Accepts and serves connections. While the fault `down` is active, it resets them below HTTP.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::faults::{Fault, Faults};

/// Pause after a failed accept, for example without free file descriptors, to avoid a busy loop.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until dropped, which also closes the open connections.
pub(crate) async fn serve(listener: TcpListener, router: Router, faults: Arc<Faults>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Reaps finished connections.
        while connections.try_join_next().is_some() {}
        if faults.is_active(Fault::Down) {
            reset(&stream);
        } else {
            connections.spawn(serve_one(stream, router.clone(), Arc::clone(&faults)));
        }
    }
}

async fn serve_one(stream: TcpStream, router: Router, faults: Arc<Faults>) {
    // Sends small answers at once; failure only costs speed.
    let _ = stream.set_nodelay(true);
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let down = pin!(faults.wait_until_active(Fault::Down));
    tokio::select! {
        // An error means that the client disconnected or a fault cut the connection.
        _ = &mut connection => {}
        () = down => reset(connection.into_parts().io.inner()),
    }
}

/// Turns the following close into a reset: unread data is discarded, and the client's next read fails.
pub(crate) fn reset(stream: &TcpStream) {
    // If the system refuses, the close is orderly and the client reads an early end of the stream.
    let _ = stream.set_zero_linger();
}
