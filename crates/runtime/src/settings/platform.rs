//! What the platform's flows are called: paths, fields, statuses, cookies. The defaults are those of its documentation and
//! of Laravel; a settings file overrides what a platform calls otherwise.
//!
//! What is written is what is used: each text is of a type that cannot be wrong, so there is nothing left to validate.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::checked::{
    AvailabilityPath, BookingBody, BookingPath, CalendarPath, Digits, HeaderName, Name, Path, Period, Pointer,
    SchoolPath, Statuses, members,
};
use super::notification::Notification;
use super::operations::{Counters, Health, Horizon, Job};
use super::payments::{Invoice, Payment, SchoolPayments, Webhook};
use super::times::Times;

/// The platform's own names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Platform {
    /// Below which pointer an answer's data stands, when it does not stand at the top: Laravel's API resources come
    /// wrapped or bare. Both are looked at, this first.
    pub wrapper: Pointer,
    /// The statuses of an answer to somebody who is not logged in. A redirect counts only when it leads to the log-in form.
    pub unauthenticated: Statuses,
    /// The cookies and headers of sessions.
    pub session: SessionNames,
    /// Logging in.
    pub login: Login,
    /// The second factor.
    pub second_factor: SecondFactor,
    /// Logging out.
    pub logout: Logout,
    /// Who is logged in.
    pub me: Me,
    /// Reading one school.
    pub school: School,
    /// Times.
    pub times: Times,
    /// Lessons.
    pub booking: Booking,
    /// Invoices.
    pub invoice: Invoice,
    /// Payments.
    pub payment: Payment,
    /// All payments of a school.
    pub school_payments: SchoolPayments,
    /// The payment provider's webhook.
    pub webhook: Webhook,
    /// E-mail and SMS.
    pub notification: Notification,
    /// The operations counters.
    pub counters: Counters,
    /// Laravel Horizon.
    pub horizon: Horizon,
    /// The health endpoint.
    pub health: Health,
    /// Jobs of ours in the platform's queues.
    pub job: Job,
}

/// The cookies and headers of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionNames {
    /// The cookie that carries the session.
    pub cookie: Name,
    /// The cookie whose value goes back in `csrf_header`, URL-decoded.
    pub csrf_cookie: Name,
    /// The header that proves that a request comes from the platform's own pages.
    pub csrf_header: HeaderName,
}

/// How one logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// A session with cookies as a browser has it, or a bearer token as scripts have it.
    pub mode: Mode,
    /// The page with the form.
    pub form: Path,
    /// The form's hidden field with the CSRF token.
    pub form_token_field: Name,
    /// Where e-mail and password are sent.
    pub path: Path,
    /// How they are sent.
    pub encoding: Encoding,
    /// The field of the e-mail.
    pub email_field: Name,
    /// The field of the password.
    pub password_field: Name,
    /// The statuses of success.
    pub status: Statuses,
    /// Where the bearer token stands in the answer; for `mode = "token"`.
    pub token_pointer: Pointer,
    /// The statuses of a wrong password.
    pub refused: Statuses,
    /// Texts of a 422 that say that log-ins are throttled: some log-in scaffolds do not answer 429.
    pub throttled_texts: Vec<Name>,
}

/// How one is recognised after the log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By cookies.
    Session,
    /// By `Authorization: Bearer`.
    Token,
}

/// How fields are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As JSON; the CSRF token goes in a header.
    Json,
    /// As a browser sends a form, with the CSRF token that the form held.
    Form,
}

/// The second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecondFactor {
    /// Where the code is sent.
    pub path: Path,
    /// The field of the code.
    pub code_field: Name,
    /// The statuses of success.
    pub status: Statuses,
    /// For how long a code is shown (RFC 6238, X).
    pub period: Period,
    /// How long a code is.
    pub digits: Digits,
}

/// Logging out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logout {
    /// Where.
    pub path: Path,
    /// The statuses of success.
    pub status: Statuses,
}

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Me {
    /// Where.
    pub path: Path,
    /// The user's id.
    pub id: Pointer,
    /// The user's e-mail.
    pub email: Pointer,
    /// The user's role.
    pub role: Pointer,
}

