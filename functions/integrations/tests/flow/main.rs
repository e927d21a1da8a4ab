//! The flow in process, against the demo platform and servers with certificates.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod certificates;
mod endings;
mod messages;
mod mutation;
mod settings;

use check_testkit::Observed;

/// Result of a subject's step, in one word.
fn step(observed: &Observed, subject: &str, name: &str) -> Option<&'static str> {
    let steps = &observed.report.last_attempt().unwrap().steps;
    steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).map(|step| step.result.word())
}

/// Item that a measurement names.
fn item(observed: &Observed, metric: &str) -> Option<String> {
    let attempt = observed.report.last_attempt().unwrap();
    attempt
        .measurements
        .iter()
        .find(|measurement| measurement.metric == metric)
        .unwrap()
        .item
        .as_ref()
        .map(ToString::to_string)
}
