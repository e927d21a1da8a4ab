//! Availability endpoints of the platform's partners. The partner faults act on two partners that no other check calls.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::keys::{TWILIO_ACCOUNT, is_key, is_twilio_key, unauthorized};
use crate::faults::Fault;
use crate::platform::Platform;

/// Rate limit headers: allowed and remaining calls.
const LIMIT: [(&str, &str); 2] = [("x-ratelimit-limit", "1000"), ("x-ratelimit-remaining", "940")];

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/_partners/twilio/2010-04-01/Accounts/{account}", get(twilio))
        .route("/_partners/sparkpost/api/v1/account", get(sparkpost))
        .route("/_partners/e-teori", get(e_teori))
        .route("/_partners/findkoreskole", get(findkoreskole))
        .route("/_partners/accounting/v1/self", get(accounting))
}

async fn twilio(State(platform): State<Arc<Platform>>, headers: HeaderMap, Path(account): Path<String>) -> Response {
    if !is_twilio_key(&platform, &headers) || account != format!("{TWILIO_ACCOUNT}.json") {
        return unauthorized();
    }
    Json(json!({ "sid": TWILIO_ACCOUNT, "friendly_name": "Just Driving", "status": "active" })).into_response()
}

async fn sparkpost(State(platform): State<Arc<Platform>>, headers: HeaderMap) -> Response {
    if !is_key(&platform, &headers, "authorization") {
        return unauthorized();
    }
    Json(json!({ "results": { "company_name": "Just Driving", "status": "active" } })).into_response()
}

async fn e_teori(State(platform): State<Arc<Platform>>) -> Response {
    if platform.has(Fault::PartnerDown) {
        return (StatusCode::SERVICE_UNAVAILABLE, Html("<h1>503 Service Temporarily Unavailable</h1>")).into_response();
    }
    if platform.has(Fault::PartnerSlow) {
        tokio::time::sleep(platform.slow_delay).await;
    }
    if platform.has(Fault::PartnerWrongAnswer) {
        return Html("<title>This domain is parked</title>").into_response();
    }
    Html("<title>e-teori: teoriprøver til kørekort</title>").into_response()
}

async fn findkoreskole() -> Response {
    Html("<title>Find køreskole</title>").into_response()
}

async fn accounting(State(platform): State<Arc<Platform>>, headers: HeaderMap) -> Response {
    if platform.has(Fault::PartnerThrottled) {
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "30")], "").into_response();
    }
    if platform.has(Fault::PartnerUnauthorized) || !is_key(&platform, &headers, "x-api-key") {
        return unauthorized();
    }
    (LIMIT, Json(json!({ "agreement": { "number": 4711, "name": "Just Driving" } }))).into_response()
}
