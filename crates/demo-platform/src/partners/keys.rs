//! Keys for the partners, and the answer to a request without one.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::platform::Platform;

/// The account id at Twilio and Mailtrap.
pub(super) const TWILIO_ACCOUNT: &str = "AC00000000000000000000000000000001";

/// Returns true if a header contains the key.
pub(super) fn is_key(platform: &Platform, headers: &HeaderMap, name: &str) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()) == Some(platform.accounts.provider_key())
}

/// Returns true if a request carries the key as Twilio expects it.
pub(super) fn is_twilio_key(platform: &Platform, headers: &HeaderMap) -> bool {
    let basic = format!("Basic {}", BASE64.encode(format!("{TWILIO_ACCOUNT}:{}", platform.accounts.provider_key())));
    headers.get("authorization").is_some_and(|value| value.as_bytes() == basic.as_bytes())
}

pub(super) fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "errors": [{ "message": "Unauthorized." }] }))).into_response()
}
