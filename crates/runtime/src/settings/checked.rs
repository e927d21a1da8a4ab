//! Types that accept only valid values, and write them back as they were read.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::values::{parse_duration, written_duration};

/// Defines a text type that validates its value when read and writes it back unchanged.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident($read:path) = $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(pub(super) String);

        impl $name {
            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                $read(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

checked_text! {
    /// Path below the base URL, starting with one `/`.
    Path(check_path) = "^/(?!/)"
}
checked_text! {
    /// JSON Pointer (RFC 6901): empty, or starting with `/`.
    Pointer(check_pointer) = "^(/|$)"
}
checked_text! {
    /// Name of a field or cookie, or a text to search for: not blank.
    Name(check_not_blank) = r"\S"
}
checked_text! {
    /// Time zone of the IANA database, by name.
    TimeZone(check_time_zone) = r"\S"
}
checked_text! {
    /// Name of a header.
    HeaderName(check_header_name) = "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$"
}

impl Path {
    /// Joins the path to the base URL.
    ///
    /// **Errors:** none in practice: a path starting with one `/` joins any base. Otherwise the result is the base.
    #[must_use]
    pub fn below(&self, base: &Url) -> Url {
        base.join(&self.0).unwrap_or_else(|_| base.clone())
    }
}

/// Defines a path below the base URL with placeholders in braces: `$must` are required, `$may` are optional.
macro_rules! path_with {
    ($(#[$doc:meta])* $name:ident($must:expr, $may:expr) = $pattern:literal) => {
        checked_text! { $(#[$doc])* $name(Self::check) = $pattern }

        impl $name {
            fn check(text: &str) -> Result<(), String> {
                check_path_with(text, &$must, &$may)
            }

            /// Fills in the placeholders with escaped values.
            #[must_use]
            pub fn at(&self, base: &Url, values: &[(&str, &str)]) -> Url {
                fill_path(&self.0, base, values)
            }
        }
    };
}

path_with! {
    /// Path below the base URL with `{school}`.
    SchoolPath(["school"], []) = r"^/(?!/).*\{school\}"
}
path_with! {
    /// Path below the base URL with `{school}`; optional `{teacher}`, and the first and last day as `{from}` and
    /// `{to}`.
    CalendarPath(["school"], ["teacher", "from", "to"]) = r"^/(?!/).*\{school\}"
}
path_with! {
    /// Path below the base URL with `{teacher}`; optional first and last day as `{from}` and `{to}`.
    AvailabilityPath(["teacher"], ["from", "to"]) = r"^/(?!/).*\{teacher\}"
}
path_with! {
    /// Path below the base URL with `{booking}`.
    BookingPath(["booking"], []) = r"^/(?!/).*\{booking\}"
}
path_with! {
    /// Path below the base URL with `{student}`.
    StudentPath(["student"], []) = r"^/(?!/).*\{student\}"
}
path_with! {
    /// Path below the base URL with `{invoice}`.
    InvoicePath(["invoice"], []) = r"^/(?!/).*\{invoice\}"
}

path_with! {
    /// Path below the base URL with `{school}`; optional first and last day as `{from}` and `{to}`, and `{page}`.
    PaymentsPath(["school"], ["from", "to", "page"]) = r"^/(?!/).*\{school\}"
}
path_with! {
    /// Path below the base URL with `{user}`.
    UserPath(["user"], []) = r"^/(?!/).*\{user\}"
}

path_with! {
    /// Path below the base URL with `{job}`.
    JobPath(["job"], []) = r"^/(?!/).*\{job\}"
}

/// Defines a request body with placeholders in braces: `$must` are required, `$may` are optional. A string with nothing
/// but one placeholder becomes the value itself, so that a number stays a number.
macro_rules! body_with {
    ($(#[$doc:meta])* $name:ident($must:expr, $may:expr)) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
        pub struct $name(pub(super) Map<String, Value>);

        impl $name {
            /// Fills in the placeholders.
            #[must_use]
            pub fn with(&self, values: &[(&str, &Value)]) -> Value {
                fill_body(&Value::Object(self.0.clone()), values)
            }
        }

        impl TryFrom<Map<String, Value>> for $name {
            type Error = String;

            fn try_from(body: Map<String, Value>) -> Result<Self, String> {
                check_placeholders(&Value::Object(body.clone()).to_string(), &$must, &$may)?;
                Ok(Self(body))
            }
        }

        impl From<$name> for Map<String, Value> {
            fn from(body: $name) -> Self {
                body.0
            }
        }
    };
}

body_with! {
    /// Body to create or change a booking, with `{teacher}`, `{student}`, `{starts_at}`, `{ends_at}` and `{marker}`;
    /// optional `{kind}`.
    BookingBody(["teacher", "student", "starts_at", "ends_at", "marker"], ["kind"])
}

body_with! {
    /// Body to create an invoice, with `{amount}`, `{currency}` and `{marker}`; optional `{student}`.
    InvoiceBody(["amount", "currency", "marker"], ["student"])
}
body_with! {
    /// Body to send a message, with `{to}` and `{marker}`.
    MessageBody(["to", "marker"], [])
}
body_with! {
    /// Body to put a job into a queue, with `{queue}` and `{marker}`.
    JobBody(["queue", "marker"], [])
}
body_with! {
    /// Body to void an invoice; optional `{invoice}`.
    VoidBody([], ["invoice"])
}
body_with! {
    /// Event about a payment intent, with `{intent}`, `{event}`, `{type}`, `{amount}` and `{invoice}`.
    IntentEvent(["intent", "event", "type", "amount", "invoice"], ["currency", "created", "livemode", "status", "charge", "student", "marker"])
}
body_with! {
    /// Event about a refunded charge, with `{intent}`, `{event}` and `{amount}`.
    RefundEvent(["intent", "event", "amount"], ["invoice", "currency", "created", "livemode", "charge", "student", "marker"])
}

/// Members of an object; empty for any other value.
pub(super) fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Placeholders of a text: names of letters and `_` in braces. Any other brace is plain text.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
        is_name.then_some(name)
    })
}

fn check_placeholders(text: &str, must: &[&str], may: &[&str]) -> Result<(), String> {
    let braced = |names: &[&str]| names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    if let Some(name) = must.iter().find(|name| !placeholders(text).any(|own| own == **name)) {
        return Err(format!("expected {{{name}}} in it, found `{text}`"));
    }
    if let Some(name) = placeholders(text).find(|name| !must.contains(name) && !may.contains(name)) {
        let known = [must, may].concat();
        return Err(format!("expected no other names in braces than {}, found `{{{name}}}`", braced(&known)));
    }
    Ok(())
}

fn check_path_with(text: &str, must: &[&str], may: &[&str]) -> Result<(), String> {
    check_path(text)?;
    check_placeholders(text, must, may)
}

fn fill_path(path: &str, base: &Url, values: &[(&str, &str)]) -> Url {
    let replaced = |text: &str, escaped: fn(&str) -> String| {
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &escaped(value)))
    };
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut url = base.clone();
    // Set, not joined: special characters in a value are escaped, since a slash would start another path segment.
    url.set_path(&replaced(path, |value| value.replace('/', "%2F")));
    let in_query = |value: &str| url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    url.set_query(query.map(|query| replaced(query, in_query)).as_deref());
    url
}

fn fill_body(template: &Value, values: &[(&str, &Value)]) -> Value {
    match template {
        Value::String(text) => {
            if let Some((_, value)) = values.iter().find(|(name, _)| *text == format!("{{{name}}}")) {
                return (*value).clone();
            }
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let fill =
                |text: String, (name, value): &(&str, &Value)| text.replace(&format!("{{{name}}}"), &plain(value));
            Value::String(values.iter().fold(text.clone(), fill))
        }
        Value::Array(items) => items.iter().map(|item| fill_body(item, values)).collect(),
        Value::Object(members) => {
            let filled = members.iter().map(|(name, member)| (name.clone(), fill_body(member, values)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}

/// HTTP statuses: at least one, each 100 to 599.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
#[schemars(extend("minItems" = 1, "items" = { "type": "integer", "minimum": 100, "maximum": 599 }))]
pub struct Statuses(pub(super) Vec<u16>);

impl Statuses {
    /// Returns all statuses.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.0
    }
}

impl TryFrom<Vec<u16>> for Statuses {
    type Error = String;

    fn try_from(statuses: Vec<u16>) -> Result<Self, String> {
        if statuses.is_empty() || statuses.iter().any(|status| !(100..=599).contains(status)) {
            return Err(format!("expected at least one status of 100 to 599, found {statuses:?}"));
        }
        Ok(Self(statuses))
    }
}

impl From<Statuses> for Vec<u16> {
    fn from(statuses: Statuses) -> Self {
        statuses.0
    }
}

/// Time step of one-time codes: 1s to 5m.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Period(pub(super) Duration);

impl Period {
    /// Returns the duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let period = parse_duration(&text)?;
        if period.subsec_nanos() != 0 || !(1..=300).contains(&period.as_secs()) {
            return Err(format!("expected whole seconds, 1s to 5m, found `{text}`"));
        }
        Ok(Self(period))
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        written_duration(period.0)
    }
}

/// Length of a one-time code: 6 to 8 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 6, "maximum" = 8))]
pub struct Digits(pub(super) u32);

impl Digits {
    /// Returns the number of digits.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Digits {
    type Error = String;

    fn try_from(digits: u32) -> Result<Self, String> {
        if (6..=8).contains(&digits) {
            Ok(Self(digits))
        } else {
            Err(format!("expected 6 to 8 digits, found {digits}"))
        }
    }
}

impl From<Digits> for u32 {
    fn from(digits: Digits) -> Self {
        digits.0
    }
}

fn check_path(text: &str) -> Result<(), String> {
    if text.starts_with('/') && !text.starts_with("//") {
        return Ok(());
    }
    Err(format!("expected a path that begins with one `/`, found `{text}`"))
}

fn check_pointer(text: &str) -> Result<(), String> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(());
    }
    Err(format!("expected a JSON Pointer such as \"/data/status\", found `{text}`"))
}

fn check_not_blank(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("expected a text, found a blank one".to_owned()) } else { Ok(()) }
}

