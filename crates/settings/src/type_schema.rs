//! JSON Schema of the type of a section.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Schema of a type, complete and without references, so that the parts can be combined.
#[must_use]
pub fn type_schema<T: JsonSchema>() -> Value {
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
