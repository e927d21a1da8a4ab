//! The platform's own names: paths, fields, statuses, cookies. The defaults come from its documentation and from
//! Laravel; a settings file overrides the names that differ.
//!
//! Values are used as written: each has a type that cannot hold a wrong value, so nothing is left to validate.

mod contradictions;
mod notification;
mod operations;
mod payments;
mod times;
mod webhook;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use settings::{CookieName, Digits, Name, Path, Period, PlainHeaderName, Pointer, Shared, Statuses, TimeZone};

pub use self::notification::Notification;
pub use self::operations::{Counters, Health, Horizon, Job};
pub use self::payments::{Invoice, Payment, SchoolPayments};
pub use self::times::{Times, Written};
pub use self::webhook::Webhook;
use crate::templates::{AvailabilityPath, BookingBody, BookingPath, CalendarPath, SchoolPath};

/// The platform's own names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Platform {
    /// Pointer to the data of an answer, when it is not at the top: Laravel's API resources come wrapped or bare. Both
    /// places are searched, this one first. Default `/data`.
    pub wrapper: Pointer,
    /// Statuses of the answer to a request without a log-in. A redirect counts only if it leads to the log-in form.
    /// Default 401.
    pub unauthenticated: Statuses,
    /// Cookies and headers of sessions.
    pub session: SessionNames,
    /// Log-in.
    pub login: Login,
    /// Second factor.
    pub second_factor: SecondFactor,
    /// Log-out.
    pub logout: Logout,
    /// The logged-in user.
    pub me: Me,
    /// A single school.
    pub school: School,
    /// Format of times.
    pub times: Times,
    /// Lessons.
    pub booking: Booking,
    /// Invoices. Amounts may be numbers or texts.
    pub invoice: Invoice,
    /// Payments.
    pub payment: Payment,
    /// All payments of a school.
    pub school_payments: SchoolPayments,
    /// The payment provider's webhook.
    pub webhook: Webhook,
    /// E-mail and SMS notifications.
    pub notification: Notification,
    /// Operations counters. A missing counter is not published.
    pub counters: Counters,
    /// Laravel Horizon, whose answers have their own format.
    pub horizon: Horizon,
    /// Health endpoint.
    pub health: Health,
    /// Synthetic jobs in the platform's queues.
    pub job: Job,
}

/// Cookies and headers of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionNames {
    /// Session cookie. Default `just_driving_session`.
    pub cookie: CookieName,
    /// Cookie whose value is sent back in `csrf_header`, URL-decoded. Default `XSRF-TOKEN`.
    pub csrf_cookie: CookieName,
    /// Header to prove that a request comes from the platform's own pages. Default `X-XSRF-TOKEN`.
    pub csrf_header: PlainHeaderName,
}

/// Log-in with e-mail and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// Session with cookies, as in a browser, or bearer token, as in scripts. With a second factor, the token of the
    /// first answer (if any) is sent with the code, and the token of the answer to the code is used. Default `session`.
    pub mode: Mode,
    /// Path of the page with the form, or one that only sets the cookies, such as `/sanctum/csrf-cookie`, which answers 204 or
    /// other than in HTML. A page that a script fills needs no form but a script or an element with an id, and with
    /// `mode = "token"` there may be no page. Default `/login`.
    pub form: Path,
    /// Hidden field of the form with the CSRF token. `<meta name="csrf-token">` is accepted too. Default `_token`.
    pub form_token_field: Name,
    /// Path that the form is sent to (its `action`), to choose one of several forms. Without it, the form with a field for the
    /// password is meant, and of several, the one that is sent to `path`. Default none.
    pub form_action: Option<Path>,
    /// Path to which e-mail and password are sent. Default `/api/login`.
    pub path: Path,
    /// Encoding of the fields: `json`, or `form` as a browser sends a form, with the form's token and its other fields. The page
    /// must then have that form, with fields for e-mail and password that users can fill, the method POST, and `path` with its
    /// query as action. No Content-Security-Policy may forbid it. Default `json`.
    pub encoding: Encoding,
    /// Field of the e-mail. Default `email`.
    pub email_field: Name,
    /// Field of the password. Default `password`.
    pub password_field: Name,
    /// Statuses of a successful log-in. Default 200, 204.
    pub status: Statuses,
    /// Pointer to the bearer token in the answer; for `mode = "token"`. Default `/token`.
    pub token_pointer: Pointer,
    /// Statuses of a wrong password. A redirect counts too, if nobody is logged in after it. Default 422, 401.
    pub refused: Statuses,
    /// Texts of a 422 that mean throttling: some log-in scaffolds do not answer 429, which always means it. Default
    /// `Too many login attempts`, `For mange loginforsøg`, `For mange forsøg`.
    pub throttled_texts: Vec<Name>,
}