fn check_time_zone(text: &str) -> Result<(), String> {
    jiff::tz::TimeZone::get(text)
        .map_or_else(|_| Err(format!("expected a time zone such as \"Europe/Copenhagen\", found `{text}`")), |_| Ok(()))
}

fn check_header_name(text: &str) -> Result<(), String> {
    http::HeaderName::try_from(text)
        .map_or_else(|_| Err(format!("expected the name of a header, found `{text}`")), |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_the_base_and_escape_values() {
        let base = Url::parse("https://app.example/ignored").unwrap();
        assert_eq!(Path("/api/me?full=1".to_owned()).below(&base).as_str(), "https://app.example/api/me?full=1");
        let school = SchoolPath("/api/schools/{school}?fields=id".to_owned());
        let at = school.at(&base, &[("school", "a?b#c/../d")]);
        assert_eq!(at.as_str(), "https://app.example/api/schools/a%3Fb%23c%2F..%2Fd?fields=id");
        let calendar = CalendarPath("/schools/{school}/bookings?t={teacher}&to={to}".to_owned());
        let at = calendar.at(&base, &[("school", "3"), ("teacher", "a&b"), ("from", "x"), ("to", "2026-11-25")]);
        assert_eq!(at.as_str(), "https://app.example/schools/3/bookings?t=a%26b&to=2026-11-25");
    }

    #[test]
    fn only_known_placeholders_are_accepted() {
        let read = |text: &str| CalendarPath::try_from(text.to_owned()).map_err(|error| error.clone());
        assert!(read("/schools/{school}/bookings").is_ok());
        assert!(read("/bookings").unwrap_err().contains("{school}"));
        let unknown = read("/schools/{school}?on={day}").unwrap_err();
        assert!(unknown.contains("than {school}, {teacher}, {from}, {to}, found `{day}`"), "{unknown}");
    }

    #[test]
    fn body_keeps_the_types_of_its_values() {
        let body = fill_body(
            &serde_json::json!({ "id": "{student}", "ids": ["{student}"], "note": "for {student}: {marker}", "n": 1 }),
            &[("student", &Value::from(350)), ("marker", &Value::from("synthetic:1"))],
        );
        assert_eq!(body, serde_json::json!({ "id": 350, "ids": [350], "note": "for 350: synthetic:1", "n": 1 }));
    }
}
