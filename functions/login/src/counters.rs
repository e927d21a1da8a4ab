//! How real users' log-ins fare.

use check::metric::{LOCKOUTS, LOGIN_FAILURE_RATE, LOGIN_SUCCESS_RATE, LOGOUT_SUCCESS_RATE};
use runtime::Run;
use runtime::counting::Counters;
use runtime::settings::Platform;

use crate::memory::{Ended, Memory};

/// Measures the rates, our own attempts taken off; answers which of the published numbers' counters are not there.
pub(crate) fn measure(run: &Run, platform: &Platform, memory: &Memory, counters: &Counters<'_>) -> Vec<String> {
    let names = &platform.counters;
    let of_others = |pointer: &str, ended| counters.users_only(pointer, &memory.attempts, &ended);
    let succeeded = of_others(names.logins_succeeded.as_str(), Ended::LoggedIn);
    let failed = of_others(names.logins_failed.as_str(), Ended::Refused);
    let logged_out = of_others(names.logouts_succeeded.as_str(), Ended::LoggedOut);
    let kept_in = counters.number(names.logouts_failed.as_str());
    let lockouts = of_others(names.lockouts.as_str(), Ended::Throttled);
    // Half of a rate is none.
    let rate = |part: Option<f64>, rest: Option<f64>| counters.rate(part?, rest?);
    let measured = [
        (&LOGIN_FAILURE_RATE, rate(failed, succeeded)),
        (&LOGIN_SUCCESS_RATE, rate(succeeded, failed)),
        (&LOGOUT_SUCCESS_RATE, rate(logged_out, kept_in)),
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
