//! `synthetics doctor templates`: what would keep an alarm from firing, or people from hearing of it, and linters do not see.

mod audit;
mod aws;
mod checks;
mod deployed;
mod numbers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alarm::template::Resource;
use alarm::{Alarm, Inputs, Template, TemplateError};
use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use crate::arguments::DoctorOptions;
use crate::exit::Exit;
use audit::{AuditInput, Finding, Refused, Shipped, audit};

/// The templates, below the folder of infrastructure.
const FUNCTIONS: &str = "template.yaml";
const ALARMS: &str = "alarms.yaml";
/// Looked through where there is one.
const PLATFORM: &str = "platform.yaml";
/// What each stack is deployed with; looked through where there is one.
const DEPLOYED: &str = "samconfig.toml";

/// What our namespaces begin with: of the checks, and of what filters count in log lines.
const OURS: &str = "JustDriving/";

/// An environment that has no values of its own, and that nobody names: what is written for one of another name is seen.
const OTHERS: &str = "every-other";
/// The column of a mapping that holds for every environment without one of its own.
const DEFAULT: &str = "Default";

/// Looks the templates through.
pub(crate) fn doctor(options: &DoctorOptions) -> anyhow::Result<Exit> {
    let findings = audit_folder(&options.templates, &options.runbooks)?;
    if options.json {
        let list: Vec<_> = findings
            .iter()
            .map(|finding| json!({ "file": finding.file, "line": finding.line, "path": finding.path, "rule": finding.rule, "environment": finding.environment }))
            .collect();
        println!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        for finding in &findings {
            println!("{finding}");
        }
        match findings.len() {
            0 => println!("nothing to mend in {}", options.templates.display()),
            1 => println!("1 finding"),
            count => println!("{count} findings"),
        }
    }
    Ok(if findings.is_empty() { Exit::Passed } else { Exit::Failed })
}

/// What is found in the templates of a folder.
fn audit_folder(folder: &Path, runbooks: &Path) -> anyhow::Result<Vec<Finding>> {
    let text = |file: &str| {
        let path = folder.join(file);
        std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))
    };
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for entry in runbooks.read_dir().with_context(|| format!("failed to read {}", runbooks.display()))? {
        let path = entry?.path();
        if let (Some(name), Ok(page)) = (path.file_name(), std::fs::read_to_string(&path)) {
            pages.insert(name.to_string_lossy().into_owned(), page);
        }
    }
    let optional = |file: &str| folder.join(file).is_file().then(|| text(file)).transpose();
    audit_texts(&Texts {
        functions: &text(FUNCTIONS)?,
        alarms: &text(ALARMS)?,
        platform: optional(PLATFORM)?.as_deref(),
        deployed: optional(DEPLOYED)?.as_deref(),
        runbooks: &pages,
    })
}

/// What is looked through, as it is written.
struct Texts<'a> {
    functions: &'a str,
    alarms: &'a str,
    platform: Option<&'a str>,
    deployed: Option<&'a str>,
    /// By file name.
    runbooks: &'a BTreeMap<String, String>,
}

/// What is found in the templates, with every check running and every optional part given: in an environment that has no value of
/// its own anywhere, and in each that has one, what is not so in the others.
fn audit_texts(texts: &Texts<'_>) -> anyhow::Result<Vec<Finding>> {
    let stacks = Stacks::read(texts, OTHERS)?;
    let own = stacks.environments();
    let mut found = stacks.audit(texts.runbooks);
    for environment in &own {
        let differs =
            Stacks::read(texts, environment)?.audit(texts.runbooks).into_iter().filter(|one| !found.contains(one));
        let differs: Vec<Finding> =
            differs.map(|one| Finding { environment: Some(environment.clone()), ..one }).collect();
        found.extend(differs);
    }
    for name in checks::running(&stacks.alarms.template) {
        let inputs = stacks.inputs.clone().with("Checks", name);
        let alone = Template::read(texts.alarms, &inputs).and_then(|template| alarms_of(&template));
        match alone {
            Ok((alarms, _)) => found.extend(checks::alone(&stacks.alarms, name, &alarms)),
            Err(error) => {
                let rule = format!("{}, where {name} runs alone: the stack would not be made", error.rule);
                found.push(Finding::new(ALARMS, error.line, error.path, rule));
            }
        }
    }
    if let Some(text) = texts.deployed {
        found.extend(deployed::differences(text, &stacks.functions, &stacks.beside)?);
    }
    Ok(found)
}

