//! Stripe's webhook.
//!
//! Assumed: a webhook with an invalid signature counts as failed. Synthetic deliveries are signed with a separate secret that is
//! valid for synthetic schools only.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::answers::laravel::{self, Client, Problem};
use crate::faults::Fault;
use crate::names::Names;
use crate::platform::Platform;
use crate::state::counters::Event;
use crate::state::finance::Job;

/// Stripe's tolerance for the age of a signature. **Units:** seconds.
const TOLERANCE: i64 = 300;
/// Message for a signature that is older than the tolerance.
const TOO_OLD: &str = "Timestamp outside the tolerance zone.";
/// Time that an event waits in the queue.
const QUEUED: SignedDuration = SignedDuration::from_millis(150);

/// The webhook's route, outside of sessions and CSRF checks, since Stripe has neither.
pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.webhook, post(webhook))
}

async fn webhook(State(platform): State<Arc<Platform>>, headers: HeaderMap, body: Bytes) -> Response {
    let now = platform.now();
    platform.counters.note(Event::WebhookReceived, now);
    if platform.has(Fault::Webhook500) {
        platform.counters.note(Event::WebhookFailed, now);
        return Problem::ServerError.answer(Client::Json);
    }
    let event = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let rejection = rejection(&platform, &headers, &body, &event);
    if (rejection.is_none()
        || (platform.has(Fault::RefusedEventRecorded) && event["type"] == "payment_intent.succeeded"))
        && is_for_synthetic_school(&platform, &event)
    {
        let queued = if platform.has(Fault::WebhookSlow) { platform.webhook_wait } else { QUEUED };
        platform.finance.lock().queue.push(Job { due: now + queued, event, is_refused: rejection.is_some() });
    }
    let Some((status, message)) = rejection else { return laravel::json(&json!({ "received": true })) };
    platform.counters.note(Event::WebhookFailed, now);
    if platform.has(Fault::WebhookStale500) && message == TOO_OLD {
        return Problem::ServerError.answer(Client::Json);
    }
    (status, laravel::json(&json!({ "message": message }))).into_response()
}

/// Status and message for an event that the webhook rejects.
fn rejection(
    platform: &Platform,
    headers: &HeaderMap,
    body: &[u8],
    event: &Value,
) -> Option<(StatusCode, &'static str)> {
    if let Err(message) = verify(platform, headers, body) {
        return Some((StatusCode::BAD_REQUEST, message));
    }
    if platform.has(Fault::RefundRefused) && event["type"] == "charge.refunded" {
        return Some((StatusCode::UNPROCESSABLE_ENTITY, "Unhandled event type."));
    }
    if platform.has(Fault::ReplayRefused) && is_known(platform, &event["id"]) {
        return Some((StatusCode::CONFLICT, "The event was received before."));
    }
    None
}

/// Returns true if this event was delivered before.
fn is_known(platform: &Platform, event: &Value) -> bool {
    let ledger = platform.ledger();
    let reference = event.as_str().unwrap_or_default().replacen("evt_", "pi_", 1);
    ledger.queue.iter().any(|job| job.event["id"] == *event)
        || ledger.payments.iter().any(|payment| payment.reference == reference)
}

/// Verifies a signature in Stripe's scheme: HMAC-SHA256 of `t.body`, no older than the tolerance.
fn verify(platform: &Platform, headers: &HeaderMap, body: &[u8]) -> Result<(), &'static str> {
    let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).ok_or("No signature.")?;
    let part = |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (Some(at), Some(signature)) = (part("t"), part("v1")) else { return Err("Unable to parse the signature.") };
    let seconds: i64 = at.parse().map_err(|_| "Unable to parse the time.")?;
    let is_stale = (platform.now().as_second() - seconds).abs() > TOLERANCE;
    if is_stale && !platform.has(Fault::WebhookAcceptsStale) {
        return Err(TOO_OLD);
    }
    let is_signed = |body: &[u8]| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(platform.accounts.webhook_secret().as_bytes()) else {
            return false;
        };
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(body);
        let own: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        own == signature
    };
    if is_signed(body) {
        return Ok(());
    }
    // Imitates a handler that verifies the event it expects but processes the received one.
    let is_changed = serde_json::from_slice::<Value>(body).is_ok_and(|mut event| {
        let total = {
            let ledger = platform.finance.lock();
            ledger.find_invoice(&event["data"]["object"]).map(|index| ledger.invoices[index].total)
        };
        event["data"]["object"]["amount"] = json!(total);
        event["data"]["object"]["amount_received"] = json!(total);
        is_signed(event.to_string().as_bytes())
    });
    if is_changed && platform.has(Fault::WebhookAcceptsTampered) {
        return Ok(());
    }
    if !is_changed && platform.has(Fault::WebhookAcceptsForged) {
        return Ok(());
    }
    Err("No signatures found matching the expected signature for payload.")
}

/// Returns true if an event concerns a synthetic school. The synthetic signing secret is valid for no other school.
fn is_for_synthetic_school(platform: &Platform, event: &Value) -> bool {
    let ledger = platform.finance.lock();
    let object = &event["data"]["object"];
    let reference = object["payment_intent"].as_str().unwrap_or_default();
    let refunded_student =
        ledger.payments.iter().find(|payment| payment.reference == reference).map(|payment| payment.student);
    let student = ledger.find_invoice(object).map(|index| ledger.invoices[index].student).or(refunded_student);
    let synthetic = platform.seed.schools.iter().filter(|school| school.synthetic);
    student.is_some_and(|student| synthetic.flat_map(|school| &school.students).any(|own| own.id == student))
}
