//! Each medium against texts that try to leave their place.

#![expect(clippy::unwrap_used, reason = "the samples exist")]

use std::path::Path;

use check::is_interpreted;
use check::message::{Notification, chat, email, sms, subject_line};
use serde_json::Value;

/// Forged fields, escapes of terminals, mentions, formats, links, and text that is read backwards.
const HOSTILE: &str = "ok\r\n\u{2028}  Runbook    https://evil.example\n\nWho to contact\n  Eve, +1\u{1b}]8;;https://evil.example\u{7}\
                       \u{9b}2J\u{202e}\u{200b}<!channel> <https://evil.example|log in> @here #general [here](https://evil.example) `*b*` ~ & ";

/// Fields that hold text of others: of servers, of partners, of settings.
const TEXTS: [&str; 12] = [
    "expected",
    "actual",
    "evidence",
    "detail",
    "instructions",
    "compensation",
    "step",
    "name",
    "environment",
    "location",
    "incident_id",
    "run_id",
];

fn samples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/messages");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    let samples = named.filter(|(name, _)| name.ends_with(".json") && !name.ends_with(".chat.json"));
    let read = samples.map(|(name, path)| (name, std::fs::read(path).unwrap()));
    let samples: Vec<_> = read.map(|(name, json)| (name, serde_json::from_slice(&json).unwrap())).collect();
    assert!(!samples.is_empty());
    samples
}

fn with_hostile_texts(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if TEXTS.contains(&name.as_str()) && value.is_string() {
                    *value = HOSTILE.into();
                } else {
                    with_hostile_texts(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(with_hostile_texts),
        _ => {}
    }
}

/// Each sample, and the same with hostile texts.
fn pairs() -> impl Iterator<Item = (String, Notification, Notification)> {
    samples().into_iter().map(|(name, sample)| {
        let mut hostile = sample.clone();
        with_hostile_texts(&mut hostile);
        let [sample, hostile] = [sample, hostile].map(|value| serde_json::from_value(value).unwrap());
        (name, sample, hostile)
    })
}

#[test]
fn email_keeps_each_field_in_its_paragraph() {
    for (name, sample, hostile) in pairs() {
        // A stored text may have several lines. They are indented, so that none looks like a field.
        let fields = |n: &Notification| -> Vec<String> {
            let mail = email(n);
            assert!(!mail.contains(|c| c != '\n' && is_interpreted(c)), "{name}: {mail}");
            let is_field = |line: &&str| !line.starts_with("             ");
            let label = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
            mail.lines().filter(is_field).map(label).filter(|label| LABELS.contains(&label.as_str())).collect()
        };
        assert_eq!(fields(&sample), fields(&hostile), "{name}");
    }
}

const LABELS: [&str; 17] = [
    "Since",
    "Until",
    "Escalated",
    "Incidents",
    "Expected",
    "Actual",
    "Evidence",
    "Incident",
    "Cause",
    "Runbook",
    "Logs",
    "Details",
    "Mute",
    "First",
    "Who",
    "Next",
    "Run",
];

#[test]
fn chat_neither_links_nor_mentions() {
    for (name, _, hostile) in pairs() {
        let chat = chat(&hostile);
        let content = &chat["content"];
        let description = content["description"].as_str().unwrap();
        assert!(!description.contains(|c| c != '\n' && is_interpreted(c)), "{name}: {description}");
        let steps = content["nextSteps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap());
        let texts = [description, content["title"].as_str().unwrap(), chat["metadata"]["summary"].as_str().unwrap()];
        for text in texts.into_iter().chain(steps.filter(|step| step.starts_with("Contact"))) {
            let live = ["<!", "<http", "@", "#", "](", "://", "*b*"].into_iter().find(|live| text.contains(live));
            assert_eq!(live, None, "{name}: {text}");
        }
        for line in description.lines() {
            assert!(line.matches('`').count() % 2 == 0, "{name}: {line}");
        }
    }
}

#[test]
fn sms_and_subject_line_stay_one_line() {
    for (name, _, hostile) in pairs() {
        for (text, limit) in [(subject_line(&hostile), 99), (sms(&hostile), 140)] {
            assert!(!text.contains(is_interpreted) && text.chars().count() <= limit, "{name}: {text:?}");
        }
    }
}
