//! `synthetics run`.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use check::{Outcome, Report, Subject};
use local::{Memory, Store};
use operations::{checks, names};
use runtime::{AnyCheck, CancellationToken, Clock, Explanation, Invocation, Ports};
use scheduler::{Ran, Runner};
use serde_json::json;

use crate::arguments::RunOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::screen::Progress;
use crate::store::Kept;
use crate::{demo, faults, ports, tables, terminal};

/// Error of a command without a platform to run against.
const NO_SOURCE: &str = "nothing to run against; give one of these:\n  \
    synthetics run --demo             # a demo platform on this machine\n  \
    synthetics run --settings FILE    # a platform described in a settings file";

type Checks = Vec<Box<dyn AnyCheck>>;

/// Time between two runs of a check that is not healthy yet.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Runs checks once, or against the demo platform as often as a fault needs to show.
pub(crate) async fn run(options: &RunOptions) -> anyhow::Result<Exit> {
    if options.settings.is_none() && !options.demo {
        bail!(NO_SOURCE);
    }
    let output = Output::new(options)?;
    let interrupt = Interrupt::listen()?;
    let (reports, is_incomplete) = if let Some(file) = &options.settings {
        let checks = tagged(checks::from_file(file, &options.checks)?, options.tag.as_deref())?;
        let (checks, explanation) = explained(allowed(checks, options.read_only)?, options.explain.as_deref())?;
        let kept = match checks.first() {
            Some(check) => Kept::open(options, check.common())?,
            None => Kept::InMemory,
        };
        let runs = Runs::new(kept.ports(file, interrupt.token.clone())?, kept.store());
        runs.is_incomplete.set(matches!(kept, Kept::Nowhere));
        let invocation = || Invocation {
            may_send: options.send_canaries,
            tag: options.tag.clone(),
            explanation: explanation.clone(),
            ..Invocation::manual()
        };
        let reports = match options.wait_until_healthy {
            None if explanation.is_some() => runs.explained(&checks, &invocation(), &output).await?,
            None => runs.in_sequence(&checks, invocation, Some(&output)).await?,
            Some(time) => runs.until_healthy(&checks, invocation, &output, time).await?,
        };
        (reports, runs.is_incomplete.get())
    } else {
        (on_demo(options, &interrupt.token, &output).await?, false)
    };
    let exit = match Exit::from_reports(&reports) {
        // What earlier runs began was not judged, or later runs will not judge what this one began.
        Exit::Passed if is_incomplete => Exit::Inconclusive,
        // A platform in maintenance is not healthy yet.
        Exit::Passed if options.wait_until_healthy.is_some() && !reports.iter().all(is_healthy) => Exit::Inconclusive,
        exit => exit,
    };
    match output.all(&reports) {
        // A failure stays one, though its reports cannot be written.
        Err(error) if exit != Exit::Passed => eprintln!("error: {error:#}"),
        written => written?,
    }
    // Output that cannot be printed stops the run too, and does not hide a failure.
    Ok(if terminal::has_failed() && exit == Exit::Failed { exit } else { interrupt.exit_or(exit) })
}

/// Checks with this tag.
///
/// # Errors
/// When none has: the tag is unknown.
fn tagged(mut checks: Vec<Box<dyn AnyCheck>>, tag: Option<&str>) -> anyhow::Result<Vec<Box<dyn AnyCheck>>> {
    let Some(tag) = tag else { return Ok(checks) };
    let known: BTreeSet<String> = checks.iter().flat_map(|check| check.tags()).collect();
    if !known.contains(tag) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let list = match known.is_empty() {
            true => "nothing in the settings has a tag".to_owned(),
            false => format!("tags in the settings: {}", known.join(", ")),
        };
        // All are listed, so the sentence needs only the nearest.
        let near = settings::near(tag, &known);
        bail!(settings::unknown("tag", tag, &near, &list));
    }
    checks.retain(|check| check.tags().contains(tag));
    Ok(checks)
}

/// Check of the journey to explain, and its explanation.
///
/// # Errors
/// When there is no such journey.
fn explained(mut checks: Checks, scope: Option<&str>) -> anyhow::Result<(Checks, Option<Explanation>)> {
    let Some(scope) = scope else { return Ok((checks, None)) };
    let (id, subject) = names::parse_scope(scope)?;
    let known: BTreeSet<Subject> = checks.iter().flat_map(|check| check.explainable()).collect();
    checks.retain(|check| check.id() == id && subject.as_ref().is_some_and(|own| check.explainable().contains(own)));
    match subject {
        Some(subject) if !checks.is_empty() => {
            let explanation = Explanation { subject, print: Arc::new(|line: &str| eprintln!("{line}")) };
            Ok((checks, Some(explanation)))
        }
        _ => {
            let known: Vec<String> = known.iter().map(|subject| format!("journeys/{subject}")).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let list = match known.is_empty() {
                true => "the settings have no journeys".to_owned(),
                false => format!("journeys in the settings: {}", known.join(", ")),
            };
            bail!(settings::unknown("journey", scope, &settings::near(scope, &known), &list))
        }
    }
}

/// Checks that the options allow.
///
/// # Errors
/// When none is left.
pub(crate) fn allowed(mut checks: Vec<Box<dyn AnyCheck>>, read_only: bool) -> anyhow::Result<Vec<Box<dyn AnyCheck>>> {
    if read_only {
        checks.retain(|check| {
            let is_allowed = !checks::creates(check.id());
            if !is_allowed {
                eprintln!("{}: skipped, because it creates something on the platform (--read-only)", check.id());
            }
            is_allowed
        });
        for check in &mut checks {
            for subject in check.skip_changes() {
                let id = check.id();
                eprintln!("{id}/{subject}: skipped, because its method may change something (--read-only)");
            }
        }
        if checks.is_empty() {
            bail!("nothing to run: with --read-only, every selected check is skipped");
        }
    }
    Ok(checks)
}

