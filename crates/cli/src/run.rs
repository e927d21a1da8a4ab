//! `synthetics run`.

use std::sync::Arc;

use anyhow::bail;
use check::Report;
use demo_platform::{DemoPlatform, Options};
use local::Memory;
use operations::checks;
use runtime::{AnyCheck, Clock, Invocation, Ports, SkippingClock, SystemClock};
use serde_json::json;

use crate::arguments::RunOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::{demo, faults, ports};

/// Error of a command without a platform to run against.
const NO_SOURCE: &str = "nothing to run against; give one of these:\n  \
    synthetics run --demo             # a demo platform on this machine\n  \
    synthetics run --settings FILE    # a platform described in a settings file";

/// Runs checks once, or against the demo platform as often as a fault needs to show.
pub(crate) async fn run(options: &RunOptions) -> anyhow::Result<Exit> {
    if options.settings.is_none() && !options.demo {
        bail!(NO_SOURCE);
    }
    let (memory, output) = (Arc::new(Memory::default()), Output::new(options));
    let interrupt = Interrupt::listen()?;
    let reports = if let Some(file) = &options.settings {
        let ports = ports::ports(&memory, Arc::new(SystemClock), interrupt.token.clone(), [])?;
        let mut reports = Vec::new();
        for check in checks::from_file(file, &options.checks)? {
            if interrupt.has_come() {
                break;
            }
            eprintln!("running {} …", check.id());
            let invocation = Invocation { may_send: options.send_canaries, ..Invocation::manual() };
            let report = check.run(&ports, &invocation).await?;
            output.ended(&report)?;
            reports.push(report);
        }
        reports
    } else {
        on_demo(options, &memory, &interrupt, &output).await?
    };
    output.all(&reports)?;
    Ok(interrupt.exit_or(Exit::from_reports(&reports)))
}

/// Runs checks against a demo platform on a free port. Waits are skipped: the clock of platform and checks is moved forward.
async fn on_demo(
    options: &RunOptions,
    memory: &Arc<Memory>,
    interrupt: &Interrupt,
    output: &Output,
) -> anyhow::Result<Vec<Report>> {
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
        reports = run_in_sequence(&checks, &ports, clock.as_ref(), (time == times).then_some(output)).await?;
    }
    platform.stop().await;
    Ok(reports)
}

/// Runs each check once, in sequence, so that their exchanges do not slow each other down. The last round has an output.
async fn run_in_sequence(
    checks: &[Box<dyn AnyCheck>],
    ports: &Ports,
    clock: &dyn Clock,
    output: Option<&Output>,
) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for check in checks {
        if ports.interrupt.is_cancelled() {
            break;
        }
        let event = json!({ "scheduled_time": clock.now().to_string() });
        let report = check.run(ports, &Invocation { event, killed_at: None, may_send: true }).await?;
        output.map_or(Ok(()), |output| output.ended(&report))?;
        reports.push(report);
    }
    Ok(reports)
}
