//! `synthetics cleanup`.

use std::sync::Arc;

use check::Outcome;
use check::text::utc;
use local::Memory;
use operations::checks;
use runtime::{CleanupReport, FoundLeftover, Ports, SystemClock};

use crate::arguments::CleanupOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::{deployment, ports, tables};

/// Finds the leftovers of earlier runs on the platform, and removes them with `--yes`.
pub(crate) async fn cleanup(options: &CleanupOptions) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen()?;
    let ports = ports::ports(&Arc::new(Memory::default()), Arc::new(SystemClock), interrupt.token.clone(), [])?;
    let secrets = deployment::with_parameters(Arc::clone(&ports.secrets));
    let ports = Ports { secrets, ..ports };
    let mut reports = Vec::new();
    for check in checks::from_file(&options.settings, &options.checks)? {
        if interrupt.has_come() {
            break;
        }
        let id = check.id();
        if checks::has_cleanup(id) {
            eprintln!("looking for leftovers of {id} …");
            reports.extend(check.cleanup(&ports, options.yes).await);
        } else if checks::creates(id) {
            eprintln!("{id}: nothing to remove; the sessions and canaries that it creates end by themselves");
        } else {
            eprintln!("{id}: nothing to remove; it only reads");
        }
    }
    if options.json {
        crate::terminal::json(&reports)?;
    } else if !reports.is_empty() {
        println!("{}", table(&reports));
    }
    let is_left = reports.iter().flat_map(|report| &report.leftovers).any(|leftover| !leftover.removed);
    Ok(interrupt.exit_or(if is_left {
        Exit::Failed
    } else if reports.iter().any(|report| report.outcome != Outcome::Passed) {
        Exit::Inconclusive
    } else {
        Exit::Passed
    }))
}

fn table(reports: &[CleanupReport]) -> String {
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
        reports.iter().flat_map(|report| report.leftovers.iter().map(|left| row(&report.check, left))).collect();
    let mut text = Vec::new();
    if !rows.is_empty() {
        text.push(tables::columns(["CHECK", "KIND", "ID", "CREATED", "RUN", "STATE"], rows));
    }
    for CleanupReport { check, leftovers, outcome } in reports {
        match outcome {
            Outcome::Passed if leftovers.is_empty() => text.push(format!("{check}: no leftovers")),
            Outcome::Passed if leftovers.iter().any(|leftover| !leftover.removed) => {
                text.push(format!("{check}: add --yes to remove these leftovers"));
            }
            Outcome::Passed => {}
            Outcome::Failed { failures } => {
                for failure in failures {
                    let difference = tables::expected_actual(failure);
                    text.push(format!("{check}: search incomplete: {}: {difference}", failure.step));
                }
            }
            Outcome::Inconclusive { inconclusive } => {
                text.push(format!("{check}: search failed: {}", inconclusive.detail));
            }
            Outcome::Maintenance { detail } => text.push(format!("{check}: search failed: {detail}")),
            Outcome::Refused { .. } => {}
        }
    }
    text.join("\n")
}
