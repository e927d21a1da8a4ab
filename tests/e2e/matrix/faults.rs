//! Runs each fault of the demo platform's catalogue against the function binary. The check must report what the catalogue
//! says, notify once and raise exactly the expected alarms; after the fault, incident and alarms must end.

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
use crate::leaks::assert_no_secret;
use crate::runtime_api::Invoked;
use crate::world::{Message, Received, World, repository};

/// Only one of this many runs takes place while the test waits six hours. So few lost runs raise no alarm.
const RUN_INTERVAL: u32 = 4;
/// Delay of late deliveries, as a multiple of the alarm threshold.
const DELAY_FACTOR: f64 = 1.2;

/// Runs a fault, checks its effect and returns its row.
pub async fn row(spec: &FaultSpec) -> Row {
    let fault = spec.fault;
    // The maximum length of an environment name.
    let environment: String = format!("f-{fault}").chars().take(24).collect();
    let alarms = Alarms::shipped(&environment);
    let declared = declared(spec, &alarms);
    let delay = delay(fault, &alarms);
    let mut options = Options::default();
    if let Some(delay) = delay {
        (options.late_by, options.webhook_wait) = (delay, delay);
    }
    let mut world = world(&environment, options).await;
    match fault {
        // Each attempt uses up its deadline.
        Fault::Hang | Fault::CreateTimesOutButBooks => world.replace("deadline = \"5s\"", "deadline = \"1s\""),
        // The delay exceeds the deadline of the demo settings.
        Fault::EmailLate | Fault::SmsLate => world.replace("delivered_within = \"20s\"", "delivered_within = \"20m\""),
        Fault::WebhookSlow => world.replace("processing_deadline = \"6s\"", "processing_deadline = \"10s\""),
        Fault::JobLate => world.replace("done_within = \"20s\"", "done_within = \"5m\""),
        _ => {}
    }
    let times = Times::new(spec, &alarms, &declared);
    let function = world.start(&spec.check).await;
    let mut before = world.run_after(&function, spec.every).await;
    let began = world.minute();
    // Later runs evaluate the canaries of earlier ones.
    for _ in 1..spec.runs.get() {
        before = world.run_after(&function, spec.every).await;
    }
    assert_eq!(before.outcome(), "passed", "{fault}, before the fault: {:#}", before.report());
    let numbers_before = world.metrics_at(world.minute()).await;

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
    let numbers = world.metrics_at(world.minute()).await;
    let mut other_events = Vec::new();
    let opened = received(&world, &mut other_events).await;
    assert_no_secret(&world, &[&function], &[]).await;
    // Further runs of the same fault do not notify again.
    for run in 1..=times.further {
        let again = world.run_after(&function, spec.every).await;
        let repeated = received(&world, &mut other_events).await;
        assert!(repeated.is_empty(), "{fault}, {run} runs later: {repeated}");
        assert_eq!(again.outcome(), shown.outcome(), "{fault}, {run} runs later: {:#}", again.report());
    }

    // The platform lists the remaining test data; the report and the metric must agree with it.
    let leftovers = world.platform.leftovers();
    assert_eq!(!leftovers.is_empty(), spec.leaves_leftovers, "{fault}: {leftovers:?}");
    let are_reported = shown.report().get("leftovers").is_some();
    assert_eq!(are_reported, spec.leaves_leftovers, "{fault}: {:#}", shown.report());
    assert_eq!(
        numbers.get("Leftovers").is_some_and(|count| *count > 0.0),
        spec.leaves_leftovers,
        "{fault}: {numbers:?}"
    );

    world.platform.faults().clear(fault);
    let cleared = world.minute();
    // Some effects last for a few more runs.
    for _ in 0..spec.lingers {
        let invoked = world.run_after(&function, spec.every).await;
        assert_eq!(invoked.outcome(), shown.outcome(), "{fault}, just cleared: {:#}", invoked.report());
        let received = received(&world, &mut other_events).await;
        assert!(received.is_empty(), "{fault}, just cleared: {received}");
    }
    let mut later = Vec::new();
    for run in 1..=3 {
        let invoked = world.run_after(&function, spec.every).await;
        assert_eq!(invoked.outcome(), "passed", "{fault}, {run} runs after it was cleared: {:#}", invoked.report());
        later.push(received(&world, &mut other_events).await);
    }
    if spec.leaves_leftovers {
        world.clock.advance(Duration::from_secs(16 * 60));
        // Each run removes a limited number of leftovers.
        for _ in 0..3 {
            let cleanup = world.run_after(&function, spec.every).await;
            assert_eq!(cleanup.outcome(), "passed", "{fault}, cleanup: {:#}", cleanup.report());
        }
    }
    assert_eq!(world.platform.leftovers(), Vec::<String>::new(), "{fault}, after cleanup");
    // Leftovers and lost monitoring are reported once each, to the topic `warnings`.
    let loses_monitoring = matches!(spec.shows, Shows::Inconclusive(_))
        && spec.runs.get() + times.further >= Policy::default().monitoring_lost_after;
    let expected: &[&str] = match (spec.leaves_leftovers, loses_monitoring) {
        (true, _) => &["leftovers"],
        (_, true) => &["monitoring_lost", "monitoring_restored"],
        _ => &[],
    };
    assert_eq!(other_events, expected, "{fault}");
    for run in 1..=times.until_ok {
        let invoked = world.run_after(&function, spec.every).await;
        assert_eq!(invoked.outcome(), "passed", "{fault}, {run} more runs later: {:#}", invoked.report());
    }
    for run in 1..=times.until_objective {
        let invoked = world.run_after(&function, spec.every * RUN_INTERVAL).await;
        assert_eq!(invoked.outcome(), "passed", "{fault}, {run} more intervals later: {:#}", invoked.report());
    }
    let quiet = world.received().await;
    assert!(quiet.is_empty(), "{fault}, long after the fault: {quiet}");

    let effect = Effect { shown, numbers_before, numbers, last_successful_run, opened, later };
    effect.assert_as_declared(spec, &world);
    let points = world.metrics().await;
    assert_no_secret(&world, &[&function], &points).await;
    let raised = alarms.raised(&[&spec.check], &data(&points), began, world.minute());
    let names: BTreeSet<&str> = raised.iter().map(|raised| raised.alarm.as_str()).collect();
    assert_eq!(names, declared.iter().map(String::as_str).collect(), "{fault}: alarms");
    assert_eq!(raised.len(), names.len(), "{fault}, an alarm fired more than once: {raised:?}");
    for raised in &raised {
        assert!(raised.at > activated, "{fault}, raised before the fault: {raised:?}");
        assert!(raised.over.is_some(), "{fault}, not cleared: {raised:?}");
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
            delay.map(|delay| format!("; here {delay:#}")).unwrap_or_default()
        ),
        check: page::list(checks(spec).into_iter()),
        shows: shows(spec),
        notified: page::list(events.into_iter().chain(other_events.iter().map(String::as_str)).map(str::to_owned)),
        cleaned_up: page::cleaned_up(&points),
        alarms: Fired::new(&raised, activated, cleared),
    }
}

