//! Samples in `events/`: they are what the code makes, and follow the schema.
//!
//! `UPDATE_EVENTS=1 cargo test -p check --test messages` rewrites them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its samples has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use check::budget::{DayRuns, ErrorBudget, Objective, RunCounts};
use check::incident::{CheckState, Findings, LastSuccessfulRun, Policy, Severity, SeverityRule, Vote, decide};
use check::message::{
    Contact, Context, Event, Links, Notification, Owner, Topic, chat, compose, email, sms, subject_line,
};
use check::{
    Attempt, Cause, FailureKind, Journey, Leftover, Mismatch, NoSecrets, Phrase, RunKey, Shard, Subject, Verdict,
    foreign, ours, phrase,
};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events")).join(name)
}

/// Compares with the file, or writes it when asked to.
fn assert_is(name: &str, made: &str) {
    let path = sample(name);
    if std::env::var_os("UPDATE_EVENTS").is_some() {
        fs::write(&path, made).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, made, "events/{name} differs; UPDATE_EVENTS=1 rewrites it");
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// Check and subjects that a story is about.
struct Cast {
    check: &'static str,
    subjects: [&'static str; 2],
    severity: Severity,
    owners: BTreeMap<Subject, Owner>,
    /// Step that fails, and its evidence.
    fails: (&'static str, &'static str),
}

/// Two targets of the platform.
fn platform() -> Cast {
    let subjects = ["front-page", "status-api"];
    let fails = ("response", "{ \"message\": \"Kørelærerens kalender kunne ikke åbnes\" }");
    Cast { check: "availability", subjects, severity: Severity::Critical, owners: BTreeMap::new(), fails }
}

/// Two partners, one of them with a known contact.
fn partners() -> Cast {
    let contact = Contact { name: "Support desk".to_owned(), details: "+45 11 11 11 11".to_owned() };
    let owner = |name: &str, contact| Owner { name: name.to_owned(), contact };
    let subject = |name: &str| Subject::new(name).unwrap();
    let owners = [(subject("stripe"), owner("Stripe", None)), (subject("e-teori"), owner("e-teori.dk", Some(contact)))];
    let subjects = ["stripe", "e-teori"];
    let fails = ("answer", "<h1>Teoriprøverne er nede</h1>");
    Cast { check: "integrations", subjects, severity: Severity::Warning, owners: owners.into(), fails }
}

fn minute(check: &str, number: i64) -> RunKey {
    let start: Timestamp = "2026-11-23T04:49:00Z".parse().unwrap();
    RunKey {
        check: check.to_owned(),
        location: "eu-north-1".to_owned(),
        shard: Shard::ONLY,
        scheduled_time: Timestamp::from_second(start.as_second() + number * 60).unwrap(),
    }
}

/// Attempt on two targets, a letter each: `.` healthy, `x` down, `s` slow, `?` inconclusive.
fn attempt(cast: &Cast, at: Timestamp, letters: &str) -> Attempt {
    let mut journey = Journey::new(at, Arc::new(NoSecrets));
    for (name, letter) in cast.subjects.into_iter().zip(letters.chars()) {
        let subject = Subject::new(name).unwrap();
        let request = journey.begin(&subject, "request", at);
        if letter == '?' {
            let parameter = format!("/just-driving/production/{}/api-key", cast.check);
            let detail = phrase!(
                "the parameter {} does not exist\ncreate it, or correct the reference in the settings",
                ours(parameter)
            );
            journey.inconclusive(request, Cause::Reference, detail);
            journey.end(request, Duration::from_millis(3));
            continue;
        }
        journey.pass(request);
        journey.end(request, Duration::from_millis(42));
        let response = journey.begin(&subject, cast.fails.0, at);
        let down = Mismatch::new(FailureKind::Status, "status 200", "status 500 Internal Server Error")
            .with_evidence(foreign(cast.fails.1));
        let slow = Mismatch::new(FailureKind::Timeout, "an answer within 5 s", "no answer");
        let observed = match letter {
            'x' => Err(down),
            's' => Err(slow),
            _ => Ok(()),
        };
        if journey.assert(response, "status", observed).is_ok() {
            journey.pass(response);
        }
        journey.end(response, Duration::from_micros(200));
    }
    journey.finish(Duration::from_millis(43))
}

/// Every event but leftovers, by the default policy: a minute, a letter for each target, and the event.
const STORY: [(i64, &str, &str); 27] = [
    (0, "..", ""),
    (1, ".x", "opened"),
    (2, ".x", ""),
    (241, ".x", "reminded"),
    (263, "..", ""),
    (264, "..", "recovered"),
    // A warning that gets worse.
    (300, "s.", ""),
    (312, "x.", "escalated"),
    (330, "..", ""),
    (331, "..", ""),
    // Again and again: the third time within an hour.
    (400, ".x", ""),
    (403, "..", ""),
    (404, "..", ""),
    (410, ".x", ""),
    (414, "..", ""),
    (415, "..", ""),
    (424, ".x", "flapping"),
    (429, "..", ""),
    (430, "..", ""),
    (458, "..", ""),
    (459, "..", ""),
    (460, "..", "stabilized"),
    (500, ".?", ""),
    (501, ".?", ""),
    (502, ".?", "monitoring_lost"),
    (531, "..", "monitoring_restored"),
    (532, "..", ""),
];

fn platform_contact() -> Contact {
    Contact { name: "Platform on call".to_owned(), details: "+45 00 00 00 00".to_owned() }
}

fn context<'a>(
    run: &'a RunKey,
    run_id: &'a str,
    contact: &'a Contact,
    owners: &'a BTreeMap<Subject, Owner>,
) -> Context<'a> {
    Context {
        environment: "production",
        region: Some("eu-north-1"),
        machine: None,
        run,
        run_id,
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
        attempts: &[],
        last_successful_run: None,
        error_budget: None,
        leftover_severity: Severity::Warning,
        remind_every: Duration::from_secs(4 * 60 * 60),
        flap_window: Policy::default().flap_window,
        contact,
        owners,
        links: Links {
            runbook: format!("https://github.com/just-driving/synthetics/blob/main/docs/runbooks/{}.md", run.check),
            dashboard: None,
            logs: None,
            trace: Some("https://apm.justdriving.example/trace/4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        },
    }
}

/// A booking run that the platform did not let cancel its lesson, nor log out.
fn leftovers() -> Notification {
    let run = minute("booking", 590);
    let run_id = "01a206f3-0000-7000-8000-000000000590";
    let leftover = |compensation: &str, detail: Phrase, instructions: Option<&str>| {
        Leftover::new(compensation, detail, instructions.map(str::to_owned), &NoSecrets)
    };
    let left = [
        leftover(
            "booking",
            phrase!(
                "cancelling the test booking failed: booking 9004: status 500 Internal Server Error; a booking with the \
                 note `synthetic:{}` may still exist",
                ours(run_id)
            ),
            None,
        ),
        leftover(
            "log-out",
            "log-out returned status 500; the session or token may still be valid".into(),
            Some(
                "A session expires by itself, a token may not. To end either now, delete the account's sessions and \
                 tokens on the platform.",
            ),
        ),
    ];
    let votes = BTreeMap::from([(Subject::whole(), Vote::Healthy)]);
    let findings = Findings {
        run: &run,
        run_id,
        votes: &votes,
        passed: Some(true),
        subjects: None,
        leftovers: &left,
        windows: &[],
    };
    let decision = decide(&CheckState::default(), &findings, &Policy::default());
    let (contact, no_owners) = (platform_contact(), BTreeMap::new());
    let last = LastSuccessfulRun {
        run_id: "01a206f3-0000-7000-8000-000000000580".to_owned(),
        at: minute("booking", 580).scheduled_time,
    };
    let error_budget = Some(budget(0.98, &decision.next, &run));
    let context =
        Context { last_successful_run: Some(&last), error_budget, ..context(&run, run_id, &contact, &no_owners) };
    let mut composed = compose(&decision, &context);
    assert_eq!(composed.len(), 1, "{composed:#?}");
    composed.remove(0)
}

/// Runs of the four weeks before the story: four failed on each day.
fn four_weeks() -> RunCounts {
    let first = Date::constant(2026, 10, 25);
    let days = (0..29).map(|number| first.saturating_add(number.days()));
    days.map(|day| (day, DayRuns { passed: 1_436, failed: 4 })).collect()
}

/// Error budget after a run.
fn budget(target: f64, state: &CheckState, run: &RunKey) -> ErrorBudget {
    ErrorBudget::new(Objective::new(target).unwrap(), &state.runs, run.scheduled_time)
}

/// Each event's first notification of the story.
fn story(cast: &Cast) -> BTreeMap<&'static str, Notification> {
    let policy = Policy {
        severity: cast.severity,
        severities: vec![SeverityRule { subject: None, kind: Some(FailureKind::Timeout), severity: Severity::Warning }],
        ..Policy::default()
    };
    let (contact, no_owners) = (platform_contact(), BTreeMap::new());
    let mut state = CheckState { runs: four_weeks(), ..CheckState::default() };
    let mut messages = BTreeMap::new();
    for (number, letters, expected) in STORY {
        let run = minute(cast.check, number);
        let run_id = format!("01a206f3-0000-7000-8000-000000000{number:03}");
        let fails = letters.contains(['x', 's']);
        let attempts = vec![attempt(cast, run.scheduled_time, letters); if fails { 2 } else { 1 }];
        let votes = attempts[0]
            .verdicts()
            .into_iter()
            .map(|(subject, verdict)| match verdict {
                Verdict::Failing(failure) => (subject, Vote::Failing { failure, confirmed: true }),
                Verdict::Healthy => (subject, Vote::Healthy),
                Verdict::Inconclusive(inconclusive) => (subject, Vote::Inconclusive(inconclusive)),
                Verdict::Maintenance(_) => panic!("the story has no maintenance"),
            })
            .collect();
        let findings = Findings {
            run: &run,
            run_id: &run_id,
            votes: &votes,
            passed: (!letters.contains('?')).then_some(!fails),
            subjects: None,
            leftovers: &[],
            windows: &[],
        };
        let decision = decide(&state, &findings, &policy);
        let context = Context {
            attempts: &attempts,
            last_successful_run: state.last_successful_run.as_ref(),
            // Partners have no objective.
            error_budget: cast.owners.is_empty().then(|| budget(0.995, &decision.next, &run)),
            owners: &cast.owners,
            ..context(&run, &run_id, &contact, &no_owners)
        };
        let composed = compose(&decision, &context);
        let events: Vec<_> = composed.iter().map(|n| n.event.as_str()).collect();
        // A warning cannot get worse by a rule that makes warnings.
        let is_notified = expected.is_empty() || events.contains(&expected) || cast.severity == Severity::Warning;
        assert!(is_notified, "minute {number}: {expected}, sent {events:?}");
        for notification in composed {
            messages.entry(notification.event.as_str()).or_insert(notification);
        }
        state = decision.next;
    }
    messages
}

/// A notification of each event.
fn everything() -> BTreeMap<&'static str, Notification> {
    let mut messages = story(&platform());
    messages.insert("leftovers", leftovers());
    messages
}

