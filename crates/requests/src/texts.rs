//! Texts of a request and of its expectations, with their places.

use serde_json::{Map, Value};
use settings::Section;

use crate::raw_request::RawRequest;

/// Place of a text in a request or in its expectations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Value of a parameter of the query.
    Query,
    /// Value of a header.
    Header,
    /// Text within a JSON body.
    Json,
    /// Value of a field of a form.
    Form,
    /// Body of plain text.
    PlainBody,
    /// Text, or text within a value, to compare an answer with.
    Expectation,
    /// Name of a parameter, a field or a member.
    Name,
    /// Regular expression or JSON Pointer.
    Expression,
}

/// Called with a section, one of its keys, and the place and the text of this key.
type Visit<'v> = dyn FnMut(&Section<'_>, &str, Place, &str) + 'v;

impl RawRequest {
    /// Visits the texts that a request and its expectations hold.
    pub fn visit_texts(&self, section: &Section<'_>, visit: &mut Visit<'_>) {
        let query = section.table("query");
        for (name, value) in &self.query {
            visit(&query, name, Place::Name, name);
            visit(&query, name, Place::Query, value);
        }
        for (name, value) in &self.headers {
            visit(&section.table("headers"), name, Place::Header, value);
        }
        if let Some(body) = &self.body {
            let section = section.table("body");
            if let Some(json) = &body.json {
                visit_json(&section, "json", Place::Json, json, visit);
            }
            let form = section.table("form");
            for (name, value) in body.form.iter().flatten() {
                visit(&form, name, Place::Name, name);
                visit(&form, name, Place::Form, value);
            }
            if let Some(text) = &body.text {
                visit(&section, "text", Place::PlainBody, text);
            }
        }
        let section = section.table("expect");
        for (name, value) in &self.expect.headers {
            visit(&section.table("headers"), name, Place::Expectation, value);
        }
        for (key, place, texts) in [
            ("text", Place::Expectation, &self.expect.text),
            ("not_text", Place::Expectation, &self.expect.not_text),
            ("regex", Place::Expression, &self.expect.regex),
        ] {
            texts.iter().for_each(|text| visit(&section, key, place, text));
        }
        for (index, json) in self.expect.json.iter().enumerate() {
            let section = section.item("json", index);
            for (key, value) in [("equals", &json.equals), ("not", &json.not)] {
                if let Some(value) = value {
                    visit_json(&section, key, Place::Expectation, value, visit);
                }
            }
            for (key, text) in [("pointer", &json.pointer), ("matches", &json.matches)] {
                if let Some(text) = text {
                    visit(&section, key, Place::Expression, text);
                }
            }
        }
    }
}

fn visit_json(section: &Section<'_>, key: &str, place: Place, value: &Value, visit: &mut Visit<'_>) {
    match value {
        Value::String(text) => visit(section, key, place, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                match item {
                    // An item that is a text has no key of its own.
                    Value::String(text) => visit(section, key, place, text),
                    Value::Object(members) => visit_members(&section.item(key, index), place, members, visit),
                    other => visit_json(section, key, place, other, visit),
                }
            }
        }
        Value::Object(members) => visit_members(&section.table(key), place, members, visit),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn visit_members(section: &Section<'_>, place: Place, members: &Map<String, Value>, visit: &mut Visit<'_>) {
    for (name, value) in members {
        visit(section, name, Place::Name, name);
        visit_json(section, name, place, value, visit);
    }
}
