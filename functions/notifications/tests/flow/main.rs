//! In-process tests of the flow against the demo platform.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a failed assumption fails the test")]

mod cadence;
mod endings;
mod flavours;
mod mutation;
mod providers;
mod settings;
mod smtp;

use check_testkit::Observed;

/// Result of a subject's step, as one word.
fn step(observed: &Observed, subject: &str, name: &str) -> Option<&'static str> {
    let steps = &observed.report.last_attempt().unwrap().steps;
    steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).map(|step| step.result.word())
}

/// Debug text of a subject's step result, with the reason of a skipped step.
fn reason(observed: &Observed, subject: &str, name: &str) -> String {
    let steps = &observed.report.last_attempt().unwrap().steps;
    let step = steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).unwrap();
    format!("{:?}", step.result)
}
