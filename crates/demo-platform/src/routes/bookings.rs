//! Lessons: the calendar, free slots, and one booking.
//!
//! Assumed: teachers work from 8 to 16 except on Sundays, in lessons of 45 minutes that start on the hour. A booking rejected
//! because its slot is taken counts as a booking error.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::answers::dialect::{format_time, read_time, zone};
use crate::answers::laravel::{Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::{Caller, LoggedIn, csrf_check};
use crate::names::Names;
use crate::platform::Platform;
use crate::seed::Account;
use crate::state::bookings::Booking;
use crate::state::counters::Event;

const HOURS: std::ops::Range<i8> = 8..16;
const LESSON: SignedDuration = SignedDuration::from_mins(45);
/// Limit of days listed at once.
const MAX_DAYS: usize = 62;

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    let writes = Router::new()
        .route(names.bookings, axum::routing::post(create))
        .route(names.booking, axum::routing::put(update).delete(cancel))
        .route_layer(from_fn(csrf_check));
    Router::new()
        .route(names.bookings, get(calendar))
        .route(names.booking, get(show))
        .route(names.availability, get(availability))
        .merge(writes)
}

async fn calendar(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(school): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if platform.has(Fault::Calendar500) {
        return Problem::ServerError.answer(client);
    }
    let Some(school) = own_school(&user, &school) else { return Problem::Forbidden.answer(client) };
    let (from, to) = days(&platform, &query);
    let matches = |person: Option<&String>, id: u32| person.is_none_or(|own| *own == id.to_string());
    // Cancelled bookings are listed on request.
    let is_wanted =
        |booking: &Booking| query.get("status").map_or(!booking.is_cancelled, |status| booking.status() == status);
    let kept = platform.bookings.lock();
    let listed = kept.iter().filter(|booking| {
        let day = booking.starts_at.to_zoned(zone()).date();
        booking.school == school
            && is_wanted(booking)
            && matches(query.get("teacher_id"), booking.teacher)
            && query.get("student_id").is_none_or(|own| booking.students.iter().any(|id| id.to_string() == *own))
            && (from..=to).contains(&day)
    });
    let list: Vec<Value> = listed.map(booking_json).collect();
    platform.answer(StatusCode::OK, Value::Array(list))
}

/// The first and last requested day. Default: the week from today.
fn days(platform: &Platform, query: &BTreeMap<String, String>) -> (Date, Date) {
    let day = |name: &str| query.get(name).and_then(|day| day.parse::<Date>().ok());
    let from = day("from").unwrap_or_else(|| platform.now().to_zoned(zone()).date());
    (from, day("to").unwrap_or_else(|| from.saturating_add(7.days())))
}

async fn availability(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(teacher): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(teacher) = own_teacher(&platform, &user, &teacher) else { return Problem::Forbidden.answer(client) };
    let (from, to) = days(&platform, &query);
    let now = platform.now();
    let mut slots = Vec::new();
    let listed = from.series(1.day()).take(MAX_DAYS).take_while(|day| *day <= to);
    for day in listed.filter(|day| day.weekday() != Weekday::Sunday && !platform.has(Fault::AvailabilityEmpty)) {
        for hour in HOURS {
            let Ok(starts) = day.at(hour, 0, 0, 0).to_zoned(zone()) else { continue };
            let (starts_at, ends_at) = (starts.timestamp(), starts.timestamp() + LESSON);
            if starts_at > now && conflict(&platform, None, teacher, &[], starts_at, ends_at, true).is_none() {
                slots.push(json!({ "starts_at": format_time(starts_at), "ends_at": format_time(ends_at) }));
            }
        }
    }
    platform.answer(StatusCode::OK, Value::Array(slots))
}

