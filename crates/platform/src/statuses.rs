//! Statuses that the platform reports.

use check::{FailureKind, Mismatch, ours, phrase};
use serde_json::Value;
use settings::written_id;

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

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

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
