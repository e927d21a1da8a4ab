//! Expectations on a response: each function checks one and returns a mismatch with an excerpt.

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use serde_json::Value;

pub use crate::form::{
    Filled as FilledForm, Wanted as WantedForm, field_value, form_body, log_in_form, meta_token, read as form,
    withholds_referrer,
};
use crate::redact::header_line;
use crate::{Response, json};

/// Comparison of values in a JSON body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// Type and value must match; numbers are compared by value (`1` equals `1.0`).
    #[default]
    Strict,
    /// A string also equals the number that it spells: `"7"` and `7`, `"450.00"` and `450`.
    Loose,
}

/// Maximum length of the names of an object, in characters.
const MAX_NAMES: usize = 160;
/// Maximum number of headers of one name that are quoted.
const MAX_VALUES: usize = 8;

/// Checks that the status is one of these.
///
/// # Errors
///
/// A mismatch of kind `status`, with the start of the body.
pub fn status(response: &Response, expected: &[u16]) -> Result<(), Mismatch> {
    if expected.contains(&response.status.as_u16()) {
        return Ok(());
    }
    let expected: Vec<_> = expected.iter().map(u16::to_string).collect();
    Err(unmet_status(response, ours(expected.join(" or "))))
}

/// Mismatch of kind `status`, with the start of the body. `expected` describes other statuses.
#[must_use]
pub fn unmet_status(response: &Response, expected: impl Into<Phrase>) -> Mismatch {
    let actual = phrase!("status {}", response.status_line());
    let expected = phrase!("status {}", expected.into());
    Mismatch { kind: FailureKind::Status, expected, actual, evidence: response.excerpt() }
}

/// Checks that the header is present.
///
/// # Errors
///
/// A mismatch of kind `header`.
pub fn header_present(response: &Response, name: &str) -> Result<(), Mismatch> {
    header(response, name, phrase!("a header {}", ours(name)), |_| true)
}

/// Checks that the header has this value; of several headers with the name, one must have it.
///
/// # Errors
///
/// A mismatch of kind `header`, with the actual values.
pub fn header_equals(response: &Response, name: &str, value: &str) -> Result<(), Mismatch> {
    header(response, name, phrase!("{}: {}", ours(name), foreign(value)), |actual| actual == value.as_bytes())
}

/// Checks that a value of the header contains this text.
///
/// # Errors
///
/// A mismatch of kind `header`, with the actual values.
pub fn header_contains(response: &Response, name: &str, text: &str) -> Result<(), Mismatch> {
    header(response, name, phrase!("{} with {} in it", ours(name), foreign(format!("{text:?}"))), |actual| {
        String::from_utf8_lossy(actual).contains(text)
    })
}

fn header(response: &Response, name: &str, expected: Phrase, holds: impl Fn(&[u8]) -> bool) -> Result<(), Mismatch> {
    let values = response.headers.get_all(name);
    if values.iter().any(|value| holds(value.as_bytes())) {
        return Ok(());
    }
    let lines: Vec<_> = values.iter().take(MAX_VALUES).map(|value| header_line(name, value)).collect();
    let actual = if lines.is_empty() { phrase!("no header {}", ours(name)) } else { Phrase::list(lines, ", ") };
    let evidence = phrase!("status {}", response.status.as_u16());
    Err(Mismatch::new(FailureKind::Header, expected, actual).with_evidence(evidence))
}

/// Checks that the body contains this text.
///
/// # Errors
///
/// A mismatch of kind `assertion`, with the start of the body.
pub fn body_contains(response: &Response, text: &str) -> Result<(), Mismatch> {
    if response.text().contains(text) {
        return Ok(());
    }
    Err(unmet_body(response, phrase!("{} in the body", foreign(format!("{text:?}")))))
}

