//! Mutation control: every fault of the catalogue is seen by an assertion of this check, and by that one alone. Blind to
//! it, the check no longer reports the fault, so whoever takes the assertion away is told by the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use availability::Availability;
use check::{Journey, Outcome, Report};
use demo_platform::faults::{ExpectedFailure, FaultSpec, Shows, catalogue};
use demo_platform::{DemoPlatform, Fault, Options, Running};
use jiff::Timestamp;
use local::Memory;
use probe::Tls;
use runtime::settings::Document;
use runtime::{Check, Invocation, Ports, Prepared, SkippingClock, execute};

use crate::ports;

#[tokio::test]
async fn every_fault_is_caught_by_the_assertion_named_here_and_by_no_other() {
    let specs = catalogue().unwrap().into_iter().filter(|spec| spec.check == Availability::ID);
    let mut caught = vec!["fault: subject step kind <- assertion".to_owned()];
    for spec in specs {
        let lines = match &spec.shows {
            Shows::Failures(expected) => by_assertions(&spec, expected).await,
            Shows::Metric { name, bound } => {
                let bench = Bench::start(spec.fault, |_| {}).await;
                let without = bench.run(&spec, &[]).await;
                bench.platform.faults().activate(spec.fault);
                let with = bench.run(&spec, &[]).await;
                assert_eq!((&without.report.outcome, &with.report.outcome), (&Outcome::Passed, &Outcome::Passed));
                assert!(bound.is_passed_by(with.metrics[name]), "{}: {:?}", spec.fault, with.metrics);
                assert!(
                    !bound.is_passed_by(without.metrics[name]),
                    "{}, not active: {:?}",
                    spec.fault,
                    without.metrics
                );
                vec![format!("metric {name} <- the fault alone passes {bound:?}")]
            }
            Shows::Maintenance => by_the_marker(&spec).await,
        };
        caught.extend(lines.into_iter().map(|line| format!("{}: {line}", spec.fault)));
    }
    caught.extend(never_broken(&caught).await);
    insta::assert_snapshot!("what_catches_each_fault", caught.join("\n"));
}

/// The assertions that no fault of the catalogue breaks: nothing shows that they can fail.
async fn never_broken(caught: &[String]) -> Vec<String> {
    let specs = catalogue().unwrap();
    let bench = Bench::start(Fault::Slow, |_| {}).await;
    let healthy = bench.run(&specs[0], &[]).await.report;
    let mut lines = Vec::new();
    for step in &healthy.last_attempt().unwrap().steps {
        for assertion in &step.assertions {
            let place = format!(": {} {} ", step.subject, step.name);
            let breaks = |line: &&String| line.contains(&place) && line.ends_with(&format!("<- {}", assertion.name));
            if caught.iter().find(breaks).is_none() {
                lines.push(format!("no fault{place}<- {}", assertion.name));
            }
        }
    }
    lines.sort();
    lines
}

