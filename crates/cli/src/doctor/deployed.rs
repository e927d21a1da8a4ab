//! What is deployed: the stacks of an environment are told the same.

use std::collections::BTreeSet;

use alarm::Template;
use serde_json::Value;

use super::audit::Finding;
use super::{ALARMS, DEPLOYED};
use crate::samconfig::Samconfig;

/// One stack of an environment.
struct Stack<'a> {
    /// What `--config-env` takes.
    name: String,
    /// Its template, as deployed without parameters.
    template: &'a Template,
}

/// Where the stacks of an environment are told different things, or one of them is not there: its region, and each parameter that
/// two of them have. The templates with alarms are by their files; all are as deployed without parameters.
pub(super) fn differences(
    text: &str,
    functions: &Template,
    beside: &[(&'static str, Template)],
) -> anyhow::Result<Vec<Finding>> {
    let samconfig = Samconfig::parse(DEPLOYED, text)?;
    let mut found = Vec::new();
    for environment in samconfig.environments() {
        let mut stacks = vec![Stack { name: environment.to_owned(), template: functions }];
        for (file, template) in beside {
            let name = format!("{environment}-{}", file.trim_end_matches(".yaml"));
            if samconfig.template(&name) == Some(file) {
                stacks.push(Stack { name, template });
            } else if *file == ALARMS {
                let rule =
                    format!("expected an environment {name} with {file}, found none: its checks would have no alarms");
                found.push(finding(text, environment, "deploy", "", rule));
            }
        }
        for (at, later) in stacks.iter().enumerate() {
            if let (Some(first), Some(own)) = (samconfig.region(environment), samconfig.region(&later.name))
                && first != own
            {
                let rule =
                    format!("expected the region of {environment}, {first}, found {own}: nothing is exported there");
                found.push(finding(text, &later.name, "global", ".region", rule));
            }
            for parameter in later.template.parameters.keys() {
                let Some(first) = stacks[..at].iter().find(|first| first.template.parameters.contains_key(parameter))
                else {
                    continue;
                };
                let (expected, actual) = (held(&samconfig, first, parameter)?, held(&samconfig, later, parameter)?);
                if expected != actual {
                    let rule = format!(
                        "expected the {parameter} of {}, {}, found {}: what runs, what is watched and what is shown would differ",
                        first.name,
                        shown(&expected),
                        shown(&actual)
                    );
                    found.push(finding(text, &later.name, "deploy", ".parameter_overrides", rule));
                }
            }
        }
    }
    Ok(found)
}

fn finding(text: &str, environment: &str, command: &str, key: &str, rule: String) -> Finding {
    let table = format!("{environment}.{command}.parameters");
    let line = text.lines().position(|line| line.trim() == format!("[{table}]")).map_or(1, |line| line + 1);
    Finding::new(DEPLOYED, line, format!("{table}{key}"), rule)
}

/// What a parameter holds: as it is given, or by the template's default.
fn held(samconfig: &Samconfig, stack: &Stack<'_>, parameter: &str) -> anyhow::Result<BTreeSet<String>> {
    let items = |text: &str| text.split(',').map(|item| item.trim().to_owned()).collect();
    Ok(match (samconfig.parameters(&stack.name)?.get(parameter), stack.template.parameters.get(parameter)) {
        (Some(given), _) => items(given),
        (None, Some(Value::Array(list))) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        (None, Some(Value::String(text))) => items(text),
        (None, _) => BTreeSet::new(),
    })
}

fn shown(values: &BTreeSet<String>) -> String {
    let text = values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    if text.is_empty() { "none".to_owned() } else { text }
}
