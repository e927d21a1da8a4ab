//! Statuses that the platform reports.

use check::{FailureKind, Mismatch, ours, phrase};
use probe::Response;
use probe::expect::{Compare, json_found, json_matches};
use serde_json::Value;
use settings::written_id;

use crate::names::Platform;
use crate::values::{plain, quoted};

/// Status as text: platforms write names, and also numbers such as exit codes.
#[must_use]
pub fn status_text(status: &Value) -> String {
    written_id(status).trim().to_owned()
}

/// Reads the status that was found at a pointer, as text.
///
/// # Errors
/// A mismatch of kind `assertion` with the value: a list or an object.
pub fn reported_status(found: &Value, pointer: &str) -> Result<String, Mismatch> {
    let unreadable = || Mismatch::new(FailureKind::Assertion, phrase!("a status at {}", ours(pointer)), quoted(found));
    plain(found).ok_or_else(unreadable)
}

/// True if the platform reports a status of the settings. Letter case does not matter: `Failed` is `failed`.
#[must_use]
pub fn is_status(listed: &str, reported: &str) -> bool {
    listed.eq_ignore_ascii_case(reported.trim())
}

/// Expects a status of the settings at a pointer, below the platform's wrapper or at the top.
///
/// # Errors
/// A mismatch of kind `assertion` for another status or none.
pub fn expect_status(platform: &Platform, response: &Response, pointer: &str, listed: &str) -> Result<(), Mismatch> {
    let wrapper = platform.wrapper.as_str();
    if is_status(listed, &reported_status(&json_found(response, pointer, wrapper)?, pointer)?) {
        return Ok(());
    }
    json_matches(response, pointer, wrapper, &Value::from(listed), Compare::Strict)
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;
    use crate::tests::response;

    #[test]
    fn status_is_expected_in_any_case() {
        let platform = Platform::default();
        for (body, held) in [
            (r#"{"data": {"status": "Confirmed"}}"#, true),
            (r#"{"status": "confirmed"}"#, true),
            (r#"{"status": "pending"}"#, false),
            (r#"{"status": null}"#, false),
            (r#"{"status": {"value": "confirmed"}}"#, false),
            ("{}", false),
        ] {
            let found = expect_status(&platform, &response(200, body), "/status", "confirmed");
            assert_eq!(found.is_ok(), held, "{body}");
        }
    }

    #[test]
    fn list_or_object_is_no_status() {
        for value in [json!({ "value": "failed" }), json!(["failed"])] {
            let unreadable = reported_status(&value, "/status").unwrap_err();
            let [expected, actual] = [unreadable.expected, unreadable.actual].map(|text| text.admit(&NoSecrets, 200));
            assert_eq!(expected, "a status at /status");
            assert_eq!(actual, *format!("{value}, which cannot be read as one"));
        }
        for (value, text) in
            [(json!(" open "), "open"), (json!(1.0), "1"), (json!(true), "true"), (json!(null), "null")]
        {
            assert_eq!(reported_status(&value, "/status").unwrap(), text);
        }
    }

    #[test]
    fn status_is_the_same_as_a_number_and_in_another_case() {
        for (listed, reported, expected) in [
            ("failed", json!("Failed"), true),
            ("failed", json!(" failed "), true),
            ("1", json!(1), true),
            ("1", json!("1"), true),
            ("1", json!(10), false),
            ("failed", json!(null), false),
        ] {
            assert_eq!(is_status(listed, &status_text(&reported)), expected, "{reported}");
        }
    }
}
