//! `synthetics run`.

use std::sync::Arc;

use check::Report;
use demo_platform::{DemoPlatform, Options};
use local::Memory;
use operations::checks;
use operations::thresholds::Thresholds;
use runtime::{AnyCheck, Clock, Invocation, Ports, SkippingClock, SystemClock};
use serde_json::{Value, json};

use crate::arguments::{Format, RunOptions};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::{demo, faults, junit, ports, tables};

/// Runs checks once, or against the demo platform as often as a fault needs to show.
pub(crate) async fn run(options: &RunOptions) -> anyhow::Result<Exit> {
    let memory = Arc::new(Memory::default());
    let interrupt = Interrupt::listen()?;
    let reports = if let Some(file) = &options.settings {
        let ports = ports::ports(&memory, Arc::new(SystemClock), interrupt.token.clone(), [])?;
        let mut reports = Vec::new();
        for check in checks::from_file(file, &options.checks)? {
            if interrupt.has_come() {
                break;
            }
            eprintln!("running {} …", check.id());
            reports.push(
                check.run(&ports, &Invocation { may_send: options.send_canaries, ..Invocation::manual() }).await?,
            );
        }
        reports
    } else {
        on_demo(options, &memory, &interrupt).await?
    };
    let environment = reports.first().map_or("none", |report| report.environment.as_str());
    let thresholds = Thresholds::shipped(environment)?;
    match options.format {
        Format::Junit => println!("{}", junit::to_xml(&reports)?),
        Format::Json => {
            let marked: Result<Vec<Value>, _> = reports.iter().map(|report| thresholds.marked(report)).collect();
            crate::terminal::json(&marked?)?;
        }
        Format::Table => {
            let texts: Vec<String> = reports.iter().map(|report| tables::report(report, &thresholds)).collect();
            println!("{}", texts.join("\n\n"));
        }
    }
    Ok(interrupt.exit_or(Exit::from_reports(&reports)))
}

/// Runs checks against a demo platform on a free port. Waits are skipped: the clock of platform and checks is moved forward.
async fn on_demo(options: &RunOptions, memory: &Arc<Memory>, interrupt: &Interrupt) -> anyhow::Result<Vec<Report>> {
    let fault = options.fault.as_deref().map(faults::find).transpose()?;
    let clock = Arc::new(SkippingClock::default());
    let platform_clock = clock.clone();
    let platform =
        DemoPlatform::start(Options { clock: Arc::new(move || platform_clock.now()), ..Options::default() }).await?;
    let checks = demo::checks_for(&platform, &options.checks)?;
    let ports = ports::ports(memory, clock.clone(), interrupt.token.clone(), ports::demo_parameters(&platform))?;
    let mut times = 1;
    if let Some(fault) = &fault {
        platform.faults().activate(fault.fault);
        times = fault.runs.get();
    }
    let mut reports = Vec::new();
    for time in 1..=times {
        if interrupt.has_come() {
            break;
        }
        if let Some(fault) = &fault
            && time > 1
        {
            clock.skip(fault.every);
        }
        reports = run_in_sequence(&checks, &ports, clock.as_ref()).await?;
    }
    platform.stop().await;
    Ok(reports)
}

/// Runs each check once, in sequence, so that their exchanges do not slow each other down.
async fn run_in_sequence(
    checks: &[Box<dyn AnyCheck>],
    ports: &Ports,
    clock: &dyn Clock,
) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for check in checks {
        if ports.interrupt.is_cancelled() {
            break;
        }
        let event = json!({ "scheduled_time": clock.now().to_string() });
        reports.push(check.run(ports, &Invocation { event, killed_at: None, may_send: true }).await?);
    }
    Ok(reports)
}
