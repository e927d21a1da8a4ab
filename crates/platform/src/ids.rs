//! Bound of the ids that the platform gives.

use check::{FailureKind, Mismatch, ours, phrase};
use serde_json::Value;
use settings::written_id;

/// Maximum length of an id that is kept or sent back, in bytes.
const MAX_ID: usize = 128;

/// Returns an id as text, if it has at most 128 bytes. `pointer` tells where it was.
///
/// # Errors
/// A mismatch of kind `assertion`, which does not quote the id.
pub fn short_id(id: &Value, pointer: &str) -> Result<String, Mismatch> {
    let id = written_id(id);
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
    fn long_ids_are_refused_and_not_quoted() {
        assert_eq!(short_id(&Value::from(5001), "/id").unwrap(), "5001");
        assert_eq!(short_id(&Value::from("x".repeat(128)), "/id").unwrap().len(), 128);
        let refused = short_id(&Value::from("x".repeat(129)), "/id").unwrap_err();
        assert_eq!(refused.expected.admit(&NoSecrets, 200), "an id of at most 128 bytes at /id");
        assert_eq!((refused.actual.admit(&NoSecrets, 200).as_str(), refused.evidence), ("one of 129", None));
    }
}