#[test]
fn samples_are_what_the_code_makes() {
    let story = everything();
    assert_eq!(story.len(), Event::ALL.len(), "{:?}", story.keys());
    for (event, notification) in story {
        assert_are(event, &notification);
    }
}

fn assert_are(name: &str, notification: &Notification) {
    assert_is(&format!("messages/{name}.json"), &pretty(notification));
    let mail = format!("Subject: {}\n\n{}\n", subject_line(notification), email(notification));
    assert_is(&format!("messages/{name}.email.txt"), &mail);
    assert_is(&format!("messages/{name}.sms.txt"), &(sms(notification) + "\n"));
    assert_is(&format!("messages/{name}.chat.json"), &pretty(&chat(notification)));
}

#[test]
fn test_message_says_that_nothing_is_wrong() {
    let sender = Contact { name: "anna".to_owned(), details: "sent this test message".to_owned() };
    let at = "2026-11-23T09:00:00Z".parse().unwrap();
    let message = Notification::test(Topic::OnCall, "production", "eu-north-1", sender, at);
    assert_are("test", &message);
    for text in [subject_line(&message), email(&message), sms(&message), chat(&message).to_string()] {
        assert!(text.contains("test message, nothing is wrong"), "{text}");
    }
    assert!(!message.is_ongoing() && !message.is_over());
}

