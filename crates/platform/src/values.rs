//! Values in the platform's answers: lists, numbers and times, each in any form that PHP writes.
//!
//! A value that is there but cannot be read is a mismatch with the value. It is never taken for a missing one.

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use jiff::Timestamp;
use probe::Response;
use probe::expect::{self, json_list};
use serde_json::Value;
use settings::written_id;

use crate::names::{Platform, Times};

/// Maximum length of a quoted value in characters.
const MAX_QUOTED: usize = 60;

/// Returns the items of the list in an answer. Each pointer of the settings must have a value, at least `null`, in one of them;
/// one that is found nowhere is a wrong name, and not an absent value.
///
/// # Errors
/// A mismatch of kind `body` or `assertion`.
pub fn items(platform: &Platform, response: &Response, pointers: &[&str]) -> Result<Vec<Value>, Mismatch> {
    let items = json_list(response, platform.wrapper.as_str())?;
    found_in_some(&items, pointers).map(|()| items)
}

/// Expects each pointer of the settings to have a value, at least `null`, in one of the items. A list without items holds.
///
/// # Errors
/// A mismatch of kind `assertion`, with what the items have instead.
pub fn found_in_some(items: &[Value], pointers: &[&str]) -> Result<(), Mismatch> {
    let is_nowhere = |pointer: &&&str| items.iter().all(|item| item.pointer(pointer).is_none());
    let Some(pointer) = pointers.iter().find(is_nowhere).filter(|_| !items.is_empty()) else { return Ok(()) };
    let expected = phrase!("a value at {} in the items of the list", ours(pointer));
    let actual = match items.iter().find_map(Value::as_object) {
        Some(item) => {
            let members: Vec<&str> = item.keys().map(String::as_str).collect();
            phrase!("none in {} items, which have {}", items.len(), foreign(members.join(", ")).at_most(MAX_QUOTED * 5))
        }
        None => phrase!("{} items, none of which is an object", items.len()),
    };
    Err(Mismatch::new(FailureKind::Assertion, expected, actual))
}

/// Reads a number, which may be written as text. `None` where there is no value.
///
/// # Errors
/// A mismatch of kind `assertion` with the value.
pub fn number_at(item: &Value, pointer: &str) -> Result<Option<f64>, Mismatch> {
    read(item.pointer(pointer), pointer, "a number", expect::number)
}

/// Reads a number of at least 0, which may be written as text. `None` where there is no value.
///
/// # Errors
/// A mismatch of kind `assertion` with the value.
pub fn count_at(item: &Value, pointer: &str) -> Result<Option<f64>, Mismatch> {
    read(item.pointer(pointer), pointer, "a number of at least 0", |value| {
        expect::number(value).filter(|number| *number >= 0.0)
    })
}

/// Reads a flag, in any of the forms that PHP and databases write. `None` where there is no value.
///
/// # Errors
/// A mismatch of kind `assertion` with the value.
pub fn flag_at(item: &Value, pointer: &str) -> Result<Option<bool>, Mismatch> {
    read(item.pointer(pointer), pointer, "a flag", |value| {
        match written_id(value).trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "y" | "t" => Some(true),
            "false" | "0" | "no" | "off" | "n" | "f" | "" => Some(false),
            _ => None,
        }
    })
}

/// Reads a time. `None` where there is no value.
///
/// # Errors
/// A mismatch of kind `assertion` with the value.
pub fn time_at(times: &Times, item: &Value, pointer: &str) -> Result<Option<Timestamp>, Mismatch> {
    time(times, item.pointer(pointer), pointer)
}

/// Reads a time that was found at a pointer. `None` where there is no value.
///
/// # Errors
/// A mismatch of kind `assertion` with the value.
pub fn time(times: &Times, found: Option<&Value>, pointer: &str) -> Result<Option<Timestamp>, Mismatch> {
    read(found, pointer, "a time", |value| times.read(value))
}

/// Reads an id or a reference, without white space around it. `None` where there is no value or only blank text.
///
/// # Errors
/// A mismatch of kind `assertion` with the value, such as an object or a flag.
pub fn id_at(item: &Value, pointer: &str) -> Result<Option<String>, Mismatch> {
    let id = read(item.pointer(pointer), pointer, "an id", |value| (!value.is_boolean()).then(|| plain(value))?)?;
    Ok(id.filter(|id| !id.is_empty()))
}