/// Identification of the user after the log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Cookies.
    Session,
    /// Header `Authorization: Bearer`.
    Token,
}

/// Encoding of the log-in fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// JSON; the CSRF token goes in a header.
    Json,
    /// Form encoding as in a browser, with the CSRF token from the form.
    Form,
}

/// Second factor: time-based one-time codes (RFC 6238).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecondFactor {
    /// Path to which the code is sent. Default `/api/two-factor-challenge`.
    pub path: Path,
    /// Field of the code. Default `code`.
    pub code_field: Name,
    /// Statuses of an accepted code. Default 200, 204.
    pub status: Statuses,
    /// Time step of the codes (RFC 6238, X): 1s to 5m. Default 30s.
    pub period: Period,
    /// Length of a code: 6 to 8 digits. Default 6.
    pub digits: Digits,
}

/// Log-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logout {
    /// Path to log out. Default `/api/logout`.
    pub path: Path,
    /// Statuses of a successful log-out. Default 200, 204.
    pub status: Statuses,
}

/// The logged-in user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Me {
    /// Path of the logged-in user. Default `/api/me`.
    pub path: Path,
    /// Id of the user. Default `/id`.
    pub id: Pointer,
    /// E-mail address of the user. Default `/email`.
    pub email: Pointer,
    /// Role of the user. Default `/role`.
    pub role: Pointer,
}

/// A single school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct School {
    /// Path of a school, with `{school}`. Default `/api/schools/{school}`.
    pub path: SchoolPath,
    /// Id of the school. Default `/id`.
    pub id: Pointer,
    /// Statuses of an answer that hides another tenant's school. Default 403, 404.
    pub hidden: Statuses,
}

/// Lessons: the calendar, a teacher's free slots, and a single booking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Booking {
    /// Path of a school's bookings, with `{school}`; optional `{teacher}`, `{from}` and `{to}` (days such as
    /// `2026-11-23`). Default `/api/schools/{school}/bookings?teacher_id={teacher}&from={from}&to={to}`.
    pub calendar: CalendarPath,
    /// Path of a teacher's free slots, with `{teacher}`; optional `{from}` and `{to}` (days). Default
    /// `/api/teachers/{teacher}/availability?from={from}&to={to}`.
    pub availability: AvailabilityPath,
    /// Start of a free slot. Default `/starts_at`.
    pub slot_starts_at: Pointer,
    /// End of a free slot. Default `/ends_at`.
    pub slot_ends_at: Pointer,
    /// Path to create a booking, with `{school}`. Default `/api/schools/{school}/bookings`.
    pub create: SchoolPath,
    /// Path to read, change (PUT) and cancel (DELETE) a booking, with `{booking}`. Default `/api/bookings/{booking}`.
    pub path: BookingPath,
    /// Body to create or change a booking. Placeholders: `{teacher}`, `{student}`, `{starts_at}`, `{ends_at}` and
    /// `{marker}`, which are required, and `{kind}`. A text that is only a placeholder becomes the value itself, so
    /// that a number stays a number. Default: as `settings show` prints it.
    pub body: BookingBody,
    /// Statuses of a created booking. Default 201, 200.
    pub created: Statuses,
    /// Statuses of a changed booking. Default 200, 204.
    pub updated: Statuses,
    /// Statuses of a cancelled booking. Default 200, 204.
    pub cancelled: Statuses,
    /// Statuses of a booking that no longer exists. Default 404, 410.
    pub gone: Statuses,
    /// Statuses of a booking refused because the slot is taken. Default 422, 409.
    pub refused: Statuses,
    /// Id of the booking. Default `/id`.
    pub id: Pointer,
    /// Id of the teacher. Default `/teacher_id`.
    pub teacher: Pointer,
    /// Ids of the students: a list or one id. Default `/student_ids`.
    pub students: Pointer,
    /// Start of the lesson. Default `/starts_at`.
    pub starts_at: Pointer,
    /// End of the lesson. Default `/ends_at`.
    pub ends_at: Pointer,
    /// Kind of lesson. Default `/type`.
    pub kind: Pointer,
    /// Notes, which carry the marker. Default `/notes`.
    pub notes: Pointer,
    /// Status of the booking. Default `/status`.
    pub status: Pointer,
    /// Status of a confirmed booking. Default `confirmed`.
    pub confirmed_status: Name,
    /// Status of a cancelled booking, where it stays in the calendar. Default `cancelled`.
    pub cancelled_status: Name,
}

