//! A public status endpoint. Assumed: the platform documents none, but a JSON endpoint without a session is common.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use crate::answers::laravel;
use crate::platform::Platform;

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new().route("/api/status", get(status))
}

async fn status(State(platform): State<Arc<Platform>>) -> Response {
    // Laravel's format: UTC with microseconds.
    let time = platform.now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    laravel::json(&json!({ "data": { "status": "ok", "version": "4.12.0", "time": time } }))
}
