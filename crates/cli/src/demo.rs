//! `synthetics demo`: platform, checks on a short schedule, messages.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use check::{Outcome, Report};
use demo_platform::{DemoPlatform, Fault, Options, Running, Throttle};
use local::Memory;
use operations::checks;
use runtime::{AnyCheck, Clock, Invocation, Ports, SkippingClock, SystemClock};
use serde_json::json;
use settings::replaced;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::arguments::DemoOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::overview::Overview;
use crate::screen::Screen;
use crate::styled::{Styled, Tone};
use crate::{faults, messages, ports, tables, terminal};

/// Settings of the demo, embedded in the program.
const SETTINGS: &str = include_str!("../../../infra/layer/settings/demo.toml");
const SETTINGS_NAME: &str = "infra/layer/settings/demo.toml";
/// Port of the demo platform in the demo's settings.
const DEFAULT_PORT: u16 = 8480;
/// Healthy runs before the fault is injected.
const HEALTHY_RUNS: u32 = 2;
/// Interval at which the size of the terminal is compared.
const RESIZES: Duration = Duration::from_millis(200);
/// Part of the total time after which the fault is cleared, so that the recovery shows.
const FAULT_GOES_AFTER: f64 = 0.55;

/// Runs the whole system until the time is up or Ctrl-C is pressed.
pub(crate) async fn demo(options: &DemoOptions) -> anyhow::Result<Exit> {
    let spec = options.fault.as_deref().map(faults::find).transpose()?;
    let address = SocketAddr::from(([127, 0, 0, 1], options.port.unwrap_or(DEFAULT_PORT)));
    // Runs follow each other faster than in production, so the platform throttles by a shorter period.
    let login_throttle = Throttle { per: options.every, ..Throttle::default() };
    let platform = DemoPlatform::start(Options { address, login_throttle, ..Options::default() })
        .await
        .map_err(|error| anyhow!("failed to {error}; --port 0 picks a free one"))?;
    let checks = checks_for(&platform, &options.checks)?;
    spec.iter().try_for_each(|fault| faults::expect_seen(fault, &checks))?;
    let memory = Arc::new(Memory::default());
    let interrupt = Interrupt::listen()?;
    let ports =
        ports::ports(&memory, Arc::new(SystemClock), interrupt.token.clone(), ports::demo_parameters(&platform))?;
    let mut show = Show::new(options.show_json);
    let (base, admin) = (platform.base_url(), platform.admin_url());
    let banner = format!(
        "Demo platform    {base}\n\
         Inject a fault   curl -X PUT {admin}/faults/500\n\
         Clear it         curl -X DELETE {admin}/faults/500\n\
         All faults       {} faults\n\
         Messages         as a deployment sends them; their commands work only there",
        started_as(std::env::args_os().next().as_deref())
    );
    terminal::print(&banner.into());

    let mut schedule = interval(options.every);
    schedule.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let began = Instant::now();
    let mut end = pin!(async {
        match options.duration {
            Some(duration) => sleep(duration).await,
            None => pending().await,
        }
    });
    let mut script =
        Script { fault: spec.map(|spec| spec.fault), duration: options.duration, activated: false, cleared: false };
    loop {
        let is_due = async {
            tokio::select! {
                _ = schedule.tick() => true,
                () = &mut end => false,
                () = interrupt.token.cancelled() => false,
            }
        };
        if !show.fitting(is_due).await {
            break;
        }
        // A run that has begun is finished, so the next one may be due as well.
        if options.duration.is_some_and(|duration| began.elapsed() >= duration) {
            break;
        }
        script.play(&platform, &mut show, began.elapsed());
        show.round(&checks, &ports, &memory).await?;
    }
    platform.stop().await;
    show.end();
    Ok(interrupt.exit_or(Exit::from_reports(show.overview.reports())))
}

/// The program as the user started it, to be copied into a command: `cargo demo` starts one that is not installed.
fn started_as(first_argument: Option<&OsStr>) -> &str {
    const UNKNOWN: &str = "synthetics";
    // Shells differ in how other characters are quoted.
    let is_plain = |path: &&str| !path.is_empty() && path.chars().all(|c| c.is_alphanumeric() || "/._+-".contains(c));
    first_argument.and_then(OsStr::to_str).filter(is_plain).unwrap_or(UNKNOWN)
}

/// Starts a demo platform on a free port, and the clock of it and its checks, which moves forward instead of waiting. It starts
/// in the past by the time that will be skipped, so that the last run has the time of the present.
pub(crate) async fn without_waits(skipped: Duration) -> anyhow::Result<(Running, Arc<SkippingClock>)> {
    let clock = Arc::new(SkippingClock::behind(skipped));
    let platform_clock = clock.clone();
    let options = Options { clock: Arc::new(move || platform_clock.now()), ..Options::default() };
    Ok((DemoPlatform::start(options).await?, clock))
}

/// Reads the checks of the demo's settings, pointed at this platform.
pub(crate) fn checks_for(platform: &Running, wanted: &[String]) -> anyhow::Result<Vec<Box<dyn AnyCheck>>> {
    let at_platform = |text: String, (key, value): (&str, String)| replaced(&text, key, &value);
    let text = platform.addresses().into_iter().fold(SETTINGS.to_owned(), at_platform);
    checks::from_text(SETTINGS_NAME, &text, wanted)
}

/// Schedule of the fault.
struct Script {
    fault: Option<Fault>,
    duration: Option<Duration>,
    activated: bool,
    cleared: bool,
}