/// Mismatch of kind `assertion` for a body that lacks something, with its start.
#[must_use]
pub fn unmet_body(response: &Response, expected: impl Into<Phrase>) -> Mismatch {
    let malformed = response.malformed().map(|malformed| phrase!(", {}", malformed));
    let actual = phrase!("{}{} without it", describe(response), malformed.unwrap_or_default());
    Mismatch { kind: FailureKind::Assertion, expected: expected.into(), actual, evidence: response.excerpt() }
}

/// Checks that the body does not contain this text.
///
/// # Errors
///
/// A mismatch of kind `assertion`, with the position of the text.
pub fn body_lacks(response: &Response, text: &str) -> Result<(), Mismatch> {
    let body = response.text();
    let Some(at) = body.find(text) else { return Ok(()) };
    let expected = phrase!("a body without {}", foreign(format!("{text:?}")));
    let actual = phrase!("the text at byte {}", at);
    Err(Mismatch::new(FailureKind::Assertion, expected, actual).with_evidence(response.excerpt_around(at)))
}

/// Parses the body as JSON.
///
/// # Errors
///
/// A mismatch of kind `body`, with the content type and the start of the body. Nesting beyond 128 levels, and more values
/// than fit in 10 MB of memory, are rejected.
pub fn json(response: &Response) -> Result<Value, Mismatch> {
    json::read(&response.body).map_err(|error| Mismatch {
        kind: FailureKind::Body,
        expected: "a JSON body".into(),
        actual: phrase!("{}: {}", describe(response), foreign(error)),
        evidence: response.excerpt(),
    })
}

/// Returns the value at a JSON pointer (RFC 6901).
///
/// # Errors
///
/// Those of [`json`], or a mismatch of kind `assertion` without a value, with the start of the body.
pub fn json_exists(response: &Response, pointer: &str) -> Result<Value, Mismatch> {
    find(response, &[pointer.to_owned()])
}

/// Returns the value at a JSON pointer (RFC 6901) below `wrapper`, or at the top. Laravel's API resources come wrapped in
/// `data` or bare.
///
/// # Errors
/// Those of [`json_exists`], with both pointers.
pub fn json_found(response: &Response, pointer: &str, wrapper: &str) -> Result<Value, Mismatch> {
    find(response, &[format!("{wrapper}{pointer}"), pointer.to_owned()])
}

/// Returns the list below `wrapper` or at the top. Errors do not quote it, since it may hold unrelated data.
///
/// # Errors
/// Those of [`json`], or a mismatch of kind `assertion` when the value is not a list.
pub fn json_list(response: &Response, wrapper: &str) -> Result<Vec<Value>, Mismatch> {
    let mut body = json(response)?;
    let wrapped = body.pointer_mut(wrapper).filter(|_| !wrapper.is_empty()).map(Value::take);
    let found = match wrapped {
        // A paginator within a resource has the list one level further down.
        Some(value) => list(value).or_else(|mut other| match other.pointer_mut(wrapper).map(Value::take) {
            Some(nested) => list(nested).map_err(|_| other),
            None => Err(other),
        }),
        // An empty object at the top is no list: nothing says that one was meant.
        None if body.as_object().is_some_and(serde_json::Map::is_empty) => Err(body),
        None => list(body),
    };
    found.map_err(|other| {
        let actual = match other.as_object() {
            Some(members) if members.is_empty() => "an empty object".into(),
            Some(members) => {
                let names: Vec<&str> = members.keys().map(String::as_str).collect();
                phrase!("an object with {}", foreign(names.join(", ")).at_most(MAX_NAMES))
            }
            None => "neither a list nor an object".into(),
        };
        Mismatch::new(FailureKind::Assertion, phrase!("a list, at {} or at the top", ours(wrapper)), actual)
    })
}

/// Reads a list, or an object whose keys are all numbers: PHP writes a list so once it was filtered or sorted, and an empty one if
/// asked for objects.
///
/// # Errors
/// The value, when it is neither.
pub fn list(value: Value) -> Result<Vec<Value>, Value> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Object(members) if members.keys().all(|key| key.parse::<u64>().is_ok()) => {
            let mut items: Vec<(u64, Value)> =
                members.into_iter().filter_map(|(key, item)| Some((key.parse().ok()?, item))).collect();
            items.sort_by_key(|(key, _)| *key);
            Ok(items.into_iter().map(|(_, item)| item).collect())
        }
        other => Err(other),
    }
}

