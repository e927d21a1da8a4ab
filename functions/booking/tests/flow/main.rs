//! In-process tests of the flow against the demo platform.

#![expect(clippy::unwrap_used, reason = "a failed assumption fails the test")]

mod bounds;
mod cleanup;
mod concurrent;
mod counters;
mod endings;
mod fields;
mod flavours;
mod mutation;
mod settings;

use check_testkit::Observed;

/// Steps of the last attempt with their results.
fn steps(observed: &Observed) -> Vec<(&str, &'static str)> {
    let attempt = observed.report.last_attempt().unwrap();
    attempt.steps.iter().map(|step| (step.name.as_str(), step.result.word())).collect()
}
