//! What the check remembers: the last code of the second factor, and its own attempts, which the platform counts too.

use runtime::counting::Tally;
use serde::{Deserialize, Serialize};

/// How an own attempt to log in or out ended, as the platform counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ended {
    /// A log-in that succeeded.
    #[serde(rename = "in")]
    LoggedIn,
    /// A log-in that was refused.
    #[serde(rename = "no")]
    Refused,
    /// A log-in that was throttled.
    #[serde(rename = "429")]
    Throttled,
    /// A log-out.
    #[serde(rename = "out")]
    LoggedOut,
}

/// From run to run. Lost, a code may be used twice and the rates of one window are off by our own attempts: neither is a
/// failure of the platform, and both are over with the next run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The last time step (RFC 6238) whose code was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code_step: Option<u64>,
    /// Own attempts to log in and out.
    #[serde(default)]
    pub(crate) attempts: Tally<Ended>,
}

impl Memory {
    /// What this run remembers and what another one wrote meanwhile; both began from `base`.
    pub(crate) fn merged(base: Self, ours: Self, theirs: Self) -> Self {
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
    fn runs_beside_each_other_lose_neither_a_code_nor_an_attempt() {
        let remembered = |code_step, seconds: &[i64]| {
            let mut memory = Memory { code_step, ..Memory::default() };
            for second in seconds {
                memory.attempts.note(jiff::Timestamp::from_second(*second).unwrap(), Ended::LoggedIn);
            }
            memory
        };
        let (base, ours, theirs) =
            (remembered(Some(1), &[10]), remembered(Some(2), &[10, 20]), remembered(Some(3), &[10, 15]));
        assert_eq!(Memory::merged(base, ours, theirs), remembered(Some(3), &[10, 15, 20]));
    }

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let mut memory = Memory { code_step: Some(u64::MAX), ..Memory::default() };
        memory.attempts.note("2026-11-23T04:49:30Z".parse().unwrap(), Ended::LoggedIn);
        let written = r#"{"code_step":18446744073709551615,"attempts":[[1795409370,"in"]]}"#;
        assert_eq!(serde_json::to_string(&memory).unwrap(), written);
        assert_eq!(serde_json::from_str::<Memory>(written).unwrap(), memory);
        assert_eq!(serde_json::from_str::<Memory>("{}").unwrap(), Memory::default());
    }
}
