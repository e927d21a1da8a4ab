//! The flow in process, against the demo platform.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod endings;
mod flavours;
mod mutation;
mod settings;

use check_testkit::Observed;

/// Result of a subject's step, in one word.
fn step(observed: &Observed, subject: &str, name: &str) -> Option<&'static str> {
    let steps = &observed.report.last_attempt().unwrap().steps;
    steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).map(|step| step.result.word())
}

/// Details of a step, for substring assertions.
fn detail(observed: &Observed, subject: &str, name: &str) -> String {
    let steps = &observed.report.last_attempt().unwrap().steps;
    let step = steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).unwrap();
    format!("{:?}", step.result)
}
