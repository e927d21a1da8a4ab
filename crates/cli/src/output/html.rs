//! `synthetics run --format html`: one page for people, without scripts and without anything from elsewhere.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use check::text::utc;
use check::{Attempt, Failure, Outcome, Report, Step, StepResult, Subject};
use operations::thresholds::Thresholds;

use super::exchanges::{milliseconds, result};
use super::page::Page;
use super::waterfall::{self, Span};
use crate::tables::{headline, measurement, subject_name};

/// Renders the reports, those that need attention first.
pub(super) fn page(reports: &[Report], thresholds: &Thresholds) -> String {
    let mut sorted: Vec<&Report> = reports.iter().collect();
    sorted.sort_by_key(|report| Reverse(State::from_report(report)));
    let worst = sorted.first().map_or(State::Passed, |report| State::from_report(report));
    let environment = reports.first().map_or("none", |report| report.environment.as_str());
    let mut page = Page::default();
    page.raw(include_str!("html/head.html")).raw("<style>\n").raw(include_str!("html/page.css")).raw("</style>\n");
    page.raw("<title>").text(worst.word()).raw(": synthetics, ").text(environment).raw("</title>\n</head>\n<body>\n");
    page.raw("<header>\n<h1>Synthetics: ").text(environment).raw("</h1>\n<p class=\"badge ").raw(worst.class());
    page.raw("\">").text(&counts(&sorted)).raw("</p>\n");
    if let (Some(first), Some(last)) =
        (reports.iter().map(|report| report.started).min(), reports.iter().map(|report| report.ended).max())
    {
        page.raw("<p>").text(&format!("{} to {}", utc(first), utc(last))).raw("</p>\n");
    }
    page.raw(include_str!("html/legend.html")).raw("</header>\n<main>\n");
    for report in sorted {
        check(&mut page, report, thresholds);
    }
    page.raw("</main>\n</body>\n</html>");
    page.into_text()
}

/// State of a check, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Passed,
    Refused,
    Maintenance,
    Inconclusive,
    Leftovers,
    Failed,
}

impl State {
    fn from_report(report: &Report) -> Self {
        match &report.outcome {
            Outcome::Failed { .. } => Self::Failed,
            _ if !report.leftovers.is_empty() => Self::Leftovers,
            Outcome::Inconclusive { .. } => Self::Inconclusive,
            Outcome::Maintenance { .. } => Self::Maintenance,
            Outcome::Refused { .. } => Self::Refused,
            Outcome::Passed => Self::Passed,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Maintenance => "maintenance",
            Self::Inconclusive => "inconclusive",
            Self::Leftovers => "passed with leftovers",
            Self::Failed => "failed",
        }
    }

    /// Class in the style sheet.
    const fn class(self) -> &'static str {
        match self {
            Self::Passed => "good",
            Self::Refused | Self::Maintenance => "calm",
            Self::Inconclusive => "unsure",
            Self::Leftovers | Self::Failed => "bad",
        }
    }
}

/// Counts the checks in each state: `1 failed, 9 passed`.
fn counts(reports: &[&Report]) -> String {
    let mut counts: BTreeMap<Reverse<State>, usize> = BTreeMap::new();
    for report in reports {
        *counts.entry(Reverse(State::from_report(report))).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(Reverse(state), count)| format!("{count} {}", state.word())).collect();
    if parts.is_empty() { "no check ran".to_owned() } else { parts.join(", ") }
}

fn check(page: &mut Page, report: &Report, thresholds: &Thresholds) {
    let state = State::from_report(report);
    page.raw("<details class=\"check ").raw(state.class()).raw("\"");
    page.raw(if state == State::Passed { ">\n" } else { " open>\n" });
    page.raw("<summary><span class=\"badge ").raw(state.class()).raw("\">").text(state.word()).raw("</span> <b>");
    page.text(&report.key.check).raw("</b>");
    if let Some(attempt) = report.last_attempt() {
        page.raw(" <span class=\"quiet\">").text(&milliseconds(attempt.duration_ms)).raw("</span>");
    }
    page.raw("</summary>\n");
    match &report.outcome {
        Outcome::Failed { failures } => failures.iter().for_each(|failure| fail(page, report, failure)),
        Outcome::Passed if report.attempts.len() < 2 => {}
        _ => {
            page.raw("<p>").text(&headline(report).to_string()).raw("</p>\n");
        }
    }
    for leftover in &report.leftovers {
        page.raw("<p class=\"note bad\">Leftover of ")
            .text(&leftover.compensation)
            .raw(": ")
            .text(leftover.detail.as_str());
        if let Some(instructions) = &leftover.instructions {
            page.raw("<br>").text(instructions);
        }
        page.raw("</p>\n");
    }
    for warning in &report.warnings {
        page.raw("<p class=\"note unsure\">Warning: ").text(warning.as_str()).raw("</p>\n");
    }
    for (attempt, number) in report.attempts.iter().zip(1..) {
        if report.attempts.len() > 1 {
            page.raw("<h3>Attempt ").text(&format!("{number}")).raw("</h3>\n");
        }
        flows(page, report, attempt);
    }
    measurements(page, report, thresholds);
    page.raw("<p class=\"quiet\">Run ").text(&report.run_id).raw(", trace ").text(&report.trace_id);
    page.raw(", started ").text(&utc(report.started)).raw("</p>\n</details>\n");
}

