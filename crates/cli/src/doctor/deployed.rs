//! What is deployed: the two stacks of an environment are told the same.

use std::collections::{BTreeMap, BTreeSet};

use alarm::Template;
use anyhow::{Context, bail};
use serde_json::Value;
use toml::{Table, Value as Toml};

use super::audit::Finding;
use super::{ALARMS, DEPLOYED, FUNCTIONS};

/// What both stacks take: the checks that run, and the environment, by which one imports what the other exports.
const SHARED: [&str; 2] = ["Checks", "Environment"];

/// Where the two stacks of an environment are told different things, or one of them is not there. Both templates are as deployed without parameters.
pub(super) fn differences(text: &str, functions: &Template, alarms: &Template) -> anyhow::Result<Vec<Finding>> {
    let configured: Table = text.parse().with_context(|| format!("failed to read {DEPLOYED}"))?;
    let mut found = Vec::new();
    for environment in configured.keys() {
        let Some(own) = Stack::of(&configured, environment)?.filter(|stack| stack.template == FUNCTIONS) else {
            continue;
        };
        let name = format!("{environment}-alarms");
        let mut add = |environment: &str, key: &str, rule: String| {
            let header = format!("[{environment}.deploy.parameters]");
            let line = text.lines().position(|line| line.trim() == header).map_or(1, |line| line + 1);
            found.push(Finding::of(DEPLOYED, line, format!("{environment}.deploy.parameters{key}"), rule));
        };
        let Some(beside) = Stack::of(&configured, &name)?.filter(|stack| stack.template == ALARMS) else {
            let rule =
                format!("expected an environment {name} with {ALARMS}, saw none: its checks would have no alarms");
            add(environment, "", rule);
            continue;
        };
        for parameter in SHARED {
            let [expected, seen] =
                [(&own, functions), (&beside, alarms)].map(|(stack, template)| stack.value(parameter, template));
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

/// What a stack is deployed with.
struct Stack {
    template: String,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    /// `None`: nothing is deployed by this name.
    fn of(configured: &Table, name: &str) -> anyhow::Result<Option<Self>> {
        let deploy = configured.get(name).and_then(|of| of.get("deploy")?.get("parameters")?.as_table());
        let Some(deploy) = deploy else { return Ok(None) };
        let template = deploy.get("template_file").and_then(Toml::as_str).unwrap_or(FUNCTIONS).to_owned();
        let pairs: Vec<&str> = match deploy.get("parameter_overrides") {
            None => Vec::new(),
            Some(Toml::String(text)) => text.split_whitespace().collect(),
            Some(Toml::Array(items)) => items.iter().filter_map(Toml::as_str).collect(),
            Some(other) => {
                bail!("{DEPLOYED}: {name}.deploy.parameters.parameter_overrides: expected a list, saw {other}")
            }
        };
        let pairs = pairs.into_iter().filter_map(|pair| pair.split_once('='));
        let parameters = pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned())).collect();
        Ok(Some(Self { template, parameters }))
    }

    /// What a parameter holds: as it is given, or by the template's default; of the two, only the list has one.
    fn value(&self, parameter: &str, template: &Template) -> BTreeSet<String> {
        match (self.parameters.get(parameter), template.parameters.get(parameter)) {
            (Some(given), _) => given.split(',').map(|item| item.trim().to_owned()).collect(),
            (None, Some(Value::Array(items))) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            (None, _) => BTreeSet::new(),
        }
    }
}

fn shown(values: &BTreeSet<String>) -> String {
    if values.is_empty() { "none".to_owned() } else { values.iter().map(String::as_str).collect::<Vec<_>>().join(",") }
}
