//! Texts and numbers in place of real ones.

use std::borrow::Cow;

use serde_json::Value;

use crate::behavior::{Behavior, FORGED};

const LONG: usize = 9_000;
const ODD: [&str; 12] = [
    "NaN",
    "inf",
    "-inf",
    "-1",
    "1e999",
    "1e308",
    "99999999999999999999999999",
    "-9223372036854775808",
    "0x7f",
    "١٢",
    "1.7976931348623157e308",
    "",
];

/// True for a text that is a number.
pub fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// A long text.
pub fn long() -> String {
    "x".repeat(LONG)
}

/// A number that no counter has.
pub fn odd(variant: usize) -> String {
    ODD[variant % ODD.len()].to_owned()
}

/// Content of a text, or of its lines `name:value`, with other values. `None` when none changes.
pub fn rewritten(text: &str, behavior: Behavior, variant: usize) -> Option<String> {
    let mut index = variant;
    let mut changed = |value: &str| {
        index += 1;
        match (behavior, is_number(value)) {
            (Behavior::ForgedTexts, false) => Some(format!("{value}{FORGED}")),
            (Behavior::LongTexts, false) => Some(long()),
            (Behavior::OddNumbers, true) => Some(odd(index)),
            _ => None,
        }
    };
    if let Ok(mut document) = serde_json::from_str::<Value>(text)
        && document.is_object()
    {
        let before = document.clone();
        rewrite(&mut document, &mut changed);
        return (document != before).then(|| document.to_string());
    }
    let line = |line: &str| match line.split_once(':') {
        Some((name, value)) => match changed(value) {
            Some(value) => Cow::Owned(format!("{name}:{value}")),
            None => Cow::Owned(line.to_owned()),
        },
        None => Cow::Owned(line.to_owned()),
    };
    let lines: Vec<Cow<'_, str>> = text.split("\r\n").map(line).collect();
    let rewritten = lines.join("\r\n");
    (rewritten != text).then_some(rewritten)
}

fn rewrite(value: &mut Value, changed: &mut impl FnMut(&str) -> Option<String>) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| rewrite(member, changed)),
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, changed)),
        Value::String(text) => *text = changed(text).unwrap_or_else(|| text.clone()),
        Value::Number(number) => {
            if let Some(other) = changed(&number.to_string()) {
                *value = other.into();
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}
