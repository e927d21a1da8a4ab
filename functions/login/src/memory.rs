//! Memory of the check: the last code of the second factor, and its own attempts, which the platform's counters include.

use platform::counting::Tally;
use runtime::CheckMemory;
use serde::{Deserialize, Serialize};

/// Result of one of the check's own log-ins or log-outs, as the platform counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AttemptResult {
    /// A successful log-in.
    #[serde(rename = "in")]
    LoggedIn,
    /// A refused log-in.
    #[serde(rename = "no")]
    Refused,
    /// A throttled log-in.
    #[serde(rename = "429")]
    Throttled,
    /// A log-out.
    #[serde(rename = "out")]
    LoggedOut,
}

/// Data kept between runs. Without it, a code may be used twice, and the rates of one window include the check's own
/// attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Time step (RFC 6238) of the last code sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code_step: Option<u64>,
    /// The check's own log-ins and log-outs.
    pub(crate) attempts: Tally<AttemptResult>,
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    fn merge(base: Self, ours: Self, theirs: Self) -> Self {
        Self {
            code_step: ours.code_step.max(theirs.code_step),
            attempts: theirs.attempts.with_new_of(ours.attempts, &base.attempts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_runs_keep_all_codes_and_attempts() {
        let remembered = |code_step, seconds: &[i64]| {
            let mut memory = Memory { code_step, ..Memory::default() };
            for second in seconds {
                memory.attempts.note(jiff::Timestamp::from_second(*second).unwrap(), AttemptResult::LoggedIn);
            }
            memory
        };
        let (base, ours, theirs) =
            (remembered(Some(1), &[10]), remembered(Some(2), &[10, 20]), remembered(Some(3), &[10, 15]));
        assert_eq!(Memory::merge(base, ours, theirs), remembered(Some(3), &[10, 15, 20]));
    }

    #[test]
    fn stored_form_belongs_to_version_1() {
        let mut memory = Memory { code_step: Some(u64::MAX), ..Memory::default() };
        memory.attempts.note("2026-11-23T04:49:30Z".parse().unwrap(), AttemptResult::LoggedIn);
        let written = r#"{"code_step":18446744073709551615,"attempts":[[1795409370,"in"]]}"#;
        assert_eq!(serde_json::to_string(&memory).unwrap(), written);
        assert_eq!(serde_json::from_str::<Memory>(written).unwrap(), memory);
        assert_eq!(Memory::VERSION, 1, "another form needs another version");
    }
}
