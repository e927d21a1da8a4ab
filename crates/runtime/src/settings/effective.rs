//! Effective settings, and the JSON Schema of a settings file.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::common::{RawCommon, RawRun};
use super::document::CHECKS;
use crate::{Check, Prepared};

/// Keys required in every file.
const REQUIRED: [&str; 4] = ["environment", "base_url", "contact", "links"];

impl<C: Check> Prepared<C> {
    /// Returns the effective settings, with every default filled in: a settings file, except that maintenance windows
    /// may name other checks.
    ///
    /// # Errors
    /// When a value cannot be written as TOML. Values read from TOML always can.
    pub fn written(&self) -> Result<Table, toml::ser::Error> {
        let mut file = Table::try_from(self.common.to_raw())?;
        let mut own = Table::try_from(self.run.to_raw())?;
        own.extend(Table::try_from(self.check.to_raw())?);
        let checks = Table::from_iter([(C::ID.to_owned(), toml::Value::Table(own))]);
        file.insert(CHECKS.to_owned(), toml::Value::Table(checks));
        Ok(file)
    }
}

/// JSON Schema of one check's section.
#[must_use]
pub fn schema_of<C: Check>() -> Value {
    let mut run = type_schema::<RawRun>();
    let own = type_schema::<C::Raw>();
    if let (Some(properties), Some(more)) = (properties(&mut run), own["properties"].as_object()) {
        properties.extend(more.clone());
    }
    run["description"] = json!(format!("The check `{}`.", C::ID));
    if let Some(members) = run.as_object_mut() {
        members.remove("$schema");
        members.remove("title");
    }
    run
}

/// JSON Schema (draft 2020-12) of a settings file with these checks. It describes the file's shape; rules across keys
/// are checked when a file is read.
#[must_use]
pub fn schema(checks: Map<String, Value>) -> Value {
    let mut file = type_schema::<RawCommon>();
    if let Some(properties) = properties(&mut file) {
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

/// Schema of a type, complete and without references, so that the parts can be combined.
pub(super) fn type_schema<T: JsonSchema + Serialize>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value();
    remove_defaults(&mut schema);
    schema
}

/// Removes the defaults: descriptions mention them, and `null`, the default of most keys in Rust, does not exist in
/// TOML.
fn remove_defaults(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            // A property may be called `default`; the default of a schema is not a schema itself.
            if members.get("default").is_none_or(|default| default.get("type").is_none()) {
                members.remove("default");
            }
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = &types[..] {
                    members["type"] = only.clone();
                }
            }
            members.values_mut().for_each(remove_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_defaults),
        _ => {}
    }
}

fn properties(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema["properties"].as_object_mut()
}
