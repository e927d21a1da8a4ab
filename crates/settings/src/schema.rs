//! JSON Schema of a settings file.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::contract::Contract;
use crate::document::CHECKS;
use crate::shared::{RawCommon, RawRun};
use crate::type_schema::type_schema;

/// Keys required in every file.
const REQUIRED: [&str; 4] = ["environment", "base_url", "contact", "links"];

/// JSON Schema of a check's section, whose own keys are in `Raw`.
#[must_use]
pub fn check_schema<Raw: JsonSchema>(id: &str) -> Value {
    let mut run = type_schema::<RawRun>();
    let own = type_schema::<Raw>();
    if let (Some(properties), Some(more)) = (properties(&mut run), own["properties"].as_object()) {
        properties.extend(more.clone());
    }
    run["description"] = json!(format!("The check `{}`.", id));
    within_file(run)
}

/// JSON Schema (draft 2020-12) of a settings file with these checks. It describes the file's shape; rules across keys
/// are checked when a file is read.
#[must_use]
pub fn schema(contract: &Contract, checks: Map<String, Value>) -> Value {
    let mut file = type_schema::<RawCommon>();
    if let Some(properties) = properties(&mut file) {
        for section in contract.sections {
            properties.insert(section.key.to_owned(), within_file((section.schema)()));
        }
        let section = json!({
            "description": "A section for each check that runs.",
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
