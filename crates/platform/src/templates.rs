//! Templates of the platform's paths and bodies, with placeholders in braces.

use check::{FailureKind, Mismatch, ours, phrase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use settings::{check_id, check_path, checked_text};
use url::Url;

/// Defines a path below the base URL with placeholders in braces: `$must` are required, `$may` are optional.
macro_rules! path_with {
    ($(#[$doc:meta])* $name:ident($must:expr, $may:expr) = $pattern:literal) => {
        checked_text! { $(#[$doc])* #[schemars(extend("x-type" = "path"))] $name(Self::check) = $pattern }

        impl $name {
            fn check(text: &str) -> Result<(), String> {
                check_path_with(text, &$must, &$may)
            }

            /// Fills in the placeholders with escaped values: each stays one segment of the path, or one value of the query.
            ///
            /// # Errors
            /// When a value cannot be a segment: it is empty, `.` or `..`.
            pub fn at(&self, base: &Url, values: &[(&str, &str)]) -> Result<Url, Mismatch> {
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
        pub struct $name(Map<String, Value>);

        impl $name {
            /// Creates it from an object in the code, which is not checked.
            pub(crate) fn from_static(body: &Value) -> Self {
                Self(body.as_object().cloned().unwrap_or_default())
            }

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
    IntentEvent(["intent", "event", "type", "amount", "invoice"], [
        "amount_received",
        "api_version",
        "charge",
        "created",
        "currency",
        "last_payment_error",
        "livemode",
        "marker",
        "null",
        "payment_method",
        "request",
        "status",
        "student",
    ])
}
body_with! {
    /// Event about a refunded charge, with `{intent}`, `{event}` and `{amount}`.
    RefundEvent(["intent", "event", "amount"], [
        "api_version",
        "charge",
        "created",
        "currency",
        "invoice",
        "livemode",
        "marker",
        "null",
        "payment_method",
        "request",
        "student",
    ])
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
    let mut before = text.match_indices('{').map(|(at, _)| &text[..at]);
    if before.any(ends_within_escape) {
        return Err(format!("expected two hexadecimal digits after each `%` before a name in braces, found `{text}`"));
    }
    check_placeholders(text, must, may)
}

/// True for `…%` and `…%4`, to which the first characters of an id would belong.
fn ends_within_escape(text: &str) -> bool {
    text.ends_with('%')
        || text.strip_suffix(|last: char| last.is_ascii_hexdigit()).is_some_and(|text| text.ends_with('%'))
}

fn fill_path(path: &str, base: &Url, values: &[(&str, &str)]) -> Result<Url, Mismatch> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    for (name, value) in values.iter().filter(|(name, _)| placeholders(path).any(|own| own == *name)) {
        check_id(value).map_err(|found| {
            let expected = phrase!("an id of a {} that can be part of a path", ours(name));
            Mismatch::new(FailureKind::Assertion, expected, found)
        })?;
    }
    let replaced = |text: &str| {
        let value = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| escaped(value));
        fill_text(text, value)
    };
    let mut url = base.clone();
    url.set_path(&replaced(path));
    url.set_query(query.map(replaced).as_deref());
    Ok(url)
}

/// Replaces each name in braces that has a value. What a value holds is not replaced again.
fn fill_text(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        rest = &rest[start..];
        let named = rest[1..].find(['{', '}']).filter(|end| rest[1 + end..].starts_with('}'));
        let found = named.and_then(|end| Some((value(&rest[1..=end])?, end + 2)));
        let (text, length) = found.unwrap_or_else(|| ("{".to_owned(), 1));
        filled.push_str(&text);
        rest = &rest[length..];
    }
    filled + rest
}

/// Escapes every byte except the unreserved ones of RFC 3986. Some servers and proxies treat `\` as `/` or decode `%2e`, so
/// an id from the platform must not reach them unescaped.
fn escaped(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

fn fill_body(template: &Value, values: &[(&str, &Value)]) -> Value {
    match template {
        Value::String(text) => {
            if let Some((_, value)) = values.iter().find(|(name, _)| *text == format!("{{{name}}}")) {
                return (*value).clone();
            }
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let value = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| plain(value));
            Value::String(fill_text(text, value))
        }
        Value::Array(items) => items.iter().map(|item| fill_body(item, values)).collect(),
        Value::Object(members) => {
            let filled = members.iter().map(|(name, member)| (name.clone(), fill_body(member, values)));
            Value::Object(filled.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_escaped_in_paths() {
        let base = Url::parse("https://app.example/ignored").unwrap();
        let school = SchoolPath("/api/schools/{school}?fields=id".to_owned());
        let at = school.at(&base, &[("school", "a?b#c/../d")]).unwrap();
        assert_eq!(at.as_str(), "https://app.example/api/schools/a%3Fb%23c%2F..%2Fd?fields=id");
        let calendar = CalendarPath("/schools/{school}/bookings?t={teacher}&to={to}".to_owned());
        let values = [("school", "3"), ("teacher", "a&b"), ("from", "x"), ("to", "2026-11-25")];
        let at = calendar.at(&base, &values).unwrap();
        assert_eq!(at.as_str(), "https://app.example/schools/3/bookings?t=a%26b&to=2026-11-25");
    }

    #[test]
    fn values_are_not_filled_again() {
        let base = Url::parse("https://app.example/").unwrap();
        let calendar = CalendarPath("/{school}/{{to}from}?t={teacher}&{{{to}}&{x".to_owned());
        let values = [("school", "{teacher}"), ("teacher", "{to}"), ("from", "x"), ("to", "")];
        let at = calendar.at(&base, &values).map(|url| (url.path().to_owned(), url.query().unwrap().to_owned()));
        // `{to}` is in the path, where an empty value cannot be.
        assert!(at.is_err());
        let values = [("school", "{teacher}"), ("teacher", "{to}"), ("from", "x"), ("to", "1")];
        let at = calendar.at(&base, &values).unwrap();
        assert_eq!(at.as_str(), "https://app.example/%7Bteacher%7D/%7B1from%7D?t=%7Bto%7D&{{1}&{x");
        let body = fill_body(&json!({ "a": "{b}, {c}{", "d": "{b}" }), &[("b", &json!("{c}")), ("c", &json!(1))]);
        assert_eq!(body, json!({ "a": "{c}, 1{", "d": "{c}" }));
    }

    #[test]
    fn id_does_not_complete_an_escape() {
        for path in ["/api/schools/%{school}", "/api/schools/x?a=%d{school}"] {
            let error = SchoolPath::try_from(path.to_owned()).unwrap_err();
            assert!(error.starts_with("expected two hexadecimal digits after each `%`"), "{error}");
        }
        for path in ["/api/schools/%20{school}", "/a%4/{school}?q=100%"] {
            assert!(SchoolPath::try_from(path.to_owned()).is_ok(), "{path}");
        }
    }

    #[test]
    fn foreign_id_stays_one_segment() {
        let base = Url::parse("https://app.example/").unwrap();
        let path = BookingPath("/api/bookings/{booking}".to_owned());
        for (id, expected) in [
            ("41", Some("41")),
            ("5f0c-A_.~", Some("5f0c-A_.~")),
            ("%2e%2e", Some("%252e%252e")),
            ("%00", Some("%2500")),
            ("\0", Some("%00")),
            ("a/b", Some("a%2Fb")),
            ("../users/1", Some("..%2Fusers%2F1")),
            ("..\\..\\api\\users\\1", Some("..%5C..%5Capi%5Cusers%5C1")),
            ("?x", Some("%3Fx")),
            ("#x", Some("%23x")),
            ("a b;c@d:e+f", Some("a%20b%3Bc%40d%3Ae%2Bf")),
            ("a\t\r\n", Some("a%09%0D%0A")),
            ("é", Some("%C3%A9")),
            ("{booking}", Some("%7Bbooking%7D")),
            ("...", Some("...")),
            ("", None),
            (" ", None),
            (".", None),
            ("..", None),
        ] {
            let at = path.at(&base, &[("booking", id)]);
            let expected = expected.map(|segment| format!("https://app.example/api/bookings/{segment}"));
            assert_eq!(at.as_ref().ok().map(Url::as_str), expected.as_deref(), "{id:?}");
            let expected = at.err().map(|mismatch| mismatch.expected.admit(&NoSecrets, 200));
            assert!(expected.is_none_or(|expected| expected.contains("booking")), "{id:?}");
        }
        // A value of the query is no segment.
        let calendar = CalendarPath("/schools/{school}?t={teacher}".to_owned());
        let at = calendar.at(&base, &[("school", "3"), ("teacher", "../é +&=")]).unwrap();
        assert_eq!(at.as_str(), "https://app.example/schools/3?t=..%2F%C3%A9%20%2B%26%3D");
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
