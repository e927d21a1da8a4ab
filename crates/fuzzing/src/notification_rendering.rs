//! Rendering of notifications: whatever their texts are, they stay in their places.

use std::sync::LazyLock;

use check::message::{Notification, chat, email, sms, subject_line};
use check::{Failure, NoSecrets, Text, foreign, phrase};
use serde_json::Value;

use crate::input::{files, split, split_first_line};
use crate::oracle::assert_clean;

/// The first byte chooses a sample. The texts below the first line, separated by a line `--`, replace those of the sample.
pub(crate) const SEEDS: &[&[u8]] = &[
    b"a\nok\r\n  Runbook    https://evil.example\n--\n<!channel> <https://evil.example|log in>",
    "b\n\u{2028}Who to contact\n  Eve, +1\u{1b}]8;;https://evil.example\u{7}\n--\n@here #general [here](https://evil.example)".as_bytes(),
    "c\n`*b*` ~ & \u{202e}\u{200b}\n--\n\u{e6}\u{f8}\u{e5}^{}\\[~]|\u{20ac}\u{7686}\n--\n\n--\n``` `".as_bytes(),
    b"d\n\n--\nthe same\n--\nthe same\n--\n                                        x",
    b"e\nstatus 500 Internal Server Error at https://app.example/api/bookings",
];

/// Members with text of servers, which pass the gate before they become part of a notification.
const FOREIGN: [&str; 4] = ["expected", "actual", "evidence", "detail"];
/// Members with names of settings and templates.
const NAMES: [&str; 6] = ["name", "environment", "location", "incident_id", "run_id", "instructions"];

const MAX_SUBJECT_LINE: usize = 99;
const MAX_SMS: usize = 160;
/// Bounds of a chat message: title and description.
const MAX_TITLE: usize = 240;
const MAX_DESCRIPTION: usize = 3_000;
/// The basic alphabet of SMS (3GPP TS 23.038, section 6.2.1), without its line breaks.
const GSM_7: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// What makes a chat format, link or mention.
const LIVE: [&str; 11] = ["<!", "<@", "<#", "<http", "@", "#", "](", "://", "*", "~", "&"];

static SAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let files = files("events/messages", "json").into_iter();
    let samples = files.map(|file| serde_json::from_slice(&file).expect("the samples are JSON"));
    samples.filter(|sample| serde_json::from_value::<Notification>(Value::clone(sample)).is_ok()).collect()
});

/// An e-mail has the same lines with the same labels as one with harmless texts. Subject line and SMS fit their alphabets and
/// lengths. A chat has no live mention, format or link in texts of others.
pub(crate) fn notification_rendering(data: &[u8]) {
    let (choice, rest) = split_first_line(data);
    let choice = choice.bytes().next().map_or(0, usize::from);
    let sample = &SAMPLES[choice % SAMPLES.len()];
    let texts: Vec<String> =
        split(rest, b"\n--\n").into_iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    let hostile = with_texts(sample, &texts, &|text| text.to_owned());
    // Equal texts stay equal, since subjects that failed alike share a paragraph.
    let harmless = with_texts(sample, &texts, &|text| {
        let shown = admitted(text).to_string();
        let number = texts.iter().position(|other| *admitted(other) == shown).unwrap_or_default();
        format!("{MARK}{number}")
    });

    let (mail, model) = (email(&hostile), email(&harmless));
    mail.split('\n').for_each(assert_clean);
    assert_eq!(mail.split('\n').count(), model.split('\n').count(), "{mail}\ninstead of\n{model}");
    for (line, model) in mail.split('\n').zip(model.split('\n')) {
        let label: String = model.chars().take(LABEL).collect();
        assert!(label.contains(MARK) || line.starts_with(&label), "{line:?} instead of {model:?}");
    }

    let line = subject_line(&hostile);
    let is_plain = line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    assert!(is_plain && line.len() <= MAX_SUBJECT_LINE, "not an SNS subject: {line:?}");
    let text = sms(&hostile);
    assert!(text.chars().count() <= MAX_SMS, "more than one SMS: {text:?}");
    let other = text.chars().find(|c| !GSM_7.contains(*c));
    assert_eq!(other, None, "two septets or more: {text:?}");
    assert_chat(&chat(&hostile), &chat(&harmless));
}

/// Begins a harmless text.
const MARK: &str = "Q7Q";
/// Width of the labels in an e-mail.
const LABEL: usize = 13;

fn assert_chat(message: &Value, model: &Value) {
    let text = |path: &str| message.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let description = text("/content/description");
    let title = text("/content/title");
    let summary = text("/metadata/summary");
    assert!(title.chars().count() <= MAX_TITLE && summary.chars().count() <= MAX_TITLE, "{title}");
    assert!(description.chars().count() <= MAX_DESCRIPTION, "{description}");
    for line in description.split('\n').chain([title, summary]) {
        assert_clean(line);
        let live = LIVE.iter().find(|live| line.contains(**live));
        assert_eq!(live, None, "{line}");
        assert_eq!(line.matches('`').count() % 2, 0, "open code: {line}");
    }
    let steps = |message: &Value| message["content"]["nextSteps"].as_array().map(Vec::len);
    assert!(steps(message) <= steps(model), "{message}");
    let lines = |message: &Value| message["content"]["description"].as_str().map(|text| text.split('\n').count());
    assert!(description.ends_with('…') || lines(message) == lines(model), "{message}\ninstead of\n{model}");
}

/// A text as a report holds it.
fn admitted(text: &str) -> Text {
    phrase!("{}", foreign(text)).admit(&NoSecrets, Failure::MAX_TEXT)
}

/// A sample with other texts, each changed.
fn with_texts(sample: &Value, texts: &[String], change: &dyn Fn(&str) -> String) -> Notification {
    let mut texts = texts.iter().cycle();
    let mut next = || change(texts.next().map(String::as_str).unwrap_or_default());
    let mut notification = sample.clone();
    replace(&mut notification, &mut next);
    serde_json::from_value(notification).expect("any text can be in a notification")
}

fn replace(value: &mut Value, next: &mut dyn FnMut() -> String) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if FOREIGN.contains(&name.as_str()) => *text = admitted(&next()).to_string(),
                    Value::String(text) if NAMES.contains(&name.as_str()) => *text = next(),
                    other => replace(other, next),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, next)),
        _ => {}
    }
}
