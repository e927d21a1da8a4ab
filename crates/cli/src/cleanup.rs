//! `synthetics cleanup`.

use std::sync::Arc;

use anyhow::bail;
use check::Outcome;
use check::text::utc;
use local::Memory;
use runtime::{CleanupReport, FoundLeftover, SystemClock};

use crate::arguments::CleanupOptions;
use crate::exit::Exit;
use crate::{checks, ports, tables};

/// Looks at the platform for what runs that are over left there, and removes it with `--yes`.
pub(crate) async fn cleanup(options: &CleanupOptions) -> anyhow::Result<Exit> {
    let ports = ports::ports(&Arc::new(Memory::default()), Arc::new(SystemClock), [])?;
    let mut cleaned = Vec::new();
    for check in checks::from_file(&options.settings, &options.checks)? {
        eprintln!("looking for what {} left behind …", check.id());
        cleaned.extend(check.cleanup(&ports, options.yes).await);
    }
    if cleaned.is_empty() {
        bail!("nothing to look for: none of these checks creates anything that it could leave behind");
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&cleaned)?);
    } else {
        println!("{}", table(&cleaned));
    }
    let is_left = cleaned.iter().flat_map(|cleaned| &cleaned.leftovers).any(|leftover| !leftover.removed);
    Ok(if is_left {
        Exit::Failed
    } else if cleaned.iter().any(|cleaned| cleaned.outcome != Outcome::Passed) {
        Exit::Inconclusive
    } else {
        Exit::Passed
    })
}

fn table(cleaned: &[CleanupReport]) -> String {
    let row = |check: &str, leftover: &FoundLeftover| {
        [
            check.to_owned(),
            leftover.what.clone(),
            leftover.id.clone(),
            utc(leftover.began),
            leftover.run_id.clone(),
            if leftover.removed { "removed" } else { "left" }.to_owned(),
        ]
    };
    let rows: Vec<_> =
        cleaned.iter().flat_map(|cleaned| cleaned.leftovers.iter().map(|left| row(&cleaned.check, left))).collect();
    let mut text = Vec::new();
    if !rows.is_empty() {
        text.push(tables::columns(["CHECK", "WHAT", "ID", "OF THE RUN AT", "RUN", ""], rows));
    }
    for CleanupReport { check, leftovers, outcome } in cleaned {
        match outcome {
            Outcome::Passed if leftovers.is_empty() => text.push(format!("{check}: nothing is left behind")),
            Outcome::Passed if leftovers.iter().any(|leftover| !leftover.removed) => {
                text.push(format!("{check}: --yes removes what is left"));
            }
            Outcome::Passed => {}
            Outcome::Failed { failures } => {
                for failure in failures {
                    let (step, actual) = (&failure.step, &failure.actual);
                    text.push(format!(
                        "{check}: could not look everywhere: {step}: expected {}, found {actual}",
                        failure.expected
                    ));
                }
            }
            Outcome::Inconclusive { inconclusive } => {
                text.push(format!("{check}: could not look: {}", inconclusive.detail))
            }
            Outcome::Maintenance { detail } => text.push(format!("{check}: could not look: {detail}")),
            Outcome::Refused { .. } => {}
        }
    }
    text.join("\n")
}
