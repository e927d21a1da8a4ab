//! Each fault of the demo platform's catalogue against the real binary: it shows what the catalogue says, is told once, raises
//! the alarms that it should and no others, and all of that ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use check::incident::Policy;
use check::message::{Notification, email, subject_line};
use demo_platform::faults::{Bound, ExpectedFailure, FaultSpec, Shows, catalogue};
use demo_platform::{Fault, Options};
use jiff::SignedDuration;
use serde_json::Value;

use super::alarms::{Alarms, data};
use super::page::{self, Fired, Part, Row};
use super::world;
use crate::runtime_api::Invoked;
use crate::world::{Message, Received, World, repository};

/// Six hours are many runs: of so many one is done, and the others are lost, which is no blindness yet.
const OF_RUNS: u32 = 4;
/// How far beyond its alarm's threshold is late what arrives late.
const BEYOND: f64 = 1.2;

/// What the runs of a fault must come to, and what its row says.
pub async fn row(spec: &FaultSpec) -> Row {
    let fault = spec.fault;
    // Names of environments are not longer.
    let environment: String = format!("f-{fault}").chars().take(24).collect();
    let alarms = Alarms::shipped(&environment);
    let declared = declared(spec, &alarms);
    let late = late(fault, &alarms);
    let mut options = Options::default();
    if let Some(by) = late {
        (options.late_by, options.webhook_wait) = (by, by);
    }
    let mut world = world(&environment, options).await;
    match fault {
        // Each attempt waits for its whole deadline.
        Fault::Hang | Fault::CreateTimesOutButBooks => world.replace("deadline = \"5s\"", "deadline = \"1s\""),
        // What is late here is so by more than the demo waits for.
        Fault::EmailLate | Fault::SmsLate => world.replace("delivered_within = \"20s\"", "delivered_within = \"20m\""),
        Fault::WebhookSlow => world.replace("processing_deadline = \"6s\"", "processing_deadline = \"10s\""),
        Fault::JobLate => world.replace("done_within = \"20s\"", "done_within = \"5m\""),
        _ => {}
    }
    let times = Times::new(spec, &alarms, &declared);
    let function = world.start(&spec.check).await;
    let mut before = world.run_after(&function, spec.every).await;
    let began = world.minute();
    // What is sent in one run is judged in a later one.
    for _ in 1..spec.runs.get() {
        before = world.run_after(&function, spec.every).await;
    }
    assert_eq!(before.outcome(), "passed", "{fault}, not yet active: {:#}", before.report());
    let numbers_before = world.metrics_of(world.minute()).await;

    world.platform.faults().activate(fault);
    let activated = world.minute();
    let mut shown = None;
    let mut last_successful_run = before.report()["run_id"].clone();
    for _ in 0..spec.runs.get() {
        let invoked = world.run_after(&function, spec.every).await;
        if invoked.outcome() == "passed" {
            last_successful_run = invoked.report()["run_id"].clone();
        }
        shown = Some(invoked);
    }
    let shown = shown.unwrap();
    let numbers = world.metrics_of(world.minute()).await;
    let mut aside = Vec::new();
    let opened = received(&world, &mut aside).await;
    // Further runs of the same fault tell nothing anew.
    for run in 1..=times.further {
        let again = world.run_after(&function, spec.every).await;
        let told_again = received(&world, &mut aside).await;
        assert!(told_again.is_nothing(), "{fault}, {run} runs later: {told_again}");
        assert_eq!(again.outcome(), shown.outcome(), "{fault}, {run} runs later: {:#}", again.report());
    }

    // What nothing has removed is asked of the platform itself, and every check says what it could not remove.
    let left = world.platform.leftovers();
    assert_eq!(!left.is_empty(), spec.leaves_leftovers, "{fault}: {left:?}");
    let said = shown.report().get("leftovers").is_some();
    assert_eq!(said, spec.leaves_leftovers, "{fault}: {:#}", shown.report());
    assert_eq!(numbers.get("Leftovers").is_some_and(|left| *left > 0.0), spec.leaves_leftovers, "{fault}: {numbers:?}");

    world.platform.faults().clear(fault);
    let cleared = world.minute();
    // What is broken already stays so for the runs that come upon it.
    for _ in 0..spec.lingers {
        let invoked = world.run_after(&function, spec.every).await;
        assert_eq!(invoked.outcome(), shown.outcome(), "{fault}, just cleared: {:#}", invoked.report());
        let received = received(&world, &mut aside).await;
        assert!(received.is_nothing(), "{fault}, just cleared: {received}");
    }
    let mut later = Vec::new();
    for run in 1..=3 {
        let invoked = world.run_after(&function, spec.every).await;
        assert_eq!(invoked.outcome(), "passed", "{fault}, {run} runs after it was cleared: {:#}", invoked.report());
        later.push(received(&world, &mut aside).await);
    }
    if spec.leaves_leftovers {
        world.clock.advance(Duration::from_secs(16 * 60));
        // One run removes so many and no more.
        for _ in 0..3 {
            let cleaned = world.run_after(&function, spec.every).await;
            assert_eq!(cleaned.outcome(), "passed", "{fault}, swept: {:#}", cleaned.report());
        }
    }
    assert_eq!(world.platform.leftovers(), Vec::<String>::new(), "{fault}, when it is over");
    // What is told beside incidents, once each and to those who may wait.
    let is_inconclusive = matches!(spec.shows, Shows::Inconclusive(_))
        && spec.runs.get() + times.further >= Policy::default().monitoring_lost_after;
    let expected: &[&str] = match (spec.leaves_leftovers, is_inconclusive) {
        (true, _) => &["leftovers"],
        (_, true) => &["monitoring_lost", "monitoring_restored"],
        _ => &[],
    };
    assert_eq!(aside, expected, "{fault}");
    for run in 1..=times.until_ok {
        let invoked = world.run_after(&function, spec.every).await;
        assert_eq!(invoked.outcome(), "passed", "{fault}, {run} more runs later: {:#}", invoked.report());
    }
    for run in 1..=times.until_objective {
        let invoked = world.run_after(&function, spec.every * OF_RUNS).await;
        assert_eq!(invoked.outcome(), "passed", "{fault}, {run} runs later still: {:#}", invoked.report());
    }
    let quiet = world.received().await;
    assert!(quiet.is_nothing(), "{fault}, when it is long over: {quiet}");

    let observed = Observed { shown, numbers_before, numbers, last_successful_run, opened, later };
    observed.is_as_declared(spec, &world);
    let points = world.metrics().await;
    let raised = alarms.raised(&[&spec.check], &data(&points), began, world.minute());
    let names: BTreeSet<&str> = raised.iter().map(|raised| raised.alarm.as_str()).collect();
    assert_eq!(names, declared.iter().map(String::as_str).collect(), "{fault}: alarms");
    assert_eq!(raised.len(), names.len(), "{fault}, raised more than once: {raised:?}");
    for raised in &raised {
        assert!(raised.at > activated, "{fault}, not yet active: {raised:?}");
        let is_awaited = !is_objective(&raised.alarm) || times.until_objective > 0;
        assert_eq!(raised.over.is_some(), is_awaited, "{fault}, over: {raised:?}");
    }
    let events = match &spec.shows {
        Shows::Failures(_) => vec!["opened", "recovered"],
        _ => Vec::new(),
    };
    Row {
        part: Part::Platform,
        fault: format!(
            "`{fault}`: {}{}",
            spec.description,
            late.map(|by| format!("; here {by:#}")).unwrap_or_default()
        ),
        check: page::list(checks(spec).into_iter()),
        shows: shows(&spec.shows),
        received: page::list(events.into_iter().chain(aside.iter().map(String::as_str)).map(str::to_owned)),
        undone: page::undone(&points),
        alarms: Fired::new(&raised, activated, cleared),
    }
}

