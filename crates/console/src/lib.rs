#![doc = include_str!("../README.md")]

mod guard;
mod health;
mod prometheus;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use local::Store;
use runtime::{CancellationToken, Clock};
use scheduler::Board;
use tokio::net::TcpListener;

pub use guard::Guard;

/// What the pages show.
#[derive(Clone)]
pub struct Source {
    /// Name of the environment.
    pub environment: String,
    /// Release of the program.
    pub release: String,
    /// Progress of the checks.
    pub board: Arc<Board>,
    /// What runs recorded.
    pub store: Arc<Store>,
    /// Clock of the runs.
    pub clock: Arc<dyn Clock>,
}

/// Serves the routes until it is asked to stop.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, source: Source, guard: Guard, stop: CancellationToken) -> io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(prometheus::metrics))
        .route("/healthz", get(health::healthz))
        .layer(from_fn_with_state(guard, guard::guard))
        .with_state(source);
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}
