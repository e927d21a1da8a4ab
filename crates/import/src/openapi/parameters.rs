//! Parameters of an operation, with their examples.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::form_urlencoded;

use super::document::resolved;
use crate::draft::{Draft, Header, Secret};
use crate::secrets::is_secret_name;

/// Longest name or value of a parameter, as of a URL. **Units:** bytes.
const MAX_TEXT: usize = 2_048;
/// Most parameters of an operation.
const MAX_PARAMETERS: usize = 100;
/// Characters that a segment of a path does not encode.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',');
/// Headers that OpenAPI describes elsewhere.
const ELSEWHERE: [&str; 3] = ["accept", "authorization", "content-type"];

/// Parameter of an operation.
struct Parameter<'v> {
    name: &'v str,
    place: &'v str,
    is_required: bool,
    value: &'v Value,
}

/// Adds the parameters of the path item and of the operation. The error is the reason not to import the operation.
pub(super) fn add(root: &Value, item: &Value, operation: &Value, path: &str, draft: &mut Draft) -> Result<(), String> {
    let mut url = path.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in parameters(root, item, operation)? {
        let Parameter { name, place, is_required, value } = parameter;
        let example = example(root, value);
        let missing = || match is_required {
            true => Err(format!("the required parameter `{name}` ({place}) has neither an example nor a default")),
            false => Ok(()),
        };
        match (place, example) {
            ("header", _) if ELSEWHERE.contains(&name.to_ascii_lowercase().as_str()) => {}
            ("header", example) if is_secret_name(name) && (is_required || example.is_some()) => {
                draft.headers.push(Header { name: name.to_owned(), value: Secret::Named(name.to_owned()) });
            }
            ("cookie", _) if is_required => {
                draft.headers.push(Header { name: "cookie".to_owned(), value: Secret::Named(name.to_owned()) });
            }
            ("cookie", _) => {}
            ("query", None) if is_secret_name(name) && is_required => draft
                .left_out
                .push(format!("the parameter `{name}` of the query, since a query cannot refer to a secret")),
            (_, None) => missing()?,
            ("query", Some(example)) => {
                let is_exploded = value.get("explode").and_then(Value::as_bool).unwrap_or(true);
                match (list(example), is_exploded) {
                    (Some(items), true) => items.iter().for_each(|item| {
                        query.append_pair(name, item);
                    }),
                    (Some(items), false) => {
                        query.append_pair(name, &items.join(","));
                    }
                    (None, _) => {
                        return Err(format!(
                            "the parameter `{name}` ({place}) is not a short plain value or a list of them"
                        ));
                    }
                }
            }
            (_, Some(example)) => {
                let text = list(example).map(|items| items.join(","));
                let text = text.ok_or_else(|| {
                    format!("the parameter `{name}` ({place}) is not a short plain value or a list of them")
                })?;
                if place == "header" {
                    draft.headers.push(Header { name: name.to_owned(), value: Secret::Value(text) });
                } else {
                    settings::check_id(&text)
                        .map_err(|found| format!("the parameter `{name}` of the path is {found}"))?;
                    let encoded = utf8_percent_encode(&text, SEGMENT).to_string();
                    url = url.replace(&format!("{{{name}}}"), &encoded);
                }
            }
        }
    }
    if url.contains(['{', '}']) {
        return Err("its path has a parameter that the document does not describe".to_owned());
    }
    let query = query.finish();
    if !query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&query);
    }
    draft.url.push_str(&url);
    Ok(())
}

/// Parameters of the operation, and those of the path item that it does not replace.
fn parameters<'v>(root: &'v Value, item: &'v Value, operation: &'v Value) -> Result<Vec<Parameter<'v>>, String> {
    let mut found: Vec<Parameter<'v>> = Vec::new();
    for level in [operation, item] {
        let written = level.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if written.len() > MAX_PARAMETERS {
            return Err(format!("it has more than {MAX_PARAMETERS} parameters"));
        }
        for written in written {
            let value = resolved(root, written).ok_or("a reference to a parameter that is not in the document")?;
            let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
            let (name, place) = (text("name"), text("in"));
            if name.len() > MAX_TEXT {
                return Err("it has a parameter with a very long name".to_owned());
            }
            if found.iter().any(|other| other.name == name && other.place == place) {
                continue;
            }
            let is_required = place == "path" || value.get("required") == Some(&Value::Bool(true));
            found.push(Parameter { name, place, is_required, value });
        }
    }
    Ok(found)
}

/// Example of a parameter, or else its default.
fn example<'v>(root: &'v Value, parameter: &'v Value) -> Option<&'v Value> {
    let content = || parameter.get("content")?.as_object()?.values().next();
    let holder_example = |holder: &'v Value| {
        let named = || {
            let first = holder.get("examples")?.as_object()?.values().next()?;
            resolved(root, first)?.get("value")
        };
        holder.get("example").or_else(named)
    };
    let schema = parameter.get("schema").or_else(|| content()?.get("schema"));
    let schema = schema.and_then(|schema| resolved(root, schema));
    let schema_example = || {
        let schema = schema?;
        let first = || schema.get("examples")?.as_array()?.first();
        schema.get("example").or_else(first).or_else(|| schema.get("default")).or_else(|| schema.get("const"))
    };
    holder_example(parameter)
        .or_else(|| holder_example(content()?))
        .or_else(schema_example)
        .filter(|example| !example.is_null())
}

/// The texts of a plain value or a list of them.
fn list(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) if text.len() <= MAX_TEXT => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    };
    match value {
        Value::Array(items) if items.len() <= MAX_PARAMETERS => items.iter().map(text).collect(),
        single => text(single).map(|text| vec![text]),
    }
}