fn is_healthy(report: &Report) -> bool {
    report.outcome == Outcome::Passed && report.leftovers.is_empty()
}

/// Runs checks against a demo platform on a free port. Waits are skipped: the clock of platform and checks is moved forward.
async fn on_demo(options: &RunOptions, interrupt: &CancellationToken, output: &Output) -> anyhow::Result<Vec<Report>> {
    let fault = options.fault.as_deref().map(faults::find).transpose()?;
    let times = fault.as_ref().map_or(1, |fault| fault.runs.get());
    let skipped = fault.as_ref().map_or(Duration::ZERO, |fault| fault.every.saturating_mul(times - 1));
    let (platform, clock) = demo::without_waits(skipped).await?;
    let checks = tagged(demo::checks_for(&platform, &options.checks)?, options.tag.as_deref())?;
    let checks = allowed(checks, options.read_only)?;
    let memory = Arc::new(Memory::default());
    let ports = ports::ports(&memory, clock.clone(), interrupt.clone(), ports::demo_parameters(&platform))?;
    let runs = Runs::new(ports, None);
    if let Some(fault) = &fault {
        faults::expect_seen(fault, &checks)?;
        platform.faults().activate(fault.fault);
    }
    let invocation = || {
        let event = json!({ "scheduled_time": clock.now().to_string() });
        Invocation { event, killed_at: None, may_send: true, tag: options.tag.clone(), explanation: None }
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
        reports = runs.in_sequence(&checks, invocation, shown).await?;
    }
    platform.stop().await;
    Ok(reports)
}

/// Runs of checks, each with its report kept.
struct Runs {
    runner: Runner,
    /// True if a run could not read or write what is kept.
    is_incomplete: Cell<bool>,
}

impl Runs {
    fn new(ports: Ports, reports: Option<Arc<Store>>) -> Self {
        Self { runner: Runner { ports, reports }, is_incomplete: Cell::new(false) }
    }

    /// Repeats the checks that have not passed until all have, or the time is up. Returns the last report of each.
    async fn until_healthy(
        &self,
        checks: &[Box<dyn AnyCheck>],
        invocation: impl Fn() -> Invocation,
        output: &Output,
        time: Duration,
    ) -> anyhow::Result<Vec<Report>> {
        let end = Instant::now() + time;
        let mut pending: Vec<_> = checks.iter().map(|check| (check, None)).collect();
        let mut reports: Vec<Report> = Vec::new();
        loop {
            let mut unhealthy = Vec::new();
            for (check, last) in pending {
                let report = match last {
                    // An interrupted wait keeps the last report.
                    Some(last) if self.runner.ports.interrupt.is_cancelled() => last,
                    _ => self.run(&**check, &invocation()).await?,
                };
                if is_healthy(&report) {
                    output.ended(&report, reports.is_empty())?;
                    reports.push(report);
                } else {
                    unhealthy.push((check, report));
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if unhealthy.is_empty() || self.runner.ports.interrupt.is_cancelled() || left.is_zero() {
                for (_, report) in unhealthy {
                    output.ended(&report, reports.is_empty())?;
                    reports.push(report);
                }
                return Ok(reports);
            }
            let pause = left.min(AGAIN_AFTER);
            for (_, report) in &unhealthy {
                let seconds = |time: Duration| time.as_secs_f64().round();
                eprintln!("{}; again in {} s, for {} s more", tables::headline(report), seconds(pause), seconds(left));
            }
            pending = unhealthy.into_iter().map(|(check, report)| (check, Some(report))).collect();
            tokio::select! {
                () = self.runner.ports.interrupt.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Runs the check of a journey once, without showing progress between the lines that explain it.
    async fn explained(
        &self,
        checks: &[Box<dyn AnyCheck>],
        invocation: &Invocation,
        output: &Output,
    ) -> anyhow::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for check in checks {
            let report = self.run(&**check, invocation).await?;
            output.ended(&report, reports.is_empty())?;
            reports.push(report);
        }
        Ok(reports)
    }

    /// Runs each check once, in sequence, so that their exchanges do not slow each other down. Prints each report as its check ends,
    /// if there is an output.
    async fn in_sequence(
        &self,
        checks: &[Box<dyn AnyCheck>],
        invocation: impl Fn() -> Invocation,
        output: Option<&Output>,
    ) -> anyhow::Result<Vec<Report>> {
        let progress = Progress::new(checks.len());
        let mut reports = Vec::new();
        for (place, check) in checks.iter().enumerate() {
            if self.runner.ports.interrupt.is_cancelled() {
                drop(progress);
                let mut rest = Vec::new();
                for check in &checks[place..] {
                    // It only says that it was not run, which no later run needs to know.
                    rest.push(self.runner.run_apart(&**check, &invocation()).await?);
                }
                if let Some(output) = output {
                    output.not_run(&rest)?;
                }
                reports.extend(rest);
                break;
            }
            progress.next(check.id(), place + 1);
            let report = self.run(&**check, &invocation()).await?;
            if let Some(output) = output {
                output.ended(&report, reports.is_empty())?;
            }
            reports.push(report);
        }
        Ok(reports)
    }

    /// Runs a check. Without its store it runs too, and is said to be incomplete.
    async fn run(&self, check: &dyn AnyCheck, invocation: &Invocation) -> anyhow::Result<Report> {
        let Ran { report, losses } = self.runner.run(check, invocation).await?;
        for loss in losses {
            eprintln!("warning: {}\n  {}", loss.error, loss.consequence);
            self.is_incomplete.set(true);
        }
        Ok(report)
    }
}
