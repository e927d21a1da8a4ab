//! Translation between the documented names of JSON members and values, which handlers use, and those of the current flavour.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::answers::laravel;
use crate::platform::Platform;

/// Time zone of the platform's schools.
pub(crate) const ZONE: &str = "Europe/Copenhagen";

/// Documented names of members and statuses, with their counterparts in the renamed flavour.
const NAMES: &[(&str, &str)] = &[
    ("id", "identifier"),
    ("teacher_id", "instructor"),
    ("student_id", "pupil"),
    ("student_ids", "pupils"),
    ("starts_at", "begins"),
    ("ends_at", "ends"),
    ("created_at", "made"),
    ("type", "category"),
    ("notes", "remark"),
    ("status", "state"),
    ("total", "sum"),
    ("currency", "coin"),
    ("description", "text"),
    ("provider_reference", "stripe"),
    ("amount", "paid"),
    ("balance", "owed"),
    ("open", "DUE"),
    ("paid", "SETTLED"),
    ("void", "ANNULLED"),
    ("succeeded", "BOOKED IN"),
    ("refunded", "PAID BACK"),
    ("to", "recipient"),
    ("context", "about"),
    ("delivered_at", "arrived_on"),
    ("error", "trouble"),
    ("provider_id", "reference"),
    ("delivered", "ARRIVED"),
    ("bounced", "RETURNED"),
    ("confirmed", "BOOKED"),
    ("queue", "lane"),
    ("finished_at", "done_at"),
    ("finished", "DONE"),
    ("cancelled", "CALLED OFF"),
];

/// The time zone's rules.
pub(crate) fn zone() -> TimeZone {
    // The time zone database is compiled in; UTC is only a fallback.
    TimeZone::get(ZONE).unwrap_or(TimeZone::UTC)
}

/// Formats a time as Laravel does: UTC with microseconds.
pub(crate) fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Parses a client's time, with an offset or in the schools' local time.
pub(crate) fn read_time(text: &str) -> Option<Timestamp> {
    let local = || Some(text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone()).ok()?.timestamp());
    text.parse().ok().or_else(local)
}

impl Platform {
    /// An answer in the current flavour: wrapped in `data`, or bare with renamed members.
    pub(crate) fn answer(&self, status: StatusCode, value: Value) -> Response {
        let body = if self.is_wrapped { json!({ "data": value }) } else { renamed("", value) };
        (status, laravel::json(&body)).into_response()
    }

    /// A page of a list in the current flavour, with a link to the next page.
    pub(crate) fn page(&self, list: Vec<Value>, next: Option<usize>) -> Response {
        if self.is_wrapped {
            return laravel::json(&json!({ "data": list, "next": next }));
        }
        let list = renamed("", Value::Array(list));
        laravel::json(&json!({ "data": list, "paging": { "more": next.map(|next| format!("?page={next}")) } }))
    }

    /// A client's request body with the documented names.
    pub(crate) fn to_documented(&self, body: &Value) -> Value {
        if self.is_wrapped { body.clone() } else { documented(body.clone()) }
    }
}

fn renamed(member: &str, value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let word = NAMES.iter().find(|(own, _)| *own == name).map_or(name.as_str(), |(_, other)| other);
                    (word.to_owned(), renamed(&name, value))
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.into_iter().map(|item| renamed(member, item)).collect(),
        // Ids and amounts become strings.
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) if member.ends_with("_at") => match text.parse::<Timestamp>() {
            Ok(at) => Value::String(at.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()),
            Err(_) => Value::String(text),
        },
        Value::String(text) if member == "status" => {
            let word = NAMES.iter().find(|(own, _)| *own == text).map_or(text.as_str(), |(_, other)| other);
            Value::String(word.to_owned())
        }
        other => other,
    }
}

fn documented(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let renamed = members.into_iter().map(|(name, value)| {
        let own = |text: &str| NAMES.iter().find(|(_, other)| *other == text).map_or(text, |(own, _)| own).to_owned();
        let (name, value) = (own(&name), value);
        let value = match value {
            Value::String(word) if name == "status" => Value::String(own(&word)),
            other => other,
        };
        (name, value)
    });
    Value::Object(renamed.collect())
}
