//! `synthetics demo`: platform, checks on a short schedule, messages.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use console::{Actions, Monitored, Shown, Source, StatusSettings};
use demo_platform::{DemoPlatform, Fault, Options, Running, Throttle};
use operations::{checks, thresholds};
use runtime::{AnyCheck, CancellationToken, Clock, Delivery, Ports, SkippingClock, SystemClock};
use scheduler::{AlarmWatch, Deliveries, Event, Fleet, Order, Plan, Rules, Runner};
use settings::replaced;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::DemoOptions;
use crate::exit::Exit;
use crate::faults::Switches;
use crate::interrupt::Interrupt;
use crate::settings::effective;
use crate::show::{Show, counted};
use crate::styled::{Styled, Tone};
use crate::{faults, ports, serving, store, terminal};

/// Settings of the demo, embedded in the program.
const SETTINGS: &str = include_str!("../../../infra/layer/settings/demo.toml");
const SETTINGS_NAME: &str = "infra/layer/settings/demo.toml";
/// Port of the demo platform in the demo's settings.
const DEFAULT_PORT: u16 = 8480;
/// Healthy runs before the fault is injected.
const HEALTHY_RUNS: u32 = 2;
/// Interval at which the demo looks if it is time for the fault or for the end.
const MOMENTS: Duration = Duration::from_millis(100);
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
    let interrupt = Interrupt::listen()?;
    let (store, _hold) = store::for_demo(options.store.as_deref())?;
    let ports =
        ports::ports(&store, Arc::new(SystemClock), interrupt.token.clone(), ports::demo_parameters(&platform))?;
    let Some(common) = checks.first().map(|check| check.common().clone()) else { bail!("the demo has no check") };
    let rules = Rules { destinations: Vec::new(), network: common.network.clone(), sns: None };
    let (deliveries, mut sent) = Deliveries::new(ports.clone(), store.clone(), rules);
    let deliveries = Arc::new(deliveries);
    // Without a file, messages are those of a deployment.
    let machine = store.file().map(|file| ports::machine(None, Some(file)));
    let messages = match machine {
        None => "as a deployment sends them; their commands work only there",
        Some(_) => "their commands work on this store, also after the demo",
    };
    let ports = Ports { notifier: deliveries.clone(), machine, ..ports };
    let clock = ports.clock.clone();
    let (mut fleet, mut events) = Fleet::new(Runner { ports, reports: Some(store.clone()) }, Order::InSequence);
    let ids: Vec<&'static str> = checks.iter().map(|check| check.id()).collect();
    let objectives = checks::objectives(checks.iter().map(|check| &**check));
    let shipped = thresholds::shipped(&common.environment)?;
    let alarms = thresholds::on_checks(shipped, &ids, Some(options.every), &objectives);
    let serving = CancellationToken::new();
    let mut console = "none".to_owned();
    if let Some((address, guard)) = serving::listening(options.listen.as_deref().unwrap_or(serving::DEFAULT))? {
        let settings = toml::to_string_pretty(&effective(&checks).0)?;
        let links = Some(common.links.clone());
        let intervals = ids.iter().map(|id| ((*id).to_owned(), options.every)).collect();
        let status = StatusSettings::new(&common, intervals);
        let (settings, windows) = (Some(settings), common.windows.clone());
        let shown =
            Shown { links, status, settings, windows, objectives, ..serving::shown(ids.clone(), alarms.clone()) };
        let monitored = Monitored::new(shown);
        let (board, file) = (fleet.board(), options.store.as_deref());
        let source = serving::source(&common, file, store.clone(), board, monitored, clock.clone());
        let actions =
            Actions { store: store.clone(), alarm_mutes: None, runs: Some(fleet.run_now()), by: serving::person() };
        let faults = Switches { faults: platform.shared_faults(), catalogue: faults::described()? };
        let source = Source { actions: Some(actions), faults: Some(Arc::new(faults)), ..source };
        let listener = match options.listen {
            Some(_) => serving::bind(address).await?,
            None => serving::bind_or_any(address).await?,
        };
        console = format!("http://{}/", serving::serve(listener, source, guard, serving.clone())?);
    }
    let (base, admin) = (platform.base_url(), platform.admin_url());
    let banner = format!(
        "Console          {console}\n\
         Demo platform    {base}\n\
         Inject a fault   curl -X PUT {admin}/faults/500\n\
         Clear it         curl -X DELETE {admin}/faults/500\n\
         All faults       {} faults\n\
         Messages         {messages}",
        started_as(std::env::args_os().next().as_deref())
    );
    terminal::print(&banner.into());

    fleet.watch(AlarmWatch::new(alarms, store, clock.now())?, deliveries);
    let plan = |check| Plan { check: Arc::from(check), every: options.every };
    fleet.replace(checks.into_iter().map(plan).collect());

    let began = Instant::now();
    let mut moments = interval(MOMENTS);
    moments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut script =
        Script { fault: spec.map(|spec| spec.fault), duration: options.duration, activated: false, cleared: false };
    let mut rounds = Rounds::new(Show::new(options.show_json, true), ids);
    loop {
        let next = async {
            tokio::select! {
                biased;
                () = interrupt.token.cancelled() => Next::End,
                Some(event) = events.recv() => Next::Event(event),
                _ = moments.tick() => Next::Moment,
            }
        };
        match rounds.show.fitting(next).await {
            Next::End => break,
            Next::Event(event) => rounds.event(event, &mut sent),
            Next::Moment => {}
        }
        if options.duration.is_some_and(|duration| began.elapsed() >= duration) {
            break;
        }
        rounds.next.extend(script.play(&platform, rounds.finished(), began.elapsed()));
    }
    // Runs that have begun are finished.
    rounds.show.fitting(fleet.stop()).await;
    let is_interrupted = interrupt.token.is_cancelled();
    while let Ok(event) = events.try_recv() {
        rounds.last_event(event, &mut sent, is_interrupted);
    }
    serving.cancel();
    platform.stop().await;
    rounds.show.end();
    terminal::print(&rounds.counts().into());
    Ok(interrupt.exit_or(Exit::from_reports(rounds.show.overview.reports())))
}

