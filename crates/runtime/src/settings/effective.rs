//! Settings as they are in effect, and the shape of their file.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::common::{RawCommon, RawRun};
use super::document::CHECKS;
use crate::{Check, Prepared};

/// What a file cannot do without, whatever its checks.
const REQUIRED: [&str; 4] = ["environment", "base_url", "contact", "links"];

impl<C: Check> Prepared<C> {
    /// The settings as they are in effect, every default in its place: a settings file, but that
    /// maintenance windows may name other checks.
    ///
    /// # Errors
    /// When a value has no form in TOML, which none that was read from TOML lacks.
    pub fn written(&self) -> Result<Table, toml::ser::Error> {
        let mut file = Table::try_from(self.common.to_raw())?;
        let mut own = Table::try_from(self.run.to_raw())?;
        own.extend(Table::try_from(self.check.to_raw())?);
        let checks = Table::from_iter([(C::ID.to_owned(), toml::Value::Table(own))]);
        file.insert(CHECKS.to_owned(), toml::Value::Table(checks));
        Ok(file)
    }
}

/// The JSON Schema of one check's section.
#[must_use]
pub fn schema_of<C: Check>() -> Value {
    let mut run = shape::<RawRun>();
    let own = shape::<C::Raw>();
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

/// The JSON Schema (draft 2020-12) of a settings file with these checks. It holds the file's shape; rules across keys are
/// for reading it.
#[must_use]
pub fn schema(checks: Map<String, Value>) -> Value {
    let mut file = shape::<RawCommon>();
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
    file["description"] = json!("One file per environment: what is probed, and whom to tell.");
    file
}

/// The schema of a type, whole and without references, so that the parts can be put together.
fn shape<T: JsonSchema + Serialize>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut shape = SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value();
    without_defaults(&mut shape);
    shape
}

/// What is not written is in the descriptions; `null`, the default of most keys in Rust, does not exist in TOML.
fn without_defaults(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            // A property may be called `default`; a schema's own is no schema.
            if members.get("default").is_none_or(|default| default.get("type").is_none()) {
                members.remove("default");
            }
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = &types[..] {
                    members["type"] = only.clone();
                }
            }
            members.values_mut().for_each(without_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(without_defaults),
        _ => {}
    }
}

fn properties(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema["properties"].as_object_mut()
}