impl Shared for Platform {
    const KEY: &'static str = "platform";

    /// The platform's times are in the file's time zone, unless they name another.
    fn complete(&mut self, time_zone: &TimeZone) {
        self.times.zone.get_or_insert_with(|| time_zone.clone());
    }

    fn contradictions(&self) -> Vec<settings::Contradiction> {
        self.find_contradictions()
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            wrapper: Pointer::from_static("/data"),
            unauthenticated: Statuses::from_static(&[401]),
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
            cookie: CookieName::from_static("just_driving_session"),
            csrf_cookie: CookieName::from_static("XSRF-TOKEN"),
            csrf_header: PlainHeaderName::from_static("X-XSRF-TOKEN"),
        }
    }
}

impl Default for Login {
    fn default() -> Self {
        Self {
            mode: Mode::Session,
            form: Path::from_static("/login"),
            form_token_field: Name::from_static("_token"),
            form_action: None,
            path: Path::from_static("/api/login"),
            encoding: Encoding::Json,
            email_field: Name::from_static("email"),
            password_field: Name::from_static("password"),
            status: Statuses::from_static(&[200, 204]),
            token_pointer: Pointer::from_static("/token"),
            refused: Statuses::from_static(&[422, 401]),
            // Laravel's `auth.throttle`, in English and as the platform translates it.
            throttled_texts: vec![
                Name::from_static("Too many login attempts"),
                Name::from_static("For mange loginforsøg"),
                Name::from_static("For mange forsøg"),
            ],
        }
    }
}

impl Default for SecondFactor {
    fn default() -> Self {
        Self {
            path: Path::from_static("/api/two-factor-challenge"),
            code_field: Name::from_static("code"),
            status: Statuses::from_static(&[200, 204]),
            period: Period::from_secs(30),
            digits: Digits::from_static(6),
        }
    }
}

impl Default for Logout {
    fn default() -> Self {
        Self { path: Path::from_static("/api/logout"), status: Statuses::from_static(&[200, 204]) }
    }
}

impl Default for Me {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        Self {
            path: Path::from_static("/api/me"),
            id: pointer("/id"),
            email: pointer("/email"),
            role: pointer("/role"),
        }
    }
}

impl Default for School {
    fn default() -> Self {
        Self {
            path: SchoolPath::from_static("/api/schools/{school}"),
            id: Pointer::from_static("/id"),
            hidden: Statuses::from_static(&[403, 404]),
        }
    }
}

