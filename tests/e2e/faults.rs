//! Every fault of the demo platform's catalogue against the real binary: it shows what the catalogue says, is told once,
//! and its end is told once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use check::incident::Policy;
use check::message::{Notification, email, subject_line};
use demo_platform::Fault;
use demo_platform::faults::{ExpectedFailure, FaultSpec, Shows, catalogue};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::runtime_api::Invoked;
use crate::world::{Message, Told, World, repository};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_shows_what_the_catalogue_says_and_is_told_once() {
    // With more at a time the emulator is slow to answer, and a call that is sent again counts twice.
    let places = Arc::new(Semaphore::new(4));
    let mut running = JoinSet::new();
    let mut names = BTreeMap::new();
    for spec in catalogue().unwrap() {
        let fault = spec.fault;
        let places = places.clone();
        let one = async move {
            let _place = places.acquire_owned().await.unwrap();
            one(spec).await;
        };
        names.insert(running.spawn(one).id(), fault);
    }
    assert!(!names.is_empty(), "the catalogue is empty");
    let mut wrong = Vec::new();
    while let Some(ended) = running.join_next_with_id().await {
        if let Err(error) = ended {
            wrong.push(names[&error.id()]);
        }
    }
    assert!(wrong.is_empty(), "not as the catalogue says: {wrong:?}; what was seen stands above");
}

async fn one(spec: FaultSpec) {
    let fault = spec.fault;
    // Names of environments are not longer.
    let environment: String = format!("f-{fault}").chars().take(31).collect();
    let mut world = World::new(&environment).await;
    if [Fault::Hang, Fault::CreateTimesOutButBooks].contains(&fault) {
        // Each attempt waits for its whole deadline.
        world.replace("deadline = \"5s\"", "deadline = \"300ms\"");
    }
    let function = world.start(&spec.check).await;
    let before = world.run(&function).await;
    assert_eq!(before.outcome(), "passed", "{fault}, not yet active: {:#}", before.report());
    let numbers_before = world.metrics_of(world.minute()).await;

    world.platform.faults().activate(fault);
    let mut shown = None;
    let mut last_good = before.report()["run_id"].clone();
    for _ in 0..spec.runs.get() {
        let invoked = world.run_after(&function, spec.every).await;
        if invoked.outcome() == "passed" {
            last_good = invoked.report()["run_id"].clone();
        }
        shown = Some(invoked);
    }
    let shown = shown.unwrap();
    let numbers = world.metrics_of(world.minute()).await;
    let mut aside = Vec::new();
    let opened = told(&world, &mut aside).await;
    // A second run of the same fault tells nothing anew.
    let again = world.run(&function).await;
    let told_again = told(&world, &mut aside).await;
    assert!(told_again.is_nothing(), "{fault}, one run later: {told_again}");
    assert_eq!(again.outcome(), shown.outcome(), "{fault}, one run later");

    // What nothing has removed is asked of the platform itself, and every check says what it could not remove.
    let left = world.platform.left_behind();
    assert_eq!(!left.is_empty(), spec.leaves_behind, "{fault}: {left:?}");
    let said = shown.report().get("left_behind").is_some();
    assert_eq!(said, spec.leaves_behind, "{fault}: {:#}", shown.report());
    assert_eq!(numbers.get("LeftBehind").is_some_and(|left| *left > 0.0), spec.leaves_behind, "{fault}: {numbers:?}");

    world.platform.faults().clear(fault);
    // What is broken already stays so for the runs that come upon it.
    for _ in 0..spec.lingers {
        let invoked = world.run(&function).await;
        assert_eq!(invoked.outcome(), shown.outcome(), "{fault}, just cleared: {:#}", invoked.report());
        let told = told(&world, &mut aside).await;
        assert!(told.is_nothing(), "{fault}, just cleared: {told}");
    }
    let mut later = Vec::new();
    for run in 1..=3 {
        let invoked = world.run(&function).await;
        assert_eq!(invoked.outcome(), "passed", "{fault}, {run} runs after it was cleared: {:#}", invoked.report());
        later.push(told(&world, &mut aside).await);
    }
    if spec.leaves_behind {
        world.clock.advance(Duration::from_secs(16 * 60));
        // One run removes so many and no more.
        for _ in 0..3 {
            let swept = world.run(&function).await;
            assert_eq!(swept.outcome(), "passed", "{fault}, swept: {:#}", swept.report());
        }
    }
    assert_eq!(world.platform.left_behind(), Vec::<String>::new(), "{fault}, when it is over");
    // What is told beside incidents, once each and to those who may wait.
    let is_blind = matches!(spec.shows, Shows::Errored(_)) && spec.runs.get() + 1 >= Policy::default().blind_after;
    let expected: &[&str] = match (spec.leaves_behind, is_blind) {
        (true, _) => &["left_behind"],
        (_, true) => &["blind", "seeing_again"],
        _ => &[],
    };
    assert_eq!(aside, expected, "{fault}");
    let [first, second, third] = &later[..] else { panic!("three runs have three answers") };

    match &spec.shows {
        Shows::Failures(expected) => {
            assert_eq!(shown.outcome(), "failed", "{fault}: {:#}", shown.report());
            assert_eq!(failures(&shown), expected.iter().cloned().collect(), "{fault}");
            assert_eq!((numbers.get("Success"), numbers.get("Errored")), (Some(&0.0), Some(&0.0)), "{fault}");
            assert!(numbers.contains_key("Duration"), "{fault}: {numbers:?}");
            let subjects: BTreeSet<&str> = expected.iter().map(|failure| failure.subject.as_str()).collect();
            let opening = message(&world, &opened, "opened", &subjects);
            assert_eq!(opening["last_good"]["run_id"], last_good, "{fault}");
            assert!(first.is_nothing(), "{fault}, one passed run: {first}");
            let ending = message(&world, second, "recovered", &subjects);
            assert_eq!(incidents(&opening), incidents(&ending), "{fault}");
            assert!(third.is_nothing(), "{fault}, three passed runs: {third}");
        }
        Shows::Metric { name, bound } => {
            assert_eq!(shown.outcome(), "passed", "{fault}: {:#}", shown.report());
            assert_eq!((numbers.get("Success"), numbers.get("Errored")), (Some(&1.0), Some(&0.0)), "{fault}");
            assert!(bound.is_passed_by(numbers[name]), "{fault}: {name} is {}, not {bound:?}", numbers[name]);
            assert!(!bound.is_passed_by(numbers_before[name]), "{fault}: {name} passes {bound:?} without it too");
            assert_quiet(fault, [&opened, first, second, third]);
        }
        Shows::Missing(metric) => {
            assert_eq!(shown.outcome(), "passed", "{fault}: {:#}", shown.report());
            assert!(numbers_before.contains_key(metric), "{fault}, not yet active: {numbers_before:?}");
            assert!(!numbers.contains_key(metric), "{fault}: {numbers:?}");
            assert_quiet(fault, [&opened, first, second, third]);
        }
        Shows::Errored(cause) => {
            assert_eq!(shown.outcome(), "errored", "{fault}: {:#}", shown.report());
            assert_eq!(shown.report()["outcome"]["blindness"]["cause"], cause.to_string(), "{fault}");
            assert_eq!((numbers.get("Success"), numbers.get("Errored")), (None, Some(&1.0)), "{fault}");
            assert!(!numbers.contains_key("Duration"), "{fault}: {numbers:?}");
            assert_quiet(fault, [&opened, first, second, third]);
        }
        Shows::Maintenance => {
            assert_eq!(shown.outcome(), "maintenance", "{fault}: {:#}", shown.report());
            let expected = [("Errored".to_owned(), 0.0), ("Maintenance".to_owned(), 1.0)];
            assert_eq!(numbers, BTreeMap::from(expected), "{fault}");
            assert_eq!(numbers_before["Maintenance"], 0.0, "{fault}");
            assert_quiet(fault, [&opened, first, second, third]);
        }
    }
}

