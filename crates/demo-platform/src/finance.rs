//! Invoices, payments, the student's balance, and Stripe's webhook, whose events are worked off by a queue.
//!
//! Assumed: a student's balance is what they owe; a refund makes the invoice open again; a webhook with a bad signature
//! counts as a failed one; synthetic deliveries are signed with a secret of their own, which is good for synthetic schools
//! only; and an event is known again by its payment intent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

use crate::bookings::MARKER;
use crate::dialect::written;
use crate::faults::Fault;
use crate::laravel::{self, Client, Problem};
use crate::names::Names;
use crate::ops::Event;
use crate::platform::Platform;
use crate::seed::{Account, School};
use crate::visitor::{LoggedIn, UserSession, proven};

/// Stripe's tolerance between the time of a signature and now.
const TOLERANCE: i64 = 300;
/// How long an event waits in the queue.
const QUEUED: SignedDuration = SignedDuration::from_millis(150);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Open,
    Paid,
    Void,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
        }
    }
}

#[derive(Clone, Debug)]
struct Invoice {
    id: u32,
    student: u32,
    total: u64,
    currency: String,
    description: String,
    status: Status,
    /// Whether the student's balance holds it. A worker keeps it with the status.
    is_owed: bool,
    created_at: Timestamp,
}

#[derive(Clone, Debug)]
struct Payment {
    id: u32,
    student: u32,
    invoice: u32,
    reference: String,
    amount: u64,
    currency: String,
    /// Nobody has told yet that the money came in.
    is_pending: bool,
    is_refunded: bool,
    created_at: Timestamp,
}

/// An event in the queue, as Stripe sends it.
#[derive(Debug)]
struct Job {
    due: Timestamp,
    event: Value,
    /// It was answered with an error, and should not be here.
    is_refused: bool,
}

#[derive(Default)]
struct Books {
    invoices: Vec<Invoice>,
    payments: Vec<Payment>,
    queue: Vec<Job>,
    /// Payments that wait for the worker who records them.
    unrecorded: Vec<Payment>,
}

/// All invoices and payments, and the queue of events.
#[derive(Default)]
pub(crate) struct Finance {
    books: Mutex<Books>,
}

impl Finance {
    fn lock(&self) -> MutexGuard<'_, Books> {
        // Every change is whole before the lock goes.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What synthetic traffic made and nothing undid, a line each.
pub(crate) fn leftovers(platform: &Platform) -> Vec<String> {
    let books = worked_off(platform);
    let ours = |invoice: &&Invoice| invoice.description.starts_with(MARKER);
    let open = books.invoices.iter().filter(ours).filter(|invoice| invoice.status != Status::Void);
    let open =
        open.map(|invoice| format!("invoice {} {} ({})", invoice.id, invoice.status.word(), invoice.description));
    let of_ours = |payment: &&Payment| books.invoices.iter().filter(ours).any(|invoice| invoice.id == payment.invoice);
    let kept = books.payments.iter().filter(of_ours).filter(|payment| !payment.is_refunded);
    let kept = kept.map(|payment| format!("payment {} ({})", payment.id, payment.reference));
    open.chain(kept).collect()
}

/// The books, with every event worked off whose time has come. Whoever looks at them finds them as a worker would have
/// left them.
fn worked_off(platform: &Platform) -> MutexGuard<'_, Books> {
    let now = platform.now();
    let mut books = platform.finance.lock();
    // What waits is worked off when somebody works again.
    if !platform.has(Fault::WebhookNeverProcessed) {
        let (due, later): (Vec<Job>, Vec<Job>) =
            std::mem::take(&mut books.queue).into_iter().partition(|job| job.due <= now);
        books.queue = later;
        for job in due {
            work(platform, &mut books, &job);
        }
    }
    if !platform.has(Fault::PaymentNeverRecorded) {
        let recorded = std::mem::take(&mut books.unrecorded);
        books.payments.extend(recorded);
    }
    books
}