/// One school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct School {
    /// Where, with `{school}` in place of its id.
    pub path: SchoolPath,
    /// Its id.
    pub id: Pointer,
    /// The statuses of an answer that hides another's school.
    pub hidden: Statuses,
}

/// Lessons: the calendar, a teacher's free slots, and one booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Booking {
    /// Where the bookings of a school are listed: `{school}`, and of use `{teacher}`, `{from}` and `{to}` (days).
    pub calendar: CalendarPath,
    /// Where the free slots of a teacher are listed: `{teacher}`, and of use `{from}` and `{to}` (days).
    pub availability: AvailabilityPath,
    /// When a free slot begins.
    pub slot_starts_at: Pointer,
    /// When a free slot ends.
    pub slot_ends_at: Pointer,
    /// Where a booking is made, with `{school}`.
    pub create: SchoolPath,
    /// Where one booking is read, changed (PUT) and cancelled (DELETE), with `{booking}`.
    pub path: BookingPath,
    /// What is sent to make or change one.
    pub body: BookingBody,
    /// The statuses of a booking that was made.
    pub created: Statuses,
    /// The statuses of one that was changed.
    pub updated: Statuses,
    /// The statuses of one that was cancelled.
    pub cancelled: Statuses,
    /// The statuses of one that is not there any more.
    pub gone: Statuses,
    /// The statuses of one that is refused, since the slot is taken.
    pub refused: Statuses,
    /// Its id.
    pub id: Pointer,
    /// The teacher's id.
    pub teacher: Pointer,
    /// The students' ids.
    pub students: Pointer,
    /// When it begins.
    pub starts_at: Pointer,
    /// When it ends.
    pub ends_at: Pointer,
    /// What kind of lesson it is.
    pub kind: Pointer,
    /// Its notes, which carry the marker.
    pub notes: Pointer,
    /// Its status.
    pub status: Pointer,
    /// The status of one that is to take place.
    pub confirmed_status: Name,
    /// The status of one that was cancelled, where it stays in the calendar.
    pub cancelled_status: Name,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            wrapper: Pointer("/data".to_owned()),
            unauthenticated: Statuses(vec![401]),
            session: SessionNames::default(),
            login: Login::default(),
            second_factor: SecondFactor::default(),
            logout: Logout::default(),
            me: Me::default(),
            school: School::default(),
            times: Times::default(),
            booking: Booking::default(),
            invoice: Invoice::default(),
            payment: Payment::default(),
            school_payments: SchoolPayments::default(),
            webhook: Webhook::default(),
            notification: Notification::default(),
            counters: Counters::default(),
            horizon: Horizon::default(),
            health: Health::default(),
            job: Job::default(),
        }
    }
}

impl Default for SessionNames {
    fn default() -> Self {
        Self {
            cookie: Name("just_driving_session".to_owned()),
            csrf_cookie: Name("XSRF-TOKEN".to_owned()),
            csrf_header: HeaderName("X-XSRF-TOKEN".to_owned()),
        }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self {
            mode: Mode::Session,
            form: Path("/login".to_owned()),
            form_token_field: Name("_token".to_owned()),
            path: Path("/api/login".to_owned()),
            encoding: Encoding::Json,
            email_field: Name("email".to_owned()),
            password_field: Name("password".to_owned()),
            status: Statuses(vec![200, 204]),
            token_pointer: Pointer("/token".to_owned()),
            refused: Statuses(vec![422, 401]),
            // Laravel's `auth.throttle`, in English and as the platform says it.
            throttled_texts: vec![
                Name("Too many login attempts".to_owned()),
                Name("For mange loginforsøg".to_owned()),
                Name("For mange forsøg".to_owned()),
            ],
        }
    }
}

impl Default for SecondFactor {
    fn default() -> Self {
        Self {
            path: Path("/api/two-factor-challenge".to_owned()),
            code_field: Name("code".to_owned()),
            status: Statuses(vec![200, 204]),
            period: Period(Duration::from_secs(30)),
            digits: Digits(6),
        }
    }
}

