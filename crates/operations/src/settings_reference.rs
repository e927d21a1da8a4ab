//! Tables of the keys of a settings file, written from the JSON Schema and its descriptions.

use anyhow::{Context, bail};
use serde_json::Value;
use settings::EVERY_CHECK;

use crate::checks;

const START: &str = "<!-- keys of ";
const START_END: &str = " -->";
const END: &str = "<!-- end of keys -->";
/// Name of the block with the keys at the top of the file.
const WHOLE_FILE: &str = "the file";

/// Replaces each block of a document that lists keys, from `<!-- keys of [check.login] -->` to `<!-- end of keys -->`.
///
/// # Errors
/// When a block has no end, or names a table that does not exist.
pub fn with_tables(document: &str) -> anyhow::Result<String> {
    fill(document, &checks::reference_schema())
}

fn fill(document: &str, schema: &Value) -> anyhow::Result<String> {
    let blocks: Vec<&str> = document.lines().filter_map(block).collect();
    let mut filled = String::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        filled.push_str(line);
        filled.push('\n');
        if let Some(name) = block(line) {
            let has_end = lines.by_ref().take_while(|line| block(line).is_none()).any(|line| line == END);
            if !has_end {
                bail!("the keys of {name} have no end: expected `{END}`");
            }
            filled.push_str(&format!("\n{}\n{END}\n", table(schema, name, &blocks)?));
        }
    }
    Ok(filled)
}

/// Name of the block that begins on a line.
fn block(line: &str) -> Option<&str> {
    line.strip_prefix(START)?.strip_suffix(START_END)
}

/// Key of a settings file, as the reference shows it.
#[derive(Debug)]
struct Key {
    name: String,
    kind: String,
    default: String,
    meaning: String,
    /// What the meaning leaves out.
    details: String,
}

/// Maximum length of a meaning with more than one sentence, in characters. The other sentences follow below the table.
const MAX_MEANING: usize = 160;

