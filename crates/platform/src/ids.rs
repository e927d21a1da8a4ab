//! Ids that the platform gives: their form and their bound.

use check::{FailureKind, Mismatch, ours, phrase};
use serde_json::Value;

use crate::values::written;

/// Maximum length of an id that is kept or sent back, in bytes.
const MAX_ID: usize = 128;

/// Returns an id as text without white space around it, if it has at most 128 bytes. `pointer` tells where it was.
///
/// # Errors
/// A mismatch of kind `assertion` for a longer one, and for a value that is neither a text nor a number. It quotes neither.
pub fn short_id(id: &Value, pointer: &str) -> Result<String, Mismatch> {
    let unreadable = |actual| Mismatch::new(FailureKind::Assertion, phrase!("an id at {}", ours(pointer)), actual);
    let id = written(id).map_err(unreadable)?;
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
        for (value, named) in [
            ("null", "null"),
            ("true", "true"),
            ("false", "false"),
            (r#"{"id":1}"#, "an object"),
            ("[1]", "a list"),
            (r#""""#, "an empty text"),
            (r#"" ""#, "an empty text"),
        ] {
            let refused = short_id(&serde_json::from_str(value).unwrap(), "/id").unwrap_err();
            let [expected, actual] = [refused.expected, refused.actual].map(|text| text.admit(&NoSecrets, 200));
            assert_eq!((expected.as_str(), actual.as_str()), ("an id at /id", named));
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
