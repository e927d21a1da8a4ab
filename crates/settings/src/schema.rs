//! JSON Schema of a settings file.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::contract::Contract;
use crate::document::CHECKS;
use crate::shared::{RawCommon, RawRun};
use crate::type_schema::{ORDER, TYPE, remove_reference_members, type_schema};

/// Keys required in every file.
const REQUIRED: [&str; 4] = ["environment", "base_url", "contact", "links"];

/// Name of the check in [`reference_schema`] that holds the keys of every check's section.
pub const EVERY_CHECK: &str = "<id>";

/// JSON Schema of a check's section, whose own keys are in `Raw`.
#[must_use]
pub fn check_schema<Raw: JsonSchema>(id: &str) -> Value {
    let mut run = type_schema::<RawRun>();
    let own = type_schema::<Raw>();
    for part in ["properties", ORDER] {
        match (&mut run[part], own[part].clone()) {
            (Value::Object(all), Value::Object(more)) => all.extend(more),
            (Value::Array(all), Value::Array(more)) => all.extend(more),
            _ => {}
        }
    }
    run["description"] = json!(format!("The check `{id}`."));
    within_file(run)
}

/// JSON Schema (draft 2020-12) of a settings file with these checks. It describes the file's shape; rules across keys
/// are checked when a file is read.
#[must_use]
pub fn schema(contract: &Contract, checks: Map<String, Value>) -> Value {
    let mut file = file_schema(contract, checks);
    remove_reference_members(&mut file);
    file
}

/// The same schema for the reference of the keys, with [`EVERY_CHECK`] as a further check. Its tables have a member
/// `x-order`, the keys in the order of their declaration, and some keys a member `x-type`, the name of their type.
#[must_use]
pub fn reference_schema(contract: &Contract, mut checks: Map<String, Value>) -> Value {
    checks.insert(EVERY_CHECK.to_owned(), within_file(type_schema::<RawRun>()));
    file_schema(contract, checks)
}

fn file_schema(contract: &Contract, checks: Map<String, Value>) -> Value {
    let mut file = type_schema::<RawCommon>();
    if let Some(properties) = properties(&mut file) {
        for section in contract.sections {
            properties.insert(section.key.to_owned(), within_file((section.schema)()));
        }
        let section = json!({
            "description": "A section for each check that runs.",
            TYPE: "table of tables",
            "type": "object",
            "additionalProperties": false,
            "properties": checks,
        });
        properties.insert(CHECKS.to_owned(), section);
    }
    file["required"] = json!(REQUIRED);
    file["title"] = json!("Settings of Just Driving Synthetics");
    file["description"] = json!("One file per environment: what to probe, and who to notify.");
    file
}

/// Schema of a part of the file, without the members that only a whole schema has.
fn within_file(mut part: Value) -> Value {
    if let Some(members) = part.as_object_mut() {
        members.remove("$schema");
        members.remove("title");
    }
    part
}

fn properties(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema["properties"].as_object_mut()
}