/// What happens next.
enum Next {
    End,
    Event(Event),
    /// It may be time for the fault, or for the end.
    Moment,
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
    /// Injects or clears the fault if it is time. Returns what to say with the next run, so that the screen stays still between runs.
    fn play(&mut self, platform: &Running, runs: u32, elapsed: Duration) -> Option<String> {
        let fault = self.fault?;
        if !self.activated && runs >= HEALTHY_RUNS {
            platform.faults().activate(fault);
            self.activated = true;
            return Some(format!("=> fault {fault} injected"));
        }
        let goes = self.duration.map(|duration| duration.mul_f64(FAULT_GOES_AFTER));
        if self.activated && !self.cleared && goes.is_some_and(|goes| elapsed >= goes) {
            platform.faults().clear(fault);
            self.cleared = true;
            return Some(format!("=> fault {fault} cleared"));
        }
        None
    }
}

/// The demo's rounds of all checks.
struct Rounds {
    show: Show,
    checks: Vec<&'static str>,
    /// Finished runs of each check, in their order.
    runs: Vec<u32>,
    /// What to say with the next run.
    next: Vec<String>,
}

impl Rounds {
    fn new(show: Show, checks: Vec<&'static str>) -> Self {
        Self { show, runs: vec![0; checks.len()], checks, next: Vec::new() }
    }

    /// Finished rounds.
    fn finished(&self) -> u32 {
        self.runs.iter().copied().min().unwrap_or_default()
    }

    /// Shows what happened, and the messages that were sent meanwhile.
    fn event(&mut self, event: Event, sent: &mut mpsc::Receiver<Delivery>) {
        for said in std::mem::take(&mut self.next) {
            terminal::print(&Styled::new(Tone::Strong, said));
        }
        match &event {
            Event::Began { check } => {
                let (place, all) = (self.place(check) + 1, self.checks.len());
                self.show.status = format!("run {}: {check} ({place} of {all})", self.runs[place - 1] + 1);
            }
            // An hour is a minute here, so a long run takes the time of several.
            Event::Missed { .. } => return,
            Event::Ended { check, .. } => {
                let place = self.place(check);
                self.runs[place] += 1;
                if self.runs.iter().all(|runs| *runs == self.finished()) {
                    self.show.status = format!("Ctrl-C ends the demo; {}", self.counts());
                }
            }
            _ => {}
        }
        self.show.event(event);
        while let Ok(delivery) = sent.try_recv() {
            self.show.sent(&delivery);
        }
        self.show.redraw();
    }

    /// Shows what happened before the end. A run that was interrupted does not count.
    fn last_event(&mut self, event: Event, sent: &mut mpsc::Receiver<Delivery>, is_interrupted: bool) {
        let before = self.runs.clone();
        self.event(event, sent);
        if is_interrupted {
            self.runs = before;
        }
    }

    fn place(&self, check: &str) -> usize {
        self.checks.iter().position(|own| *own == check).unwrap_or_default()
    }

    fn counts(&self) -> String {
        let sent = counted(self.show.notified, "notification");
        match self.finished() {
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