fn table(schema: &Value, name: &str, blocks: &[&str]) -> anyhow::Result<String> {
    let path = path(name);
    let section = section(schema, path).with_context(|| format!("the settings have no table {name}"))?;
    // A check's section lists its own keys only.
    let shared = match path.strip_prefix("check.") {
        Some(id) if id != EVERY_CHECK && !id.contains('.') => {
            self::section(schema, &format!("check.{EVERY_CHECK}")).map(keys_of).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let mut keys = Vec::new();
    for key in keys_of(section).into_iter().filter(|key| !shared.contains(key)) {
        add(&mut keys, &section["properties"][key], key, &joined(path, key), blocks);
    }
    let rows = keys.iter().map(|Key { name, kind, default, meaning, .. }| {
        let cells = [&format!("`{name}`"), kind, default, meaning].map(|cell| cell.replace('|', "\\|"));
        format!("| {} |\n", cells.join(" | "))
    });
    let table = format!("| key | type | default | meaning |\n|---|---|---|---|\n{}", rows.collect::<String>());
    let details = keys.iter().filter(|key| !key.details.is_empty());
    let details: String = details.map(|Key { name, details, .. }| format!("- `{name}`: {details}\n")).collect();
    Ok(if details.is_empty() { table } else { format!("{table}\n{details}") })
}

/// Adds a key, and the keys below it unless they have a block of their own.
fn add(keys: &mut Vec<Key>, property: &Value, name: &str, path: &str, blocks: &[&str]) {
    let (default, sentences) = described(property);
    let (meaning, details) = split(&sentences);
    keys.push(Key { name: name.to_owned(), kind: kind(property), default, meaning, details });
    if property["x-type"].is_string() || blocks.iter().any(|block| self::path(block) == path) {
        return;
    }
    let (table, name) = match &alternative(property)["items"] {
        Value::Null => (alternative(property), name.to_owned()),
        item => (item, format!("{name}[]")),
    };
    for key in keys_of(table) {
        add(keys, &table["properties"][key], &joined(&name, key), &joined(path, key), blocks);
    }
}

/// Path of the table with this name: `check.login` for `[check.login]`.
fn path(name: &str) -> &str {
    if name == WHOLE_FILE { "" } else { name.trim_start_matches('[').trim_end_matches(']') }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Schema of a table, or of the tables in a list.
fn section<'s>(schema: &'s Value, path: &str) -> Option<&'s Value> {
    path.split('.').filter(|key| !key.is_empty()).try_fold(schema, |table, key| {
        let property = alternative(table["properties"].get(key)?);
        Some(property.get("items").unwrap_or(property)).filter(|table| table["properties"].is_object())
    })
}

/// Keys of a table in the order of their declaration. Keys with an unknown place follow.
fn keys_of(table: &Value) -> Vec<&str> {
    let ordered = table["x-order"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut keys: Vec<&str> = ordered.filter(|key| table["properties"].get(key).is_some()).collect();
    let others: Vec<&str> = table["properties"]
        .as_object()
        .into_iter()
        .flat_map(|properties| properties.keys().map(String::as_str))
        .filter(|key| !keys.contains(key))
        .collect();
    keys.extend(others);
    keys
}

/// The type of an optional key, which may be one of two alternatives; the other is nothing.
fn alternative(property: &Value) -> &Value {
    property["anyOf"].get(0).unwrap_or(property)
}

/// Choices of an enum.
fn choices(property: &Value) -> Vec<&str> {
    let property = alternative(property);
    let listed = property["enum"].as_array().into_iter().flatten();
    let described = property["oneOf"].as_array().into_iter().flatten().map(|choice| &choice["const"]);
    listed.chain(described).filter_map(Value::as_str).collect()
}

/// Type of a key in words.
fn kind(property: &Value) -> String {
    let alternative = alternative(property);
    if let Some(named) = property["x-type"].as_str().or_else(|| alternative["x-type"].as_str()) {
        return named.to_owned();
    }
    let choices: Vec<String> = choices(property).iter().map(|choice| format!("`\"{choice}\"`")).collect();
    if let [first @ .., last] = &choices[..] {
        return if first.is_empty() { last.clone() } else { format!("{} or {last}", first.join(", ")) };
    }
    match alternative["type"].as_str() {
        Some("string") => "text".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => format!("list of {}", plural(&kind(&alternative["items"]))),
        Some("object") if alternative["additionalProperties"].is_object() => {
            format!("table of {}", plural(&kind(&alternative["additionalProperties"])))
        }
        Some("object") => "table".to_owned(),
        _ => "any value".to_owned(),
    }
}

fn plural(kind: &str) -> String {
    kind.split(" or ").map(|word| format!("{word}s")).collect::<Vec<_>>().join(" or ")
}

/// Default and meaning of a key. A description states the default in a sentence of its own, `Default 30s.`,
/// `Default: a phrase.` or `Required.`
fn described(property: &Value) -> (String, Vec<String>) {
    let description = property["description"].as_str().unwrap_or_default().replace('\n', " ");
    let (mut default, mut required, mut meaning) = (None, None, Vec::new());
    for sentence in sentences(&description) {
        let stated = sentence.trim_end_matches('.');
        if let Some(phrase) = stated.strip_prefix("Default: ") {
            default = Some(phrase.to_owned());
        } else if let Some(value) = stated.strip_prefix("Default ") {
            default = Some(if value == "none" { value.to_owned() } else { written_default(property, value) });
        } else if stated == "Required" || stated.starts_with("Required ") {
            required = Some(stated.to_lowercase());
        } else {
            meaning.push(sentence.to_owned());
        }
    }
    let is_table = alternative(property)["properties"].is_object();
    let default = match (default, required) {
        (Some(default), Some(required)) => format!("{default}; {required}"),
        (Some(stated), None) | (None, Some(stated)) => stated,
        // The keys of the table have their own.
        (None, None) if is_table => String::new(),
        (None, None) => "none".to_owned(),
    };
    (default, meaning)
}

/// Splits a meaning into the sentences that fit in a cell, at least one, and the rest.
fn split(sentences: &[String]) -> (String, String) {
    let fits = |count: &usize| sentences[..*count].join(" ").chars().count() <= MAX_MEANING;
    let count = (1..=sentences.len()).rev().find(fits).unwrap_or(sentences.len().min(1));
    (sentences[..count].join(" "), sentences[count..].join(" "))
}

/// Splits a text after each full stop outside a code span that a space follows.
fn sentences(text: &str) -> Vec<&str> {
    let (mut sentences, mut start, mut is_code) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        is_code ^= character == '`';
        if character == '.' && !is_code && text[at..].starts_with(". ") {
            sentences.push(&text[start..=at]);
            start = at + 2;
        }
    }
    sentences.push(&text[start..]);
    sentences
}

/// The default as it would be written in a file.
fn written_default(property: &Value, stated: &str) -> String {
    let property = alternative(property);
    let stated = stated.trim_matches('`');
    let value = if property["type"] == "array" {
        let separator = if stated.contains('`') { "`, `" } else { ", " };
        let item = alternative(&property["items"]);
        toml::Value::Array(stated.split(separator).map(|stated| value(item, stated)).collect())
    } else {
        value(property, stated)
    };
    format!("`{value}`")
}

fn value(property: &Value, stated: &str) -> toml::Value {
    let is_text = property["type"] == "string" || !choices(property).is_empty();
    let text = || toml::Value::String(stated.to_owned());
    if is_text { text() } else { stated.parse().unwrap_or_else(|_| text()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::*;

    /// Keys whose default depends on another key.
    const PHRASES: [&str; 5] = [
        "check.integrations.partners.url",
        "check.notifications.email.provider.url",
        "maintenance.windows.time_zone",
        "objectives",
        "platform.times.zone",
    ];

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
    }

    fn example() -> Value {
        json!({
            "x-order": ["name", "wait", "list"],
            "properties": {
                "list": {
                    "type": "array",
                    "description": "Pages to request. Required.",
                    "items": { "type": "object", "x-order": ["url"], "properties": {
                        "url": { "type": "string", "description": "URL, such as `a. b`. Required for `c | d`." },
                    } },
                },
                "name": { "type": "string", "description": "Name of it: 1 to\n2 characters. Default lesson." },
                "wait": { "type": "string", "x-type": "duration", "description": "Wait. Default: a while. Then go." },
            },
        })
    }

    #[test]
    fn block_is_replaced_by_the_keys_in_order() {
        let document = "a\n<!-- keys of the file -->\nold\n<!-- end of keys -->\nb\n";
        let expected = "a\n<!-- keys of the file -->\n
| key | type | default | meaning |
|---|---|---|---|
| `name` | text | `\"lesson\"` | Name of it: 1 to 2 characters. |
| `wait` | duration | a while | Wait. Then go. |
| `list` | list of tables | required | Pages to request. |
| `list[].url` | text | required for `c \\| d` | URL, such as `a. b`. |
\n<!-- end of keys -->\nb\n";
        assert_eq!(fill(document, &example()).unwrap(), expected);
        assert_eq!(fill(expected, &example()).unwrap(), expected);
    }

    #[test]
    fn table_with_its_own_block_is_not_repeated() {
        let block = |name: &str| format!("<!-- keys of {name} -->\n<!-- end of keys -->\n");
        let filled = fill(&(block("the file") + &block("[[list]]")), &example()).unwrap();
        assert!(!filled.contains("list[].url") && filled.contains("| `url` |"), "{filled}");
    }

    #[test]
    fn unknown_table_and_missing_end_are_refused() {
        let error = |document: &str| fill(document, &example()).unwrap_err().to_string();
        assert_eq!(error("<!-- keys of [lst] -->\n<!-- end of keys -->\n"), "the settings have no table [lst]");
        assert!(error("<!-- keys of the file -->\n").starts_with("the keys of the file have no end"));
    }

    /// Compares the defaults that reading fills in with those in the descriptions.
    fn compare(
        schema: &Value,
        written: &toml::Table,
        file: &toml::Table,
        path: &str,
        wrong: &mut BTreeMap<String, String>,
    ) {
        for (key, value) in written {
            let (path, property) = (joined(path, key), &schema["properties"][key]);
            let (nested, in_file) = (alternative(property), file.get(key));
            match (value, in_file) {
                (toml::Value::Table(table), _) if nested["properties"].is_object() => {
                    let none = toml::Table::new();
                    let in_file = in_file.and_then(toml::Value::as_table).unwrap_or(&none);
                    compare(nested, table, in_file, &path, wrong);
                }
                (toml::Value::Array(tables), Some(toml::Value::Array(in_file))) => {
                    for (table, in_file) in tables.iter().zip(in_file) {
                        if let (Some(table), Some(in_file)) = (table.as_table(), in_file.as_table()) {
                            compare(&nested["items"], table, in_file, &path, wrong);
                        }
                    }
                }
                (_, Some(_)) => {}
                (value, None) => {
                    let (documented, _) = described(property);
                    let is_none = documented == "none" && value.as_array().is_some_and(Vec::is_empty);
                    // Bodies are too long for a description.
                    let is_body = value.is_table() && documented.ends_with("`settings show` prints it");
                    if !is_none && !is_body && !documented.contains(&format!("`{value}`")) {
                        wrong.insert(path, format!("reading fills in {value}, documented is {documented}"));
                    }
                }
            }
        }
    }

    #[test]
    fn documented_defaults_are_those_of_reading() {
        let mut wrong = BTreeMap::new();
        for name in ["demo", "production.example"] {
            let file = repository().join(format!("infra/layer/settings/{name}.toml"));
            let text: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
            for check in checks::from_file(&file, &[]).unwrap() {
                compare(&checks::reference_schema(), check.written(), &text, "", &mut wrong);
            }
        }
        assert!(wrong.keys().eq(PHRASES.iter()), "{wrong:#?}");
    }

    #[test]
    fn every_table_of_the_settings_is_documented() {
        let document = std::fs::read_to_string(repository().join("docs/settings.md")).unwrap();
        let blocks: Vec<&str> = document.lines().filter_map(block).map(path).collect();
        let schema = checks::reference_schema();
        let mut expected: Vec<String> =
            keys_of(&schema["properties"]["check"]).into_iter().map(|id| format!("check.{id}")).collect();
        expected.extend(["", "platform"].map(str::to_owned));
        for path in expected {
            assert!(blocks.contains(&&*path), "docs/settings.md has no block for [{path}]: {blocks:?}");
        }
    }

    #[test]
    fn every_key_has_a_meaning() {
        fn check(table: &Value, path: &str, silent: &mut Vec<String>) {
            for key in keys_of(table) {
                let (path, property) = (joined(path, key), &table["properties"][key]);
                if described(property).1.is_empty() {
                    silent.push(path.clone());
                }
                check(alternative(property), &path, silent);
                check(&alternative(property)["items"], &path, silent);
            }
        }
        let mut silent = Vec::new();
        check(&checks::reference_schema(), "", &mut silent);
        assert!(silent.is_empty(), "{silent:?}");
    }
}
