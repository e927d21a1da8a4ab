//! Finds alarm misconfigurations in the templates that linters miss.

mod audit;
mod aws;
mod checks;
mod deployed;
pub mod deployment;
mod findings;
mod numbers;
mod objectives;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use alarm::template::Resource;
use alarm::{Alarm, Inputs, Template, TemplateError};
use anyhow::anyhow;
use check::budget::Objective;
use serde_json::{Value, json};

pub use findings::{Finding, Level};

use crate::checks::{default_objectives, from_file};
use crate::shipped_files::Files;
use audit::audit;
use findings::{ALARMS, AuditInput, FUNCTIONS, PLATFORM, Rejected, SAMCONFIG, Shipped};

/// Stands for every environment that the templates do not name, so that values for named environments do not apply.
const UNNAMED_ENVIRONMENT: &str = "every-other";
/// Mapping column for environments without a column of the same name.
const DEFAULT: &str = "Default";

/// Objectives by environment and check.
type Objectives = BTreeMap<String, BTreeMap<String, Objective>>;

/// Audits templates, with the runbooks that their alarms link. The alarms of an environment have the objectives of its settings
/// file, if there is one.
///
/// # Errors
/// When a file is unreadable, a template invalid, or a settings file has a problem.
pub fn audit_files(templates: Files<'_>, runbooks: Files<'_>, settings: &[PathBuf]) -> anyhow::Result<Vec<Finding>> {
    audit_texts(&Texts {
        functions: &templates.template(FUNCTIONS)?,
        alarms: &templates.template(ALARMS)?,
        platform: templates.read(PLATFORM)?.as_deref(),
        samconfig: templates.read(SAMCONFIG)?.as_deref(),
        runbooks: &runbooks.all()?,
        objectives: &objectives(settings)?,
    })
}

/// Reads the objectives of settings files. A check without settings keeps its default.
fn objectives(settings: &[PathBuf]) -> anyhow::Result<Objectives> {
    let mut by_environment = Objectives::new();
    for file in settings {
        let checks = from_file(file, &[])?;
        let Some(environment) = checks.first().map(|check| check.common().environment.clone()) else { continue };
        let all = crate::checks::objectives(checks.iter().map(|check| &**check));
        by_environment.insert(environment, all);
    }
    Ok(by_environment)
}

/// The text of the audited files.
struct Texts<'a> {
    functions: &'a str,
    alarms: &'a str,
    platform: Option<&'a str>,
    samconfig: Option<&'a str>,
    /// By file name.
    runbooks: &'a BTreeMap<String, String>,
    /// Of the environments with a settings file.
    objectives: &'a Objectives,
}

/// Audits the templates with every check running and every optional part enabled. The first
/// pass uses an environment that the templates do not name. One more pass per named environment, or environment with a settings
/// file, adds new findings.
fn audit_texts(texts: &Texts<'_>) -> anyhow::Result<Vec<Finding>> {
    let stacks = Stacks::read(texts, UNNAMED_ENVIRONMENT)?;
    let mut environments = stacks.environments();
    environments.extend(texts.objectives.keys().cloned());
    let defaults = default_objectives();
    let mut found = stacks.audit(texts.runbooks, &defaults);
    for environment in &environments {
        let objectives = texts.objectives.get(environment).unwrap_or(&defaults);
        let findings = Stacks::read(texts, environment)?.audit(texts.runbooks, objectives);
        let additional = findings.into_iter().filter(|finding| !found.contains(finding));
        let additional: Vec<Finding> =
            additional.map(|finding| Finding { environment: Some(environment.clone()), ..finding }).collect();
        found.extend(additional);
    }
    for name in checks::runnable(&stacks.alarms.template) {
        let inputs = stacks.inputs.clone().with("Checks", name);
        let single = Template::read(texts.alarms, &inputs).and_then(|template| read_alarms(&template));
        match single {
            Ok((alarms, _)) => found.extend(checks::audit_single_check(&stacks.alarms, name, &alarms)),
            Err(error) => {
                let rule = format!("{} in a stack that runs only {name}: the deployment would fail", error.rule);
                found.push(Finding::new(ALARMS, error.line, error.path, rule));
            }
        }
    }
    if let Some(text) = texts.samconfig {
        found.extend(deployed::differences(text, &stacks.functions, &stacks.alarm_templates)?);
    }
    Ok(found)
}

