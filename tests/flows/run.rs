//! One run of a flow, as a separate process, so that its peak memory can be measured.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use check::Outcome;
use check_testkit::{Harness, Observed};
use demo_platform::Options;
use probe::Limits;
use runtime::{Check, Prepared};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::Document;

use crate::attack::{Arrived, Attack, Extent, Place, Record};
use crate::behavior::Behavior;
use crate::echo::{self, Echoed, Share};
use crate::memory::peak_memory;
use crate::platform;
use crate::stores::{Addresses, Front, Store};

/// A flow, and the deadlines of its runs.
pub struct Flow {
    /// Name, as in the page.
    pub name: &'static str,
    pub check: &'static str,
    /// Deadline of a run.
    pub deadline: Duration,
    /// Store that the check reads instead of the platform.
    pub store: Option<Store>,
}

const SECOND: Duration = Duration::from_secs(1);
/// Limits beyond those that a proof allows. A machine has the memory.
const NO_LIMITS: Limits = Limits { body: Some(256 << 20), token: usize::MAX };
/// Time until a run removes the leftovers of an earlier one.
const UNTIL_CLEANUP: Duration = Duration::from_secs(16 * 60);
/// Runs that remove leftovers. Each removes a limited number.
const CLEANUPS: usize = 3;

const fn on_platform(check: &'static str, seconds: u32) -> Flow {
    Flow { name: check, check, deadline: SECOND.saturating_mul(seconds), store: None }
}

const fn on_store(name: &'static str, check: &'static str, store: Store) -> Flow {
    Flow { name, check, deadline: SECOND.saturating_mul(2), store: Some(store) }
}

/// All flows. The payment webhook waits three times for the platform's processing, at least 1 s each.
pub const FLOWS: [Flow; 13] = [
    on_platform("login", 2),
    on_platform("booking", 2),
    on_platform("payment-webhook", 4),
    on_platform("reconciliation", 2),
    on_platform("notifications", 2),
    on_platform("queues", 2),
    on_platform("application", 2),
    on_platform("integrations", 2),
    on_store("backend, MySQL", "backend", Store::Database { is_encrypted: false }),
    on_store("backend, MySQL over TLS", "backend", Store::Database { is_encrypted: true }),
    on_store("backend, Redis", "backend", Store::Cache { is_encrypted: false }),
    on_store("backend, Redis over TLS", "backend", Store::Cache { is_encrypted: true }),
    on_store("queues, Redis", "queues", Store::Queues),
];

impl Flow {
    /// Behaviors that are tried.
    pub const fn behaviors(&self) -> &'static [Behavior] {
        match self.store {
            None => &Behavior::PLATFORM,
            Some(_) => &Behavior::STORE,
        }
    }
}

/// Evaluates an expression with the type of a check.
macro_rules! with_check {
    ($id:expr, $check:ident => $value:expr) => {{
        macro_rules! with_type {
            ($type:ty) => {{
                type $check = $type;
                $value
            }};
        }
        match $id {
            "login" => with_type!(login::Login),
            "booking" => with_type!(booking::Booking),
            "payment-webhook" => with_type!(payment_webhook::PaymentWebhook),
            "reconciliation" => with_type!(reconciliation::Reconciliation),
            "notifications" => with_type!(notifications::Notifications),
            "queues" => with_type!(queues::Queues),
            "application" => with_type!(application::Application),
            "integrations" => with_type!(integrations::Integrations),
            "backend" => with_type!(backend::Backend),
            _ => bail!("no such check"),
        }
    }};
}

/// Everything observed in a run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Observation {
    pub report: Value,
    /// Messages about incidents.
    pub messages: Value,
    pub took: Duration,
    /// Peak memory of the process, which includes the platform. **Units:** kilobytes.
    pub peak_kb: u64,
    /// Answers of the run.
    pub arrived: Vec<Arrived>,
    /// Synthetic data left on the platform.
    pub left: Vec<String>,
    /// Sessions left on the platform in which an account is logged in.
    pub logged_in: usize,
    /// Later runs, after a behavior that occurs once.
    pub later: Option<Later>,
}

impl Observation {
    /// True when the run has passed.
    pub fn has_passed(&self) -> bool {
        self.report["outcome"]["result"] == "passed"
    }

    /// Number of attempts of the run.
    pub fn attempts(&self) -> usize {
        self.report["attempts"].as_array().map_or(0, Vec::len)
    }
}

/// Observations after the hostile run, when the platform is healthy again.
#[derive(Debug, Serialize, Deserialize)]
pub struct Later {
    /// Outcome of the next run, or of the second when the next reports what it remembers.
    pub outcome: Value,
    /// Synthetic data left on the platform after the cleanup.
    pub left: Vec<String>,
}

/// Runs a flow once in this process.
///
/// # Errors
/// When there is no such flow, or the run was refused.
pub async fn observe(
    name: &str,
    addresses: &Addresses,
    attack: Option<Attack>,
    is_bounded: bool,
) -> Result<Observation> {
    let flow = FLOWS.iter().find(|flow| flow.name == name).context("no such flow")?;
    let world = World { flow, addresses, attack, is_bounded };
    with_check!(flow.check, C => world.observed::<C>().await)
}

