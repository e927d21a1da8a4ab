//! The providers' side of messages: Twilio, SparkPost and Mailtrap, as far as they tell what became of one. They stand below
//! `/_partners`, have a key of their own, and no fault of the platform reaches them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::notifications::{Channel, Fate, Notification, worked_off};
use crate::platform::Platform;

/// Twilio's account, and Mailtrap's.
pub(crate) const TWILIO_ACCOUNT: &str = "AC00000000000000000000000000000001";

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/_partners/twilio/2010-04-01/Accounts/{account}/Messages/{message}", get(twilio))
        .route("/_partners/sparkpost/api/v1/events/message", get(sparkpost))
        .route("/_partners/mailtrap/api/accounts/{account}/inboxes/{inbox}/messages", get(mailtrap))
}

pub(crate) fn is_key(platform: &Platform, headers: &HeaderMap, name: &str) -> bool {
    headers.get(name).and_then(|value| value.to_str().ok()) == Some(platform.accounts.provider_key())
}

pub(crate) fn is_twilio_key(platform: &Platform, headers: &HeaderMap) -> bool {
    let basic = format!("Basic {}", BASE64.encode(format!("{TWILIO_ACCOUNT}:{}", platform.accounts.provider_key())));
    headers.get("authorization").is_some_and(|value| value.as_bytes() == basic.as_bytes())
}

pub(crate) fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "errors": [{ "message": "Unauthorized." }] }))).into_response()
}

async fn twilio(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    Path((account, message)): Path<(String, String)>,
) -> Response {
    if !is_twilio_key(&platform, &headers) || account != TWILIO_ACCOUNT {
        return unauthorized();
    }
    let is_it = |message_: &Notification| message == format!("{}.json", message_.provider_id());
    let found = worked_off(&platform).into_iter().find(|(own, _)| own.channel == Channel::Sms && is_it(own));
    let Some((own, fate)) = found else {
        return (StatusCode::NOT_FOUND, Json(json!({ "code": 20404, "status": 404 }))).into_response();
    };
    let (status, error_code) = match &fate {
        Fate::Queued => ("queued", None),
        Fate::Sent => ("sent", None),
        Fate::Delivered(_) => ("delivered", None),
        Fate::Lost(..) => ("undelivered", Some(30003)),
    };
    let updated = match fate {
        Fate::Delivered(at) => at,
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

/// The e-mails that have left, and what became of them.
fn emails(platform: &Platform) -> impl Iterator<Item = (Notification, Fate)> {
    worked_off(platform).into_iter().filter(|(own, fate)| own.channel == Channel::Email && *fate != Fate::Queued)
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
        .filter_map(|(own, fate)| {
            let (kind, at, reason) = match fate {
                Fate::Delivered(at) => ("delivery", at, Value::Null),
                Fate::Lost(_, why) => ("bounce", own.created_at, json!(why)),
                Fate::Queued | Fate::Sent => return None,
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
        .filter_map(|(own, fate)| match fate {
            Fate::Delivered(at) => Some(json!({
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
