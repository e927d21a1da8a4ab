//! What the check remembers: the last code of the second factor, and its own attempts, which the platform counts too.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many own attempts are kept: those of 40 minutes, where a window of the counters has 5. All of it is read and written
/// with each run, and paid for by its length.
const MAX_ATTEMPTS: usize = 120;

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
    /// Own attempts, oldest first: when (Unix seconds), and how they ended.
    #[serde(default)]
    attempts: Vec<(i64, Ended)>,
}

impl Memory {
    /// One more attempt of our own.
    pub(crate) fn note(&mut self, at: Timestamp, ended: Ended) {
        self.attempts.push((at.as_second(), ended));
        let surplus = self.attempts.len().saturating_sub(MAX_ATTEMPTS);
        self.attempts.drain(..surplus);
    }

    /// How many of our own attempts of the last `window` seconds ended so.
    pub(crate) fn count(&self, ended: Ended, window: f64, now: Timestamp) -> f64 {
        let since = now.as_second() as f64 - window;
        self.attempts.iter().filter(|(at, how)| *how == ended && *at as f64 > since).count() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn attempts_of_the_window_are_counted_by_how_they_ended() {
        let mut memory = Memory::default();
        for (second, ended) in
            [(99, Ended::LoggedIn), (100, Ended::LoggedIn), (160, Ended::Refused), (161, Ended::LoggedIn)]
        {
            memory.note(at(second), ended);
        }
        assert_eq!(memory.count(Ended::LoggedIn, 300.0, at(399)), 2.0, "the first has left the window");
        assert_eq!(memory.count(Ended::Refused, 300.0, at(399)), 1.0);
        assert_eq!(memory.count(Ended::Throttled, 300.0, at(399)), 0.0);
    }

    #[test]
    fn the_memory_is_bounded_and_reads_what_an_older_one_wrote() {
        let mut memory = Memory { code_step: Some(u64::MAX), ..Memory::default() };
        for second in 0..1_000 {
            memory.note(at(1_790_000_000 + second), Ended::Throttled);
        }
        let written = serde_json::to_string(&memory).unwrap();
        assert!(written.len() < 4 * 1024, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
        assert_eq!(serde_json::from_str::<Memory>("{}").unwrap(), Memory::default());
    }
}
