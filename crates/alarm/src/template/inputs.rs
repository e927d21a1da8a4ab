//! Inputs of a template.

use std::collections::BTreeMap;

use serde_json::Value;

/// Inputs for deploying a stack.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Values of parameters, as strings. Parameters with a default may be omitted.
    pub parameters: BTreeMap<String, String>,
    /// True when parameters without a value and a default stay symbolic, as `${Name}`, instead of being an error. With
    /// `AllowedValues`, the first of them is taken.
    pub are_optional: bool,
    /// Exports of other stacks, by name.
    pub imports: BTreeMap<String, Value>,
    /// Region. Default `eu-north-1`.
    pub region: String,
    /// Account id. Default `123456789012`.
    pub account: String,
    /// Name of the stack. Default `stack`.
    pub stack: String,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            parameters: BTreeMap::new(),
            are_optional: false,
            imports: BTreeMap::new(),
            region: "eu-north-1".to_owned(),
            account: "123456789012".to_owned(),
            stack: "stack".to_owned(),
        }
    }
}

impl Inputs {
    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.parameters.insert(parameter.to_owned(), value.to_owned());
        self
    }
}