fn work(platform: &Platform, books: &mut Books, Job { due, event, is_refused }: &Job) {
    let object = &event["data"]["object"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match event["type"].as_str() {
        Some("payment_intent.succeeded") => {
            let Some(index) = invoice_of(books, object) else { return };
            let reference = text(&object["id"]);
            let known = books.payments.iter().chain(&books.unrecorded);
            let is_known = known.clone().any(|payment| payment.reference == reference);
            let id = u32::try_from(known.count()).unwrap_or_default() + 7001;
            if is_known && !platform.has(Fault::WebhookDuplicates) {
                return;
            }
            let amount = object["amount_received"].as_u64().or(object["amount"].as_u64()).unwrap_or_default();
            let invoice = books.invoices[index].clone();
            let is_right = amount == invoice.total && object["currency"] == invoice.currency.as_str();
            let is_paying = (is_right && invoice.status != Status::Void) || platform.has(Fault::WebhookIgnoresAmount);
            if !is_paying && !is_refused {
                return;
            }
            let amount = amount + u64::from(platform.has(Fault::PaymentWrongAmountRecorded));
            let wrong = platform.has(Fault::PaymentWrongCurrencyRecorded);
            let currency = if wrong { "eur".to_owned() } else { text(&object["currency"]) };
            let payment = Payment {
                id,
                student: invoice.student,
                invoice: invoice.id,
                reference,
                amount,
                currency,
                is_pending: platform.has(Fault::PaymentStaysPending),
                is_refunded: false,
                created_at: *due,
            };
            let is_put_off = platform.has(Fault::PaymentNeverRecorded);
            if is_put_off { &mut books.unrecorded } else { &mut books.payments }.push(payment);
            if *is_refused {
                return;
            }
            books.invoices[index].status = Status::Paid;
            books.invoices[index].is_owed = platform.has(Fault::BalanceNotUpdated);
            platform.counters.note(Event::PaymentAttempted, *due);
        }
        Some("payment_intent.payment_failed") => {
            platform.counters.note(Event::PaymentAttempted, *due);
            platform.counters.note(Event::PaymentFailed, *due);
            if let Some(index) = invoice_of(books, object)
                && platform.has(Fault::FailedPaymentClosesInvoice)
            {
                books.invoices[index].status = Status::Void;
                books.invoices[index].is_owed = false;
            }
        }
        Some("charge.refunded") if !platform.has(Fault::RefundNeverProcessed) => {
            let reference = text(&object["payment_intent"]);
            let mut reopened = Vec::new();
            for payment in books.payments.iter_mut().filter(|payment| payment.reference == reference) {
                payment.is_refunded = true;
                reopened.push(payment.invoice);
            }
            for invoice in books.invoices.iter_mut().filter(|invoice| reopened.contains(&invoice.id)) {
                invoice.status = Status::Open;
                invoice.is_owed = true;
            }
        }
        _ => {}
    }
}

fn invoice_of(books: &Books, object: &Value) -> Option<usize> {
    let id = &object["metadata"]["invoice_id"];
    let id = id.as_str().map(str::to_owned).or_else(|| Some(id.as_u64()?.to_string()))?;
    books.invoices.iter().position(|invoice| invoice.id.to_string() == id)
}

/// What synthetic traffic paid at a school, for the list of all its payments.
pub(crate) fn synthetic_payments(platform: &Platform, school: &School) -> Vec<(Timestamp, Value)> {
    let books = worked_off(platform);
    let own = books.payments.iter().filter(|payment| school.students.iter().any(|own| own.id == payment.student));
    own.map(|payment| {
        let mut listed = paid(payment);
        listed["synthetic"] = json!(true);
        (payment.created_at, listed)
    })
    .collect()
}

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    let writes = Router::new()
        .route(names.invoices, post(create))
        .route(names.invoice, axum::routing::put(update))
        .route_layer(from_fn(proven));
    Router::new()
        .route(names.invoices, get(invoices))
        .route(names.invoice, get(show))
        .route(names.student_payments, get(payments))
        .route(names.balance, get(balance))
        .merge(writes)
}

/// Stripe has no session and no CSRF token.
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
    let books = worked_off(&platform);
    let list: Vec<Value> = books.invoices.iter().filter(|invoice| invoice.student == student).map(described).collect();
    platform.answer(StatusCode::OK, Value::Array(list))
}

async fn create(
    State(platform): State<Arc<Platform>>,
    Extension(visitor): Extension<UserSession>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(student): Path<String>,
) -> Response {
    let student = match own_student(&platform, &user, &student) {
        Ok(student) => student,
        Err(problem) => return problem.answer(client),
    };
    let body = platform.heard(&visitor.body);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let total = body["total"].as_u64().or_else(|| body["total"].as_str()?.parse().ok()).filter(|total| *total > 0);
    let Some(total) = total else {
        let error = ("total", "The total must be at least 1.".to_owned());
        return Problem::Invalid { status: 422, errors: vec![error] }.answer(client);
    };
    let created_at = platform.now();
    let mut books = worked_off(&platform);
    let id = u32::try_from(books.invoices.len()).unwrap_or_default() + 5001;
    let (currency, description, status) = (text("currency"), text("description"), Status::Open);
    // Of two that a run makes at once, one is wrong.
    let total = total + u64::from(platform.has(Fault::InvoiceWrongTotal) && id.is_multiple_of(2));
    let invoice = Invoice { id, student, total, currency, description, status, is_owed: true, created_at };
    books.invoices.push(invoice.clone());
    platform.answer(StatusCode::CREATED, described(&invoice))
}

async fn show(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let books = worked_off(&platform);
    match find(&platform, &user, &books, &id) {
        Some(index) => platform.answer(StatusCode::OK, described(&books.invoices[index])),
        None => Problem::NoRecord { model: "Invoice", id }.answer(client),
    }
}