/// Notifications about partners that are kept as samples.
const PARTNER_SAMPLES: [&str; 3] = ["opened", "recovered", "monitoring_lost"];

#[test]
fn partner_failures_never_read_as_the_platforms() {
    let story = story(&partners());
    for event in PARTNER_SAMPLES {
        assert_are(&format!("partner-{event}"), &story[event]);
    }
    for (event, n) in &story {
        for text in [email(n), subject_line(n), sms(n), chat(n).to_string()] {
            assert!(text.contains("(partner)"), "{event}: {text}");
        }
    }
    let opened = &story["opened"];
    assert_eq!(opened.topics(), [Topic::Warnings, Topic::Events, Topic::Chat]);
    let mail = email(opened);
    let (theirs, ours) = (mail.find("  Support desk (e-teori.dk), +45 11 11 11 11"), mail.find("Platform on call"));
    assert!(theirs.unwrap() < ours.unwrap(), "{mail}");
    assert!(sms(opened).contains("Contact +45 11 11 11 11"), "{}", sms(opened));
    // Our own missing key is no reason to contact the partner.
    assert!(!email(&story["monitoring_lost"]).contains("Support desk"));
}

#[test]
fn several_partners_are_named_apart_from_the_platform() {
    let mut several = story(&partners()).remove("opened").unwrap();
    let mut other = several.subjects[0].clone();
    other.failure.subject = Subject::new("stripe").unwrap();
    other.owner = Some(Owner { name: "Stripe".to_owned(), contact: None });
    several.subjects.push(other);
    let mail = email(&several);
    assert!(mail.contains("failing: e-teori.dk (partner), Stripe (partner)"), "{mail}");
    assert!(
        mail.contains("not with the platform: e-teori.dk, Stripe. Check our own connection to the internet first"),
        "{mail}"
    );
    assert!(sms(&several).contains("Contact +45 00 00 00 00"), "{}", sms(&several));
    several.subjects[1].owner = None;
    let mail = email(&several);
    assert!(mail.contains("Some failures appear to be with partners, not with the platform: e-teori.dk."), "{mail}");
}