fn fail(page: &mut Page, report: &Report, failure: &Failure) {
    page.raw("<section class=\"failure\">\n<h3>").text(subject_name(&report.key.check, &failure.subject)).raw(": ");
    page.text(&failure.step).raw(" <span class=\"quiet\">").text(failure.kind.as_str()).raw("</span></h3>\n<dl>\n");
    page.raw("<dt>Expected</dt><dd>").text(failure.expected.as_str()).raw("</dd>\n");
    page.raw("<dt>Actual</dt><dd>").text(failure.actual.as_str()).raw("</dd>\n</dl>\n");
    if let Some(evidence) = &failure.evidence {
        page.raw("<pre>").text(evidence.as_str()).raw("</pre>\n");
    }
    page.raw("</section>\n");
}

/// Renders the steps of each flow, with the waterfall of its exchanges.
fn flows(page: &mut Page, report: &Report, attempt: &Attempt) {
    let mut by_subject: BTreeMap<&Subject, Vec<&Step>> = BTreeMap::new();
    attempt.steps.iter().for_each(|step| by_subject.entry(&step.subject).or_default().push(step));
    for (subject, steps) in by_subject {
        let span = Span::around(&steps);
        page.raw("<section class=\"flow\">\n<h4>").text(subject_name(&report.key.check, subject));
        if let Some(span) = &span {
            page.raw(" <span class=\"quiet\">exchanges within ").text(&milliseconds(span.length_ms)).raw("</span>");
        }
        page.raw("</h4>\n");
        for step in steps {
            step_row(page, step);
            for exchange in &step.exchanges {
                page.raw("<div class=\"exchange\"><code>").text(&exchange.method).raw(" ").text(exchange.url.as_str());
                page.raw("</code>");
                span.iter().for_each(|span| waterfall::bar(page, exchange, span));
                page.raw("<span class=\"quiet\">").text(&result(exchange)).raw("</span></div>\n");
            }
        }
        page.raw("</section>\n");
    }
}

fn step_row(page: &mut Page, step: &Step) {
    let (class, detail) = match &step.result {
        StepResult::Passed => ("good", None),
        // Only the first failure of a subject has a section of its own.
        StepResult::Failed { failure } => {
            let (kind, expected, actual) = (failure.kind, &failure.expected, &failure.actual);
            ("bad", Some(format!("{kind}: expected {expected}, found {actual}")))
        }
        StepResult::Inconclusive { inconclusive } => ("unsure", Some(inconclusive.detail.to_string())),
        StepResult::Maintenance { detail } => ("calm", Some(detail.to_string())),
        StepResult::Skipped { reason } => ("calm", Some(reason.to_string())),
    };
    page.raw("<p class=\"step\"><span class=\"badge ").raw(class).raw("\">").text(step.result.word()).raw("</span> ");
    page.text(&step.name).raw(" <span class=\"quiet\">").text(&milliseconds(step.duration_ms));
    if let Some(detail) = detail {
        page.raw(": ").text(&detail);
    }
    page.raw("</span></p>\n");
}

fn measurements(page: &mut Page, report: &Report, thresholds: &Thresholds) {
    let Some(attempt) = report.last_attempt().filter(|attempt| !attempt.measurements.is_empty()) else { return };
    page.raw("<ul>\n");
    for measured in &attempt.measurements {
        page.raw("<li>").text(&measurement(&report.key.check, measured, thresholds)).raw("</li>\n");
    }
    page.raw("</ul>\n");
}

#[cfg(test)]
mod tests;