/// The field of a booking whose teacher or student is already booked at this time.
fn conflict(
    platform: &Platform,
    except: Option<u32>,
    teacher: u32,
    students: &[u32],
    starts_at: Timestamp,
    ends_at: Timestamp,
    in_lists: bool,
) -> Option<&'static str> {
    let is_kept_taken = in_lists && platform.has(Fault::SlotNotReleased);
    let kept = platform.bookings.lock();
    kept.iter()
        .filter(|booking| Some(booking.id) != except && (!booking.is_cancelled || is_kept_taken))
        .filter(|booking| booking.starts_at < ends_at && starts_at < booking.ends_at)
        .find_map(|booking| {
            if booking.teacher == teacher {
                return Some("teacher_id");
            }
            students.iter().any(|student| booking.students.contains(student)).then_some("student_ids")
        })
}

/// The contents of a booking request.
struct BookingRequest {
    teacher: u32,
    students: Vec<u32>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    kind: String,
    notes: String,
}

/// Reads a booking request. A missing field keeps its previous value.
fn read_request(
    platform: &Platform,
    user: &Account,
    body: &Value,
    before: Option<&Booking>,
) -> Result<BookingRequest, Problem> {
    let body = platform.to_documented(body);
    let mut errors = Vec::new();
    let required = |field: &'static str| (field, format!("The {} field is required.", field.replace('_', " ")));
    let id = |value: &Value| match value {
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let teacher = body.get("teacher_id").and_then(id).or(before.map(|booking| booking.teacher));
    let teacher = teacher.filter(|teacher| own_teacher(platform, user, &teacher.to_string()).is_some());
    let students = body.get("student_ids").and_then(Value::as_array);
    let students: Option<Vec<u32>> = match students {
        Some(list) => list.iter().map(id).collect(),
        None => before.map(|booking| booking.students.clone()),
    };
    let time = |name: &str| body.get(name).and_then(Value::as_str).and_then(read_time);
    let starts_at = time("starts_at").or(before.map(|booking| booking.starts_at));
    let ends_at = time("ends_at").or(before.map(|booking| booking.ends_at));
    let text = |name: &str, before: Option<&String>| {
        body.get(name).and_then(Value::as_str).map(str::to_owned).or(before.cloned()).unwrap_or_default()
    };
    let kind = text("type", before.map(|booking| &booking.kind));
    let notes = text("notes", before.map(|booking| &booking.notes));
    if teacher.is_none() {
        errors.push(("teacher_id", "The selected teacher id is invalid.".to_owned()));
    }
    if students.as_ref().is_none_or(Vec::is_empty) {
        errors.push(required("student_ids"));
    }
    if starts_at.is_none_or(|starts_at| starts_at <= platform.now()) {
        errors.push(("starts_at", "The starts at must be a date after now.".to_owned()));
    }
    if ends_at.is_none_or(|ends_at| starts_at.is_some_and(|starts_at| ends_at <= starts_at)) {
        errors.push(("ends_at", "The ends at must be a date after starts at.".to_owned()));
    }
    match (teacher, students, starts_at, ends_at) {
        (Some(teacher), Some(students), Some(starts_at), Some(ends_at)) if errors.is_empty() => {
            Ok(BookingRequest { teacher, students, starts_at, ends_at, kind, notes })
        }
        _ => Err(Problem::Invalid { status: 422, errors }),
    }
}

/// Rejects a request whose slot is taken.
fn ensure_free(platform: &Platform, except: Option<u32>, request: &BookingRequest) -> Result<(), Problem> {
    let BookingRequest { teacher, students, starts_at, ends_at, .. } = request;
    match conflict(platform, except, *teacher, students, *starts_at, *ends_at, false) {
        Some(field) if !platform.has(Fault::DoubleBookingAllowed) => {
            platform.counters.note(Event::BookingError, platform.now());
            let text = "The time is already booked.".to_owned();
            Err(Problem::Invalid { status: platform.names.taken, errors: vec![(field, text)] })
        }
        _ => Ok(()),
    }
}

async fn create(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(school): Path<String>,
) -> Response {
    if platform.has(Fault::Create500) {
        platform.counters.note(Event::BookingError, platform.now());
        return Problem::ServerError.answer(client);
    }
    let Some(school) = own_school(&user, &school) else { return Problem::Forbidden.answer(client) };
    let request = match read_request(&platform, &user, &caller.body, None) {
        Ok(request) => request,
        Err(problem) => return problem.answer(client),
    };
    if let Err(problem) = ensure_free(&platform, None, &request) {
        return problem.answer(client);
    }
    let now = platform.now();
    let BookingRequest { teacher, students, starts_at, ends_at, kind, notes } = request;
    let booking = {
        let mut kept = platform.bookings.lock();
        let id = u32::try_from(kept.len()).unwrap_or_default() + 9001;
        let (is_cancelled, created_at) = (false, now);
        let created =
            Booking { id, school, teacher, students, starts_at, ends_at, kind, notes, is_cancelled, created_at };
        kept.push(created.clone());
        created
    };
    platform.counters.note(Event::BookingCreated, now);
    if platform.has(Fault::CreateTimesOutButBooks) {
        return pending().await;
    }
    platform.answer(StatusCode::CREATED, booking_json(&booking))
}

async fn show(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let Some(mut booking) = find(&platform, &user, &id) else { return missing(id).answer(client) };
    if platform.has(Fault::ReadBackDiffers) {
        booking.ends_at -= SignedDuration::from_mins(15);
    }
    platform.answer(StatusCode::OK, booking_json(&booking))
}

async fn update(
    State(platform): State<Arc<Platform>>,
    Extension(caller): Extension<Caller>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let Some(before) = find(&platform, &user, &id) else { return missing(id).answer(client) };
    let request = match read_request(&platform, &user, &caller.body, Some(&before)) {
        Ok(request) => request,
        Err(problem) => return problem.answer(client),
    };
    if let Err(problem) = ensure_free(&platform, Some(before.id), &request) {
        return problem.answer(client);
    }
    let BookingRequest { teacher, students, starts_at, ends_at, kind, notes } = request;
    let after = Booking { teacher, students, starts_at, ends_at, kind, notes, ..before };
    if !platform.has(Fault::UpdateIgnored) {
        replace(&platform, &after);
    }
    platform.counters.note(Event::BookingUpdated, platform.now());
    platform.answer(StatusCode::OK, booking_json(&after))
}

async fn cancel(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let Some(before) = find(&platform, &user, &id) else { return missing(id).answer(client) };
    if !platform.has(Fault::CancelIgnored) {
        replace(&platform, &Booking { is_cancelled: true, ..before });
    }
    StatusCode::NO_CONTENT.into_response()
}

fn replace(platform: &Platform, booking: &Booking) {
    if let Some(kept) = platform.bookings.lock().iter_mut().find(|kept| kept.id == booking.id) {
        kept.clone_from(booking);
    }
}

fn find(platform: &Platform, user: &Account, id: &str) -> Option<Booking> {
    let kept = platform.bookings.lock();
    kept.iter().find(|booking| booking.id.to_string() == id && user.school_ids.contains(&booking.school)).cloned()
}

fn missing(id: String) -> Problem {
    Problem::NoRecord { model: "Booking", id }
}

pub(crate) fn own_school(user: &Account, school: &str) -> Option<u32> {
    user.school_ids.iter().copied().find(|own| own.to_string() == school)
}

fn own_teacher(platform: &Platform, user: &Account, teacher: &str) -> Option<u32> {
    let own = platform.seed.schools.iter().filter(|school| user.school_ids.contains(&school.id));
    own.flat_map(|school| &school.teachers).map(|own| own.id).find(|own| own.to_string() == teacher)
}

fn booking_json(booking: &Booking) -> Value {
    json!({
        "id": booking.id,
        "school_id": booking.school,
        "teacher_id": booking.teacher,
        "student_ids": booking.students,
        "starts_at": format_time(booking.starts_at),
        "ends_at": format_time(booking.ends_at),
        "type": booking.kind,
        "notes": booking.notes,
        "status": booking.status(),
        "created_at": format_time(booking.created_at),
    })
}