/// What was told of incidents. What was told of anything else is put aside, by its event.
async fn told(world: &World, aside: &mut Vec<String>) -> Told {
    let mut told = world.told().await;
    let is_aside =
        |message: &Message| ["left_behind", "blind", "seeing_again"].contains(&message.attributes["event"].as_str());
    let to_people: Vec<Message> = told.warnings.extract_if(.., |message| is_aside(message)).collect();
    let to_programs: Vec<Message> = told.events.extract_if(.., |message| is_aside(message)).collect();
    assert_eq!(to_people.len(), to_programs.len(), "{}: {told}", world.environment);
    for (to_people, to_programs) in to_people.iter().zip(&to_programs) {
        let json = to_programs.json();
        validate(&json);
        let notification: Notification = serde_json::from_value(json).unwrap();
        assert_eq!(to_people.body, email(&notification), "{}", world.environment);
        aside.push(notification.event.as_str().to_owned());
    }
    told
}

fn failures(invoked: &Invoked) -> BTreeSet<ExpectedFailure> {
    let read = |failure: &Value| {
        let text = |name: &str| failure[name].as_str().unwrap().to_owned();
        let kind = serde_json::from_value(failure["kind"].clone()).unwrap();
        ExpectedFailure { subject: text("subject"), step: text("step"), kind }
    };
    invoked.report()["outcome"]["failures"].as_array().unwrap().iter().map(read).collect()
}

fn assert_quiet(fault: Fault, told: [&Told; 4]) {
    for told in told {
        assert!(told.is_nothing(), "{fault}: {told}");
    }
}

/// The one message of this kind, as people and as programs get it.
fn message(world: &World, told: &Told, event: &str, subjects: &BTreeSet<&str>) -> Value {
    let environment = &world.environment;
    let [to_programs] = &told.events[..] else {
        panic!("{environment}: expected `{event}` once to programs, saw {told}");
    };
    let json = to_programs.json();
    // A partner's trouble can wait, as far as the platform is concerned.
    let (people, others, severity) = match json["check"].as_str() {
        Some("integrations") => (&told.warnings, &told.on_call, "warning"),
        _ => (&told.on_call, &told.warnings, "critical"),
    };
    let [to_people] = &people[..] else {
        panic!("{environment}: expected `{event}` once to people, saw {told}");
    };
    assert!(others.is_empty(), "{environment}: {told}");
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