impl Default for Booking {
    fn default() -> Self {
        let pointer = |text: &'static str| Pointer::from_static(text);
        let body = json!({
            "teacher_id": "{teacher}",
            "student_ids": ["{student}"],
            "starts_at": "{starts_at}",
            "ends_at": "{ends_at}",
            "type": "{kind}",
            "notes": "{marker}",
        });
        Self {
            calendar: CalendarPath::from_static(
                "/api/schools/{school}/bookings?teacher_id={teacher}&from={from}&to={to}",
            ),
            availability: AvailabilityPath::from_static("/api/teachers/{teacher}/availability?from={from}&to={to}"),
            slot_starts_at: pointer("/starts_at"),
            slot_ends_at: pointer("/ends_at"),
            create: SchoolPath::from_static("/api/schools/{school}/bookings"),
            path: BookingPath::from_static("/api/bookings/{booking}"),
            body: BookingBody::from_static(&body),
            created: Statuses::from_static(&[201, 200]),
            updated: Statuses::from_static(&[200, 204]),
            cancelled: Statuses::from_static(&[200, 204]),
            gone: Statuses::from_static(&[404, 410]),
            refused: Statuses::from_static(&[422, 409]),
            id: pointer("/id"),
            teacher: pointer("/teacher_id"),
            students: pointer("/student_ids"),
            starts_at: pointer("/starts_at"),
            ends_at: pointer("/ends_at"),
            kind: pointer("/type"),
            notes: pointer("/notes"),
            status: pointer("/status"),
            confirmed_status: Name::from_static("confirmed"),
            cancelled_status: Name::from_static("cancelled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use settings::type_schema;

    #[test]
    fn missing_names_take_defaults_and_wrong_ones_are_refused() {
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
            (
                "session.cookie = 'a=b'",
                "expected the name of a cookie, without `=`, `;`, spaces and control characters, found `a=b`",
            ),
            ("session.csrf_header = 'X TOKEN'", "name of a header"),
            ("session.csrf_header = 'Cookie'", "not for credentials, found `Cookie`"),
            ("webhook.header = 'content-type'", "not for credentials, found `content-type`"),
            ("login.status = []", "at least one status"),
            ("logout.status = [20]", "200 to 599, found [20]"),
            ("second_factor.period = '0.5s'", "1s to 5m"),
            ("second_factor.digits = 4", "6 to 8 digits"),
            ("login.mode = 'basic'", "expected `session` or `token`"),
            ("login.pth = '/x'", "unknown field"),
            ("times.zone = 'Mars/Olympus'", "expected a time zone"),
            ("booking.path = '/b/{id}'", "{booking}"),
            ("booking.body = { teacher_id = '{teacher}' }", "expected {student} in it"),
        ] {
            let message = read(text).unwrap_err().message().to_owned();
            assert!(message.contains(rule), "{text}: {message}");
        }
    }

    /// Bodies are left out: they are too long for a description.
    #[test]
    fn descriptions_state_the_defaults() {
        fn text(value: &Value) -> String {
            match value {
                Value::Null => "none".to_owned(),
                Value::Array(items) if items.is_empty() => "none".to_owned(),
                Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
                other => other.as_str().map_or_else(|| other.to_string(), str::to_owned),
            }
        }
        fn compare(schema: &Value, defaults: &Value) {
            for (key, value) in defaults.as_object().unwrap() {
                let property = &schema["properties"][key];
                if value.is_object() {
                    if property["properties"].is_object() {
                        compare(property, value);
                    }
                    continue;
                }
                let description = property["description"].as_str().unwrap().replace('`', "").replace('\n', " ");
                let expected = format!("Default {}", text(value));
                assert!(description.contains(&expected), "{key}: expected `{expected}` in `{description}`");
            }
        }
        compare(&type_schema::<Platform>(), &serde_json::to_value(Platform::default()).unwrap());
    }

    #[test]
    fn defaults_survive_writing_and_reading() {
        let text = toml::to_string(&Platform::default()).unwrap();
        assert_eq!(toml::from_str::<Platform>(&text).unwrap(), Platform::default());
    }
}