/// The templates as resolved for one environment.
struct Stacks {
    functions: Template,
    alarms: Shipped,
    others: Vec<Shipped>,
    /// The templates with alarms by file name, resolved without parameters.
    alarm_templates: Vec<(&'static str, Template)>,
    /// The inputs that the templates were resolved with.
    inputs: Inputs,
}

impl Stacks {
    fn read(texts: &Texts<'_>, environment: &str) -> anyhow::Result<Self> {
        let environment = Inputs { are_optional: true, ..Inputs::default() }.with("Environment", environment);
        let read = |file: &str, text: &str, inputs: &Inputs| {
            Template::read(text, inputs).map_err(|error| anyhow!("{file}: {error}"))
        };
        let functions = read(FUNCTIONS, texts.functions, &environment)?;
        let inputs = Inputs { imports: functions.exports(), ..environment };
        let files = std::iter::once((ALARMS, texts.alarms)).chain(texts.platform.map(|text| (PLATFORM, text)));
        let alarm_templates =
            files.map(|(file, text)| Ok((file, read(file, text, &inputs)?))).collect::<anyhow::Result<_>>()?;
        let alarms = shipped(ALARMS, texts.alarms, &inputs, with_every_check)?;
        let platform = texts.platform.map(|text| shipped(PLATFORM, text, &inputs, Template::read)).transpose()?;
        Ok(Self { functions, alarms, others: platform.into_iter().collect(), alarm_templates, inputs })
    }

    fn audit(&self, runbooks: &BTreeMap<String, String>, objectives: &BTreeMap<String, Objective>) -> Vec<Finding> {
        let (functions, alarms, others, inputs) = (&self.functions, &self.alarms, &self.others[..], &self.inputs);
        audit(&AuditInput { functions, alarms, others, runbooks, inputs, objectives })
    }

    /// Returns the environments that the templates name: the columns, other than `Default`, of mappings with a
    /// `Default`.
    fn environments(&self) -> BTreeSet<String> {
        let others = self.others.iter().map(|shipped| &shipped.template);
        let templates = [&self.functions, &self.alarms.template].into_iter().chain(others);
        let mappings = templates.filter_map(|template| template.mappings.as_object()).flat_map(|all| all.values());
        let entries = |mapping: &Value| -> Vec<String> {
            let entries = mapping.as_object().into_iter().flat_map(|entries| entries.values());
            entries.filter_map(Value::as_object).flat_map(|entry| entry.keys().cloned()).collect()
        };
        let columns = mappings.map(entries).filter(|columns| columns.iter().any(|column| column == DEFAULT));
        columns.flatten().filter(|column| column != DEFAULT).collect()
    }
}

/// Resolves a template with every check that both its mapping and its parameter contain. A check in only one of them is
/// a finding.
fn with_every_check(text: &str, inputs: &Inputs) -> Result<Template, TemplateError> {
    let plain = Template::read(text, inputs)?;
    match &checks::runnable(&plain)[..] {
        [] => Ok(plain),
        names => Template::read(text, &inputs.clone().with("Checks", &names.join(","))),
    }
}

/// Resolves a template with a value for every parameter whose default is empty, so that all optional parts are
/// audited.
fn shipped(
    file: &'static str,
    text: &str,
    inputs: &Inputs,
    read: impl Fn(&str, &Inputs) -> Result<Template, TemplateError>,
) -> anyhow::Result<Shipped> {
    let in_file = |error| anyhow!("{file}: {error}");
    let plain = read(text, inputs).map_err(in_file)?;
    let is_empty = |value: &Value| *value == "" || *value == json!([""]);
    let empty = plain.parameters.iter().filter(|(_, value)| is_empty(value));
    let inputs = empty.fold(inputs.clone(), |inputs, (name, _)| inputs.with(name, given(&plain, name)));
    let template = read(text, &inputs).map_err(in_file)?;
    let (alarms, rejected) = read_alarms(&template).map_err(in_file)?;
    Ok(Shipped { file, template, alarms, rejected })
}

/// Returns a value for a parameter whose default is empty.
fn given<'t>(template: &'t Template, name: &str) -> &'t str {
    let allowed = template.allowed.get(name).map(|values| values.iter().find(|value| !value.is_empty()));
    let is_number = template.parameter_types.get(name).is_some_and(|kind| kind.is_number);
    match allowed {
        Some(allowed) => allowed.map_or("", String::as_str),
        None if is_number => "1",
        None => "given",
    }
}

/// Returns the valid alarms of a template, and the rejected ones.
fn read_alarms(template: &Template) -> Result<(Vec<Alarm>, Vec<Rejected>), TemplateError> {
    let mut rejected = Vec::new();
    // Each iteration removes one rejected alarm, so the loop ends.
    let mut rest = template.clone();
    loop {
        let error = match alarm::alarms(&rest) {
            Ok(alarms) => return Ok((alarms, rejected)),
            Err(error) => error,
        };
        let is_about = |resource: &Resource| error.path.starts_with(&format!("{}.", resource.path()));
        let Some(place) = rest.resources.iter().position(is_about) else { return Err(error) };
        rejected.push(Rejected { alarm: rest.resources.remove(place), error });
    }
}

#[cfg(test)]
mod tests;
