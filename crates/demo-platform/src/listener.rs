//! Accepts connections and serves each, unless the platform is down: below HTTP, where no handler reaches.

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

/// How long accepting pauses when the system refuses (no file descriptors left, say), so that it does not spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped, which ends the open connections too.
pub(crate) async fn serve(listener: TcpListener, router: Router, faults: Arc<Faults>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Ended ones would pile up otherwise.
        while connections.try_join_next().is_some() {}
        if faults.is_active(Fault::Down) {
            reset(&stream);
        } else {
            connections.spawn(serve_one(stream, router.clone(), Arc::clone(&faults)));
        }
    }
}

async fn serve_one(stream: TcpStream, router: Router, faults: Arc<Faults>) {
    // Small answers go out at once; a refusal by the system costs speed only.
    let _ = stream.set_nodelay(true);
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let down = pin!(faults.activation_of(Fault::Down));
    tokio::select! {
        // An error is the client's leaving, or a fault's cutting.
        _ = &mut connection => {}
        () = down => reset(connection.into_parts().io.inner()),
    }
}

/// Makes the close that follows a reset: what was sent and not read is dropped, and the client's next read fails.
pub(crate) fn reset(stream: &TcpStream) {
    // Where the system refuses, the close is an orderly one, and the client sees the end of the stream before an answer.
    let _ = stream.set_zero_linger();
}
