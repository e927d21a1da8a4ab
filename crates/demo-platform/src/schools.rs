//! Schools. Nobody can log in yet, so everybody gets what somebody gets who did not.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

use crate::laravel::{Client, unauthenticated};
use crate::platform::Platform;

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new().route("/api/schools", get(index))
}

async fn index(client: Client, headers: HeaderMap) -> Response {
    unauthenticated(client, &headers)
}
