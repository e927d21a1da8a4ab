//! Delivery status endpoints of Twilio, SparkPost and Mailtrap.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::keys::{TWILIO_ACCOUNT, is_key, is_twilio_key, unauthorized};
use crate::platform::Platform;
use crate::state::notifications::{Channel, DeliveryState, Notification};

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/_partners/twilio/2010-04-01/Accounts/{account}/Messages/{message}", get(twilio))
        .route("/_partners/sparkpost/api/v1/events/message", get(sparkpost))
        .route("/_partners/mailtrap/api/accounts/{account}/inboxes/{inbox}/messages", get(mailtrap))
}

async fn twilio(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    Path((account, message)): Path<(String, String)>,
) -> Response {
    if !is_twilio_key(&platform, &headers) || account != TWILIO_ACCOUNT {
        return unauthorized();
    }
    let is_requested = |own: &Notification| message == format!("{}.json", own.provider_id());
    let found = platform.message_states().into_iter().find(|(own, _)| own.channel == Channel::Sms && is_requested(own));
    let Some((own, state)) = found else {
        return (StatusCode::NOT_FOUND, Json(json!({ "code": 20404, "status": 404 }))).into_response();
    };
    let (status, error_code) = match &state {
        DeliveryState::Queued => ("queued", None),
        DeliveryState::Sent => ("sent", None),
        DeliveryState::Delivered(_) => ("delivered", None),
        DeliveryState::Lost(..) => ("undelivered", Some(30003)),
    };
    let updated = match state {
        DeliveryState::Delivered(at) => at,
        _ => platform.now(),
    };
    Json(json!({
        "sid": own.provider_id(),
        "status": status,
        "error_code": error_code,
        "error_message": null,
        "date_updated": updated.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
    }))
    .into_response()
}

/// The sent e-mails with their delivery states.
fn emails(platform: &Platform) -> impl Iterator<Item = (Notification, DeliveryState)> {
    platform
        .message_states()
        .into_iter()
        .filter(|(own, state)| own.channel == Channel::Email && *state != DeliveryState::Queued)
}

async fn sparkpost(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if !is_key(&platform, &headers, "authorization") {
        return unauthorized();
    }
    let events = emails(&platform).filter(|(own, _)| query.get("recipients").is_none_or(|to| *to == own.to));
    let events: Vec<Value> = events
        .filter_map(|(own, state)| {
            let (kind, at, reason) = match state {
                DeliveryState::Delivered(at) => ("delivery", at, Value::Null),
                DeliveryState::Lost(_, reason) => ("bounce", own.created_at, json!(reason)),
                DeliveryState::Queued | DeliveryState::Sent => return None,
            };
            Some(json!({
                "type": kind,
                "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
                "subject": format!("Canary {}", own.text),
                "transmission_id": own.provider_id(),
                "rcpt_to": own.to,
                "raw_reason": reason,
            }))
        })
        .collect();
    Json(json!({ "results": events, "total_count": events.len(), "links": {} })).into_response()
}

async fn mailtrap(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if !is_key(&platform, &headers, "api-token") {
        return unauthorized();
    }
    let search = query.get("search").cloned().unwrap_or_default();
    let inbox: Vec<Value> = emails(&platform)
        .filter(|(own, _)| own.text.contains(&search))
        .filter_map(|(own, state)| match state {
            DeliveryState::Delivered(at) => Some(json!({
                "id": own.id,
                "subject": format!("Canary {}", own.text),
                "to_email": own.to,
                "created_at": at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
            })),
            _ => None,
        })
        .collect();
    Json(inbox).into_response()
}