/// Delay that makes the alarm of a late delivery fire; `None` for faults of other kinds.
fn delay(fault: Fault, alarms: &Alarms) -> Option<SignedDuration> {
    let (alarm, ms) = match fault {
        Fault::EmailLate => ("EmailDeliveryDelay", 1_000.0),
        Fault::SmsLate => ("SmsDeliveryDelay", 1_000.0),
        Fault::JobLate => ("JobDelay", 1_000.0),
        Fault::WebhookSlow => ("WebhookProcessingDelay", 1.0),
        _ => return None,
    };
    let ms = alarms.on_metrics(alarm).threshold * ms * DELAY_FACTOR;
    Some(SignedDuration::from_millis(ms as i64))
}

/// Effect of a fault on one check.
struct Effect {
    /// The last run during the fault.
    shown: Invoked,
    /// Metrics of the last run before the fault.
    numbers_before: BTreeMap<String, f64>,
    /// Metrics of the last run during the fault.
    numbers: BTreeMap<String, f64>,
    /// Id of the last passed run.
    last_successful_run: Value,
    /// Notifications until the last run during the fault.
    opened: Received,
    /// Notifications of each of the first three passed runs after the fault.
    later: Vec<Received>,
}

impl Effect {
    /// Checks report, metrics and notifications against the catalogue.
    fn assert_as_declared(&self, spec: &FaultSpec, world: &World) {
        let fault = spec.fault;
        let Self { shown, numbers_before, numbers, last_successful_run, opened, later } = self;
        let [first, second, third] = &later[..] else { panic!("expected three runs, found {}", later.len()) };
        match &spec.shows {
            Shows::Failures(expected) => {
                assert_eq!(shown.outcome(), "failed", "{fault}: {:#}", shown.report());
                assert_eq!(failures(shown), expected.iter().cloned().collect(), "{fault}");
                assert_eq!((numbers.get("Success"), numbers.get("Inconclusive")), (Some(&0.0), Some(&0.0)), "{fault}");
                assert!(numbers.contains_key("Duration"), "{fault}: {numbers:?}");
                let subjects: BTreeSet<&str> = expected.iter().map(|failure| failure.subject.as_str()).collect();
                let opening = message(world, opened, "opened", &subjects);
                assert_eq!(opening["last_successful_run"]["run_id"], *last_successful_run, "{fault}");
                assert!(first.is_empty(), "{fault}, one passed run: {first}");
                let ending = message(world, second, "recovered", &subjects);
                assert_eq!(incidents(&opening), incidents(&ending), "{fault}");
                assert!(third.is_empty(), "{fault}, three passed runs: {third}");
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

/// Alarms that a fault must raise, from its catalogue entry.
fn declared(spec: &FaultSpec, alarms: &Alarms) -> BTreeSet<String> {
    let pascal = alarms.pascal(&spec.check);
    let objective = format!("{pascal}Objective");
    let mut declared: BTreeSet<String> = spec.alarms.iter().cloned().collect();
    match &spec.shows {
        Shows::Failures(_) => {
            declared.insert(format!("Failing{pascal}"));
            let is_guarded = alarms.names().any(|name| name == objective);
            declared.extend(Some(objective).filter(|_| is_guarded && lasts(spec)));
        }
        Shows::Inconclusive(_) => {
            declared.insert(format!("MonitoringLost{pascal}"));
        }
        Shows::Metric { .. } | Shows::Missing(_) | Shows::Maintenance => {}
    }
    declared
}

/// True for the one fault of each check that lasts until the alarm on its objective fires. The test then waits six hours until the
/// alarm clears.
fn lasts(spec: &FaultSpec) -> bool {
    let fails = |other: &&FaultSpec| other.check == spec.check && matches!(other.shows, Shows::Failures(_));
    catalogue().unwrap().iter().find(fails).is_some_and(|first| first.fault == spec.fault)
}

/// True for an alarm that covers six hours.
fn is_objective(alarm: &str) -> bool {
    alarm.ends_with("Objective")
}

/// Numbers of runs in the phases of a scenario.
struct Times {
    /// Runs after detection until all alarms are raised; at least one.
    further: u32,
    /// Runs after the first three passed ones until the alarms clear.
    until_ok: u32,
    /// Runs after that, one per [`RUN_INTERVAL`], until the alarm on the objective clears; 0 when none fires.
    until_objective: u32,
}

impl Times {
    fn new(spec: &FaultSpec, alarms: &Alarms, declared: &BTreeSet<String>) -> Self {
        let runs = |time: Duration| u32::try_from(time.as_secs().div_ceil(spec.every.as_secs())).unwrap();
        let mut times = Self { further: 1, until_ok: 0, until_objective: 0 };
        for name in declared {
            let alarm = alarms.on_metrics(name);
            let periods = |count: usize| alarm.period * u32::try_from(count).unwrap();
            let healthy = alarm.evaluation_periods - alarm.datapoints_to_alarm + 1;
            times.further = times.further.max(runs(periods(alarm.datapoints_to_alarm) + spec.builds_up));
            if is_objective(name) {
                times.until_objective = runs(periods(healthy)).div_ceil(RUN_INTERVAL) + 1;
            } else {
                times.until_ok = times.until_ok.max(runs(periods(healthy)) + 1);
            }
        }
        times
    }
}

/// The check of a fault, and other checks that it may affect.
fn checks(spec: &FaultSpec) -> Vec<String> {
    let mut checks = vec![spec.check.clone()];
    for (effect, others) in [("may fail", &spec.also_fails), ("may be inconclusive", &spec.also_inconclusive)] {
        if !others.is_empty() {
            checks.push(format!("*{effect}*: {}", others.join(", ")));
        }
    }
    checks
}

/// Result of the check as the page describes it. The subject of a single flow is shown as the check.
fn shows(spec: &FaultSpec) -> String {
    let failure = |failure: &ExpectedFailure| {
        let subject = if failure.subject == "-" { &spec.check } else { &failure.subject };
        format!("{subject}, {}: {}", failure.step, failure.kind)
    };
    match &spec.shows {
        Shows::Failures(failures) => page::list(failures.iter().map(failure)),
        Shows::Metric { name, bound: Bound::AtLeast(bound) } => format!("`{name}` ≥ {bound}"),
        Shows::Metric { name, bound: Bound::AtMost(bound) } => format!("`{name}` ≤ {bound}"),
        Shows::Missing(metric) => format!("`{metric}` is not published"),
        Shows::Inconclusive(cause) => format!("inconclusive: {cause}"),
        Shows::Maintenance => "in maintenance".to_owned(),
    }
}

/// Takes the received messages. Returns those of incidents, and adds the events of all others to `other_events`.
async fn received(world: &World, other_events: &mut Vec<String>) -> Received {
    let mut received = world.received().await;
    let is_other = |message: &Message| {
        ["leftovers", "monitoring_lost", "monitoring_restored"].contains(&message.attributes["event"].as_str())
    };
    let to_people: Vec<Message> = received.warnings.extract_if(.., |message| is_other(message)).collect();
    let to_programs: Vec<Message> = received.events.extract_if(.., |message| is_other(message)).collect();
    assert_eq!(to_people.len(), to_programs.len(), "{}: {received}", world.environment);
    for (to_people, to_programs) in to_people.iter().zip(&to_programs) {
        let json = to_programs.json();
        validate(&json);
        let notification: Notification = serde_json::from_value(json).unwrap();
        assert_eq!(to_people.body, email(&notification), "{}", world.environment);
        other_events.push(notification.event.as_str().to_owned());
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
        assert!(received.is_empty(), "{fault}: {received}");
    }
}

/// Expects exactly one notification of this event, for people and for programs, and returns its JSON.
fn message(world: &World, received: &Received, event: &str, subjects: &BTreeSet<&str>) -> Value {
    let environment = &world.environment;
    let [to_programs] = &received.events[..] else {
        panic!("{environment}: expected one `{event}` for programs, found {received}");
    };
    let json = to_programs.json();
    // A failing partner is less urgent than a failing platform.
    let (people, others, severity) = match json["check"].as_str() {
        Some("integrations") => (&received.warnings, &received.on_call, "warning"),
        _ => (&received.on_call, &received.warnings, "critical"),
    };
    let [to_people] = &people[..] else {
        panic!("{environment}: expected one `{event}` for people, found {received}");
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
    let mut to_phones = to_programs.attributes.clone();
    to_phones.insert("AWS.SNS.SMS.SMSType".to_owned(), "Transactional".to_owned());
    assert_eq!(to_people.attributes, to_phones, "{environment}");

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

/// Validates a notification against the published schema.
fn validate(notification: &Value) {
    let schema = fs::read_to_string(repository().join("events/notification.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = schema.iter_errors(notification).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\nin {notification:#}");
    let mut without = notification.clone();
    without.as_object_mut().unwrap().remove("notification_id");
    assert!(!schema.is_valid(&without), "the schema accepts a notification without id");
}