/// How late what arrives late must be for its alarm; `None`: the fault is about something else.
fn late(fault: Fault, alarms: &Alarms) -> Option<SignedDuration> {
    let (alarm, ms) = match fault {
        Fault::EmailLate => ("EmailDeliveryDelay", 1_000.0),
        Fault::SmsLate => ("SmsDeliveryDelay", 1_000.0),
        Fault::JobLate => ("JobDelay", 1_000.0),
        Fault::WebhookSlow => ("WebhookProcessingDelay", 1.0),
        _ => return None,
    };
    let ms = alarms.on_metrics(alarm).threshold * ms * BEYOND;
    Some(SignedDuration::from_millis(ms as i64))
}

/// What a fault came to.
struct Observed {
    /// The run that shows it.
    shown: Invoked,
    /// The numbers of the run before it, by metric.
    numbers_before: BTreeMap<String, f64>,
    /// Those of the run that shows it.
    numbers: BTreeMap<String, f64>,
    /// The id of the last run that passed.
    last_successful_run: Value,
    /// What was told until it showed.
    opened: Received,
    /// What was told by each of the first three runs that passed again.
    later: Vec<Received>,
}

impl Observed {
    /// It shows what the catalogue says, and that alone is told, once.
    fn is_as_declared(&self, spec: &FaultSpec, world: &World) {
        let fault = spec.fault;
        let Self { shown, numbers_before, numbers, last_successful_run, opened, later } = self;
        let [first, second, third] = &later[..] else { panic!("three runs have three answers") };
        match &spec.shows {
            Shows::Failures(expected) => {
                assert_eq!(shown.outcome(), "failed", "{fault}: {:#}", shown.report());
                assert_eq!(failures(shown), expected.iter().cloned().collect(), "{fault}");
                assert_eq!((numbers.get("Success"), numbers.get("Inconclusive")), (Some(&0.0), Some(&0.0)), "{fault}");
                assert!(numbers.contains_key("Duration"), "{fault}: {numbers:?}");
                let subjects: BTreeSet<&str> = expected.iter().map(|failure| failure.subject.as_str()).collect();
                let opening = message(world, opened, "opened", &subjects);
                assert_eq!(opening["last_successful_run"]["run_id"], *last_successful_run, "{fault}");
                assert!(first.is_nothing(), "{fault}, one passed run: {first}");
                let ending = message(world, second, "recovered", &subjects);
                assert_eq!(incidents(&opening), incidents(&ending), "{fault}");
                assert!(third.is_nothing(), "{fault}, three passed runs: {third}");
            }
            Shows::Metric { name, bound } => {
                assert_eq!(shown.outcome(), "passed", "{fault}: {:#}", shown.report());
                assert_eq!((numbers.get("Success"), numbers.get("Inconclusive")), (Some(&1.0), Some(&0.0)), "{fault}");
                assert!(bound.is_passed_by(numbers[name]), "{fault}: {name} is {}, not {bound:?}", numbers[name]);
                assert!(!bound.is_passed_by(numbers_before[name]), "{fault}: {name} passes {bound:?} without it too");
                assert_quiet(fault, [opened, first, second, third]);
            }
            Shows::Missing(metric) => {
                assert_eq!(shown.outcome(), "passed", "{fault}: {:#}", shown.report());
                assert!(numbers_before.contains_key(metric), "{fault}, not yet active: {numbers_before:?}");
                assert!(!numbers.contains_key(metric), "{fault}: {numbers:?}");
                assert_quiet(fault, [opened, first, second, third]);
            }
            Shows::Inconclusive(cause) => {
                assert_eq!(shown.outcome(), "inconclusive", "{fault}: {:#}", shown.report());
                assert_eq!(shown.report()["outcome"]["inconclusive"]["cause"], cause.to_string(), "{fault}");
                assert_eq!((numbers.get("Success"), numbers.get("Inconclusive")), (None, Some(&1.0)), "{fault}");
                assert!(!numbers.contains_key("Duration"), "{fault}: {numbers:?}");
                assert_quiet(fault, [opened, first, second, third]);
            }
            Shows::Maintenance => {
                assert_eq!(shown.outcome(), "maintenance", "{fault}: {:#}", shown.report());
                let expected = [("Inconclusive".to_owned(), 0.0), ("Maintenance".to_owned(), 1.0)];
                assert_eq!(*numbers, BTreeMap::from(expected), "{fault}");
                assert_eq!(numbers_before["Maintenance"], 0.0, "{fault}");
                assert_quiet(fault, [opened, first, second, third]);
            }
        }
    }
}

