//! The flow in process, against the demo platform and servers with certificates.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod certificates;
mod endings;
mod mutation;
mod settings;
mod telling;

use trial::Seen;

/// How a step of a subject ended, in a word.
fn step(seen: &Seen, subject: &str, name: &str) -> Option<&'static str> {
    let steps = &seen.report.last_attempt().unwrap().steps;
    steps.iter().find(|step| step.subject.as_str() == subject && step.name == name).map(|step| step.result.word())
}

/// Which item a measurement is about.
fn item(seen: &Seen, metric: &str) -> Option<String> {
    let attempt = seen.report.last_attempt().unwrap();
    attempt.measurements.iter().find(|measurement| measurement.metric == metric).unwrap().item.clone()
}