#[test]
fn every_medium_keeps_its_bounds() {
    for (event, mut notification) in everything() {
        let long = "Øre ☎ <!channel> @here \u{7} {\"a\": [1]} ".repeat(30);
        notification.environment = "prøve\r\nBcc: someone".to_owned();
        notification.contact.name = long.clone();
        for subject in &mut notification.subjects {
            subject.failure.actual = phrase!("{}", foreign(&long)).admit(&NoSecrets, 2_000);
            subject.failure.step = long.clone();
        }
        for inconclusive in &mut notification.inconclusive {
            inconclusive.detail = phrase!("{}", foreign(&long)).admit(&NoSecrets, 2_000);
        }
        let line = subject_line(&notification);
        assert!(line.len() < 100 && line.chars().all(|c| c.is_ascii() && !c.is_ascii_control()), "{event}: {line}");
        let text = sms(&notification);
        assert!(text.chars().count() <= 140 && !text.contains(['{', '☎', '\n']), "{event}: {text}");
        let chat = chat(&notification);
        let title = chat["content"]["title"].as_str().unwrap();
        assert!(title.chars().count() <= 240, "{event}: {title}");
        assert!(chat["content"]["description"].as_str().unwrap().chars().count() <= 3_000, "{event}");
        let shown = chat["content"].to_string();
        assert!(!shown.contains("<!channel>") && !shown.contains("@here"), "{event}: {shown}");
    }
}

#[test]
fn recipients_follow_severity_and_earlier_notifications() {
    let story = everything();
    let people = |event: &str| {
        let topics = story[event].topics();
        topics.into_iter().filter(|topic| !matches!(topic, Topic::Events | Topic::Chat)).collect::<Vec<_>>()
    };
    assert_eq!(people("opened"), [Topic::OnCall]);
    assert_eq!(people("escalated"), [Topic::OnCall]);
    assert_eq!(people("monitoring_lost"), [Topic::Warnings]);
    assert_eq!(people("leftovers"), [Topic::Warnings]);
    // Recipients of the warning are notified of the recovery too.
    let mut recovered = story["recovered"].clone();
    assert_eq!(recovered.topics(), [Topic::OnCall, Topic::Events, Topic::Chat]);
    recovered.subjects[0].escalated_at = Some(recovered.at);
    assert_eq!(recovered.topics(), [Topic::OnCall, Topic::Warnings, Topic::Events, Topic::Chat]);
}

#[test]
fn notification_without_optional_fields_is_rendered() {
    let mut earlier = serde_json::to_value(&story(&platform())["opened"]).unwrap();
    let fields = earlier.as_object_mut().unwrap();
    fields.remove("reminds_after_seconds");
    let read: Notification = serde_json::from_value(earlier).unwrap();
    assert!(email(&read).contains("First steps"));
}

#[test]
fn schema_file_is_that_of_the_type() {
    assert_is("notification.schema.json", &pretty(&schemars::schema_for!(Notification)));
}

#[test]
fn samples_follow_the_schema_and_round_trip() {
    let schema: Value = serde_json::from_str(&fs::read_to_string(sample("notification.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let is_sample = |name: &str| name.ends_with(".json") && !name.ends_with(".chat.json");
    let samples: Vec<_> = fs::read_dir(sample("messages"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().is_some_and(is_sample))
        .collect();
    assert_eq!(samples.len(), Event::ALL.len() + PARTNER_SAMPLES.len() + 1, "and the test message");
    for path in samples {
        let mut value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{}: {error}", path.display());
        }
        let read: Notification = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
        value["severity"] = "loud".into();
        assert!(!validator.is_valid(&value), "the schema must refuse what the type refuses");
    }
}
