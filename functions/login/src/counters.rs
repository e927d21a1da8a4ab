//! Failure rates and lockouts of real users.

use check::metric::{LOCKOUTS, LOGIN_FAILURE_RATE, LOGIN_SUCCESS_RATE, LOGOUT_SUCCESS_RATE};
use platform::Platform;
use platform::counting::Counters;
use runtime::Run;

use crate::memory::{AttemptResult, Memory};

/// Measures the rates without the check's own attempts. Returns the pointers of missing counters behind published metrics.
pub(crate) fn measure(run: &Run, platform: &Platform, memory: &Memory, counters: &Counters<'_>) -> Vec<String> {
    let names = &platform.counters;
    let users_only = |pointer: &str, result| counters.users_only(pointer, &memory.attempts, &result);
    let succeeded = users_only(names.logins_succeeded.as_str(), AttemptResult::LoggedIn);
    let failed = users_only(names.logins_failed.as_str(), AttemptResult::Refused);
    let logged_out = users_only(names.logouts_succeeded.as_str(), AttemptResult::LoggedOut);
    let failed_logouts = counters.number(names.logouts_failed.as_str());
    let lockouts = users_only(names.lockouts.as_str(), AttemptResult::Throttled);
    // A rate needs both of its counters.
    let rate = |part: Option<f64>, rest: Option<f64>| counters.rate(part?, rest?);
    let measured = [
        (&LOGIN_FAILURE_RATE, rate(failed, succeeded)),
        (&LOGIN_SUCCESS_RATE, rate(succeeded, failed)),
        (&LOGOUT_SUCCESS_RATE, rate(logged_out, failed_logouts)),
        (&LOCKOUTS, lockouts),
    ];
    for (metric, value) in measured {
        if let Some(value) = value {
            run.measure(metric, value, None);
        }
    }
    let needed = [(&names.logins_succeeded, succeeded), (&names.logins_failed, failed), (&names.lockouts, lockouts)];
    needed.iter().filter(|(_, count)| count.is_none()).map(|(pointer, _)| pointer.as_str().to_owned()).collect()
}
