//! The server: routes, and limits of connections.

use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use runtime::CancellationToken;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::guard::{self, Guard};
use crate::source::Source;
use crate::{assets, health, live, pages, prometheus, review, status};

/// Most connections at a time. Each takes a file, and runs need files too.
const MAX_CONNECTIONS: usize = 64;
/// Longest wait for the head of a request, and for a client to take an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the routes until it is asked to stop. Each connection has one request.
pub async fn serve(listener: TcpListener, source: Source, guard: Guard, stop: CancellationToken) {
    let routes = Router::new()
        .merge(pages::routes())
        .merge(status::routes())
        .route("/assets/{digest}/{name}", get(assets::asset))
        .route("/live", get(live::live))
        .route("/metrics", get(prometheus::metrics))
        .route("/healthz", get(health::healthz))
        .route("/review", get(review::review_page).post(review::start_review))
        .layer(Extension(review::Reviews::new(stop.clone())))
        .layer(from_fn_with_state(guard, guard::guard))
        .with_state(source);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accept = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = accept => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Too few files, for example; it may pass.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(routes.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // A client that is slow or wrong has only itself to blame.
            let _ = timeout(2 * PATIENCE, connection).await;
            drop(place);
        });
    }
}