/// The templates, as they are in an environment.
struct Stacks {
    functions: Template,
    alarms: Shipped,
    others: Vec<Shipped>,
    /// The templates with alarms by their files, without parameters.
    beside: Vec<(&'static str, Template)>,
    /// What they were read with.
    inputs: Inputs,
}

impl Stacks {
    fn read(texts: &Texts<'_>, environment: &str) -> anyhow::Result<Self> {
        let environment = Inputs::default().with("Environment", environment);
        let read = |file: &str, text: &str, inputs: &Inputs| {
            Template::read(text, inputs).map_err(|error| anyhow!("{file}: {error}"))
        };
        let functions = read(FUNCTIONS, texts.functions, &environment)?;
        let inputs = Inputs { imports: functions.exports(), ..environment };
        let beside = std::iter::once((ALARMS, texts.alarms)).chain(texts.platform.map(|text| (PLATFORM, text)));
        let beside =
            beside.map(|(file, text)| Ok((file, read(file, text, &inputs)?))).collect::<anyhow::Result<_>>()?;
        let alarms = shipped(ALARMS, texts.alarms, &inputs, with_every_check)?;
        let platform = texts.platform.map(|text| shipped(PLATFORM, text, &inputs, Template::read)).transpose()?;
        Ok(Self { functions, alarms, others: platform.into_iter().collect(), beside, inputs })
    }

    fn audit(&self, runbooks: &BTreeMap<String, String>) -> Vec<Finding> {
        let (functions, alarms, others, inputs) = (&self.functions, &self.alarms, &self.others[..], &self.inputs);
        audit(&AuditInput { functions, alarms, others, runbooks, inputs })
    }

    /// The environments that have a value of their own: a column of a mapping, beside `Default`.
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

/// The alarms of every check that the template knows and takes. Which it only knows, or only takes, is a finding.
fn with_every_check(text: &str, inputs: &Inputs) -> Result<Template, TemplateError> {
    let plain = Template::read(text, inputs)?;
    match &checks::running(&plain)[..] {
        [] => Ok(plain),
        names => Template::read(text, &inputs.clone().with("Checks", &names.join(","))),
    }
}

/// A template with something in every parameter that is empty by default: what is not there is not looked at.
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
    let inputs = empty.fold(inputs.clone(), |inputs, (name, _)| inputs.with(name, "given"));
    let template = read(text, &inputs).map_err(in_file)?;
    let (alarms, refused) = alarms_of(&template).map_err(in_file)?;
    Ok(Shipped { file, template, alarms, refused })
}

/// The alarms of a template, and those that are refused.
fn alarms_of(template: &Template) -> Result<(Vec<Alarm>, Vec<Refused>), TemplateError> {
    let mut refused = Vec::new();
    // Without those that were refused; there is an end to them.
    let mut rest = template.clone();
    loop {
        let error = match alarm::alarms(&rest) {
            Ok(alarms) => return Ok((alarms, refused)),
            Err(error) => error,
        };
        let is_about = |resource: &Resource| error.path.starts_with(&format!("{}.", resource.path()));
        let Some(place) = rest.resources.iter().position(is_about) else { return Err(error) };
        refused.push(Refused { alarm: rest.resources.remove(place), error });
    }
}

#[cfg(test)]
mod tests;