/// The alarms that the catalogue says it raises.
fn declared(spec: &FaultSpec, alarms: &Alarms) -> BTreeSet<String> {
    let pascal = alarms.pascal(&spec.check);
    let objective = format!("{pascal}Objective");
    let mut declared: BTreeSet<String> = spec.alarms.iter().cloned().collect();
    match &spec.shows {
        Shows::Failures(_) => {
            declared.insert(format!("Failing{pascal}"));
            declared.extend(alarms.names().find(|name| *name == objective).map(str::to_owned));
        }
        Shows::Inconclusive(_) => {
            declared.insert(format!("Blind{pascal}"));
        }
        Shows::Metric { .. } | Shows::Missing(_) | Shows::Maintenance => {}
    }
    declared
}

/// Six hours are looked at: one fault of each check waits for so long.
fn is_objective(alarm: &str) -> bool {
    alarm.ends_with("Objective")
}

/// How many runs it takes.
struct Times {
    /// Beyond those that it takes to show, until its alarms are raised; at least one.
    further: u32,
    /// After the three that passed, until its alarms are over.
    until_ok: u32,
    /// After that, one in [`OF_RUNS`], until the alarm on the objective is over; none when it is not waited for.
    until_objective: u32,
}

impl Times {
    fn new(spec: &FaultSpec, alarms: &Alarms, declared: &BTreeSet<String>) -> Self {
        let runs = |time: Duration| u32::try_from(time.as_secs().div_ceil(spec.every.as_secs())).unwrap();
        let fails = |other: &&FaultSpec| other.check == spec.check && matches!(other.shows, Shows::Failures(_));
        let first = catalogue().unwrap().iter().find(fails).map(|first| first.fault);
        let follows_objective = first == Some(spec.fault) && declared.iter().any(|name| is_objective(name));
        let mut times = Self { further: 1, until_ok: 0, until_objective: 0 };
        for name in declared {
            let alarm = alarms.on_metrics(name);
            let periods = |count: usize| alarm.period * u32::try_from(count).unwrap();
            let healthy = alarm.evaluation_periods - alarm.datapoints_to_alarm + 1;
            if !is_objective(name) {
                times.further = times.further.max(runs(periods(alarm.datapoints_to_alarm) + spec.builds_up));
                times.until_ok = times.until_ok.max(runs(periods(healthy)) + 1);
            } else if follows_objective {
                times.until_objective = runs(periods(healthy)).div_ceil(OF_RUNS) + 1;
            }
        }
        times
    }
}

