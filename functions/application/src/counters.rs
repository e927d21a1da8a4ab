//! Measurements from the operations counters. Alarms judge them, not this check.

use check::foreign;
use check::metric::{ERROR_RATE, EXCEPTIONS, PARTNER_CALL_FAILURE_RATE, REQUESTS, SLOW_QUERIES};
use platform::Platform;
use platform::counting::Counters;
use probe::expect::number;
use runtime::Run;
use serde_json::Value;

/// Longest name of a partner in a report. **Units:** characters.
const MAX_NAME: usize = 64;

/// Measures the counters that exist. Returns the pointers of the missing ones.
pub(crate) fn measure(run: &Run, platform: &Platform, counters: &Counters<'_>) -> Vec<String> {
    let names = &platform.counters;
    let mut missing = Vec::new();
    let mut take = |pointer: &str| {
        let number = counters.number(pointer);
        if number.is_none() {
            missing.push(pointer.to_owned());
        }
        number
    };
    let requests = take(names.requests.as_str());
    let failed = take(names.responses_5xx.as_str());
    let counts = [
        (&REQUESTS, requests),
        (&EXCEPTIONS, take(names.exceptions.as_str())),
        (&SLOW_QUERIES, take(names.slow_queries.as_str())),
    ];
    for (metric, count) in counts {
        if let Some(count) = count {
            run.measure(metric, count, None);
        }
    }
    if let (Some(requests), Some(failed)) = (requests, failed)
        && let Some(rate) = counters.rate(failed, (requests - failed).max(0.0))
    {
        run.measure(&ERROR_RATE, rate, None);
    }
    match counters.value(names.external_calls.as_str()) {
        Some(Value::Object(partners)) => {
            let rates = partners.iter().filter_map(|(partner, calls)| {
                let count = |pointer: &str| calls.pointer(pointer).and_then(number).filter(|count| *count >= 0.0);
                let attempted = count(names.external_attempted.as_str())?;
                let failed = count(names.external_failed.as_str())?;
                Some((partner, counters.rate(failed, (attempted - failed).max(0.0))?))
            });
            if let Some((partner, rate)) = rates.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
                run.measure(&PARTNER_CALL_FAILURE_RATE, rate, Some(foreign(partner).at_most(MAX_NAME).into()));
            }
        }
        // PHP writes an empty map as an empty list.
        Some(Value::Array(none)) if none.is_empty() => {}
        _ => missing.push(names.external_calls.as_str().to_owned()),
    }
    missing
}