/// Reads the reference of a payment. `None` for `null`, `false` and blank text. `0` and `-` are references, so
/// that an unknown one is never taken for cash.
///
/// # Errors
/// A mismatch of kind `assertion` with the value, such as an object.
pub fn reference_at(item: &Value, pointer: &str) -> Result<Option<String>, Mismatch> {
    if item.pointer(pointer) == Some(&Value::Bool(false)) { Ok(None) } else { id_at(item, pointer) }
}

/// Reads a value that tells whose answer it is, such as an e-mail address.
///
/// # Errors
/// A mismatch of kind `assertion` for a value that is neither a text nor a number. It quotes no list or object.
pub(crate) fn identity(found: &Value, pointer: &str) -> Result<String, Mismatch> {
    written(found).map_err(|actual| {
        Mismatch::new(FailureKind::Assertion, phrase!("a text or a number at {}", ours(pointer)), actual)
    })
}

/// Text of a value that is a text or a number, without white space around it. The error describes another value and quotes no list or
/// object, which may hold a user's data.
pub(crate) fn written(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Array(_) => Err("a list"),
        Value::Object(_) => Err("an object"),
        Value::Null => Err("null"),
        Value::Bool(true) => Err("true"),
        Value::Bool(false) => Err("false"),
        Value::String(text) if text.trim().is_empty() => Err("an empty text"),
        Value::String(_) | Value::Number(_) => Ok(written_id(value).trim().to_owned()),
    }
}

/// Reads a text such as a status or a currency, without white space around it. A number or a flag is written as text. `None` where
/// there is no value.
///
/// # Errors
/// A mismatch of kind `assertion` with the value: a list or an object.
pub fn text_at(item: &Value, pointer: &str) -> Result<Option<String>, Mismatch> {
    read(item.pointer(pointer), pointer, "a text", plain)
}

/// Text of a value that is neither a list nor an object, without white space around it.
pub(crate) fn plain(value: &Value) -> Option<String> {
    (!value.is_array() && !value.is_object()).then(|| written_id(value).trim().to_owned())
}