/// Finds the assertions that did not hold, then runs once for each of them without it.
async fn by_assertions(spec: &FaultSpec, expected: &[ExpectedFailure]) -> Vec<String> {
    let fault = spec.fault;
    let bench = Bench::start(fault, |_| {}).await;
    assert_eq!(bench.run(spec, &[]).await.report.outcome, Outcome::Passed, "{fault}, not yet active");
    bench.platform.faults().activate(fault);
    let seen = bench.run(spec, &[]).await.report;
    assert_eq!(failures(&seen), expected.iter().cloned().collect(), "{fault}");

    let caught: BTreeMap<ExpectedFailure, String> =
        expected.iter().map(|failure| (failure.clone(), assertion_behind(&seen, failure))).collect();
    let assertions: BTreeSet<&String> = caught.values().collect();
    for assertion in assertions {
        let blind = failures(&bench.run(spec, std::slice::from_ref(assertion)).await.report);
        for (failure, by) in &caught {
            assert_eq!(
                blind.contains(failure),
                by != assertion,
                "{fault}, blind to {assertion}: {failure:?} in {blind:#?}"
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
    let [name] = broken[..] else { panic!("expected one assertion behind {failure:?}, saw {broken:?}") };
    name.clone()
}

/// Maintenance is no assertion: it is told by its marker. Looking for another one, the same answers are failures.
async fn by_the_marker(spec: &FaultSpec) -> Vec<String> {
    let knowing = Bench::start(spec.fault, |_| {}).await;
    assert_eq!(knowing.run(spec, &[]).await.metrics["Maintenance"], 0.0, "{}, not active", spec.fault);
    knowing.platform.faults().activate(spec.fault);
    let seen = knowing.run(spec, &[]).await;
    assert!(matches!(seen.report.outcome, Outcome::Maintenance { .. }), "{:?}", seen.report.outcome);
    assert_eq!(seen.metrics["Maintenance"], 1.0);

    let unknowing =
        Bench::start(spec.fault, |settings| settings.push_str("\n[maintenance]\nmarkers = [\"Closed\"]\n")).await;
    unknowing.platform.faults().activate(spec.fault);
    let seen = unknowing.run(spec, &[]).await;
    let kinds: BTreeSet<String> = failures(&seen.report).iter().map(|failure| failure.kind.to_string()).collect();
    assert_eq!(kinds, BTreeSet::from(["status".to_owned()]), "{:?}", seen.report.outcome);
    assert_eq!(seen.metrics["Maintenance"], 0.0);
    vec!["maintenance <- the marker of the maintenance page".to_owned()]
}

fn failures(report: &Report) -> BTreeSet<ExpectedFailure> {
    let Outcome::Failed { failures } = &report.outcome else { return BTreeSet::new() };
    let expected = |failure: &check::Failure| ExpectedFailure {
        subject: failure.subject.to_string(),
        step: failure.step.clone(),
        kind: failure.kind,
    };
    failures.iter().map(expected).collect()
}

/// The platform, and the check as the demo sets it.
struct Bench {
    platform: Running,
    prepared: Prepared<Availability>,
}

struct Seen {
    report: Report,
    metrics: BTreeMap<String, f64>,
}

impl Bench {
    async fn start(fault: Fault, change: impl FnOnce(&mut String)) -> Self {
        let platform = DemoPlatform::start(Options::default()).await.unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/layer/settings/demo.toml");
        let mut settings = std::fs::read_to_string(shipped).unwrap();
        if fault == Fault::Hang {
            // Each of two attempts waits for its whole deadline.
            let shorter = settings.replace("deadline = \"5s\"", "deadline = \"300ms\"");
            assert_ne!(shorter, settings);
            settings = shorter;
        }
        change(&mut settings);
        let mut document = Document::parse("demo.toml", &settings).expect("the shipped settings are TOML");
        document.replace_text("base_url", platform.base_url().to_owned());
        let prepared = Prepared::read(&document).unwrap_or_else(|problems| panic!("{problems:#?}"));
        Self { platform, prepared }
    }

    /// As many runs as the fault takes to show, from nothing remembered; what the last one saw.
    async fn run(&self, spec: &FaultSpec, blind_to: &[String]) -> Seen {
        let memory = Arc::new(Memory::default());
        let clock = Arc::new(SkippingClock::default());
        let blind_to = blind_to.to_vec();
        let recorder = Arc::new(move |started: Timestamp| Journey::new(started).blind_to(blind_to.clone()));
        let ports = Ports { recorder, ..ports(&memory, &clock, Tls::new(&[]).unwrap()) };
        let mut last = None;
        for _ in 0..spec.runs.get() {
            clock.skip(spec.every);
            last = Some(execute(&self.prepared, &ports, &Invocation::manual()).await.unwrap());
        }
        let report = last.unwrap();
        let own = memory.data().into_iter().filter(|datum| datum.at == report.key.scheduled_time);
        Seen { metrics: own.map(|datum| (datum.metric, datum.value)).collect(), report }
    }
}
