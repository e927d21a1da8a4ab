//! `synthetics doctor --templates`: what would keep an alarm from firing, or people from hearing of it, and linters do not see.

mod audit;

use std::collections::BTreeMap;
use std::path::Path;

use alarm::{Inputs, Template};
use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::arguments::DoctorOptions;
use crate::exit::Exit;
use audit::{Finding, Rooms, Shipped, audit};

/// The templates, below the folder of infrastructure.
const FUNCTIONS: &str = "template.yaml";
const ALARMS: &str = "alarms.yaml";
/// Looked through where there is one.
const PLATFORM: &str = "platform.yaml";

/// Looks the templates through.
pub(crate) fn doctor(options: &DoctorOptions) -> anyhow::Result<Exit> {
    let findings = of_templates(&options.templates, &options.runbooks)?;
    if options.json {
        let list: Vec<_> = findings
            .iter()
            .map(|finding| json!({ "file": finding.file, "line": finding.line, "path": finding.path, "rule": finding.rule }))
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
fn of_templates(folder: &Path, runbooks: &Path) -> anyhow::Result<Vec<Finding>> {
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
    let platform = folder.join(PLATFORM).is_file().then(|| text(PLATFORM)).transpose()?;
    of_texts(&text(FUNCTIONS)?, &text(ALARMS)?, platform.as_deref(), &pages)
}

/// What is found in the templates, with every check running and every optional part given.
fn of_texts(
    functions: &str,
    alarms: &str,
    platform: Option<&str>,
    runbooks: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<Finding>> {
    let environment = Inputs::default().with("Environment", "production");
    let functions = read(FUNCTIONS, functions, &environment)?;
    let inputs = Inputs { imports: functions.exports(), ..environment };
    let plain = read(ALARMS, alarms, &inputs)?;
    let Some(checks) = plain.mappings["Checks"].as_object() else {
        bail!("{ALARMS} has no mapping Checks: it gives each check its cadence");
    };
    let all = checks.keys().map(String::as_str).collect::<Vec<_>>().join(",");
    let alarms = shipped(ALARMS, alarms, &inputs.clone().with("Checks", &all))?;
    let platform = platform.map(|text| shipped(PLATFORM, text, &inputs)).transpose()?;
    let others: Vec<Shipped> = platform.into_iter().collect();
    Ok(audit(&Rooms { functions: &functions, alarms: &alarms, others: &others, runbooks }))
}

fn read(file: &str, text: &str, inputs: &Inputs) -> anyhow::Result<Template> {
    Template::read(text, inputs).map_err(|error| anyhow::anyhow!("{file}: {error}"))
}

/// A template with something in every parameter that is empty by default: what is not there is not looked at.
fn shipped(file: &'static str, text: &str, inputs: &Inputs) -> anyhow::Result<Shipped> {
    let plain = read(file, text, inputs)?;
    let is_empty = |value: &Value| *value == "" || *value == json!([""]);
    let empty = plain.parameters.iter().filter(|(_, value)| is_empty(value));
    let inputs = empty.fold(inputs.clone(), |inputs, (name, _)| inputs.with(name, "given"));
    let template = read(file, text, &inputs)?;
    let alarms = alarm::alarms(&template).map_err(|error| anyhow::anyhow!("{file}: {error}"))?;
    Ok(Shipped { file, template, alarms })
}

#[cfg(test)]
mod tests;
