//! References to secrets in settings.

use std::collections::BTreeMap;

use settings::SecretRef;
use toml::{Table, Value};

/// Finds the references in a part of the settings, each with its key; of several keys, the first in alphabetical order.
#[must_use]
pub fn references(section: &Table) -> BTreeMap<SecretRef, String> {
    let mut found = BTreeMap::new();
    for (key, value) in section {
        collect(key, value, &mut found);
    }
    found
}

fn collect(path: &str, value: &Value, found: &mut BTreeMap<SecretRef, String>) {
    match value {
        Value::String(text) => {
            let parameter = text.strip_prefix("ssm:").map(|name| SecretRef::Parameter(name.to_owned()));
            let variable = || text.strip_prefix("env:").map(|name| SecretRef::Variable(name.to_owned()));
            if let Some(reference) = parameter.or_else(variable) {
                found.entry(reference).or_insert_with(|| path.to_owned());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(path, item, found)),
        Value::Table(table) => table.iter().for_each(|(key, value)| collect(&format!("{path}.{key}"), value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_with_their_keys() {
        let section =
            "a = \"env:B\"\nz = \"env:B\"\nplain = \"x\"\n[[targets]]\ntoken = \"ssm:/just-driving/x/login/t\"\n";
        let found: Vec<(String, String)> = references(&section.parse().unwrap())
            .into_iter()
            .map(|(reference, key)| (reference.to_string(), key))
            .collect();
        let expected = [("ssm:/just-driving/x/login/t", "targets.token"), ("env:B", "a")];
        assert_eq!(found, expected.map(|(reference, key)| (reference.to_owned(), key.to_owned())));
    }
}