/// An open invoice can be made void; nothing else can be changed.
async fn update(
    State(platform): State<Arc<Platform>>,
    Extension(visitor): Extension<UserSession>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let mut books = worked_off(&platform);
    let Some(index) = find(&platform, &user, &books, &id) else {
        return Problem::NoRecord { model: "Invoice", id }.answer(client);
    };
    if platform.has(Fault::VoidRefused) {
        return Problem::ServerError.answer(client);
    }
    let is_void = platform.heard(&visitor.body)["status"] == "void";
    if !is_void || books.invoices[index].status != Status::Open {
        let error = ("status", "The selected status is invalid.".to_owned());
        return Problem::Invalid { status: 422, errors: vec![error] }.answer(client);
    }
    books.invoices[index].status = Status::Void;
    books.invoices[index].is_owed = false;
    platform.answer(StatusCode::OK, described(&books.invoices[index]))
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
    let books = worked_off(&platform);
    let list = books.payments.iter().filter(|payment| payment.student == student).map(paid);
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
    let books = worked_off(&platform);
    let owed = books.invoices.iter().filter(|invoice| invoice.student == student && invoice.is_owed);
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
    let refused = refused(&platform, &headers, &body, &event);
    if (refused.is_none() || (platform.has(Fault::RefusedEventRecorded) && event["type"] == "payment_intent.succeeded"))
        && is_of_a_synthetic_school(&platform, &event)
    {
        let queued = if platform.has(Fault::WebhookSlow) { platform.webhook_wait } else { QUEUED };
        platform.finance.lock().queue.push(Job { due: now + queued, event, is_refused: refused.is_some() });
    }
    let Some((status, why)) = refused else { return laravel::json(&json!({ "received": true })) };
    platform.counters.note(Event::WebhookFailed, now);
    (status, laravel::json(&json!({ "message": why }))).into_response()
}

/// Why an event is not taken.
fn refused(platform: &Platform, headers: &HeaderMap, body: &[u8], event: &Value) -> Option<(StatusCode, &'static str)> {
    if let Err(why) = verified(platform, headers, body) {
        return Some((StatusCode::BAD_REQUEST, why));
    }
    if platform.has(Fault::RefundRefused) && event["type"] == "charge.refunded" {
        return Some((StatusCode::UNPROCESSABLE_ENTITY, "Unhandled event type."));
    }
    if platform.has(Fault::ReplayRefused) && is_known(platform, &event["id"]) {
        return Some((StatusCode::CONFLICT, "The event was received before."));
    }
    None
}

/// Whether this event came before.
fn is_known(platform: &Platform, event: &Value) -> bool {
    let books = worked_off(platform);
    let reference = event.as_str().unwrap_or_default().replacen("evt_", "pi_", 1);
    books.queue.iter().any(|job| job.event["id"] == *event)
        || books.payments.iter().any(|payment| payment.reference == reference)
}

/// Stripe's scheme: HMAC-SHA256 of `t.body`, no older than the tolerance.
fn verified(platform: &Platform, headers: &HeaderMap, body: &[u8]) -> Result<(), &'static str> {
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
    // As a handler does that verifies the event it expects, and then takes the one that came.
    let is_changed = serde_json::from_slice::<Value>(body).is_ok_and(|mut event| {
        let total = {
            let books = platform.finance.lock();
            invoice_of(&books, &event["data"]["object"]).map(|index| books.invoices[index].total)
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

/// The secret of synthetic deliveries is good for nobody else's money.
fn is_of_a_synthetic_school(platform: &Platform, event: &Value) -> bool {
    let books = platform.finance.lock();
    let object = &event["data"]["object"];
    let reference = object["payment_intent"].as_str().unwrap_or_default();
    let of_payment =
        books.payments.iter().find(|payment| payment.reference == reference).map(|payment| payment.student);
    let student = invoice_of(&books, object).map(|index| books.invoices[index].student).or(of_payment);
    let synthetic = platform.seed.schools.iter().filter(|school| school.synthetic);
    student.is_some_and(|student| synthetic.flat_map(|school| &school.students).any(|own| own.id == student))
}

fn find(platform: &Platform, user: &Account, books: &Books, id: &str) -> Option<usize> {
    let index = books.invoices.iter().position(|invoice| invoice.id.to_string() == id)?;
    own_student(platform, user, &books.invoices[index].student.to_string()).ok().map(|_| index)
}

/// A student of the user's own school, when that takes payments online.
fn own_student(platform: &Platform, user: &Account, student: &str) -> Result<u32, Problem> {
    let is_of = |school: &&School| school.students.iter().any(|own| own.id.to_string() == student);
    let own = platform.seed.schools.iter().filter(|school| user.school_ids.contains(&school.id));
    let Some(school) = own.into_iter().find(is_of) else { return Err(Problem::Forbidden) };
    if !school.online_payment {
        let error = ("school", "Online payment is not enabled for this school.".to_owned());
        return Err(Problem::Invalid { status: 409, errors: vec![error] });
    }
    student.parse().map_err(|_| Problem::Forbidden)
}

fn paid(payment: &Payment) -> Value {
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
        "created_at": written(payment.created_at),
    })
}

fn described(invoice: &Invoice) -> Value {
    json!({
        "id": invoice.id,
        "number": format!("S-{}", invoice.id),
        "student_id": invoice.student,
        "total": invoice.total,
        "currency": invoice.currency,
        "description": invoice.description,
        "status": invoice.status.word(),
        "created_at": written(invoice.created_at),
    })
}
