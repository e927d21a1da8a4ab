//! `synthetics run --format junit`: a suite per check, and a case per step of its last attempt: the class is the check, the
//! name is the step with its subject.

use std::time::Duration;

use anyhow::Context;
use check::{Cause, Report, Step, StepResult};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::tables::expected_actual;

/// Renders the runs as XML: a failed step is a failure, an inconclusive one an error, one in maintenance or of a
/// run that was stopped is skipped.
pub(crate) fn to_xml(reports: &[Report]) -> anyhow::Result<String> {
    let mut junit = quick_junit::Report::new("synthetics");
    for report in reports {
        let mut suite = TestSuite::new(&report.key.check);
        suite.add_property(("run_id", report.run_id.as_str()));
        suite.add_property(("trace_id", report.trace_id.as_str()));
        suite.add_property(("environment", report.environment.as_str()));
        suite.add_property(("outcome", report.outcome.word()));
        suite.set_time(duration(report.last_attempt().map_or(0.0, |attempt| attempt.duration_ms)));
        let steps = report.last_attempt().into_iter().flat_map(|attempt| &attempt.steps);
        suite.add_test_cases(steps.map(|step| case(&report.key.check, step)));
        suite.add_test_cases(report.leftovers.iter().map(|left| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("leftover").set_message(left.detail.as_str());
            let mut case = TestCase::new(&left.compensation, status);
            case.set_classname(&report.key.check);
            case
        }));
        junit.add_test_suite(suite);
    }
    junit.to_string().context("failed to write JUnit XML")
}

fn case(check: &str, step: &Step) -> TestCase {
    let status = match &step.result {
        StepResult::Passed => TestCaseStatus::success(),
        StepResult::Failed { failure } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(failure.kind.as_str());
            status.set_message(expected_actual(failure));
            if let Some(evidence) = &failure.evidence {
                status.set_description(evidence.as_str());
            }
            status
        }
        StepResult::Inconclusive { inconclusive } if inconclusive.cause == Cause::Interrupted => {
            let mut status = TestCaseStatus::skipped();
            status.set_type(inconclusive.cause.to_string()).set_message(inconclusive.detail.as_str());
            status
        }
        StepResult::Inconclusive { inconclusive } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(inconclusive.cause.to_string()).set_message(inconclusive.detail.as_str());
            status
        }
        StepResult::Maintenance { detail: reason } | StepResult::Skipped { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            status
        }
    };
    let name = if step.subject.is_whole() { step.name.clone() } else { format!("{} ({})", step.name, step.subject) };
    let mut case = TestCase::new(name, status);
    case.set_classname(check).set_time(duration(step.duration_ms));
    case
}

fn duration(milliseconds: f64) -> Duration {
    Duration::from_secs_f64(milliseconds.max(0.0) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use check::is_interpreted;
    use check_testkit::sample_report;
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn hostile_texts_stay_texts() {
        let hostile = "\u{1b}[2J\u{9b}]]></failure><testcase name=\"forged\"/>\u{202e}&\r";
        let failure = json!({
            "subject": "-", "step": hostile, "kind": "status", "expected": hostile, "actual": hostile, "evidence": hostile,
        });
        let mut report = sample_report(&[1.0]);
        let step = json!({
            "subject": "-", "name": hostile, "result": "failed", "failure": failure, "started": report.started,
            "duration_ms": 1.0,
        });
        report.run_id = hostile.to_owned();
        report.trace_id = hostile.to_owned();
        report.environment = hostile.to_owned();
        report.outcome = from_value(json!({ "result": "failed", "failures": [failure] })).unwrap();
        report.attempts[0].steps = from_value(json!([step])).unwrap();
        report.leftovers = from_value(json!([{ "compensation": hostile, "detail": hostile }])).unwrap();
        let xml = to_xml(&[report]).unwrap();
        assert_eq!((xml.matches("<testcase").count(), xml.matches("</failure>").count()), (2, 1), "{xml}");
        let live = xml.chars().find(|c| *c != '\n' && is_interpreted(*c) && *c != '\u{202e}');
        assert_eq!(live, None, "{xml}");
    }
}
