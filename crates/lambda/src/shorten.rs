//! Shortens a report in stages, until its log line fits.

use std::collections::BTreeMap;

use check::text::cut;
use check::{Failure, Outcome, Report, Step, StepResult, Text};

/// Changes that shorten a report. They are made in this order, each on top of the earlier ones, until the line fits:
///
/// 1. exchanges and assertions of passed steps are left out;
/// 2. exchanges of all steps that did not fail, and every chain of certificates;
/// 3. evidence in attempts and reasons; it stays in the first [`FIRST`] failures of the outcome;
/// 4. all exchanges and assertions;
/// 5. passed and skipped steps;
/// 6. attempts but the last two, and entries beyond the first [`MANY`] of every list;
/// 7. texts are cut to [`SHORT`] characters, ids to [`ID`], and all evidence is left out;
/// 8. entries beyond the first [`FEW`] of every list are left out.
///
/// After the last one the line fits, whatever the report holds.
pub(crate) const STAGES: [fn(&mut Report); 8] = [
    without_details_of_passed_steps,
    without_exchanges_of_steps_that_did_not_fail,
    without_repeated_evidence,
    without_exchanges,
    without_passed_steps,
    |report| truncate(report, MANY),
    cut_texts,
    |report| truncate(report, FEW),
];

/// Number of failures in the outcome that keep their evidence.
const FIRST: usize = 20;
/// First limit for the entries of a list.
const MANY: usize = 50;
/// Last limit for the entries of a list.
const FEW: usize = 3;
/// Number of attempts that are kept: the failed one, and the one that confirmed it.
const ATTEMPTS: usize = 2;
/// Maximum length of a cut text, in characters.
const SHORT: usize = 60;
/// Maximum length of a cut id, in characters: longer than the ids of this product.
const ID: usize = 150;

/// Counts by name what a shortened report lacks.
pub(crate) fn left_out(whole: &Report, rest: &Report) -> BTreeMap<&'static str, usize> {
    let (whole, rest) = (counts(whole), counts(rest));
    let missing = whole.into_iter().map(|(name, count)| (name, count - rest.get(name).copied().unwrap_or(0)));
    missing.filter(|(_, count)| *count > 0).collect()
}

fn counts(report: &Report) -> BTreeMap<&'static str, usize> {
    let steps = || report.attempts.iter().flat_map(|attempt| &attempt.steps);
    let chains = steps().flat_map(|step| &step.exchanges).filter_map(|exchange| exchange.tls.as_ref());
    let failures = || match &report.outcome {
        Outcome::Failed { failures } => failures.as_slice(),
        _ => &[],
    };
    let in_steps = steps().filter_map(|step| match &step.result {
        StepResult::Failed { failure } => Some(failure),
        _ => None,
    });
    let in_reasons = report.reasons.iter().filter_map(|reason| reason.failure.as_ref());
    let evidence = failures().iter().chain(in_steps).chain(in_reasons).filter(|failure| failure.evidence.is_some());
    BTreeMap::from([
        ("attempts", report.attempts.len()),
        ("steps", steps().count()),
        ("exchanges", steps().map(|step| step.exchanges.len()).sum()),
        ("assertions", steps().map(|step| step.assertions.len()).sum()),
        ("certificates", chains.map(|tls| tls.chain.len()).sum()),
        ("evidence", evidence.count()),
        ("measurements", report.attempts.iter().map(|attempt| attempt.measurements.len()).sum()),
        ("failures", failures().len()),
        ("reasons", report.reasons.len()),
        ("notifications", report.notifications.len()),
        ("leftovers", report.leftovers.len()),
        ("warnings", report.warnings.len()),
    ])
}

fn without_details_of_passed_steps(report: &mut Report) {
    for step in steps(report).filter(|step| matches!(step.result, StepResult::Passed)) {
        step.exchanges.clear();
        step.assertions.clear();
    }
}

fn without_exchanges_of_steps_that_did_not_fail(report: &mut Report) {
    for step in steps(report) {
        if !matches!(step.result, StepResult::Failed { .. }) {
            step.exchanges.clear();
        }
        for tls in step.exchanges.iter_mut().filter_map(|exchange| exchange.tls.as_mut()) {
            tls.chain.clear();
        }
    }
}

fn without_repeated_evidence(report: &mut Report) {
    for failure in failures_of_steps_and_reasons(report) {
        failure.evidence = None;
    }
    for failure in failures_of_outcome(report).iter_mut().skip(FIRST) {
        failure.evidence = None;
    }
}

