//! The payments of the platform's fictional users, on both sides: as the platform lists them, and as Stripe does.
//!
//! The same for everybody who asks: they follow from the clock. A payment intent is made every so often for a student of the
//! first school, and recorded by the platform a minute later. Every tenth one is never paid.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bookings::own_school;
use crate::dialect::{written, zone};
use crate::faults::Fault;
use crate::finance;
use crate::laravel::{self, Client, Problem};
use crate::names::Names;
use crate::platform::Platform;
use crate::visitor::LoggedIn;

/// So far back there are any.
const SINCE: SignedDuration = SignedDuration::from_hours(30);
const RECORDED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// How much later a late one is recorded.
const LATE_BY: SignedDuration = SignedDuration::from_mins(95);
const PER_PAGE: usize = 50;
/// The school whose students pay.
const SCHOOL: u32 = 1;

/// One payment intent of a fictional user.
struct Intent {
    id: String,
    amount: u64,
    has_succeeded: bool,
    created: Timestamp,
}

/// Oldest first.
fn intents(platform: &Platform) -> Vec<Intent> {
    let every = i64::try_from(platform.payments_every.as_secs()).unwrap_or(i64::MAX).max(1);
    let (now, since) = (platform.now().as_second(), (platform.now() - SINCE).as_second());
    let first = since / every + 1;
    (first..=now / every)
        .filter_map(|number| {
            let created = Timestamp::from_second(number * every).ok()?;
            let amount = 40_000 + u64::try_from(number % 37).unwrap_or_default() * 250;
            Some(Intent { id: format!("pi_demo_{number}"), amount, has_succeeded: number % 10 != 0, created })
        })
        .collect()
}

/// The one that faults are about: paid, and long enough ago for both sides to have it.
fn chosen(intents: &[Intent], now: Timestamp) -> Option<usize> {
    intents
        .iter()
        .rposition(|intent| intent.has_succeeded && intent.created + LATE_BY + SignedDuration::from_mins(5) < now)
}

/// What the platform has of them.
fn recorded(platform: &Platform) -> Vec<Value> {
    let now = platform.now();
    let intents = intents(platform);
    let chosen = chosen(&intents, now);
    let mut list: Vec<Value> = Vec::new();
    for (index, intent) in intents.iter().enumerate().filter(|(_, intent)| intent.has_succeeded) {
        let is = |fault| Some(index) == chosen && platform.has(fault);
        let delay = if is(Fault::PaymentLate) { LATE_BY } else { RECORDED_AFTER };
        if intent.created + delay > now || is(Fault::PaymentMissingHere) {
            continue;
        }
        let more = u64::from(is(Fault::PaymentAmountDiffers)) * 100;
        let reference = if is(Fault::PaymentMissingThere) { "pi_demo_unknown" } else { &intent.id };
        let payment = |reference: &str| {
            json!({
                "id": 600_000 + index,
                "provider_reference": reference,
                "amount": intent.amount + more,
                "currency": "dkk",
                "status": if index % 25 == 3 { "refunded" } else { "succeeded" },
                "created_at": written(intent.created + delay),
                "synthetic": false,
            })
        };
        // What the provider does not know comes beside what it does.
        if reference != intent.id {
            list.push(payment(reference));
        }
        list.push(payment(&intent.id));
    }
    list
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.school_payments, get(index))
}

async fn index(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(school): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let own = own_school(&user, &school);
    let Some(school) = platform.seed.schools.iter().find(|school| Some(school.id) == own) else {
        return Problem::Forbidden.answer(client);
    };
    if !school.online_payment {
        let error = ("school", "Online payment is not enabled for this school.".to_owned());
        return Problem::Invalid { status: 409, errors: vec![error] }.answer(client);
    }
    let mut list = finance::synthetic_payments(&platform, school);
    if school.id == SCHOOL {
        list.extend(recorded(&platform));
    }
    let day = |payment: &Value| {
        let at: Option<Timestamp> = payment["created_at"].as_str().and_then(|at| at.parse().ok());
        at.map(|at| at.to_zoned(zone()).date().to_string()).unwrap_or_default()
    };
    let (from, to) = (query.get("from"), query.get("to"));
    list.retain(|payment| from.is_none_or(|from| *from <= day(payment)) && to.is_none_or(|to| day(payment) <= *to));
    let page = query.get("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1);
    let rest: Vec<Value> = list.into_iter().skip((page - 1) * PER_PAGE).collect();
    let next = (rest.len() > PER_PAGE).then_some(page + 1);
    let list: Vec<Value> = rest.into_iter().take(PER_PAGE).collect();
    platform.page(list, next)
}

pub(crate) fn provider_routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/_partners/stripe/v1/payment_intents", get(provider_index))
        .route("/_partners/stripe/v1/payment_intents/{intent}", get(provider_show))
}

/// Stripe takes the key as user of Basic authorization, or as bearer token.
fn refused(platform: &Platform, headers: &HeaderMap) -> Option<Response> {
    let key = platform.accounts.provider_key();
    let basic = format!("Basic {}", BASE64.encode(format!("{key}:")));
    let sent = headers.get("authorization").map(|value| value.as_bytes());
    if [basic, format!("Bearer {key}")].iter().any(|own| sent == Some(own.as_bytes())) {
        return None;
    }
    let error = json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided" } });
    Some((StatusCode::UNAUTHORIZED, Json(error)).into_response())
}

/// As Stripe writes it, with what people paid with: nobody may quote that.
fn described(intent: &Intent) -> Value {
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_received": if intent.has_succeeded { intent.amount } else { 0 },
        "currency": "dkk",
        "created": intent.created.as_second(),
        "livemode": true,
        "status": if intent.has_succeeded { "succeeded" } else { "requires_payment_method" },
        "metadata": { "invoice_id": "4711" },
        "latest_charge": {
            "object": "charge",
            "payment_method_details": { "card": { "brand": "visa", "last4": "4242", "exp_year": 2031 } },
            "billing_details": { "name": "Freja Dalgaard" },
        },
    })
}

async fn provider_index(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if let Some(refused) = refused(&platform, &headers) {
        return refused;
    }
    let second = |name: &str| query.get(name).and_then(|second| second.parse::<i64>().ok());
    let (from, to) = (second("created[gte]"), second("created[lte]"));
    let mut found = intents(&platform);
    found.retain(|intent| {
        let at = intent.created.as_second();
        from.is_none_or(|from| from <= at) && to.is_none_or(|to| at <= to)
    });
    // Newest first, as Stripe lists them.
    found.reverse();
    let after = query.get("starting_after");
    let start =
        after.and_then(|after| found.iter().position(|intent| intent.id == *after)).map_or(0, |place| place + 1);
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10).clamp(1, 100);
    let data: Vec<Value> = found.iter().skip(start).take(limit).map(described).collect();
    let has_more = start + data.len() < found.len();
    laravel::json(&json!({ "object": "list", "url": "/v1/payment_intents", "has_more": has_more, "data": data }))
}

async fn provider_show(State(platform): State<Arc<Platform>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    if let Some(refused) = refused(&platform, &headers) {
        return refused;
    }
    match intents(&platform).iter().find(|intent| intent.id == id) {
        Some(intent) => laravel::json(&described(intent)),
        None => {
            let message = format!("No such payment_intent: '{id}'");
            let error =
                json!({ "error": { "code": "resource_missing", "type": "invalid_request_error", "message": message } });
            (StatusCode::NOT_FOUND, Json(error)).into_response()
        }
    }
}
