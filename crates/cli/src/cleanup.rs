//! `synthetics cleanup`.

use std::sync::Arc;
use std::time::Duration;

use check::Outcome;
use check::text::utc;
use demo_platform::Fault;
use local::Memory;
use operations::checks;
use runtime::{AnyCheck, CleanupReport, FoundLeftover, Invocation, Ports, SystemClock};

use crate::arguments::CleanupOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::styled::{Styled, Tone};
use crate::{demo, deployment, ports, tables, terminal};

/// Check whose leftover `cleanup --demo` finds.
const BOOKING: &str = "booking";
/// Time after which a cleanup treats the data of a run as left over.
const UNTIL_OVER: Duration = Duration::from_secs(2 * 60 * 60);

/// Finds the leftovers of earlier runs on the platform, and removes them with `--yes`.
pub(crate) async fn cleanup(options: &CleanupOptions) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen()?;
    let reports = match &options.settings {
        Some(settings) => {
            let ports = ports::ports(&Arc::new(Memory::default()), Arc::new(SystemClock), interrupt.token.clone(), [])?;
            let checks = checks::from_file(settings, &options.checks)?;
            let environment = checks.first().map(|check| check.common().environment.as_str());
            let secrets =
                deployment::with_parameters(Arc::clone(&ports.secrets), deployment::region(None, environment));
            look(&checks, &Ports { secrets, ..ports }, options.yes).await
        }
        None => on_demo(options, &interrupt).await?,
    };
    if options.json {
        terminal::json(&reports)?;
    } else if !reports.is_empty() {
        terminal::print(&table(&reports));
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

/// Searches a demo platform on which a run could not cancel its booking.
async fn on_demo(options: &CleanupOptions, interrupt: &Interrupt) -> anyhow::Result<Vec<CleanupReport>> {
    let (platform, clock) = demo::without_waits(UNTIL_OVER).await?;
    let ports = ports::ports(
        &Arc::new(Memory::default()),
        clock.clone(),
        interrupt.token.clone(),
        ports::demo_parameters(&platform),
    )?;
    let checks = demo::checks_for(&platform, &options.checks)?;
    eprintln!("demo platform: {}; a run of {BOOKING} cannot cancel its booking …", platform.base_url());
    platform.faults().activate(Fault::CancelIgnored);
    for check in demo::checks_for(&platform, &[BOOKING.to_owned()])? {
        check.run(&ports, &Invocation::manual()).await?;
    }
    platform.faults().clear(Fault::CancelIgnored);
    clock.skip(UNTIL_OVER);
    let reports = look(&checks, &ports, options.yes).await;
    eprintln!("data left on the demo platform: {}", platform.leftovers().len());
    platform.stop().await;
    Ok(reports)
}

/// Searches the leftovers of each check, and removes them if asked to.
async fn look(checks: &[Box<dyn AnyCheck>], ports: &Ports, remove: bool) -> Vec<CleanupReport> {
    let mut reports = Vec::new();
    for check in checks {
        if ports.interrupt.is_cancelled() {
            break;
        }
        let id = check.id();
        if checks::has_cleanup(id) {
            eprintln!("looking for leftovers of {id} …");
            reports.extend(check.cleanup(ports, remove).await);
        } else if checks::creates(id) {
            eprintln!("{id}: nothing to remove; the sessions and canaries that it creates end by themselves");
        } else {
            eprintln!("{id}: nothing to remove; it only reads");
        }
    }
    reports
}

fn table(reports: &[CleanupReport]) -> Styled {
    let row = |check: &str, leftover: &FoundLeftover| {
        let state = if leftover.removed { ("removed", Tone::Passed) } else { ("left", Tone::Failed) };
        [
            check.into(),
            leftover.what.as_str().into(),
            leftover.id.as_str().into(),
            utc(leftover.began).into(),
            leftover.run_id.as_str().into(),
            Styled::new(state.1, state.0),
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
            Outcome::Passed if leftovers.is_empty() => text.push(format!("{check}: no leftovers").into()),
            Outcome::Passed if leftovers.iter().any(|leftover| !leftover.removed) => {
                text.push(format!("{check}: add --yes to remove these leftovers").into());
            }
            Outcome::Passed => {}
            Outcome::Failed { failures } => {
                for failure in failures {
                    let difference = tables::expected_actual(failure);
                    text.push(format!("{check}: search incomplete: {}: {difference}", failure.step).into());
                }
            }
            Outcome::Inconclusive { inconclusive } => {
                text.push(format!("{check}: search failed: {}", inconclusive.detail).into());
            }
            Outcome::Maintenance { detail } => text.push(format!("{check}: search failed: {detail}").into()),
            Outcome::Refused { .. } => {}
        }
    }
    Styled::from_lines(text)
}
