//! `synthetics doctor templates`.

use operations::doctor::{Level, audit_files};
use operations::shipped_files::Files;
use serde_json::json;

use crate::arguments::DoctorOptions;
use crate::exit::Exit;

/// Audits the templates and prints the findings.
pub(crate) fn doctor(options: &DoctorOptions) -> anyhow::Result<Exit> {
    let templates = Files::templates(options.templates.as_deref());
    let runbooks = Files::runbooks(options.runbooks.as_deref());
    let findings = audit_files(templates, runbooks, &options.settings)?;
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    let notes = findings.len() - errors;
    if options.json {
        let list: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
                    "level": finding.level.as_str(),
                    "file": finding.file,
                    "line": finding.line,
                    "path": finding.path,
                    "rule": finding.rule,
                    "environment": finding.environment,
                })
            })
            .collect();
        crate::terminal::json(&list)?;
    } else {
        for finding in &findings {
            println!("{finding}");
        }
        let notes = match notes {
            0 => String::new(),
            1 => ", 1 note".to_owned(),
            count => format!(", {count} notes"),
        };
        println!("templates {templates}; runbooks {runbooks}");
        match errors {
            0 => println!("no findings{notes}"),
            1 => println!("1 finding{notes}"),
            count => println!("{count} findings{notes}"),
        }
    }
    Ok(if errors == 0 { Exit::Passed } else { Exit::Failed })
}
