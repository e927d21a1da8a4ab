//! What is deployed: the two stacks of an environment are told the same.

use std::collections::BTreeSet;

use alarm::Template;
use serde_json::Value;

use super::audit::Finding;
use super::{ALARMS, DEPLOYED, FUNCTIONS};
use crate::samconfig::Samconfig;

/// What both stacks take: the checks that run, and the environment, by which one imports what the other exports.
const SHARED: [&str; 2] = ["Checks", "Environment"];

/// Where the two stacks of an environment are told different things, or one of them is not there. Both templates are as deployed
/// without parameters.
pub(super) fn differences(text: &str, functions: &Template, alarms: &Template) -> anyhow::Result<Vec<Finding>> {
    let samconfig = Samconfig::of_text(DEPLOYED, text)?;
    let mut found = Vec::new();
    for environment in samconfig.names().filter(|name| samconfig.template(name) == Some(FUNCTIONS)) {
        let name = format!("{environment}-alarms");
        let mut add = |environment: &str, key: &str, rule: String| {
            let header = format!("[{environment}.deploy.parameters]");
            let line = text.lines().position(|line| line.trim() == header).map_or(1, |line| line + 1);
            found.push(Finding::of(DEPLOYED, line, format!("{environment}.deploy.parameters{key}"), rule));
        };
        if samconfig.template(&name) != Some(ALARMS) {
            let rule =
                format!("expected an environment {name} with {ALARMS}, saw none: its checks would have no alarms");
            add(environment, "", rule);
            continue;
        }
        for parameter in SHARED {
            let expected = held(&samconfig, environment, parameter, functions)?;
            let seen = held(&samconfig, &name, parameter, alarms)?;
            if expected != seen {
                let rule = format!(
                    "expected the {parameter} of {environment}, {}, saw {}: what runs and what is watched would differ",
                    shown(&expected),
                    shown(&seen)
                );
                add(&name, ".parameter_overrides", rule);
            }
        }
    }
    Ok(found)
}

/// What a parameter holds: as it is given, or by the template's default; of the two, only the list has one.
fn held(
    samconfig: &Samconfig,
    environment: &str,
    parameter: &str,
    template: &Template,
) -> anyhow::Result<BTreeSet<String>> {
    Ok(match (samconfig.parameters(environment)?.get(parameter), template.parameters.get(parameter)) {
        (Some(given), _) => given.split(',').map(|item| item.trim().to_owned()).collect(),
        (None, Some(Value::Array(items))) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        (None, _) => BTreeSet::new(),
    })
}

fn shown(values: &BTreeSet<String>) -> String {
    if values.is_empty() { "none".to_owned() } else { values.iter().map(String::as_str).collect::<Vec<_>>().join(",") }
}
