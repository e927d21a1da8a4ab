//! `synthetics up`: every check at its cadence, until it is stopped.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use console::{Actions, Monitored, Shown, Source, StatusSettings};
use operations::{checks, thresholds};
use runtime::{AnyCheck, CancellationToken, Delivery, Ports, SystemClock};
use scheduler::{AlarmWatch, Deliveries, Event, Fleet, Order, Plan, Rules, Runner};
use settings::Common;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::arguments::up::UpOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::run::allowed;
use crate::settings::effective;
use crate::show::{Show, counted};
use crate::{deployment, ports, serving, store, terminal};

/// Interval at which the settings file is compared.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// **Units:** bytes.
const MAX_SETTINGS: u64 = 1_000_000;

/// Runs checks until Ctrl-C, SIGTERM or the end of the time.
pub(crate) async fn up(options: &UpOptions) -> anyhow::Result<Exit> {
    let (interrupt, mut reload) = Interrupt::listen_and_reload()?;
    let mut text = read(&options.settings)?;
    let settings = Settings::read(options, &text)?;
    let address = serving::listening(&options.listen)?;
    let (store, file, _hold) = store::for_up(options.store.as_deref(), &settings.common)?;
    let ports = ports::ports(&store, Arc::new(SystemClock), interrupt.token.clone(), [])?;
    let (deliveries, mut sent) = Deliveries::new(ports.clone(), store.clone(), rules(&settings.common).await?);
    let deliveries = Arc::new(deliveries);
    let machine = Some(ports::machine(Some(&options.settings), store.file()));
    let ports = Ports { notifier: deliveries.clone(), machine, ..ports };
    let clock = ports.clock.clone();
    let (mut fleet, mut events) = Fleet::new(Runner { ports, reports: Some(store.clone()) }, Order::Spread);
    let serving = CancellationToken::new();
    let monitored = Monitored::new(settings.shown());
    let mut served = None;
    if let Some((address, guard)) = address {
        let monitored = monitored.clone();
        let source =
            serving::source(&settings.common, file.as_deref(), store.clone(), fleet.board(), monitored, clock.clone());
        let actions = options.allow_actions.then(|| Actions {
            store: store.clone(),
            alarm_mutes: None,
            runs: Some(fleet.run_now()),
            by: serving::person(),
        });
        let source = Source { actions, ..source };
        let listener = serving::bind(address).await?;
        served = Some(serving::serve(listener, source, guard, serving.clone())?);
    }
    let mut show = Show::new(options.show_json, terminal::is_verbose());
    println!("{}", settings.summary(options, served));
    let running = settings.common.clone();
    fleet.watch(AlarmWatch::new(settings.alarms.clone(), store, clock.now())?, deliveries.clone());
    fleet.replace(settings.plans);

    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The last look, and if it was said that the file cannot be read.
    let (mut seen, mut is_unreadable) = (Ok(text.clone()), false);
    let mut runs = 0;
    let end = sleep(options.duration.unwrap_or(Duration::MAX / 4));
    let mut end = std::pin::pin!(end);
    loop {
        let next = async {
            tokio::select! {
                () = interrupt.token.cancelled() => Next::End,
                () = &mut end, if options.duration.is_some() => Next::End,
                Some(event) = events.recv() => Next::Event(event),
                Some(delivery) = sent.recv() => Next::Sent(Box::new(delivery)),
                Some(()) = reload.recv() => Next::Reload,
                _ = look.tick() => Next::Look,
            }
        };
        match show.fitting(next).await {
            Next::End => break,
            Next::Event(event) => runs += show.event(event),
            Next::Sent(delivery) => show.sent(&delivery),
            Next::Reload => {
                if let Ok(new) = read(&options.settings).inspect_err(kept) {
                    seen = Ok(new.clone());
                    text = apply(options, new, &running, &mut fleet, &deliveries, &monitored).await;
                }
            }
            // An editor may be writing: two looks must agree.
            Next::Look => match read(&options.settings).map_err(|error| format!("{error:#}")) {
                Ok(new) if Ok(&new) == seen.as_ref() && new != text => {
                    text = apply(options, new, &running, &mut fleet, &deliveries, &monitored).await;
                }
                Err(new) if Err(&new) == seen.as_ref() && !is_unreadable => {
                    kept(&anyhow::anyhow!(new));
                    is_unreadable = true;
                }
                new => {
                    is_unreadable &= new.is_err();
                    seen = new;
                }
            },
        }
        show.status = format!("Ctrl-C ends; {}", counts(runs, show.notified));
        show.redraw();
    }
    // Runs in progress undo what they have created.
    interrupt.token.cancel();
    fleet.stop().await;
    serving.cancel();
    while let Ok(event) = events.try_recv() {
        runs += show.event(event);
    }
    while let Ok(delivery) = sent.try_recv() {
        show.sent(&delivery);
    }
    show.end();
    println!("{}", counts(runs, show.notified));
    Ok(interrupt.exit_or(Exit::from_reports(show.overview.reports())))
}

/// What happens next.
enum Next {
    End,
    Event(Event),
    Sent(Box<Delivery>),
    Reload,
    Look,
}

