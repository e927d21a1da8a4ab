//! Invoices, payments, students' balances, and Stripe's webhook.
//!
//! Assumed: a student's balance is the amount owed. A webhook with an invalid signature counts as failed. Synthetic deliveries
//! are signed with a separate secret that is valid for synthetic schools only.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::answers::dialect::format_time;
use crate::answers::laravel::{self, Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::{Caller, LoggedIn, csrf_check};
use crate::names::Names;
use crate::platform::Platform;
use crate::seed::{Account, School};
use crate::state::counters::Event;
use crate::state::finance::{Invoice, Job, Ledger, Payment, Status};

/// Stripe's tolerance for the age of a signature. **Units:** seconds.
const TOLERANCE: i64 = 300;
/// Time that an event waits in the queue.
const QUEUED: SignedDuration = SignedDuration::from_millis(150);

/// Synthetic payments at a school, for the list of all its payments.
pub(crate) fn synthetic_payments(platform: &Platform, school: &School) -> Vec<(Timestamp, Value)> {
    let ledger = platform.ledger();
    let own = ledger.payments.iter().filter(|payment| school.students.iter().any(|own| own.id == payment.student));
    own.map(|payment| {
        let mut listed = payment_json(payment);
        listed["synthetic"] = json!(true);
        (payment.created_at, listed)
    })
    .collect()
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    let writes = Router::new()
        .route(names.invoices, post(create))
        .route(names.invoice, axum::routing::put(update))
        .route_layer(from_fn(csrf_check));
    Router::new()
        .route(names.invoices, get(invoices))
        .route(names.invoice, get(show))
        .route(names.student_payments, get(payments))
        .route(names.balance, get(balance))
        .merge(writes)
}

/// The webhook's route, outside of sessions and CSRF checks, since Stripe has neither.
pub(crate) fn webhook_routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.webhook, post(webhook))
}

async fn invoices(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(student): Path<String>,
) -> Response {
    let student = match own_student(&platform, &user, &student) {
        Ok(student) => student,
        Err(problem) => return problem.answer(client),
    };
    let ledger = platform.ledger();
    let list: Vec<Value> =
        ledger.invoices.iter().filter(|invoice| invoice.student == student).map(invoice_json).collect();
    platform.answer(StatusCode::OK, Value::Array(list))
}

async fn create(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(student): Path<String>,
) -> Response {
    let student = match own_student(&platform, &user, &student) {
        Ok(student) => student,
        Err(problem) => return problem.answer(client),
    };
    let body = platform.to_documented(&caller.body);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let total = body["total"].as_u64().or_else(|| body["total"].as_str()?.parse().ok()).filter(|total| *total > 0);
    let Some(total) = total else {
        let error = ("total", "The total must be at least 1.".to_owned());
        return Problem::Invalid { status: 422, errors: vec![error] }.answer(client);
    };
    let created_at = platform.now();
    let mut ledger = platform.ledger();
    let id = u32::try_from(ledger.invoices.len()).unwrap_or_default() + 5001;
    let (currency, description, status) = (text("currency"), text("description"), Status::Open);
    // A run creates two invoices at once, so one of them is wrong.
    let total = total + u64::from(platform.has(Fault::InvoiceWrongTotal) && id.is_multiple_of(2));
    let invoice = Invoice { id, student, total, currency, description, status, is_owed: true, created_at };
    ledger.invoices.push(invoice.clone());
    platform.answer(StatusCode::CREATED, invoice_json(&invoice))
}

async fn show(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let ledger = platform.ledger();
    match find(&platform, &user, &ledger, &id) {
        Some(index) => platform.answer(StatusCode::OK, invoice_json(&ledger.invoices[index])),
        None => Problem::NoRecord { model: "Invoice", id }.answer(client),
    }
}

/// Voids an open invoice; no other change is allowed.
async fn update(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let mut ledger = platform.ledger();
    let Some(index) = find(&platform, &user, &ledger, &id) else {
        return Problem::NoRecord { model: "Invoice", id }.answer(client);
    };
    if platform.has(Fault::VoidRefused) {
        return Problem::ServerError.answer(client);
    }
    let is_void = platform.to_documented(&caller.body)["status"] == "void";
    if !is_void || ledger.invoices[index].status != Status::Open {
        let error = ("status", "The selected status is invalid.".to_owned());
        return Problem::Invalid { status: 422, errors: vec![error] }.answer(client);
    }
    ledger.invoices[index].status = Status::Void;
    ledger.invoices[index].is_owed = false;
    platform.answer(StatusCode::OK, invoice_json(&ledger.invoices[index]))
}

async fn payments(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(student): Path<String>,
) -> Response {
    let student = match own_student(&platform, &user, &student) {
        Ok(student) => student,
        Err(problem) => return problem.answer(client),
    };
    let ledger = platform.ledger();
    let list = ledger.payments.iter().filter(|payment| payment.student == student).map(payment_json);
    let list: Vec<Value> = list.collect();
    platform.answer(StatusCode::OK, Value::Array(list))
}

async fn balance(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(student): Path<String>,
) -> Response {
    let student = match own_student(&platform, &user, &student) {
        Ok(student) => student,
        Err(problem) => return problem.answer(client),
    };
    let ledger = platform.ledger();
    let owed = ledger.invoices.iter().filter(|invoice| invoice.student == student && invoice.is_owed);
    let owed: u64 = owed.map(|invoice| invoice.total).sum();
    platform.answer(StatusCode::OK, json!({ "balance": owed, "currency": "dkk" }))
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
        return Err("Timestamp outside the tolerance zone.");
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

fn find(platform: &Platform, user: &Account, ledger: &Ledger, id: &str) -> Option<usize> {
    let index = ledger.invoices.iter().position(|invoice| invoice.id.to_string() == id)?;
    own_student(platform, user, &ledger.invoices[index].student.to_string()).ok().map(|_| index)
}

/// A student of the user's own school, if the school accepts online payments.
fn own_student(platform: &Platform, user: &Account, student: &str) -> Result<u32, Problem> {
    let has_student = |school: &&School| school.students.iter().any(|own| own.id.to_string() == student);
    let own = platform.seed.schools.iter().filter(|school| user.school_ids.contains(&school.id));
    let Some(school) = own.into_iter().find(has_student) else { return Err(Problem::Forbidden) };
    if !school.online_payment {
        let error = ("school", "Online payment is not enabled for this school.".to_owned());
        return Err(Problem::Invalid { status: 409, errors: vec![error] });
    }
    student.parse().map_err(|_| Problem::Forbidden)
}

fn payment_json(payment: &Payment) -> Value {
    json!({
        "id": payment.id,
        "invoice_id": payment.invoice,
        "provider_reference": payment.reference,
        "amount": payment.amount,
        "currency": payment.currency,
        "status": match (payment.is_refunded, payment.is_pending) {
            (true, _) => "refunded",
            (false, true) => "pending",
            (false, false) => "succeeded",
        },
        "created_at": format_time(payment.created_at),
    })
}

fn invoice_json(invoice: &Invoice) -> Value {
    json!({
        "id": invoice.id,
        "number": format!("S-{}", invoice.id),
        "student_id": invoice.student,
        "total": invoice.total,
        "currency": invoice.currency,
        "description": invoice.description,
        "status": invoice.status.name(),
        "created_at": format_time(invoice.created_at),
    })
}
