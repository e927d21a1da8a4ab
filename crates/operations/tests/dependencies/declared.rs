//! Needs are declared on both sides, and the roles of the functions may read what they say.

use std::collections::{BTreeMap, BTreeSet};

use alarm::{Inputs, Template};
use check::incident::Need;
use operations::checks;
use serde_json::Value;

/// Needs of all checks: who, and what.
fn needs() -> Vec<(&'static str, Need)> {
    let all = checks::dependencies();
    all.iter().flat_map(|own| own.needs.iter().map(|need| (own.check, *need))).collect()
}

#[test]
fn needed_checks_know_who_needs_them() {
    let known: BTreeSet<&str> = checks::ids(&[]).unwrap().into_iter().collect();
    let needs = needs();
    assert_eq!(needs.len(), 4);
    let mut known_to_needed: Vec<(&str, Need)> =
        checks::dependencies().iter().flat_map(|own| own.needed_by.iter().copied()).collect();
    known_to_needed.sort_by_key(|(check, _)| *check);
    let mut expected = needs.clone();
    expected.sort_by_key(|(check, _)| *check);
    assert_eq!(known_to_needed, expected);
    for own in checks::dependencies() {
        assert!(own.needs.iter().all(|need| known.contains(need.check) && need.check != own.check), "{}", own.check);
        assert!(own.needed_by.iter().all(|(_, need)| need.check == own.check), "{}", own.check);
    }
}

#[test]
fn roles_read_the_states_of_declared_checks_only() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml")).unwrap();
    let template =
        Template::read_with_every(&text, &Inputs::default().with("Environment", "staging"), "Checks").unwrap();
    let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for own in checks::dependencies() {
        let related = own.needs.iter().map(|need| need.check).chain(own.needed_by.iter().map(|(check, _)| *check));
        let keys: BTreeSet<String> = related.map(|check| format!("CHECK#{check}")).collect();
        // A condition needs a value.
        let keys = if keys.is_empty() { BTreeSet::from([format!("CHECK#{}", own.check)]) } else { keys };
        expected.insert(own.check, keys);
    }
    let ids = &template.mappings["Checks"];
    let mut found = 0;
    for (name, entry) in ids.as_object().unwrap() {
        let role = template.resource(&format!("{name}Role")).unwrap_or_else(|| panic!("{name} has no role"));
        let statements = &role.properties["Policies"][0]["PolicyDocument"]["Statement"];
        let statement =
            statements.as_array().unwrap().iter().find(|statement| statement["Sid"] == "ReadStates").unwrap();
        assert_eq!(statement["Action"], "dynamodb:GetItem", "{name}: read only");
        let keys = &statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"];
        let keys: BTreeSet<String> =
            keys.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect();
        assert_eq!(keys, expected[entry["Id"].as_str().unwrap()], "{name}");
        found += 1;
    }
    assert_eq!(found, 10);
}
