//! `synthetics doctor --templates`: what would keep an alarm from firing, or people from hearing of it, and linters do not see.

mod audit;

use std::collections::BTreeMap;
use std::path::Path;

use alarm::{Inputs, Template};
use anyhow::{Context, bail};
use serde_json::json;

use crate::arguments::DoctorOptions;
use crate::exit::Exit;
use audit::{Finding, Rooms, audit};

/// The templates, below the folder of infrastructure.
const FUNCTIONS: &str = "template.yaml";
const ALARMS: &str = "alarms.yaml";

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
    of_texts(&text(FUNCTIONS)?, &text(ALARMS)?, &pages)
}

/// What is found in two templates, with every check running.
fn of_texts(functions: &str, alarms: &str, runbooks: &BTreeMap<String, String>) -> anyhow::Result<Vec<Finding>> {
    let read = |file: &str, text: &str, inputs: &Inputs| {
        Template::read(text, &inputs.clone().with("Environment", "production"))
            .map_err(|error| anyhow::anyhow!("{file}: {error}"))
    };
    let functions = read(FUNCTIONS, functions, &Inputs::default())?;
    let inputs = Inputs { imports: functions.exports(), ..Inputs::default() };
    let plain = read(ALARMS, alarms, &inputs)?;
    let Some(checks) = plain.mappings["Checks"].as_object() else {
        bail!("{ALARMS} has no mapping Checks: it gives each check its cadence");
    };
    let all = checks.keys().map(String::as_str).collect::<Vec<_>>().join(",");
    let alarms_template = read(ALARMS, alarms, &inputs.with("Checks", &all))?;
    let found = alarm::alarms(&alarms_template).map_err(|error| anyhow::anyhow!("{ALARMS}: {error}"))?;
    let rooms = Rooms { functions: &functions, alarms_template: &alarms_template, alarms: &found, runbooks };
    Ok(audit(&rooms))
}

#[cfg(test)]
mod tests;