/// Echoes the secrets of a flow at one place, in this process.
///
/// # Errors
/// When there is no such flow, or it does not pass against the healthy platform.
pub async fn echo(name: &str, addresses: &Addresses, place: Place, share: Share) -> Result<Echoed> {
    let flow = FLOWS.iter().find(|flow| flow.name == name).context("no such flow")?;
    with_check!(flow.check, C => match flow.store {
        Some(store) => echo::observe_store::<C>(flow, store, addresses, place, share).await,
        None => echo::observe::<C>(flow, place, share).await,
    })
}

struct World<'a> {
    flow: &'static Flow,
    addresses: &'a Addresses,
    attack: Option<Attack>,
    is_bounded: bool,
}

impl World<'_> {
    async fn observed<C: Check>(self) -> Result<Observation> {
        let is_once = self.attack.as_ref().is_some_and(|attack| attack.extent == Extent::Once);
        let record: Arc<Mutex<Record>> = Arc::default();
        let Self { flow, addresses, attack, is_bounded } = self;
        let with_deadlines = |settings: &str| with_deadlines(settings, flow, is_bounded);
        let (mut server, mut front) = (None, None);
        let mut harness = if let Some(store) = flow.store {
            let (port, protocol) = (store.port(addresses), store.protocol());
            let started =
                Front::start(port, protocol, store.password().to_owned(), attack, Arc::clone(&record)).await?;
            let port = front.insert(started).port;
            let own = with_deadlines(&store.settings(port, addresses));
            // The demo's settings would name the demo's stores.
            Harness::<C> { prepared: prepared(&own)?, ..Harness::start().await }
        } else {
            let change = |settings: &mut String| *settings = with_deadlines(settings);
            Harness::<C>::behind(Options::default(), change, async |platform| {
                let front = server.insert(platform::start(platform, attack, Arc::clone(&record)).await);
                format!("http://{}", front.address)
            })
            .await
        };
        if !is_bounded {
            harness.prepared.limits = NO_LIMITS;
        }
        let started = Instant::now();
        let report = run(&harness, flow, SECOND * 60).await.report;
        let took = started.elapsed();
        let arrived = record.lock().unwrap().arrived.clone();
        let mut observation = Observation {
            report: serde_json::to_value(report)?,
            messages: serde_json::to_value(harness.memory.take_sent())?,
            took,
            peak_kb: peak_memory().context("expected the peak memory of this process")?,
            arrived,
            left: harness.platform.leftovers(),
            logged_in: harness.platform.logged_in(),
            later: None,
        };
        if is_once {
            let mut next = run(&harness, flow, SECOND * 60).await.report;
            if next.outcome != Outcome::Passed {
                // The next run may report what it remembers of the hostile one, once.
                next = run(&harness, flow, SECOND * 60).await.report;
            }
            for _ in 0..CLEANUPS {
                if !harness.platform.leftovers().is_empty() {
                    run(&harness, flow, UNTIL_CLEANUP).await;
                }
            }
            let outcome = serde_json::to_value(next.outcome)?;
            observation.later = Some(Later { outcome, left: harness.platform.leftovers() });
        }
        Ok(observation)
    }
}

/// Check with these settings.
///
/// # Errors
/// When the settings are not valid.
pub fn prepared<C: Check>(settings: &str) -> Result<Prepared<C>> {
    let document = Document::parse("store.toml", settings).ok().context("expected settings in TOML")?;
    Prepared::read(&document).map_err(|problems| anyhow::anyhow!("invalid settings: {problems:?}"))
}

/// Runs the check after a while.
async fn run<C: Check>(harness: &Harness<C>, flow: &Flow, after: Duration) -> Observed {
    let mut ports = harness.ports();
    if let Some(store) = flow.store {
        ports = check_testkit::ports(&harness.memory, &harness.clock, [store.parameter()]);
    }
    harness.run_after(after, &ports).await
}

/// Settings with short deadlines.
pub fn shortened(settings: &str, flow: &Flow) -> String {
    with_deadlines(settings, flow, true)
}

/// Settings with short deadlines; without bounds, a run has longer ones than any proof allows.
fn with_deadlines(settings: &str, flow: &Flow, is_bounded: bool) -> String {
    let (step, run) = if is_bounded { ("500ms", flow.deadline) } else { ("9s", SECOND * 40) };
    let own = format!("[check.{}]\n", flow.check);
    let lines = settings.lines().filter(|line| !["deadline = \"20s\"", "confirm_after = \"1s\""].contains(line));
    let settings: String = lines.flat_map(|line| [line, "\n"]).collect();
    let settings = settings.replace("deadline = \"5s\"", &format!("deadline = \"{step}\""));
    let settings = settings.replace("\ndeadline = \"1s\"", &format!("\ndeadline = \"{step}\""));
    let settings = settings.replace("processing_deadline = \"6s\"", "processing_deadline = \"1s\"");
    settings.replace(&own, &format!("{own}confirm_after = \"0s\"\ndeadline = \"{}ms\"\n", run.as_millis()))
}
