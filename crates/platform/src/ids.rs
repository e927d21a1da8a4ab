//! Ids that the platform gives: their form and their bound.

use check::{FailureKind, Mismatch, foreign, ours, phrase};
use serde_json::Value;
use settings::written_id;

/// Maximum length of an id that is kept or sent back, in bytes.
const MAX_ID: usize = 128;

/// Maximum length of a quoted value that is not an id, in characters.
const MAX_QUOTED: usize = 60;

/// Returns an id as text without white space around it, if it has at most 128 bytes. `pointer` tells where it was.
///
/// # Errors
/// A mismatch of kind `assertion`. It does not quote a long id, but a value that is neither a text nor a number, or blank.
pub fn short_id(id: &Value, pointer: &str) -> Result<String, Mismatch> {
    let text = written_id(id);
    if !(id.is_string() || id.is_number()) || text.trim().is_empty() {
        let (expected, actual) = (phrase!("an id at {}", ours(pointer)), foreign(id.to_string()).at_most(MAX_QUOTED));
        return Err(Mismatch::new(FailureKind::Assertion, expected, actual));
    }
    let id = text.trim().to_owned();
    if id.len() <= MAX_ID {
        return Ok(id);
    }
    let expected = phrase!("an id of at most {} bytes at {}", MAX_ID, ours(pointer));
    Err(Mismatch::new(FailureKind::Assertion, expected, phrase!("one of {}", id.len())))
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;

    use super::*;

    #[test]
    fn null_and_other_values_are_no_ids() {
        for value in ["null", "true", "false", r#"{"id":1}"#, "[1]", r#""""#, r#"" ""#] {
            let refused = short_id(&serde_json::from_str(value).unwrap(), "/id").unwrap_err();
            let [expected, actual] = [refused.expected, refused.actual].map(|text| text.admit(&NoSecrets, 200));
            assert_eq!((expected.as_str(), actual.as_str()), ("an id at /id", value));
        }
        assert_eq!(short_id(&Value::from(" n1 "), "/id").unwrap(), "n1");
    }

    #[test]
    fn long_ids_are_refused_and_not_quoted() {
        assert_eq!(short_id(&Value::from(5001), "/id").unwrap(), "5001");
        assert_eq!(short_id(&Value::from("x".repeat(128)), "/id").unwrap().len(), 128);
        let refused = short_id(&Value::from("x".repeat(129)), "/id").unwrap_err();
        assert_eq!(refused.expected.admit(&NoSecrets, 200), "an id of at most 128 bytes at /id");
        assert_eq!((refused.actual.admit(&NoSecrets, 200).as_str(), refused.evidence), ("one of 129", None));
    }
}
