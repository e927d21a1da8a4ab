//! Mutation control: every fault of the catalogue is caught by exactly one assertion of its check. Without the
//! assertion, the check does not report the fault, so the tests fail when an assertion is removed.

use std::collections::{BTreeMap, BTreeSet};

use check::{Outcome, Report};
use demo_platform::faults::{ExpectedFailure, FaultSpec, Shows, catalogue};
use demo_platform::{Fault, Options};
use runtime::Check;

use crate::{Harness, Observed};

/// Lists the assertion that catches each fault of a check, one line each, for a snapshot; then the assertions that no
/// fault breaks.
///
/// # Panics
/// When a fault does not have the effects listed in the catalogue, has them while inactive, or is caught by more than
/// one assertion.
pub async fn assertions_by_fault<C: Check>() -> String {
    let mut caught = vec!["fault: subject step kind <- assertion".to_owned()];
    for spec in catalogue().unwrap().into_iter().filter(|spec| spec.check == C::ID) {
        let lines = match &spec.shows {
            Shows::Failures(expected) => by_assertions::<C>(&spec, expected).await,
            Shows::Metric { name, bound } => {
                let (without, with) = without_and_with::<C>(&spec).await;
                assert_eq!((&without.report.outcome, &with.report.outcome), (&Outcome::Passed, &Outcome::Passed));
                let fault = spec.fault;
                assert!(bound.is_passed_by(with.metrics[name]), "{fault}: {:?}", with.metrics);
                assert!(!bound.is_passed_by(without.metrics[name]), "{fault}, not active: {:?}", without.metrics);
                vec![format!("metric {name} <- the fault alone passes {bound:?}")]
            }
            Shows::Missing(metric) => {
                let (without, with) = without_and_with::<C>(&spec).await;
                assert_eq!((&without.report.outcome, &with.report.outcome), (&Outcome::Passed, &Outcome::Passed));
                assert!(without.metrics.contains_key(metric), "{}, not active: {:?}", spec.fault, without.metrics);
                assert!(!with.metrics.contains_key(metric), "{}: {:?}", spec.fault, with.metrics);
                vec![format!("metric {metric} <- not published by the fault alone")]
            }
            Shows::Inconclusive(cause) => {
                let (without, with) = without_and_with::<C>(&spec).await;
                assert_eq!(without.report.outcome, Outcome::Passed, "{}, not active", spec.fault);
                let Outcome::Inconclusive { inconclusive } = &with.report.outcome else {
                    panic!("{}: {:#?}", spec.fault, with.report)
                };
                assert_eq!(inconclusive.cause, *cause, "{}: {}", spec.fault, inconclusive.detail);
                vec![format!("inconclusive {cause} <- the fault alone")]
            }
            Shows::Maintenance => by_the_marker::<C>(&spec).await,
        };
        caught.extend(lines.into_iter().map(|line| format!("{}: {line}", spec.fault)));
    }
    caught.extend(never_broken::<C>(&caught).await);
    caught.join("\n")
}

async fn harness<C: Check>(fault: Fault, change: impl FnOnce(&mut String)) -> Harness<C> {
    Harness::with(Options::default(), |settings| {
        if [Fault::Hang, Fault::CreateTimesOutButBooks].contains(&fault) {
            // Every attempt waits for its whole deadline.
            let shorter = settings.replace("deadline = \"5s\"", "deadline = \"300ms\"");
            assert_ne!(shorter, *settings);
            *settings = shorter;
        }
        change(settings);
    })
    .await
}

async fn runs<C: Check>(harness: &mut Harness<C>, spec: &FaultSpec, ignoring_assertions: &[String]) -> Observed {
    harness.runs(spec.runs.get(), spec.every, ignoring_assertions).await
}

async fn without_and_with<C: Check>(spec: &FaultSpec) -> (Observed, Observed) {
    let mut harness = harness::<C>(spec.fault, |_| {}).await;
    let without = runs(&mut harness, spec, &[]).await;
    harness.platform.faults().activate(spec.fault);
    let with = runs(&mut harness, spec, &[]).await;
    (without, with)
}

