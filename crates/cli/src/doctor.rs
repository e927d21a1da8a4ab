//! `synthetics doctor templates`.

use operations::doctor::audit_folder;
use serde_json::json;

use crate::arguments::DoctorOptions;
use crate::exit::Exit;

/// Audits the templates and prints the findings.
pub(crate) fn doctor(options: &DoctorOptions) -> anyhow::Result<Exit> {
    let findings = audit_folder(&options.templates, &options.runbooks)?;
    if options.json {
        let list: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
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
        match findings.len() {
            0 => println!("no findings in {}", options.templates.display()),
            1 => println!("1 finding"),
            count => println!("{count} findings"),
        }
    }
    Ok(if findings.is_empty() { Exit::Passed } else { Exit::Failed })
}
