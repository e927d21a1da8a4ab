//! The admin endpoint: switches faults and reports the recorded requests. It is not part of the contract, and no fault affects it.
//!
//! | request | answer |
//! |---|---|
//! | `GET /faults` | `{"active": [name], "known": [{"name", "description"}]}` |
//! | `PUT /faults/{name}` | activates a fault; 404 with the known names for an unknown one |
//! | `DELETE /faults/{name}`, `DELETE /faults` | clears one fault, or all |
//! | `GET /leftovers` | `{"leftovers": ["booking 9001 …"]}`: synthetic data that was not removed |
//! | `GET /requests` | `{"counts": {"GET /login": 3}, "last": [request]}`, see [`Recorded`](crate::Recorded) |
//! | `DELETE /requests` | clears the record |

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::faults::{Fault, UnknownFault};
use crate::platform::Platform;

pub(crate) fn router(platform: &Arc<Platform>) -> Router {
    Router::new()
        .route("/faults", get(list).delete(clear_all))
        .route("/faults/{name}", put(activate).delete(clear))
        .route("/requests", get(requests).delete(clear_requests))
        .route("/leftovers", get(leftovers))
        .fallback(no_such_endpoint)
        .with_state(Arc::clone(platform))
}

async fn list(State(platform): State<Arc<Platform>>) -> Json<Value> {
    let known = platform.catalogue.iter().map(|spec| json!({ "name": spec.fault, "description": spec.description }));
    Json(json!({ "active": platform.faults.active(), "known": known.collect::<Vec<_>>() }))
}

async fn activate(
    State(platform): State<Arc<Platform>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, UnknownFault> {
    platform.faults.activate(name.parse()?);
    Ok(active(&platform))
}

async fn clear(State(platform): State<Arc<Platform>>, Path(name): Path<String>) -> Result<Json<Value>, UnknownFault> {
    platform.faults.clear(name.parse()?);
    Ok(active(&platform))
}

async fn clear_all(State(platform): State<Arc<Platform>>) -> Json<Value> {
    platform.faults.clear_all();
    active(&platform)
}

fn active(platform: &Platform) -> Json<Value> {
    Json(json!({ "active": platform.faults.active() }))
}

async fn requests(State(platform): State<Arc<Platform>>) -> Json<Value> {
    Json(json!({ "counts": platform.requests.counts(), "last": platform.requests.last() }))
}

async fn clear_requests(State(platform): State<Arc<Platform>>) -> StatusCode {
    platform.requests.clear();
    StatusCode::NO_CONTENT
}

async fn leftovers(State(platform): State<Arc<Platform>>) -> Json<Value> {
    Json(json!({ "leftovers": platform.leftovers() }))
}

async fn no_such_endpoint() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "expected /faults, /faults/{name}, /requests or /leftovers" })))
}

impl IntoResponse for UnknownFault {
    fn into_response(self) -> Response {
        let body = json!({ "error": format!("failed to {self}"), "known": Fault::ALL });
        (StatusCode::NOT_FOUND, Json(body)).into_response()
    }
}
