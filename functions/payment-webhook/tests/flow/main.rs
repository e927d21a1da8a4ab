//! The flow in process, against the demo platform.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod bounds;
mod endings;
mod flavours;
mod mutation;
mod settings;
mod stripe_library;
mod sweep;

use trial::Seen;

/// The steps of the last attempt and how they ended.
fn steps(seen: &Seen) -> Vec<(&str, &'static str)> {
    let attempt = seen.report.last_attempt().unwrap();
    attempt.steps.iter().map(|step| (step.name.as_str(), step.result.word())).collect()
}
