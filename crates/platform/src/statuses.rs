//! Statuses that the platform reports.

use serde_json::Value;
use settings::written_id;

/// Status as text: platforms write names, and also numbers such as exit codes.
#[must_use]
pub fn status_text(status: &Value) -> String {
    written_id(status).trim().to_owned()
}

/// True if the platform reports a status of the settings. Letter case does not matter: `Failed` is `failed`.
#[must_use]
pub fn is_status(listed: &str, reported: &str) -> bool {
    listed.eq_ignore_ascii_case(reported.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