/// Its check, and what others may see of it.
fn checks(spec: &FaultSpec) -> Vec<String> {
    let mut checks = vec![spec.check.clone()];
    for (what, others) in [("may fail too", &spec.also_fails), ("inconclusive", &spec.also_inconclusive)] {
        if !others.is_empty() {
            checks.push(format!("*{what}*: {}", others.join(", ")));
        }
    }
    checks
}

fn shows(shows: &Shows) -> String {
    match shows {
        Shows::Failures(failures) => page::list(
            failures.iter().map(|failure| format!("{}, {}: {}", failure.subject, failure.step, failure.kind)),
        ),
        Shows::Metric { name, bound: Bound::AtLeast(bound) } => format!("`{name}` ≥ {bound}"),
        Shows::Metric { name, bound: Bound::AtMost(bound) } => format!("`{name}` ≤ {bound}"),
        Shows::Missing(metric) => format!("`{metric}` is not published"),
        Shows::Inconclusive(cause) => format!("cannot judge: {cause}"),
        Shows::Maintenance => "in maintenance".to_owned(),
    }
}

/// What was told of incidents. What was told of anything else is put aside, by its event.
async fn received(world: &World, aside: &mut Vec<String>) -> Received {
    let mut received = world.received().await;
    let is_aside = |message: &Message| {
        ["leftovers", "monitoring_lost", "monitoring_restored"].contains(&message.attributes["event"].as_str())
    };
    let to_people: Vec<Message> = received.warnings.extract_if(.., |message| is_aside(message)).collect();
    let to_programs: Vec<Message> = received.events.extract_if(.., |message| is_aside(message)).collect();
    assert_eq!(to_people.len(), to_programs.len(), "{}: {received}", world.environment);
    for (to_people, to_programs) in to_people.iter().zip(&to_programs) {
        let json = to_programs.json();
        validate(&json);
        let notification: Notification = serde_json::from_value(json).unwrap();
        assert_eq!(to_people.body, email(&notification), "{}", world.environment);
        aside.push(notification.event.as_str().to_owned());
    }
    received
}

