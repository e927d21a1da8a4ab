//! Invoices, payments and balances of students.
//!
//! Assumed: a student's balance is the amount owed.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answers::dialect::format_time;
use crate::answers::laravel::{Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::{Caller, LoggedIn, csrf_check};
use crate::names::Names;
use crate::platform::Platform;
use crate::seed::{Account, School};
use crate::state::finance::{Invoice, Ledger, Payment, Status};

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
    let newest_first = ledger.invoices.iter().rev();
    let list: Vec<Value> = newest_first.filter(|invoice| invoice.student == student).map(invoice_json).collect();
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
    let newest_first = ledger.payments.iter().rev();
    let list: Vec<Value> = newest_first.filter(|payment| payment.student == student).map(payment_json).collect();
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