impl Default for Logout {
    fn default() -> Self {
        Self { path: Path("/api/logout".to_owned()), status: Statuses(vec![200, 204]) }
    }
}

impl Default for Me {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        Self { path: Path("/api/me".to_owned()), id: pointer("/id"), email: pointer("/email"), role: pointer("/role") }
    }
}

impl Default for School {
    fn default() -> Self {
        Self {
            path: SchoolPath("/api/schools/{school}".to_owned()),
            id: Pointer("/id".to_owned()),
            hidden: Statuses(vec![403, 404]),
        }
    }
}

impl Default for Booking {
    fn default() -> Self {
        let pointer = |text: &str| Pointer(text.to_owned());
        let bookings = "/api/schools/{school}/bookings";
        let body = json!({
            "teacher_id": "{teacher}",
            "student_ids": ["{student}"],
            "starts_at": "{starts_at}",
            "ends_at": "{ends_at}",
            "type": "{kind}",
            "notes": "{marker}",
        });
        Self {
            calendar: CalendarPath(format!("{bookings}?teacher_id={{teacher}}&from={{from}}&to={{to}}")),
            availability: AvailabilityPath("/api/teachers/{teacher}/availability?from={from}&to={to}".to_owned()),
            slot_starts_at: pointer("/starts_at"),
            slot_ends_at: pointer("/ends_at"),
            create: SchoolPath(bookings.to_owned()),
            path: BookingPath("/api/bookings/{booking}".to_owned()),
            body: BookingBody(members(&body)),
            created: Statuses(vec![201, 200]),
            updated: Statuses(vec![200, 204]),
            cancelled: Statuses(vec![200, 204]),
            gone: Statuses(vec![404, 410]),
            refused: Statuses(vec![422, 409]),
            id: pointer("/id"),
            teacher: pointer("/teacher_id"),
            students: pointer("/student_ids"),
            starts_at: pointer("/starts_at"),
            ends_at: pointer("/ends_at"),
            kind: pointer("/type"),
            notes: pointer("/notes"),
            status: pointer("/status"),
            confirmed_status: Name("confirmed".to_owned()),
            cancelled_status: Name("cancelled".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_as_documented_and_what_is_wrong_is_said() {
        let read = |text: &str| toml::from_str::<Platform>(text);
        assert_eq!(read("").unwrap(), Platform::default());
        let changed = read("login.path = '/v2/sessions'\nme.id = '/uid'\nsecond_factor.period = '1s'").unwrap();
        assert_eq!((changed.login.path.as_str(), changed.me.id.as_str()), ("/v2/sessions", "/uid"));
        assert_eq!(changed.login.form, Login::default().form);
        for (text, rule) in [
            ("login.path = 'v2'", "begins with one `/`, found `v2`"),
            ("login.path = '//other.example/'", "begins with one `/`"),
            ("school.path = '/schools'", "{school}"),
            ("me.id = 'id'", "JSON Pointer"),
            ("session.cookie = ' '", "found a blank one"),
            ("session.csrf_header = 'X TOKEN'", "name of a header"),
            ("login.status = []", "at least one status"),
            ("logout.status = [20]", "100 to 599, found [20]"),
            ("second_factor.period = '0.5s'", "1s to 5m"),
            ("second_factor.digits = 4", "6 to 8 digits"),
            ("login.mode = 'basic'", "expected `session` or `token`"),
            ("login.pth = '/x'", "unknown field"),
            ("times.zone = 'Mars/Olympus'", "expected a time zone"),
            ("booking.path = '/b/{id}'", "{booking}"),
            ("booking.body = { teacher_id = '{teacher}' }", "expected {student} in it"),
        ] {
            let said = read(text).unwrap_err().message().to_owned();
            assert!(said.contains(rule), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let written = toml::to_string(&Platform::default()).unwrap();
        assert_eq!(toml::from_str::<Platform>(&written).unwrap(), Platform::default());
    }
}
