//! Measurements from the operations counters. Alarms judge them, not this check.

use check::metric::{ERROR_RATE, EXCEPTIONS, PARTNER_CALL_FAILURE_RATE, REQUESTS, SLOW_QUERIES};
use check::{foreign, ours, phrase};
use platform::Platform;
use platform::counting::Counters;
use runtime::Run;
use serde_json::{Map, Value};

/// Longest name of a partner in a report. **Units:** characters.
const MAX_NAME: usize = 64;

/// Measures the counters that exist. A rate needs both of its counters.
pub(crate) fn measure(run: &Run, platform: &Platform, counters: &mut Counters<'_>) {
    let names = &platform.counters;
    let requests = counters.number(names.requests.as_str());
    let failed = counters.number(names.responses_5xx.as_str());
    let counts = [
        (&REQUESTS, requests),
        (&EXCEPTIONS, counters.number(names.exceptions.as_str())),
        (&SLOW_QUERIES, counters.number(names.slow_queries.as_str())),
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
    let pointer = names.external_calls.as_str();
    match counters.value(pointer) {
        Some(Value::Object(partners)) => measure_calls(run, platform, counters, &partners),
        // PHP writes an empty map as an empty list.
        Some(Value::Array(none)) if none.is_empty() => {}
        other => counters.report(ours(pointer).into(), other.as_ref()),
    }
}

/// Measures the highest rate of all partners.
fn measure_calls(run: &Run, platform: &Platform, counters: &mut Counters<'_>, partners: &Map<String, Value>) {
    let names = &platform.counters;
    let rates = partners.iter().filter_map(|(partner, calls)| {
        let mut count = |pointer: &str| {
            let name = phrase!(
                "{}/{}{}",
                ours(names.external_calls.as_str()),
                foreign(partner).at_most(MAX_NAME),
                ours(pointer)
            );
            counters.count(name, calls.pointer(pointer))
        };
        let (attempted, failed) = (count(names.external_attempted.as_str()), count(names.external_failed.as_str()));
        let (attempted, failed) = (attempted?, failed?);
        Some((partner, counters.rate(failed, (attempted - failed).max(0.0))?))
    });
    if let Some((partner, rate)) = rates.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
        run.measure(&PARTNER_CALL_FAILURE_RATE, rate, Some(foreign(partner).at_most(MAX_NAME).into()));
    }
}
