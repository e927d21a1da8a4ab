//! Payments of the platform's fictional users, as listed by the platform and as listed by Stripe.
//!
//! They depend on the clock only, so every client gets the same payments. A payment intent for a student of the first school is
//! created at a fixed interval, and recorded by the platform a minute later. Every tenth intent is never paid.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::answers::dialect::{format_time, zone};
use crate::answers::laravel::{self, Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::LoggedIn;
use crate::names::Names;
use crate::platform::Platform;
use crate::routes::bookings::own_school;
use crate::routes::finance;

/// Minimum age at which payments expire. They expire in batches, so that pages do not shift while a client reads them.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30);
/// Interval between these batches. **Units:** seconds.
const EXPIRE_EVERY: i64 = 6 * 3_600;
const RECORDED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Delay of a payment that is recorded late.
const LATE_BY: SignedDuration = SignedDuration::from_mins(95);
const PER_PAGE: usize = 50;
/// Prefix of payment intent ids.
const PREFIX: &str = "pi_demo_";
/// The school whose students pay.
const SCHOOL: u32 = 1;

/// A payment intent of a fictional user. Times are in seconds, because each request iterates over thousands of intents.
#[derive(Clone, Copy)]
struct Intent {
    number: i64,
    amount: u64,
    has_succeeded: bool,
    created: i64,
    /// Time of the payment, even if it never succeeded.
    paid: i64,
}

impl Intent {
    fn id(&self) -> String {
        format!("{PREFIX}{}", self.number)
    }
}

/// All payment intents, oldest first.
fn intents(platform: &Platform) -> Vec<Intent> {
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

/// Index of the payment that faults affect: paid, and old enough to be recorded on both sides.
fn fault_target(intents: &[Intent], now: i64) -> Option<usize> {
    let long_enough = LATE_BY.as_secs() + 300;
    intents.iter().rposition(|intent| intent.has_succeeded && intent.paid + long_enough < now)
}

/// A payment as recorded by the platform. There are thousands, so each is serialised only on request.
#[derive(Clone, Copy)]
struct Recorded {
    id: usize,
    /// The provider's payment intent; `None` if the provider has none.
    intent: Option<Intent>,
    amount: u64,
    currency: &'static str,
    status: &'static str,
    at: i64,
}

impl Recorded {
    /// The payment as the platform lists it.
    fn list_item(&self) -> Value {
        json!({
            "id": self.id,
            "provider_reference": self.intent.map_or_else(|| "pi_demo_unknown".to_owned(), |intent| intent.id()),
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "created_at": format_time(Timestamp::from_second(self.at).unwrap_or_default()),
            "synthetic": false,
        })
    }
}

/// The payments recorded by the platform.
fn recorded(platform: &Platform) -> Vec<Recorded> {
    let now = platform.now().as_second();
    let intents = intents(platform);
    let target = fault_target(&intents, now);
    let mut list = Vec::new();
    for (index, intent) in intents.iter().enumerate().filter(|(_, intent)| intent.has_succeeded) {
        let is_hit_by = |fault| Some(index) == target && platform.has(fault);
        let at = intent.paid + if is_hit_by(Fault::PaymentLate) { LATE_BY.as_secs() } else { RECORDED_AFTER.as_secs() };
        if at > now || is_hit_by(Fault::PaymentMissingOnPlatform) {
            continue;
        }
        let payment = Recorded {
            id: 600_000 + index,
            intent: Some(*intent),
            amount: intent.amount + u64::from(is_hit_by(Fault::PaymentAmountDiffers)) * 100,
            currency: if is_hit_by(Fault::PaymentCurrencyDiffers) { "eur" } else { "dkk" },
            status: match index % 25 {
                _ if is_hit_by(Fault::PaymentStatusDiffers) => "failed",
                3 => "refunded",
                _ => "succeeded",
            },
            at,
        };
        // The payment that is unknown to the provider is added to the known one.
        if is_hit_by(Fault::PaymentMissingAtProvider) {
            list.push(Recorded { id: 500_000 + index, intent: None, ..payment });
        }
        if is_hit_by(Fault::PaymentRecordedTwice) {
            list.push(Recorded { id: 500_000 + index, ..payment });
        }
        list.push(payment);
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
    let midnight = |day: Date| day.to_zoned(zone()).map(|at| at.timestamp().as_second()).ok();
    let day = |name: &str| query.get(name).and_then(|day| day.parse::<Date>().ok());
    let (from, to) = (day("from").and_then(midnight), day("to").and_then(|day| midnight(day.saturating_add(1.day()))));
    let is_requested = |at: i64| from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to);
    let mut synthetic = finance::synthetic_payments(&platform, school);
    synthetic.retain(|(at, _)| is_requested(at.as_second()));
    let mut user_payments = if school.id == SCHOOL { recorded(&platform) } else { Vec::new() };
    user_payments.retain(|payment| is_requested(payment.at));
    let page = query.get("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1);
    let before = (page - 1) * PER_PAGE;
    let user_payments_before = before.saturating_sub(synthetic.len());
    // Only the payments on the page are serialised; serialising all of them for each page would take minutes.
    let synthetic = synthetic.into_iter().skip(before).map(|(_, payment)| payment);
    let user_payments = user_payments.iter().skip(user_payments_before).map(Recorded::list_item);
    let mut list: Vec<Value> = synthetic.chain(user_payments).take(PER_PAGE + 1).collect();
    let next = (list.len() > PER_PAGE).then_some(page + 1);
    list.truncate(PER_PAGE);
    platform.page(list, next)
}

pub(crate) fn provider_routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/_partners/stripe/v1/payment_intents", get(provider_index))
        .route("/_partners/stripe/v1/payment_intents/{intent}", get(provider_show))
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

async fn provider_index(
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

async fn provider_show(State(platform): State<Arc<Platform>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
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
