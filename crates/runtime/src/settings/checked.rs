//! Values that are right once they are read, and written as they were.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::values::{parse_duration, written_duration};

/// A text that is checked when it is read, and written as it was.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident($read:path) = $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(pub(super) String);

        impl $name {
            /// The text.
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
    /// A path below the base URL: it begins with one `/`.
    Path(is_path) = "^/(?!/)"
}
checked_text! {
    /// A JSON Pointer (RFC 6901): empty, or beginning with `/`.
    Pointer(is_pointer) = "^(/|$)"
}
checked_text! {
    /// A name of a field or cookie, or a text to look for: not blank.
    Name(is_not_blank) = r"\S"
}
checked_text! {
    /// A time zone of the IANA database.
    TimeZone(is_time_zone) = r"\S"
}
checked_text! {
    /// The name of a header.
    HeaderName(is_header_name) = "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$"
}

impl Path {
    /// Where it is.
    ///
    /// **Errors:** none in practice: a path that begins with one `/` can be joined to any base. Then the base itself.
    #[must_use]
    pub fn below(&self, base: &Url) -> Url {
        base.join(&self.0).unwrap_or_else(|_| base.clone())
    }
}

/// A path below the base URL in which names in braces stand for values: the first ones must be there, others may.
macro_rules! path_with {
    ($(#[$doc:meta])* $name:ident($must:expr, $may:expr) = $pattern:literal) => {
        checked_text! { $(#[$doc])* $name(Self::is_right) = $pattern }

        impl $name {
            fn is_right(text: &str) -> Result<(), String> {
                is_path_with(text, &$must, &$may)
            }

            /// Where it is, with each name replaced by its value, which is escaped.
            #[must_use]
            pub fn at(&self, base: &Url, values: &[(&str, &str)]) -> Url {
                filled(&self.0, base, values)
            }
        }
    };
}

path_with! {
    /// A path below the base URL with `{school}` in it.
    SchoolPath(["school"], []) = r"^/(?!/).*\{school\}"
}
path_with! {
    /// A path below the base URL with `{school}` in it; `{teacher}`, and the first and last day as `{from}` and `{to}`.
    CalendarPath(["school"], ["teacher", "from", "to"]) = r"^/(?!/).*\{school\}"
}
path_with! {
    /// A path below the base URL with `{teacher}` in it; the first and last day as `{from}` and `{to}`.
    AvailabilityPath(["teacher"], ["from", "to"]) = r"^/(?!/).*\{teacher\}"
}
path_with! {
    /// A path below the base URL with `{booking}` in it.
    BookingPath(["booking"], []) = r"^/(?!/).*\{booking\}"
}
path_with! {
    /// A path below the base URL with `{student}` in it.
    StudentPath(["student"], []) = r"^/(?!/).*\{student\}"
}
path_with! {
    /// A path below the base URL with `{invoice}` in it.
    InvoicePath(["invoice"], []) = r"^/(?!/).*\{invoice\}"
}

path_with! {
    /// A path below the base URL with `{school}` in it; the first and last day as `{from}` and `{to}`, and `{page}`.
    PaymentsPath(["school"], ["from", "to", "page"]) = r"^/(?!/).*\{school\}"
}
path_with! {
    /// A path below the base URL with `{user}` in it.
    UserPath(["user"], []) = r"^/(?!/).*\{user\}"
}

path_with! {
    /// A path below the base URL with `{job}` in it.
    JobPath(["job"], []) = r"^/(?!/).*\{job\}"
}

/// A body to send, in which texts in braces stand for values: a text that is nothing else becomes the value itself, so that
/// a number stays one. The first ones must be there, others may.
macro_rules! body_with {
    ($(#[$doc:meta])* $name:ident($must:expr, $may:expr)) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
        pub struct $name(pub(super) Map<String, Value>);

        impl $name {
            /// The body, with each name replaced by its value.
            #[must_use]
            pub fn with(&self, values: &[(&str, &Value)]) -> Value {
                with_values(&Value::Object(self.0.clone()), values)
            }
        }

        impl TryFrom<Map<String, Value>> for $name {
            type Error = String;

            fn try_from(body: Map<String, Value>) -> Result<Self, String> {
                are_names(&Value::Object(body.clone()).to_string(), &$must, &$may)?;
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
    /// The body that makes or changes a booking, with `{teacher}`, `{student}`, `{starts_at}`, `{ends_at}` and `{marker}` in
    /// it, and `{kind}` where it is sent.
    BookingBody(["teacher", "student", "starts_at", "ends_at", "marker"], ["kind"])
}

body_with! {
    /// The body that makes an invoice, with `{amount}`, `{currency}` and `{marker}` in it.
    InvoiceBody(["amount", "currency", "marker"], ["student"])
}
body_with! {
    /// The body that sends a message, with `{to}` and `{marker}` in it.
    MessageBody(["to", "marker"], [])
}
body_with! {
    /// The body that puts a job into a queue, with `{queue}` and `{marker}` in it.
    JobBody(["queue", "marker"], [])
}
body_with! {
    /// The body that makes an invoice void.
    VoidBody([], ["invoice"])
}
body_with! {
    /// An event about a payment intent, with `{intent}`, `{event}`, `{type}`, `{amount}` and `{invoice}` in it.
    IntentEvent(["intent", "event", "type", "amount", "invoice"], ["currency", "created", "livemode", "status", "charge", "student", "marker"])
}
body_with! {
    /// An event about a refunded charge, with `{intent}`, `{event}` and `{amount}` in it.
    RefundEvent(["intent", "event", "amount"], ["invoice", "currency", "created", "livemode", "charge", "student", "marker"])
}

/// The members of an object; nothing of anything else.
pub(super) fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The names in braces: letters and `_`. Any other brace is a brace.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
        is_name.then_some(name)
    })
}

fn are_names(text: &str, must: &[&str], may: &[&str]) -> Result<(), String> {
    let braced = |names: &[&str]| names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    if let Some(name) = must.iter().find(|name| !names(text).any(|own| own == **name)) {
        return Err(format!("expected {{{name}}} in it, found `{text}`"));
    }
    if let Some(name) = names(text).find(|name| !must.contains(name) && !may.contains(name)) {
        let known = [must, may].concat();
        return Err(format!("expected no other names in braces than {}, found `{{{name}}}`", braced(&known)));
    }
    Ok(())
}

fn is_path_with(text: &str, must: &[&str], may: &[&str]) -> Result<(), String> {
    is_path(text)?;
    are_names(text, must, may)
}

fn filled(path: &str, base: &Url, values: &[(&str, &str)]) -> Url {
    let replaced = |text: &str, escaped: fn(&str) -> String| {
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &escaped(value)))
    };
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut url = base.clone();
    // Set, not joined: what is special in a value is escaped; a slash would be another path.
    url.set_path(&replaced(path, |value| value.replace('/', "%2F")));
    let in_query = |value: &str| url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    url.set_query(query.map(|query| replaced(query, in_query)).as_deref());
    url
}

fn with_values(template: &Value, values: &[(&str, &Value)]) -> Value {
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
        Value::Array(items) => items.iter().map(|item| with_values(item, values)).collect(),
        Value::Object(members) => {
            let filled = members.iter().map(|(name, member)| (name.clone(), with_values(member, values)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}

/// Statuses of HTTP: at least one, each 100 to 599.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<u16>", into = "Vec<u16>")]
#[schemars(extend("minItems" = 1, "items" = { "type": "integer", "minimum": 100, "maximum": 599 }))]
pub struct Statuses(pub(super) Vec<u16>);

impl Statuses {
    /// All of them.
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

/// For how long a code of a second factor is shown: 1 s to 5 min.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Period(pub(super) Duration);

impl Period {
    /// The time.
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

/// How long a code of a second factor is: 6 to 8 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 6, "maximum" = 8))]
pub struct Digits(pub(super) u32);

impl Digits {
    /// The number of digits.
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

fn is_path(text: &str) -> Result<(), String> {
    if text.starts_with('/') && !text.starts_with("//") {
        return Ok(());
    }
    Err(format!("expected a path that begins with one `/`, found `{text}`"))
}

fn is_pointer(text: &str) -> Result<(), String> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(());
    }
    Err(format!("expected a JSON Pointer such as \"/data/status\", found `{text}`"))
}

fn is_not_blank(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("expected a text, found a blank one".to_owned()) } else { Ok(()) }
}

fn is_time_zone(text: &str) -> Result<(), String> {
    jiff::tz::TimeZone::get(text)
        .map_or_else(|_| Err(format!("expected a time zone such as \"Europe/Copenhagen\", found `{text}`")), |_| Ok(()))
}

fn is_header_name(text: &str) -> Result<(), String> {
    http::HeaderName::try_from(text)
        .map_or_else(|_| Err(format!("expected the name of a header, found `{text}`")), |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_at_the_base_and_ids_are_escaped() {
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
    fn names_in_braces_are_those_that_are_known() {
        let read = |text: &str| CalendarPath::try_from(text.to_owned()).map_err(|error| error.clone());
        assert!(read("/schools/{school}/bookings").is_ok());
        assert!(read("/bookings").unwrap_err().contains("{school}"));
        let unknown = read("/schools/{school}?on={day}").unwrap_err();
        assert!(unknown.contains("than {school}, {teacher}, {from}, {to}, found `{day}`"), "{unknown}");
    }

    #[test]
    fn a_body_keeps_the_types_of_its_values() {
        let body = with_values(
            &serde_json::json!({ "id": "{student}", "ids": ["{student}"], "note": "for {student}: {marker}", "n": 1 }),
            &[("student", &Value::from(350)), ("marker", &Value::from("synthetic:1"))],
        );
        assert_eq!(body, serde_json::json!({ "id": 350, "ids": [350], "note": "for 350: synthetic:1", "n": 1 }));
    }
}