impl Script {
    fn play(&mut self, platform: &Running, show: &mut Show, elapsed: Duration) {
        let Some(fault) = self.fault else { return };
        if !self.activated && show.runs >= HEALTHY_RUNS {
            platform.faults().activate(fault);
            self.activated = true;
            terminal::print(&Styled::new(Tone::Strong, format!("=> fault {fault} injected")));
        }
        let goes = self.duration.map(|duration| duration.mul_f64(FAULT_GOES_AFTER));
        if self.activated && !self.cleared && goes.is_some_and(|goes| elapsed >= goes) {
            platform.faults().clear(fault);
            self.cleared = true;
            terminal::print(&Styled::new(Tone::Strong, format!("=> fault {fault} cleared")));
        }
    }
}

/// State of the screen.
struct Show {
    screen: Screen,
    overview: Overview,
    /// Last line of the log about each check, without its duration.
    logged: BTreeMap<&'static str, String>,
    status: String,
    show_json: bool,
    runs: u32,
    notified: u32,
}

impl Show {
    fn new(show_json: bool) -> Self {
        Self {
            screen: Screen::new(),
            overview: Overview::default(),
            logged: BTreeMap::new(),
            status: String::new(),
            show_json,
            runs: 0,
            notified: 0,
        }
    }

    /// Runs each check once.
    async fn round(&mut self, checks: &[Box<dyn AnyCheck>], ports: &Ports, memory: &Memory) -> anyhow::Result<()> {
        for (check, number) in checks.iter().zip(1..) {
            self.status = format!("run {}: {} ({number} of {})", self.runs + 1, check.id(), checks.len());
            self.redraw();
            let event = json!({ "scheduled_time": ports.clock.now().to_string() });
            let invocation = Invocation { event, killed_at: None, may_send: true };
            let report = self.fitting(check.run(ports, &invocation)).await?;
            self.log(check.id(), &report);
            for delivery in memory.take_sent() {
                self.notified += 1;
                if let Some(message) = messages::shown(&delivery) {
                    terminal::print(&message);
                }
                if self.show_json
                    && let Some(json) = messages::as_json(&delivery)
                {
                    terminal::document(&json);
                }
            }
            self.overview.insert(check.id(), report);
            if ports.interrupt.is_cancelled() {
                return Ok(());
            }
        }
        self.runs += 1;
        self.status = format!("Ctrl-C ends the demo; {}", self.counts());
        self.redraw();
        Ok(())
    }

    /// Waits for this work, and fits the live lines to the terminal meanwhile.
    async fn fitting<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (mut work, mut resizes) = (pin!(work), interval(RESIZES));
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = resizes.tick() => self.fit(),
            }
        }
    }

    /// Redraws the live lines if the size of the terminal has changed.
    fn fit(&mut self) {
        if self.screen.is_resized() {
            self.redraw();
        }
    }

    /// Logs a run. Next to the live lines, only changes are of interest.
    fn log(&mut self, check: &'static str, report: &Report) {
        let failing = failing(report);
        let said = format!("{}{failing}", report.outcome.word());
        let is_new =
            self.logged.insert(check, said.clone()).map_or(report.outcome != Outcome::Passed, |last| last != said);
        if is_new || !self.screen.is_live() {
            let mut line = Styled::new(Tone::Faint, report.started.strftime("%H:%M:%S  ").to_string());
            line.append(&tables::headline(report));
            terminal::print(&line.with(Tone::Plain, failing));
        }
    }

    fn redraw(&mut self) {
        let Self { screen, overview, status, .. } = self;
        screen.draw(|size| {
            let mut lines = vec![Styled::new(Tone::Faint, "─".repeat(size.columns))];
            lines.extend(overview.lines(size));
            lines.push(Styled::new(Tone::Faint, &*status));
            lines
        });
    }

    fn counts(&self) -> String {
        let sent = counted(self.notified, "notification");
        match self.runs {
            0 => format!("stopped in the first run, {sent} sent"),
            runs => format!("{} of each check, {sent} sent", counted(runs, "run")),
        }
    }

    /// Leaves the state of all subjects on a terminal.
    fn end(&mut self) {
        if self.screen.is_live() {
            self.screen.clear();
            terminal::print(&self.overview.table().with(Tone::Plain, "\n"));
        }
        terminal::print(&self.counts().into());
    }
}

/// Renders the failures of a run, a line each, for the log above the table.
fn failing(report: &Report) -> String {
    let Outcome::Failed { failures } = &report.outcome else { return String::new() };
    failures
        .iter()
        .map(|failure| {
            format!(
                "\n            {} at {}, {}: {}",
                tables::subject_name(&report.key.check, &failure.subject),
                failure.step,
                failure.kind,
                tables::expected_actual(failure)
            )
        })
        .collect()
}

fn counted(count: u32, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banner_names_the_program_as_it_was_started() {
        for (case, first, named) in [
            ("cargo demo", Some("target/debug/synthetics"), "target/debug/synthetics"),
            ("an unpacked archive", Some("./synthetics"), "./synthetics"),
            ("an installed program", Some("synthetics"), "synthetics"),
            ("an installed program under another name", Some("checks"), "checks"),
            ("a path that a shell would split", Some("/my tools/synthetics"), "synthetics"),
            ("no name", None, "synthetics"),
        ] {
            assert_eq!(started_as(first.map(OsStr::new)), named, "{case}");
        }
    }
}
