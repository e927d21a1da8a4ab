//! `synthetics run`.

use std::sync::Arc;

use anyhow::bail;
use check::Report;
use demo_platform::{DemoPlatform, Options};
use local::Memory;
use operations::checks;
use runtime::{AnyCheck, CancellationToken, Clock, Invocation, Ports, SkippingClock, SystemClock};
use serde_json::json;

use crate::arguments::RunOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::screen::Progress;
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
        let checks = checks::from_file(file, &options.checks)?;
        let invocation = || Invocation { may_send: options.send_canaries, ..Invocation::manual() };
        run_in_sequence(&checks, &ports, invocation, Some(&output)).await?
    } else {
        on_demo(options, &memory, &interrupt.token, &output).await?
    };
    output.all(&reports)?;
    Ok(interrupt.exit_or(Exit::from_reports(&reports)))
}

/// Runs checks against a demo platform on a free port. Waits are skipped: the clock of platform and checks is moved forward.
async fn on_demo(
    options: &RunOptions,
    memory: &Arc<Memory>,
    interrupt: &CancellationToken,
    output: &Output,
) -> anyhow::Result<Vec<Report>> {
    let fault = options.fault.as_deref().map(faults::find).transpose()?;
    let clock = Arc::new(SkippingClock::default());
    let platform_clock = clock.clone();
    let platform =
        DemoPlatform::start(Options { clock: Arc::new(move || platform_clock.now()), ..Options::default() }).await?;
    let checks = demo::checks_for(&platform, &options.checks)?;
    let ports = ports::ports(memory, clock.clone(), interrupt.clone(), ports::demo_parameters(&platform))?;
    let mut times = 1;
    if let Some(fault) = &fault {
        platform.faults().activate(fault.fault);
        times = fault.runs.get();
    }
    let invocation = || {
        let event = json!({ "scheduled_time": clock.now().to_string() });
        Invocation { event, killed_at: None, may_send: true }
    };
    let mut reports = Vec::new();
    for time in 1..=times {
        if interrupt.is_cancelled() {
            break;
        }
        if let Some(fault) = &fault
            && time > 1
        {
            clock.skip(fault.every);
        }
        let shown = (time == times).then_some(output);
        reports = run_in_sequence(&checks, &ports, invocation, shown).await?;
    }
    platform.stop().await;
    Ok(reports)
}

/// Runs each check once, in sequence, so that their exchanges do not slow each other down. Prints each report as its check ends,
/// if there is an output.
async fn run_in_sequence(
    checks: &[Box<dyn AnyCheck>],
    ports: &Ports,
    invocation: impl Fn() -> Invocation,
    output: Option<&Output>,
) -> anyhow::Result<Vec<Report>> {
    let progress = Progress::new(checks.len());
    let mut reports = Vec::new();
    for check in checks {
        if ports.interrupt.is_cancelled() {
            break;
        }
        progress.next(check.id());
        let report = check.run(ports, &invocation()).await?;
        if let Some(output) = output {
            progress.suspend(|| output.ended(&report, reports.is_empty()))?;
        }
        reports.push(report);
    }
    Ok(reports)
}
