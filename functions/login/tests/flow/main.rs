//! The flow in process, against the demo platform.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod counters;
mod endings;
mod flavours;
mod mutation;
mod second_factor;
mod settings;

use check_testkit::Observed;

/// The steps of the last attempt and how they ended.
fn steps(observed: &Observed) -> Vec<(&str, &'static str)> {
    let attempt = observed.report.last_attempt().unwrap();
    attempt.steps.iter().map(|step| (step.name.as_str(), step.result.word())).collect()
}
