//! Payment intents of the platform's fictional users, as Stripe lists them.
//!
//! They depend on the clock only, so every client gets the same ones. An intent for a student of the first school is created
//! at a fixed interval. Every tenth intent is never paid.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::answers::laravel;
use crate::platform::Platform;

/// Minimum age at which payments expire. They expire in batches, so that pages do not shift while a client reads them.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30);
/// Interval between these batches. **Units:** seconds.
const EXPIRE_EVERY: i64 = 6 * 3_600;
/// Prefix of payment intent ids.
const PREFIX: &str = "pi_demo_";

/// A payment intent of a fictional user. Times are in seconds, because each request iterates over thousands of intents.
#[derive(Clone, Copy)]
pub(crate) struct Intent {
    number: i64,
    pub(crate) amount: u64,
    pub(crate) has_succeeded: bool,
    created: i64,
    /// Time of the payment, even if it never succeeded.
    pub(crate) paid: i64,
}

impl Intent {
    pub(crate) fn id(&self) -> String {
        format!("{PREFIX}{}", self.number)
    }

    /// True for every 25th intent: the platform lists its payment as refunded.
    pub(crate) const fn is_refunded(&self) -> bool {
        self.number % 25 == 3
    }
}

/// All payment intents, oldest first.
pub(crate) fn intents(platform: &Platform) -> Vec<Intent> {
    let every = i64::try_from(platform.payments_every.as_secs()).unwrap_or(i64::MAX).max(1);
    let pays_after = i64::try_from(platform.pays_after.as_secs()).unwrap_or_default();
    let now = platform.now().as_second();
    let first = (now - KEPT_FOR.as_secs()) / EXPIRE_EVERY * EXPIRE_EVERY / every + 1;
    (first..=now / every)
        .map(|number| {
            let (created, paid) = (number * every, number * every + pays_after);
            let amount = 40_000 + u64::try_from(number % 37).unwrap_or_default() * 250;
            Intent { number, amount, has_succeeded: number % 10 != 0 && paid <= now, created, paid }
        })
        .collect()
}

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/_partners/stripe/v1/payment_intents", get(index))
        .route("/_partners/stripe/v1/payment_intents/{intent}", get(show))
}

/// Rejects a request without the key. Stripe accepts it as the user of Basic authorization, or as a bearer token.
fn rejection(platform: &Platform, headers: &HeaderMap) -> Option<Response> {
    let key = platform.accounts.provider_key();
    let basic = format!("Basic {}", BASE64.encode(format!("{key}:")));
    let sent = headers.get("authorization").map(|value| value.as_bytes());
    if [basic, format!("Bearer {key}")].iter().any(|own| sent == Some(own.as_bytes())) {
        return None;
    }
    let error = json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided" } });
    Some((StatusCode::UNAUTHORIZED, Json(error)).into_response())
}

/// A payment intent in Stripe's format, with card data that no message may quote.
fn to_json(platform: &Platform, intent: &Intent) -> Value {
    let provider_time = |at: i64| at + platform.provider_ahead.as_secs();
    json!({
        "id": intent.id(),
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_received": if intent.has_succeeded { intent.amount } else { 0 },
        "currency": "dkk",
        "created": provider_time(intent.created),
        "livemode": true,
        "status": if intent.has_succeeded { "succeeded" } else { "requires_payment_method" },
        "metadata": { "invoice_id": "4711" },
        "latest_charge": {
            "object": "charge",
            "created": provider_time(intent.paid),
            "payment_method_details": { "card": { "brand": "visa", "last4": "4242", "exp_year": 2031 } },
            "billing_details": { "name": "Freja Dalgaard" },
        },
    })
}

async fn index(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if let Some(rejection) = rejection(&platform, &headers) {
        return rejection;
    }
    let second = |name: &str| query.get(name).and_then(|second| second.parse::<i64>().ok());
    let (from, to) = (second("created[gte]"), second("created[lte]"));
    let mut found = intents(&platform);
    found.retain(|intent| {
        let at = intent.created + platform.provider_ahead.as_secs();
        from.is_none_or(|from| from <= at) && to.is_none_or(|to| at <= to)
    });
    // Newest first, as Stripe lists them.
    found.reverse();
    let after = query.get("starting_after");
    let after = after.and_then(|after| after.strip_prefix(PREFIX)?.parse::<i64>().ok());
    let start =
        after.and_then(|after| found.iter().position(|intent| intent.number == after)).map_or(0, |index| index + 1);
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10).clamp(1, 100);
    let data: Vec<Value> = found.iter().skip(start).take(limit).map(|intent| to_json(&platform, intent)).collect();
    let has_more = start + data.len() < found.len();
    laravel::json(&json!({ "object": "list", "url": "/v1/payment_intents", "has_more": has_more, "data": data }))
}

async fn show(State(platform): State<Arc<Platform>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Some(rejection) = rejection(&platform, &headers) {
        return rejection;
    }
    match intents(&platform).iter().find(|intent| intent.id() == id) {
        Some(intent) => laravel::json(&to_json(&platform, intent)),
        None => {
            let message = format!("No such payment_intent: '{id}'");
            let error =
                json!({ "error": { "code": "resource_missing", "type": "invalid_request_error", "message": message } });
            (StatusCode::NOT_FOUND, Json(error)).into_response()
        }
    }
}
