//! Templates of the platform's paths and bodies, with placeholders in braces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use settings::{check_path, checked_text};
use url::Url;

/// Defines a path below the base URL with placeholders in braces: `$must` are required, `$may` are optional.
macro_rules! path_with {
    ($(#[$doc:meta])* $name:ident($must:expr, $may:expr) = $pattern:literal) => {
        checked_text! { $(#[$doc])* #[schemars(extend("x-type" = "path"))] $name(Self::check) = $pattern }

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
    IntentEvent(["intent", "event", "type", "amount", "invoice"], ["currency", "created", "livemode", "status", "charge", "student", "marker"])
}
body_with! {
    /// Event about a refunded charge, with `{intent}`, `{event}` and `{amount}`.
    RefundEvent(["intent", "event", "amount"], ["invoice", "currency", "created", "livemode", "charge", "student", "marker"])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_in_paths() {
        let base = Url::parse("https://app.example/ignored").unwrap();
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