fn failures(invoked: &Invoked) -> BTreeSet<ExpectedFailure> {
    let read = |failure: &Value| {
        let text = |name: &str| failure[name].as_str().unwrap().to_owned();
        let kind = serde_json::from_value(failure["kind"].clone()).unwrap();
        ExpectedFailure { subject: text("subject"), step: text("step"), kind }
    };
    invoked.report()["outcome"]["failures"].as_array().unwrap().iter().map(read).collect()
}

fn assert_quiet(fault: Fault, received: [&Received; 4]) {
    for received in received {
        assert!(received.is_nothing(), "{fault}: {received}");
    }
}

/// The one message of this kind, as people and as programs get it.
fn message(world: &World, received: &Received, event: &str, subjects: &BTreeSet<&str>) -> Value {
    let environment = &world.environment;
    let [to_programs] = &received.events[..] else {
        panic!("{environment}: expected `{event}` once to programs, found {received}");
    };
    let json = to_programs.json();
    // A partner's trouble can wait, as far as the platform is concerned.
    let (people, others, severity) = match json["check"].as_str() {
        Some("integrations") => (&received.warnings, &received.on_call, "warning"),
        _ => (&received.on_call, &received.warnings, "critical"),
    };
    let [to_people] = &people[..] else {
        panic!("{environment}: expected `{event}` once to people, found {received}");
    };
    assert!(others.is_empty(), "{environment}: {received}");
    validate(&json);
    assert_eq!(json["event"], event, "{environment}: {json:#}");
    let named: BTreeSet<&str> =
        json["subjects"].as_array().unwrap().iter().map(|subject| subject["subject"].as_str().unwrap()).collect();
    assert_eq!(&named, subjects, "{environment}");
    let attributes = [
        ("check", json["check"].as_str().unwrap()),
        ("environment", environment),
        ("event", event),
        ("severity", severity),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(to_programs.attributes, BTreeMap::from(attributes), "{environment}");
    assert_eq!(to_people.attributes, to_programs.attributes, "{environment}");

    let notification: Notification = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(to_people.body, email(&notification), "{environment}");
    assert_eq!(to_people.subject, Some(subject_line(&notification)), "{environment}");
    let runbook = format!("/docs/runbooks/{}.md", notification.check);
    for part in subjects.iter().copied().chain([environment, &runbook, "#platform-on-call"]) {
        assert!(to_people.body.contains(part), "{environment}: {part} is missing in\n{}", to_people.body);
    }
    json
}

fn incidents(message: &Value) -> Vec<&str> {
    message["subjects"].as_array().unwrap().iter().map(|subject| subject["incident_id"].as_str().unwrap()).collect()
}

/// By the schema that receivers are given.
fn validate(notification: &Value) {
    let schema = fs::read_to_string(repository().join("events/notification.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = schema.iter_errors(notification).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\nin {notification:#}");
    let mut without = notification.clone();
    without.as_object_mut().unwrap().remove("notification_id");
    assert!(!schema.is_valid(&without), "the schema lets anything through");
}
