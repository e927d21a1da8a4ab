//! Failure rates and lockouts of real users.

use check::metric::{LOCKOUTS, LOGIN_FAILURE_RATE, LOGIN_SUCCESS_RATE, LOGOUT_SUCCESS_RATE};
use platform::Platform;
use platform::counting::Counters;
use runtime::Run;

use crate::memory::{AttemptResult, Memory};

/// Measures the rates without the check's own attempts. Each needs both of its counters: one for success, one for failure.
pub(crate) fn measure(run: &Run, platform: &Platform, memory: &Memory, counters: &mut Counters<'_>) {
    let names = &platform.counters;
    let succeeded = counters.number(names.logins_succeeded.as_str());
    let failed = counters.number(names.logins_failed.as_str());
    let lockouts = counters.number(names.lockouts.as_str());
    // Only a measurement in the log line needs these two.
    let logged_out = counters.optional_number(names.logouts_succeeded.as_str());
    let failed_logouts = counters.optional_number(names.logouts_failed.as_str());
    let users_only = |count, result| counters.users_only(count, &memory.attempts, &result);
    let succeeded = users_only(succeeded, AttemptResult::LoggedIn);
    let failed = users_only(failed, AttemptResult::Refused);
    let logged_out = users_only(logged_out, AttemptResult::LoggedOut);
    let lockouts = users_only(lockouts, AttemptResult::Throttled);
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
}
