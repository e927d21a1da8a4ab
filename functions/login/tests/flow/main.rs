//! In-process tests of the flow against the demo platform.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed assumption fails the test")]

mod counters;
mod endings;
mod flavours;
mod maintenance;
mod mutation;
mod redirects;
mod second_factor;
mod settings;
mod shapes;
mod tokens;

use check_testkit::Observed;

/// Steps of the last attempt with their results.
fn steps(observed: &Observed) -> Vec<(&str, &'static str)> {
    let attempt = observed.report.last_attempt().unwrap();
    attempt.steps.iter().map(|step| (step.name.as_str(), step.result.word())).collect()
}
