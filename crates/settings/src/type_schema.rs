//! JSON Schema of the type of a section.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Member with the keys of a table in the order of their declaration. Only the reference of the keys needs it.
pub(crate) const ORDER: &str = "x-order";
/// Member with the name of a type that JSON Schema does not know. Only the reference of the keys needs it.
pub(crate) const TYPE: &str = "x-type";

/// Schema of a type, complete and without references, so that the parts can be combined. Its members `x-order` and
/// `x-type` are for the reference of the keys.
#[must_use]
pub fn type_schema<T: JsonSchema>() -> Value {
    // A schema of what is written lists every key as required, in the order of the declaration. When read, none is:
    // sections report missing values themselves.
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.contract = Contract::Serialize;
    });
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value();
    clean(&mut schema);
    schema
}

/// Removes the members that only the reference of the keys needs.
pub(crate) fn remove_reference_members(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove(ORDER);
            members.remove(TYPE);
            members.values_mut().for_each(remove_reference_members);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_reference_members),
        _ => {}
    }
}

/// Keeps the order of the keys, and removes the defaults: descriptions mention them, and `null`, the default of most
/// keys in Rust, does not exist in TOML.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            // A property may be called `default`; the default of a schema is not a schema itself.
            if members.get("default").is_none_or(|default| default.get("type").is_none()) {
                members.remove("default");
            }
            if members.get("required").is_some_and(Value::is_array)
                && let Some(keys) = members.remove("required")
            {
                members.insert(ORDER.to_owned(), keys);
            }
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = &types[..] {
                    members["type"] = only.clone();
                }
            }
            members.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}
