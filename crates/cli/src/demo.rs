//! `synthetics demo`: platform, checks on a short schedule, messages.

use std::ffi::OsStr;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
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
use crate::show::{Show, counted};
use crate::styled::{Styled, Tone};
use crate::{faults, ports, terminal};

/// Settings of the demo, embedded in the program.
const SETTINGS: &str = include_str!("../../../infra/layer/settings/demo.toml");
const SETTINGS_NAME: &str = "infra/layer/settings/demo.toml";
/// Port of the demo platform in the demo's settings.
const DEFAULT_PORT: u16 = 8480;
/// Healthy runs before the fault is injected.
const HEALTHY_RUNS: u32 = 2;
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
    let mut rounds = Rounds { show: Show::new(options.show_json, true), runs: 0 };
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
        if !rounds.show.fitting(is_due).await {
            break;
        }
        // A run that has begun is finished, so the next one may be due as well.
        if options.duration.is_some_and(|duration| began.elapsed() >= duration) {
            break;
        }
        script.play(&platform, rounds.runs, began.elapsed());
        rounds.round(&checks, &ports, &memory).await?;
    }
    platform.stop().await;
    rounds.show.end();
    terminal::print(&rounds.counts().into());
    Ok(interrupt.exit_or(Exit::from_reports(rounds.show.overview.reports())))
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
    fn play(&mut self, platform: &Running, runs: u32, elapsed: Duration) {
        let Some(fault) = self.fault else { return };
        if !self.activated && runs >= HEALTHY_RUNS {
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

/// The demo's rounds of all checks.
struct Rounds {
    show: Show,
    /// Finished rounds.
    runs: u32,
}

impl Rounds {
    /// Runs each check once.
    async fn round(&mut self, checks: &[Box<dyn AnyCheck>], ports: &Ports, memory: &Memory) -> anyhow::Result<()> {
        let show = &mut self.show;
        for (check, number) in checks.iter().zip(1..) {
            show.status = format!("run {}: {} ({number} of {})", self.runs + 1, check.id(), checks.len());
            show.redraw();
            let event = json!({ "scheduled_time": ports.clock.now().to_string() });
            let invocation = Invocation { event, killed_at: None, may_send: true };
            let report = show.fitting(check.run(ports, &invocation)).await?;
            show.ended(check.id(), report);
            memory.take_sent().iter().for_each(|delivery| show.sent(delivery));
            if ports.interrupt.is_cancelled() {
                return Ok(());
            }
        }
        self.runs += 1;
        self.show.status = format!("Ctrl-C ends the demo; {}", self.counts());
        self.show.redraw();
        Ok(())
    }

    fn counts(&self) -> String {
        let sent = counted(self.show.notified, "notification");
        match self.runs {
            0 => format!("stopped in the first run, {sent} sent"),
            runs => format!("{} of each check, {sent} sent", counted(runs, "run")),
        }
    }
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
