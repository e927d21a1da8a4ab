//! How real users fare: the operations counters, without our own attempts.

use jiff::Timestamp;
use probe::Response;
use probe::expect::json_found;
use runtime::settings::Platform;

use crate::memory::{Ended, Memory};
use crate::settings::Counting;

/// The window when the counters do not tell it.
const DEFAULT_WINDOW_SECONDS: f64 = 300.0;

/// Counts of real users in the counters' window. `None`: the counter is not there, or no number.
#[derive(Debug, PartialEq)]
pub(crate) struct Counts {
    logins_succeeded: Option<f64>,
    logins_failed: Option<f64>,
    logouts_succeeded: Option<f64>,
    logouts_failed: Option<f64>,
    /// Log-ins that were throttled.
    pub(crate) lockouts: Option<f64>,
}

impl Counts {
    /// Reads the counters and takes our own attempts off.
    ///
    /// # Errors
    /// What is wrong with the answer, in words.
    pub(crate) fn read(
        response: &Response,
        platform: &Platform,
        counting: &Counting,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<Self, String> {
        probe::expect::json(response).map_err(|mismatch| mismatch.seen)?;
        let names = &platform.counters;
        let number = |pointer: &str| {
            let value = json_found(response, pointer, platform.wrapper.as_str()).ok()?.as_f64()?;
            (value.is_finite() && value >= 0.0).then_some(value)
        };
        let window = number(names.window_seconds.as_str()).unwrap_or(DEFAULT_WINDOW_SECONDS);
        let of_others = |pointer: &str, ours: Ended| {
            let ours = if counting.include_ours { memory.count(ours, window, now) } else { 0.0 };
            // Both sides' windows are cut at slightly different moments.
            Some((number(pointer)? - ours).max(0.0))
        };
        Ok(Self {
            logins_succeeded: of_others(names.logins_succeeded.as_str(), Ended::LoggedIn),
            logins_failed: of_others(names.logins_failed.as_str(), Ended::Refused),
            logouts_succeeded: of_others(names.logouts_succeeded.as_str(), Ended::LoggedOut),
            logouts_failed: number(names.logouts_failed.as_str()),
            lockouts: of_others(names.lockouts.as_str(), Ended::Throttled),
        })
    }

    /// Failed of all log-ins, in percent. `None` when the window holds too few to tell.
    pub(crate) fn login_failure_rate(&self, minimum_count: u32) -> Option<f64> {
        rate(self.logins_failed?, self.logins_succeeded?, minimum_count)
    }

    /// Succeeded of all log-ins, in percent.
    pub(crate) fn login_success_rate(&self, minimum_count: u32) -> Option<f64> {
        rate(self.logins_succeeded?, self.logins_failed?, minimum_count)
    }

    /// Succeeded of all log-outs, in percent.
    pub(crate) fn logout_success_rate(&self, minimum_count: u32) -> Option<f64> {
        rate(self.logouts_succeeded?, self.logouts_failed?, minimum_count)
    }
}

fn rate(part: f64, rest: f64, minimum_count: u32) -> Option<f64> {
    let all = part + rest;
    (all >= f64::from(minimum_count)).then(|| 100.0 * part / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(succeeded: f64, failed: f64) -> Counts {
        Counts {
            logins_succeeded: Some(succeeded),
            logins_failed: Some(failed),
            logouts_succeeded: Some(9.0),
            logouts_failed: None,
            lockouts: None,
        }
    }

    #[test]
    fn a_rate_needs_both_counters_and_enough_attempts() {
        assert_eq!(counts(45.0, 5.0).login_failure_rate(20), Some(10.0));
        assert_eq!(counts(45.0, 5.0).login_success_rate(20), Some(90.0));
        assert_eq!(counts(15.0, 5.0).login_failure_rate(20), Some(25.0), "just enough");
        assert_eq!(counts(14.0, 5.0).login_failure_rate(20), None, "one too few");
        assert_eq!(counts(0.0, 0.0).login_failure_rate(1), None);
        assert_eq!(counts(45.0, 5.0).logout_success_rate(1), None, "half of a rate is none");
    }
}