/// Reads a number, or a string that spells one. `None` for other values, and for numbers that are not finite.
#[must_use]
pub fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// Value at the first pointer that has one.
fn find(response: &Response, pointers: &[String]) -> Result<Value, Mismatch> {
    let mut body = json(response)?;
    match pointers.iter().find(|pointer| body.pointer(pointer).is_some()) {
        Some(pointer) => Ok(body.pointer_mut(pointer).map(Value::take).unwrap_or_default()),
        None => {
            let mut pointers = pointers.to_vec();
            pointers.dedup();
            let expected = phrase!("a value at {}", foreign(pointers.join(" or ")));
            let evidence = response.excerpt();
            Err(Mismatch { kind: FailureKind::Assertion, expected, actual: "no value".into(), evidence })
        }
    }
}

/// Checks the value at a JSON pointer (RFC 6901).
///
/// # Errors
///
/// Those of [`json_exists`], or a mismatch of kind `assertion` for another value, with the start of the body.
pub fn json_equals(response: &Response, pointer: &str, expected: &Value, compare: Compare) -> Result<(), Mismatch> {
    compare_values(response, pointer, &json_exists(response, pointer)?, expected, compare)
}

/// Checks the value at a JSON pointer (RFC 6901) below `wrapper`, or at the top.
///
/// # Errors
/// Those of [`json_found`], or a mismatch of kind `assertion` for another value, with the start of the body.
pub fn json_matches(
    response: &Response,
    pointer: &str,
    wrapper: &str,
    expected: &Value,
    compare: Compare,
) -> Result<(), Mismatch> {
    compare_values(response, pointer, &json_found(response, pointer, wrapper)?, expected, compare)
}

fn compare_values(
    response: &Response,
    pointer: &str,
    actual: &Value,
    expected: &Value,
    compare: Compare,
) -> Result<(), Mismatch> {
    if equal(actual, expected, compare) {
        return Ok(());
    }
    Err(unmet_value(response, pointer, actual, foreign(as_member(pointer, expected))))
}

/// Mismatch of kind `assertion` for the value at a JSON pointer, with the start of the body. `expected` describes another
/// value there.
#[must_use]
pub fn unmet_value(response: &Response, pointer: &str, actual: &Value, expected: impl Into<Phrase>) -> Mismatch {
    Mismatch {
        kind: FailureKind::Assertion,
        expected: phrase!("{} at {}", expected.into(), foreign(pointer)),
        actual: phrase!("{} at {}", foreign(as_member(pointer, actual)), foreign(pointer)),
        evidence: response.excerpt(),
    }
}

/// Value as the member that it is, so that the value of a secret name is masked.
fn as_member(pointer: &str, value: &Value) -> String {
    let member = pointer.rsplit('/').next().unwrap_or_default();
    format!("{}: {value}", Value::from(member))
}

/// Compares two values.
#[must_use]
pub fn equal(one: &Value, other: &Value, compare: Compare) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => same_number(&one.to_string(), &other.to_string()),
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            compare == Compare::Loose && same_number(&number.to_string(), text)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other, compare))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other, compare)))
        }
        _ => one == other,
    }
}

/// Compares whole numbers exactly, since an id may exceed the precision of a float.
fn same_number(one: &str, other: &str) -> bool {
    if let (Ok(one), Ok(other)) = (one.parse::<i128>(), other.parse::<i128>()) {
        return one == other;
    }
    let finite = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    finite(one).is_some_and(|one| finite(other) == Some(one))
}

fn describe(response: &Response) -> Phrase {
    phrase!("{} bytes, {}", response.body.len(), response.quoted_type().unwrap_or_else(|| "no content type".into()))
}

#[cfg(test)]
pub(crate) mod tests;
