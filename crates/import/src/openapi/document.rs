//! A document in JSON or YAML, and its references.

use percent_encoding::percent_decode_str;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Deepest nesting of YAML. JSON has a limit of its own.
const MAX_DEPTH: usize = 100;
/// Most references that lead from one to the other.
const MAX_REFERENCES: usize = 10;

/// Reads JSON or YAML. The error says what was found.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text)
            .map_err(|error| format!("JSON with a mistake on line {}, column {}", error.line(), error.column()));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| format!("YAML with a mistake on line {}", error.marker().line()))?;
        builder.event(event).map_err(|found| format!("{found} on line {}", span.start.line()))?;
    }
    builder.root.ok_or_else(|| "an empty text".to_owned())
}

/// Value from events. Aliases are refused, since they make a short text a long value.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Value>,
}

/// Collection whose end is not read yet.
enum Open {
    List(Vec<Value>),
    Table { members: Map<String, Value>, key: Option<String> },
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Alias(_) => return Err("an alias, which is not read here,"),
            Event::Scalar(text, style, _, _) => self.add(scalar(&text, style))?,
            Event::SequenceStart(..) => self.open.push(Open::List(Vec::new())),
            Event::MappingStart(..) => self.open.push(Open::Table { members: Map::new(), key: None }),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.add(Value::Array(items))?,
                Some(Open::Table { members, .. }) => self.add(Value::Object(members))?,
                None => {}
            },
            _ => {}
        }
        if self.open.len() > MAX_DEPTH { Err("values that are nested too deeply") } else { Ok(()) }
    }

    fn add(&mut self, value: Value) -> Result<(), &'static str> {
        match self.open.last_mut() {
            None if self.root.is_some() => return Err("a second document"),
            None => self.root = Some(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Table { members, key }) => match key.take() {
                Some(key) => {
                    members.insert(key, value);
                }
                None => *key = Some(name(value)?),
            },
        }
        Ok(())
    }
}

/// Name of a member; those of statuses are numbers.
fn name(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Array(_) | Value::Object(_) => Err("a key that is not a text"),
        other => Ok(other.to_string()),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        // JSON's numbers; others, such as `007` and `1_000`, are texts as they are written.
        number => serde_json::from_str::<serde_json::Number>(number).map_or_else(|_| Value::from(text), Value::Number),
    }
}

/// The value to which references lead. References to other files lead nowhere.
pub(super) fn resolved<'v>(root: &'v Value, value: &'v Value) -> Option<&'v Value> {
    let mut value = value;
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Some(value) };
        let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?;
        value = root.pointer(&pointer)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_read_as_json() {
        let yaml = "a: 1\nb: [x, 'true', true, ~, 1.5, 007]\nc:\n  200: {d: |\n    text\n  }\n";
        let yaml = yaml.replace("{d: |\n    text\n  }", "\n    d: |\n      text");
        let expected = json!({"a": 1, "b": ["x", "true", true, null, 1.5, "007"], "c": {"200": {"d": "text\n"}}});
        assert_eq!(read(&yaml), Ok(expected));
    }

    #[test]
    fn hostile_yaml_is_refused() {
        for (text, found) in [
            ("a: &a [1]\nb: [*a, *a]\n".to_owned(), "an alias"),
            ("[".repeat(150), "nested too deeply"),
            ("- ".repeat(5_000) + "a", "nested too deeply"),
            ("a: 1\n---\nb: 2\n".to_owned(), "a second document"),
            ("? [a]\n: b\n".to_owned(), "a key that is not a text"),
            ("a: [".to_owned(), "a mistake"),
            (String::new(), "an empty text"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn circle_of_references_leads_nowhere() {
        let root = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}, "c": {"$ref": "#/d~1e"}, "d/e": 1});
        assert_eq!(resolved(&root, &root["a"]), None);
        assert_eq!(resolved(&root, &root["c"]), Some(&json!(1)));
        assert_eq!(resolved(&root, &json!({"$ref": "other.yaml#/a"})), None);
    }
}
