//! Audit rules for `samconfig.toml`: all stacks of an environment need the same region and parameters.

use std::collections::BTreeSet;

use alarm::Template;
use serde_json::Value;

use super::findings::{ALARMS, Finding, SAMCONFIG};
use crate::samconfig::{OVERRIDES, Samconfig};

/// One stack of an environment.
struct Stack<'a> {
    /// The name for `--config-env`.
    name: String,
    /// The template, resolved without parameters.
    template: &'a Template,
}

/// Finds missing stacks, and stacks of an environment that differ in region or in a parameter that two of them share.
///
/// `alarm_templates` maps file names to templates. All templates are resolved without parameters.
pub(super) fn differences(
    text: &str,
    functions: &Template,
    alarm_templates: &[(&'static str, Template)],
) -> anyhow::Result<Vec<Finding>> {
    let samconfig = Samconfig::parse(SAMCONFIG, text)?;
    let mut found = Vec::new();
    for environment in samconfig.environments() {
        let mut stacks = vec![Stack { name: environment.to_owned(), template: functions }];
        for (file, template) in alarm_templates {
            let name = format!("{environment}-{}", file.trim_end_matches(".yaml"));
            if samconfig.template(&name) == Some(file) {
                stacks.push(Stack { name, template });
            } else if *file == ALARMS {
                let rule = format!(
                    "expected an environment {name} that deploys {file}, found none: the checks would have no alarms"
                );
                found.push(finding(text, environment, "deploy", "", rule));
            }
        }
        let mut is_unreadable = false;
        for stack in &stacks {
            if let Err(rule) = samconfig.overrides(&stack.name) {
                found.push(finding(text, &stack.name, "deploy", &format!(".{OVERRIDES}"), rule));
                is_unreadable = true;
            }
        }
        for (at, later) in stacks.iter().enumerate() {
            if let (Some(first), Some(other)) = (samconfig.region(environment), samconfig.region(&later.name))
                && first != other
            {
                let rule = format!(
                    "expected {first}, the region of {environment}, found {other}: stacks can import only within \
                     one region"
                );
                found.push(finding(text, &later.name, "global", ".region", rule));
            }
            for parameter in later.template.parameters.keys().filter(|_| !is_unreadable) {
                let Some(first) = stacks[..at].iter().find(|first| first.template.parameters.contains_key(parameter))
                else {
                    continue;
                };
                let (expected, actual) = (values(&samconfig, first, parameter)?, values(&samconfig, later, parameter)?);
                if expected != actual {
                    let rule = format!(
                        "expected the same {parameter} as in {} ({}), found {}: checks, alarms and dashboard \
                         would not match",
                        first.name,
                        shown(&expected),
                        shown(&actual)
                    );
                    found.push(finding(text, &later.name, "deploy", &format!(".{OVERRIDES}"), rule));
                }
            }
        }
    }
    Ok(found)
}

fn finding(text: &str, environment: &str, command: &str, key: &str, rule: String) -> Finding {
    let table = format!("{environment}.{command}.parameters");
    let line = text.lines().position(|line| line.trim() == format!("[{table}]")).map_or(1, |line| line + 1);
    Finding::new(SAMCONFIG, line, format!("{table}{key}"), rule)
}

/// Returns the values of a parameter: those in `samconfig.toml`, or the template's default.
fn values(samconfig: &Samconfig, stack: &Stack<'_>, parameter: &str) -> anyhow::Result<BTreeSet<String>> {
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