/// Assertions that no fault of the catalogue breaks: nothing shows that they can fail.
///
/// Each is listed once: the number of times that one holds, such as once per page of a list, depends on the time of
/// day.
async fn never_broken<C: Check>(caught: &[String]) -> BTreeSet<String> {
    let healthy = Harness::<C>::start().await.run().await.report;
    let mut lines = BTreeSet::new();
    for step in &healthy.last_attempt().unwrap().steps {
        for assertion in &step.assertions {
            let place = format!(": {} {} ", step.subject, step.name);
            let breaks = |line: &&String| line.contains(&place) && line.ends_with(&format!("<- {}", assertion.name));
            if caught.iter().find(breaks).is_none() {
                lines.insert(format!("no fault{place}<- {}", assertion.name));
            }
        }
    }
    lines
}

/// Finds the assertions that did not hold, then runs the check once without each of them.
async fn by_assertions<C: Check>(spec: &FaultSpec, expected: &[ExpectedFailure]) -> Vec<String> {
    let fault = spec.fault;
    let mut harness = harness::<C>(fault, |_| {}).await;
    let before = runs(&mut harness, spec, &[]).await.report;
    assert_eq!(before.outcome, Outcome::Passed, "{fault}, not active");
    harness.platform.faults().activate(fault);
    let actual = runs(&mut harness, spec, &[]).await;
    assert_eq!(actual.failures(), expected.iter().cloned().collect(), "{fault}: {:#?}", actual.report);
    // Leftovers not in the report must not exist: the platform itself is asked, not its API.
    let left = harness.platform.leftovers();
    assert_eq!(!left.is_empty(), spec.leaves_leftovers, "{fault}: {left:?}");
    assert_eq!(!actual.report.leftovers.is_empty(), spec.leaves_leftovers, "{fault}: {:?}", actual.report.leftovers);

    let caught: BTreeMap<ExpectedFailure, String> =
        expected.iter().map(|failure| (failure.clone(), assertion_behind(&actual.report, failure))).collect();
    let assertions: BTreeSet<&String> = caught.values().collect();
    for assertion in assertions {
        let remaining = runs(&mut harness, spec, std::slice::from_ref(assertion)).await.failures();
        for (failure, by) in &caught {
            assert_eq!(
                remaining.contains(failure),
                by != assertion,
                "{fault}, without {assertion}: {failure:?} in {remaining:#?}"
            );
        }
    }
    expected.iter().map(|f| format!("{} {} {} <- {}", f.subject, f.step, f.kind, caught[f])).collect()
}

/// The assertion of the failing step that did not hold.
fn assertion_behind(report: &Report, failure: &ExpectedFailure) -> String {
    let steps = &report.last_attempt().unwrap().steps;
    let mut steps = steps.iter().filter(|step| step.subject.as_str() == failure.subject && step.name == failure.step);
    let (Some(step), None) = (steps.next(), steps.next()) else {
        panic!("expected {failure:?} at one step: {report:#?}")
    };
    let broken: Vec<&String> = step.assertions.iter().filter(|a| !a.held).map(|a| &a.name).collect();
    let [name] = broken[..] else { panic!("expected one assertion behind {failure:?}, found {broken:?}") };
    name.clone()
}

/// Maintenance is recognized by its marker, not by an assertion. With another marker, the same answers are failures.
async fn by_the_marker<C: Check>(spec: &FaultSpec) -> Vec<String> {
    let (before, actual) = without_and_with::<C>(spec).await;
    assert_eq!(before.metrics["Maintenance"], 0.0, "{}, not active", spec.fault);
    assert!(matches!(actual.report.outcome, Outcome::Maintenance { .. }), "{:?}", actual.report.outcome);
    assert_eq!(actual.metrics["Maintenance"], 1.0);

    let mut other_marker =
        harness::<C>(spec.fault, |settings| settings.push_str("\n[maintenance]\nmarkers = [\"Closed\"]\n")).await;
    other_marker.platform.faults().activate(spec.fault);
    let actual = runs(&mut other_marker, spec, &[]).await;
    let kinds: BTreeSet<String> = actual.failures().iter().map(|failure| failure.kind.to_string()).collect();
    assert_eq!(kinds, BTreeSet::from(["status".to_owned()]), "{:?}", actual.report.outcome);
    assert_eq!(actual.metrics["Maintenance"], 0.0);
    vec!["maintenance <- the marker of the maintenance page".to_owned()]
}