fn read<T>(
    found: Option<&Value>,
    pointer: &str,
    what: &'static str,
    as_one: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, Mismatch> {
    let Some(value) = found.filter(|value| !value.is_null()) else { return Ok(None) };
    let unreadable = || Mismatch::new(FailureKind::Assertion, phrase!("{} at {}", what, ours(pointer)), quoted(value));
    as_one(value).map(Some).ok_or_else(unreadable)
}

/// A value that could not be read.
pub(crate) fn quoted(value: &Value) -> Phrase {
    phrase!("{}, which cannot be read as one", foreign(value.to_string()).at_most(MAX_QUOTED))
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;
    use crate::tests::response;

    fn said(mismatch: &Mismatch) -> String {
        let [expected, actual] = [&mismatch.expected, &mismatch.actual].map(|text| text.clone().admit(&NoSecrets, 400));
        format!("expected {expected}, found {actual}")
    }

    #[test]
    fn pointer_is_found_in_some_item_of_a_list() {
        let platform = Platform::default();
        for (body, expected) in [
            (r#"{"data": []}"#, Ok(0)),
            (r#"[{"id": 1, "paid_at": null}, {"id": 2}]"#, Ok(2)),
            (r#"{"data": {"4": {"id": 1, "paid_at": 1}}}"#, Ok(1)),
            (r#"{"data": {}}"#, Ok(0)),
            (r#"{"data": {"data": [{"id": 1, "paid_at": 1}], "links": {}}}"#, Ok(1)),
            (r#"{"data": {"data": {}, "total": 0}}"#, Ok(0)),
            ("{}", Err("expected a list, at /data or at the top, found an empty object")),
            (
                r#"{"data": {"data": 7, "total": 0}}"#,
                Err("expected a list, at /data or at the top, found an object with data, total"),
            ),
            (r#"{"data": null}"#, Err("expected a list, at /data or at the top, found neither a list nor an object")),
            (
                r#"[{"id": 1, "payment_intent": "pi_1"}, {"id": 2}]"#,
                Err(
                    "expected a value at /paid_at in the items of the list, found none in 2 items, which have id, payment_intent",
                ),
            ),
            (
                "[1, 2, 3]",
                Err("expected a value at /id in the items of the list, found 3 items, none of which is an object"),
            ),
        ] {
            let found = items(&platform, &response(200, body), &["/id", "/paid_at"]).map(|items| items.len());
            let found = found.map_err(|mismatch| said(&mismatch));
            assert_eq!(found, expected.map_err(str::to_owned), "{body}");
        }
        let long = format!(r#"[{{"{}": 1}}]"#, "x".repeat(5_000));
        let mismatch = items(&platform, &response(200, long.leak()), &["/id"]).unwrap_err();
        assert!(said(&mismatch).len() < 450, "{}", said(&mismatch));
    }

    #[test]
    fn flags_are_read_as_php_and_databases_write_them() {
        for (value, expected) in [
            (json!(true), Ok(Some(true))),
            (json!(1), Ok(Some(true))),
            (json!(1.0), Ok(Some(true))),
            (json!(" Yes "), Ok(Some(true))),
            (json!("Y"), Ok(Some(true))),
            (json!("on"), Ok(Some(true))),
            (json!("0"), Ok(Some(false))),
            (json!(""), Ok(Some(false))),
            (json!("N"), Ok(Some(false))),
            (json!(false), Ok(Some(false))),
            (Value::Null, Ok(None)),
            (json!(2), Err("2")),
            (json!("maybe"), Err("\"maybe\"")),
            (json!({ "is": true }), Err(r#"{"is":true}"#)),
            (json!([]), Err("[]")),
        ] {
            let found = flag_at(&json!({ "flag": value }), "/flag").map_err(|mismatch| said(&mismatch));
            let expected = expected
                .map_err(|value| format!("expected a flag at /flag, found {value}, which cannot be read as one"));
            assert_eq!(found, expected, "{value}");
        }
        assert_eq!(flag_at(&json!({}), "/flag").unwrap(), None);
    }

    #[test]
    fn ids_and_texts_are_neither_lists_nor_objects() {
        for (value, id, text) in [
            (json!("pi_1"), Ok(Some("pi_1")), Ok(Some("pi_1"))),
            (json!(" pi_1\n"), Ok(Some("pi_1")), Ok(Some("pi_1"))),
            (json!(1001.0), Ok(Some("1001")), Ok(Some("1001"))),
            (json!(0), Ok(Some("0")), Ok(Some("0"))),
            (json!(" "), Ok(None), Ok(Some(""))),
            (Value::Null, Ok(None), Ok(None)),
            (json!(true), Err("true"), Ok(Some("true"))),
            (json!({ "id": 1 }), Err(r#"{"id":1}"#), Err(r#"{"id":1}"#)),
            (json!(["a"]), Err(r#"["a"]"#), Err(r#"["a"]"#)),
        ] {
            let item = json!({ "value": value });
            for (found, expected, what) in
                [(id_at(&item, "/value"), id, "an id"), (text_at(&item, "/value"), text, "a text")]
            {
                let found = found.map_err(|mismatch| said(&mismatch));
                let expected = expected
                    .map(|text| text.map(str::to_owned))
                    .map_err(|value| format!("expected {what} at /value, found {value}, which cannot be read as one"));
                assert_eq!(found, expected, "{value}");
            }
        }
        assert_eq!(id_at(&json!({}), "/value").unwrap(), None);
        assert_eq!(reference_at(&json!({ "value": false }), "/value").unwrap(), None);
        assert!(reference_at(&json!({ "value": true }), "/value").is_err());
    }

    #[test]
    fn unreadable_values_are_not_missing() {
        let item = json!({
            "amount": "12.50", "none": null, "debt": -3, "odd": "n/a", "list": [1], "at": "2026-11-24T10:00:00Z",
            "day": "30 Feb", "flag": true,
        });
        for (pointer, number, count) in [
            ("/amount", Ok(Some(12.5)), Ok(Some(12.5))),
            ("/none", Ok(None), Ok(None)),
            ("/nowhere", Ok(None), Ok(None)),
            ("/debt", Ok(Some(-3.0)), Err("-3")),
            ("/odd", Err("\"n/a\""), Err("\"n/a\"")),
            ("/list", Err("[1]"), Err("[1]")),
            ("/flag", Err("true"), Err("true")),
        ] {
            for (found, expected, what) in [
                (number_at(&item, pointer), number, "a number"),
                (count_at(&item, pointer), count, "a number of at least 0"),
            ] {
                let expected = expected.map_err(|value| {
                    format!("expected {what} at {pointer}, found {value}, which cannot be read as one")
                });
                assert_eq!(found.map_err(|mismatch| said(&mismatch)), expected, "{pointer}");
            }
        }
        let time = |pointer| time_at(&Times::default(), &item, pointer).map_err(|mismatch| said(&mismatch));
        assert_eq!(time("/at"), Ok(Some("2026-11-24T10:00:00Z".parse().unwrap())));
        assert_eq!(time("/none"), Ok(None));
        assert_eq!(time("/day"), Err("expected a time at /day, found \"30 Feb\", which cannot be read as one".into()));
    }
}