fn counts(runs: u64, notified: u32) -> String {
    let runs = u32::try_from(runs).unwrap_or(u32::MAX);
    format!("{}, {} sent", counted(runs, "run"), counted(notified, "notification"))
}

/// What a settings file asks for.
struct Settings {
    common: Common,
    /// With all defaults, TOML.
    effective: String,
    plans: Vec<Plan>,
    alarms: Vec<alarm::MetricAlarm>,
}

impl Settings {
    fn read(options: &UpOptions, text: &str) -> anyhow::Result<Self> {
        let name = options.settings.display().to_string();
        let checks = allowed(checks::from_text(&name, text, &options.checks)?, options.read_only)?;
        let Some(common) = checks.first().map(|check| check.common().clone()) else { bail!("{name} has no check") };
        let shipped = thresholds::shipped(&common.environment)?;
        let cadences = thresholds::cadences(&shipped);
        let ids: Vec<&str> = checks.iter().map(|check| check.id()).collect();
        let objectives = checks::objectives(checks.iter().map(|check| &**check));
        let alarms = thresholds::on_checks(shipped, &ids, options.every, &objectives);
        let plan = |check: Box<dyn AnyCheck>| {
            let cadence = cadences.get(check.id()).copied();
            let every = options.every.or(cadence).with_context(|| format!("{} has no cadence", check.id()))?;
            Ok(Plan { check: Arc::from(check), every })
        };
        let effective = toml::to_string_pretty(&effective(&checks).0)?;
        let plans = checks.into_iter().map(plan).collect::<anyhow::Result<_>>()?;
        Ok(Self { common, effective, plans, alarms })
    }

    /// What the console shows of it.
    fn shown(&self) -> Shown {
        let checks = self.plans.iter().map(|plan| plan.check.id()).collect();
        let settings = Some(self.effective.clone());
        let links = Some(self.common.links.clone());
        let intervals = self.plans.iter().map(|plan| (plan.check.id().to_owned(), plan.every)).collect();
        let status = StatusSettings::new(&self.common, intervals);
        let windows = self.common.windows.clone();
        let objectives = checks::objectives(self.plans.iter().map(|plan| &*plan.check));
        Shown { links, settings, status, windows, objectives, ..serving::shown(checks, self.alarms.clone()) }
    }

    fn summary(&self, options: &UpOptions, served: Option<SocketAddr>) -> String {
        let plans = self.plans.iter().map(|plan| {
            let minutes = check::message::span(i64::try_from(plan.every.as_secs()).unwrap_or(i64::MAX));
            format!("{} every {minutes}", plan.check.id())
        });
        let host = self.common.base_url.host_str().unwrap_or_default();
        let served = served
            .map(|address| format!("\nconsole http://{address}/, with /metrics and /healthz"))
            .unwrap_or_default();
        format!(
            "{} of {host}, settings {}\n{}\n{} alarms of infra/alarms.yaml{served}",
            self.common.environment,
            options.settings.display(),
            plans.collect::<Vec<_>>().join(", "),
            self.alarms.len(),
        )
    }
}

/// Reads a settings file. It is read again and again, so a pipe or a device is none.
fn read(file: &Path) -> anyhow::Result<String> {
    let named = || format!("failed to read {}", file.display());
    let found = fs::metadata(file).with_context(named)?;
    if !found.is_file() {
        bail!("{}: expected a file, found something else", file.display());
    }
    if found.len() > MAX_SETTINGS {
        bail!("{}: expected at most {MAX_SETTINGS} bytes of settings, found {}", file.display(), found.len());
    }
    fs::read_to_string(file).with_context(named)
}

/// Where messages go. Connects to AWS if a destination is there.
async fn rules(common: &Common) -> anyhow::Result<Rules> {
    let sns = deployment::topics(&common.destinations).await?;
    Ok(Rules { destinations: common.destinations.clone(), network: common.network.clone(), sns })
}

/// Replaces the checks by those of a text, if they may. Returns the text, which is not tried again.
async fn apply(
    options: &UpOptions,
    text: String,
    running: &Common,
    fleet: &mut Fleet,
    deliveries: &Deliveries,
    monitored: &Monitored,
) -> String {
    let wanted = async {
        let new = Settings::read(options, &text)?;
        let platform = |common: &Common| (common.environment.clone(), common.base_url.host_str().map(str::to_owned));
        if platform(&new.common) != platform(running) {
            bail!("they are of another environment or host: stop `up`, and start it again");
        }
        let rules = rules(&new.common).await?;
        Ok((new, rules))
    };
    match wanted.await {
        Err(error) => kept(&error),
        Ok((new, rules)) => {
            println!("settings read again: {}", counted(u32::try_from(new.plans.len()).unwrap_or(u32::MAX), "check"));
            monitored.replace(new.shown());
            fleet.with_alarms(|watch| watch.replace(new.alarms));
            deliveries.replace(rules);
            fleet.replace(new.plans);
        }
    }
    text
}

fn kept(error: &anyhow::Error) {
    eprintln!("warning: the settings were not read again, the checks go on with the earlier ones\n{error:#}");
}
