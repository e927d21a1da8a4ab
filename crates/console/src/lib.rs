#![doc = include_str!("../README.md")]

mod guard;
mod health;
mod prometheus;
mod source;

use std::io;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use runtime::CancellationToken;
use tokio::net::TcpListener;

pub use guard::Guard;
pub use source::Source;

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
