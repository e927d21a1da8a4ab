//! `synthetics demo`: platform, checks on a short schedule, messages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use check::incident::Incident;
use check::{Attempt, Report, Verdict};
use demo_platform::{DemoPlatform, Fault, Options, Running, Throttle};
use local::Memory;
use operations::checks;
use runtime::{AnyCheck, Invocation, Ports, SystemClock};
use serde_json::json;
use settings::replaced;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::DemoOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::{faults, messages, ports, tables};

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
    let fault = options.fault.as_deref().map(faults::find).transpose()?.map(|spec| spec.fault);
    let address = SocketAddr::from(([127, 0, 0, 1], options.port.unwrap_or(DEFAULT_PORT)));
    // Runs follow each other faster than in production, so the platform throttles by a shorter period.
    let login_throttle = Throttle { per: options.every, ..Throttle::default() };
    let platform = DemoPlatform::start(Options { address, login_throttle, ..Options::default() })
        .await
        .map_err(|error| anyhow!("failed to {error}; --port 0 picks a free one"))?;
    let checks = checks_for(&platform, &options.checks)?;
    let memory = Arc::new(Memory::default());
    let interrupt = Interrupt::listen()?;
    let ports =
        ports::ports(&memory, Arc::new(SystemClock), interrupt.token.clone(), ports::demo_parameters(&platform))?;
    let mut show = Show { screen: Screen::new(), last: BTreeMap::new(), runs: 0, notified: 0 };
    show.screen.print(&format!(
        "Demo platform: {}\nInject a fault: curl -X PUT {admin}/faults/NAME, clear it: curl -X DELETE {admin}/faults/NAME",
        platform.base_url(),
        admin = platform.admin_url()
    ));

    let mut schedule = interval(options.every);
    schedule.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let began = Instant::now();
    let mut script = Script { fault, duration: options.duration, activated: false, cleared: false };
    loop {
        tokio::select! {
            _ = schedule.tick() => {}
            () = interrupt.token.cancelled() => break,
        }
        if options.duration.is_some_and(|duration| began.elapsed() >= duration) {
            break;
        }
        script.play(&platform, &mut show, began.elapsed());
        show.round(&checks, &ports, &memory).await?;
    }
    platform.stop().await;
    let summary =
        format!("{} of each check, {} sent", counted(show.runs, "run"), counted(show.notified, "notification"));
    show.screen.print(&summary);
    Ok(interrupt.exit_or(Exit::from_reports(show.last.values())))
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
            show.screen.print(&format!("=> fault {fault} injected"));
        }
        let goes = self.duration.map(|duration| duration.mul_f64(FAULT_GOES_AFTER));
        if self.activated && !self.cleared && goes.is_some_and(|goes| elapsed >= goes) {
            platform.faults().clear(fault);
            self.cleared = true;
            show.screen.print(&format!("=> fault {fault} cleared"));
        }
    }
}

/// State of the screen.
struct Show {
    screen: Screen,
    last: BTreeMap<&'static str, Report>,
    runs: u32,
    notified: u32,
}

impl Show {
    /// Runs each check once.
    async fn round(&mut self, checks: &[Box<dyn AnyCheck>], ports: &Ports, memory: &Memory) -> anyhow::Result<()> {
        for check in checks {
            let event = json!({ "scheduled_time": ports.clock.now().to_string() });
            let report = check.run(ports, &Invocation { event, killed_at: None, may_send: true }).await?;
            let time = report.started.strftime("%H:%M:%S");
            self.screen.print(&format!("{time}  {}{}", tables::headline(&report), failing(&report)));
            for delivery in memory.take_sent() {
                self.notified += 1;
                self.screen.print(&messages::shown(&delivery));
            }
            self.last.insert(check.id(), report);
            if ports.interrupt.is_cancelled() {
                return Ok(());
            }
        }
        self.runs += 1;
        let table = self.table();
        self.screen.draw(&table);
        Ok(())
    }

    fn table(&self) -> String {
        let rows = self.last.values().flat_map(|report| {
            let verdicts = report.last_attempt().map(Attempt::verdicts).unwrap_or_default();
            verdicts.into_iter().map(|(subject, verdict)| {
                let open = report.reasons.iter().find(|reason| {
                    reason.subject == subject && reason.incident.as_ref().is_some_and(Incident::is_open)
                });
                let (state, detail) = match verdict {
                    Verdict::Healthy if open.is_some() => ("recovering", String::new()),
                    Verdict::Healthy => ("healthy", String::new()),
                    Verdict::Failing(failure) => ("FAILING", format!("{}: {}", failure.kind, failure.actual)),
                    Verdict::Inconclusive(inconclusive) => ("inconclusive", inconclusive.detail.to_string()),
                    Verdict::Maintenance(_) => ("maintenance", String::new()),
                };
                let since = open.map(|reason| reason.since.strftime("%H:%M:%S").to_string()).unwrap_or_default();
                [
                    report.key.check.clone(),
                    tables::subject_name(&report.key.check, &subject).to_owned(),
                    state.to_owned(),
                    since,
                    detail,
                ]
            })
        });
        tables::columns(["CHECK", "SUBJECT", "STATE", "SINCE", "DETAIL"], rows)
    }
}

/// Renders the failures of a run, a line each, for the log above the table.
fn failing(report: &Report) -> String {
    let check::Outcome::Failed { failures } = &report.outcome else { return String::new() };
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
