//! Run ids: UUIDs of version 7 (RFC 9562, section 5.7), which contain the start time and sort by it.

use jiff::Timestamp;
use probe::Identity;
use uuid::{NoContext, Timestamp as UuidTime, Uuid};

/// Creates the id of a run with this start time.
pub(crate) fn run_id(began: Timestamp) -> Uuid {
    let seconds = u64::try_from(began.as_second()).unwrap_or_default();
    let nanoseconds = u32::try_from(began.subsec_nanosecond()).unwrap_or_default();
    Uuid::new_v7(UuidTime::from_unix(NoContext, seconds, nanoseconds))
}

/// Creates an identity for requests outside of runs.
#[must_use]
pub fn identity(now: Timestamp) -> Identity {
    let id = run_id(now);
    Identity { run_id: id.to_string(), trace_id: id.simple().to_string() }
}

/// Reads the start time from a run id, by the run's own clock. Returns `None` for any other text.
#[must_use]
pub fn began(run_id: &str) -> Option<Timestamp> {
    let (seconds, nanoseconds) = Uuid::try_parse(run_id).ok()?.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_id_contains_its_start_time() {
        let at = "2026-11-24T10:05:30.123Z".parse().unwrap();
        let (one, other) = (run_id(at), run_id(at));
        assert_ne!(one, other);
        assert_eq!(began(&one.to_string()), Some(at));
        for wrong in ["", "42", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"] {
            assert_eq!(began(wrong), None, "{wrong}");
        }
    }
}