fn without_exchanges(report: &mut Report) {
    for step in steps(report) {
        step.exchanges.clear();
        step.assertions.clear();
    }
}

fn without_passed_steps(report: &mut Report) {
    for attempt in &mut report.attempts {
        attempt.steps.retain(|step| !matches!(step.result, StepResult::Passed | StepResult::Skipped { .. }));
    }
}

fn truncate(report: &mut Report, most: usize) {
    let earlier = report.attempts.len().saturating_sub(ATTEMPTS);
    report.attempts.drain(..earlier);
    for attempt in &mut report.attempts {
        attempt.steps.truncate(most);
        attempt.measurements.truncate(most);
    }
    if let Outcome::Failed { failures } = &mut report.outcome {
        failures.truncate(most);
    }
    report.reasons.truncate(most);
    report.notifications.truncate(most);
    report.leftovers.truncate(most);
    report.warnings.truncate(most);
}

fn cut_texts(report: &mut Report) {
    for failure in failures_of_outcome(report) {
        cut_failure(failure);
    }
    for failure in failures_of_steps_and_reasons(report) {
        cut_failure(failure);
    }
    for step in steps(report) {
        cut_string(&mut step.name, SHORT);
        match &mut step.result {
            StepResult::Inconclusive { inconclusive } => inconclusive.detail.cut(SHORT),
            StepResult::Maintenance { detail: text } | StepResult::Skipped { reason: text } => text.cut(SHORT),
            StepResult::Passed | StepResult::Failed { .. } => {}
        }
    }
    match &mut report.outcome {
        Outcome::Inconclusive { inconclusive } => inconclusive.detail.cut(SHORT),
        Outcome::Maintenance { detail } => detail.cut(SHORT),
        Outcome::Passed | Outcome::Failed { .. } | Outcome::Refused { .. } => {}
    }
    for measurement in report.attempts.iter_mut().flat_map(|attempt| &mut attempt.measurements) {
        cut_string(&mut measurement.metric, SHORT);
        measurement.item.iter_mut().for_each(|item| item.cut(SHORT));
    }
    for reason in &mut report.reasons {
        reason.inconclusive.iter_mut().for_each(|inconclusive| inconclusive.detail.cut(SHORT));
        if let Some(incident) = &mut reason.incident {
            cut_string(&mut incident.id, ID);
            incident.silenced_by.iter_mut().chain(&mut incident.dependency).for_each(|id| cut_string(id, ID));
            if let Some(given) = &mut incident.acknowledged {
                cut_string(&mut given.by, SHORT);
                cut_string(&mut given.reason, SHORT);
            }
        }
    }
    for leftover in &mut report.leftovers {
        cut_string(&mut leftover.compensation, SHORT);
        leftover.detail.cut(SHORT);
        leftover.instructions.iter_mut().for_each(|text| cut_string(text, SHORT));
    }
    report.notifications.iter_mut().for_each(|id| cut_string(id, ID));
    report.warnings.iter_mut().for_each(|warning: &mut Text| warning.cut(SHORT));
    let Report { key, run_id, trace_id, environment, .. } = report;
    for id in [&mut key.check, &mut key.location, run_id, trace_id, environment] {
        cut_string(id, ID);
    }
}

fn cut_failure(failure: &mut Failure) {
    failure.evidence = None;
    cut_string(&mut failure.step, SHORT);
    failure.expected.cut(SHORT);
    failure.actual.cut(SHORT);
}

fn cut_string(text: &mut String, most: usize) {
    *text = cut(text, most);
}

fn steps(report: &mut Report) -> impl Iterator<Item = &mut Step> {
    report.attempts.iter_mut().flat_map(|attempt| &mut attempt.steps)
}

fn failures_of_outcome(report: &mut Report) -> &mut [Failure] {
    match &mut report.outcome {
        Outcome::Failed { failures } => failures,
        _ => &mut [],
    }
}

fn failures_of_steps_and_reasons(report: &mut Report) -> impl Iterator<Item = &mut Failure> {
    let in_steps = report.attempts.iter_mut().flat_map(|attempt| &mut attempt.steps);
    let in_steps = in_steps.filter_map(|step| match &mut step.result {
        StepResult::Failed { failure } => Some(failure),
        _ => None,
    });
    in_steps.chain(report.reasons.iter_mut().filter_map(|reason| reason.failure.as_mut()))
}

#[cfg(test)]
mod tests;
