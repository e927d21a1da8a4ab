//! Values and comments in TOML, from texts of any content.

use std::fmt::Write as _;

use check::{clean, is_interpreted};
use probe::Redactor;
use serde_json::Value as Json;
use toml_edit::{Array, InlineTable, Value};

/// Longest comment. **Units:** characters.
const MAX_COMMENT: usize = 300;

/// A text as a value. Characters that a terminal interprets or hides are written as escapes.
pub(crate) fn text(text: &str) -> Value {
    let is_plain = |c: char| matches!(c, '\n' | '\t') || !is_interpreted(c);
    if text.chars().all(is_plain) {
        return Value::from(text);
    }
    // JSON's escapes are a part of those of TOML.
    let quoted = Json::from(text).to_string();
    let mut literal = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if is_interpreted(c) {
            // Writing to a string cannot fail.
            let _ = write!(literal, "\\U{:08X}", u32::from(c));
        } else {
            literal.push(c);
        }
    }
    literal.parse().unwrap_or_else(|_| Value::from(text))
}

/// A JSON value. Returns `None` if TOML cannot express it: nulls, large numbers, and names with characters to be escaped.
pub(crate) fn json(value: &Json) -> Option<Value> {
    match value {
        Json::Null => None,
        Json::Bool(value) => Some(Value::from(*value)),
        Json::Number(number) if number.is_i64() => number.as_i64().map(Value::from),
        Json::Number(number) if number.is_f64() => number.as_f64().map(Value::from),
        Json::Number(_) => None,
        Json::String(value) => Some(text(value)),
        Json::Array(items) => items.iter().map(json).collect::<Option<Array>>().map(Value::Array),
        Json::Object(members) => {
            let mut table = InlineTable::new();
            for (name, value) in members {
                if name.chars().any(is_interpreted) {
                    return None;
                }
                table.insert(name, json(value)?);
            }
            Some(Value::InlineTable(table))
        }
    }
}

/// A line of comment, in which secrets are masked.
pub(crate) fn comment(redactor: &Redactor, text: &str) -> String {
    let masked = redactor.redact(text);
    let cleaned = clean(&masked);
    let shown: String = cleaned.chars().take(MAX_COMMENT).collect();
    let more = if shown.len() < cleaned.len() { "…" } else { "" };
    format!("# {}{more}\n", shown.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_stays_in_its_value() {
        for hostile in [
            "\"\"\"\nid = \"other\"",
            "'''\n[check.login]",
            "a\u{202e}b\u{7f}\u{85}\u{1b}[2J\u{0}",
            "\\u0000 \\\" # ]]",
            "a\r\nb",
            "",
        ] {
            let mut document = toml_edit::DocumentMut::new();
            document.insert("key", toml_edit::value(text(hostile)));
            let written = document.to_string();
            assert!(!written.chars().any(|c| c != '\n' && is_interpreted(c)), "{written:?}");
            let read: toml_edit::DocumentMut = written.parse().unwrap();
            assert_eq!(read.len(), 1, "{written}");
            assert_eq!(read["key"].as_str(), Some(hostile), "{written}");
        }
    }

    #[test]
    fn comment_stays_in_its_line() {
        for hostile in ["a\nid = 1", "a\r[x]", "a\u{85}b", "a\u{2028}b\u{202e}", &"x".repeat(2_000)] {
            let written = comment(&Redactor::default(), hostile);
            assert!(written.starts_with("# ") && written.ends_with('\n'), "{written:?}");
            assert_eq!(written.chars().filter(|c| c.is_control()).count(), 1, "{written:?}");
            assert!(written.chars().count() < 400, "{written}");
        }
    }

    #[test]
    fn json_that_toml_cannot_express_is_refused() {
        for (text, is_expressed) in [
            ("{\"a\": [1, 2.5, true, \"x\", {}]}", true),
            ("{\"a\": null}", false),
            ("18446744073709551615", false),
            ("{\"a\\u0000\": 1}", false),
        ] {
            let value = serde_json::from_str(text).unwrap();
            assert_eq!(json(&value).is_some(), is_expressed, "{text}");
        }
    }
}
