//! Accounts of the checks on the platform, as their latest runs found them. Nothing logs in for this.

use check::Failure;
use check::incident::Phase;
use jiff::SignedDuration;
use runtime::StateItem;

use super::super::facts::Deployment;
use super::super::report::{Notes, words};

/// Checks that log in, and their steps that need a usable account.
const CHECKS: [&str; 5] = ["booking", "login", "notifications", "payment-webhook", "reconciliation"];
const STEPS: [&str; 2] = ["log-in", "second-factor"];
/// Age of a run that says nothing about an account any more. The slowest of these checks runs every 15 minutes.
const RECENT: SignedDuration = SignedDuration::from_mins(45);

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    let what = "accounts on the platform";
    for function in deployment.functions.iter().filter(|function| function.is_running) {
        let check = function.check.as_str();
        // A state that cannot be read is named with the last runs.
        let Some(item) = function.state.as_ref().and_then(|state| state.as_ref().ok()) else { continue };
        if !CHECKS.contains(&check) {
            continue;
        }
        if let Some(failure) = log_in_failure(item) {
            notes.saw(what, check);
            let expected = format!("step {}: {}", failure.step, failure.expected);
            let action = format!(
                "try the account in a browser, and its secret: synthetics secrets check {check} --settings <file>; \
                 docs/runbooks/{check}.md"
            );
            let verify = format!("synthetics run {check} --settings <file>");
            notes.error(
                "log-in-fails",
                format!("account of {check}"),
                words(expected, &*failure.actual, action, verify),
            );
        } else if has_recent_verdict(deployment, item) {
            notes.saw(what, check);
        } else {
            notes.could_not(what, check, "no run with a verdict in the last 45 min");
        }
    }
}

fn log_in_failure(item: &StateItem) -> Option<&Failure> {
    // A subject may be stored after its last runs passed, with the failure before them.
    let failing = item.state.subjects.values().filter(|own| matches!(own.phase, Phase::Suspect | Phase::Failing));
    let mut failures = failing.filter_map(|subject| subject.failure.as_ref());
    failures.find(|failure| STEPS.contains(&failure.step.as_str()))
}

fn has_recent_verdict(deployment: &Deployment, item: &StateItem) -> bool {
    let last = item.last_run.values().map(|run| run.at).max();
    let has_gap = item.state.subjects.values().any(|subject| subject.monitoring_gap.is_some());
    !has_gap && last.is_some_and(|last| deployment.at.duration_since(last) <= RECENT)
}
