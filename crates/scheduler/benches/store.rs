//! What the store costs `synthetics up`, with the reports of all ten checks against the demo platform.
//!
//! 1. Time of all reads and writes of one round of the ten checks, in a file with `synchronous=FULL`.
//! 2. Size of a store with thirty days of one-minute runs, and the time to list its incidents and to review it.
//! 3. Growth of this process, platform included, over 20,000 runs.
//!
//! `DAYS` and `ROUNDS` replace the thirty days of the second part and the 2,000 rounds of the third.

#![expect(clippy::unwrap_used, reason = "a failed benchmark should abort")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use check::Report;
use check::message::Topic;
use demo_platform::{DemoPlatform, Fault, Options, Running};
use history::Window;
use jiff::{SignedDuration, Timestamp};
use local::{EnvironmentSecrets, Store};
use operations::checks;
use operations::shipped_files::alarms_template;
use review::{Input, review};
use runtime::{
    AnyCheck, Clock as _, Commit, CommitError, Datum, Delivery, Invocation, MetricSink, Notifier, OperatorStore as _,
    PortError, Ports, SkippingClock, StateItem, StateStore,
};
use scheduler::Runner;

const MINUTE: Duration = Duration::from_secs(60);
/// Longest time for a review of thirty days.
const MAX_REVIEW: Duration = Duration::from_secs(3);

/// A store that measures how long its callers wait, and keeps what is published.
struct Timed {
    store: Arc<Store>,
    waited: Mutex<Duration>,
    published: Mutex<Vec<Datum>>,
}

impl Timed {
    fn note<T>(&self, began: Instant, result: T) -> T {
        *self.waited.lock().unwrap() += began.elapsed();
        result
    }
}

#[async_trait]
impl StateStore for Timed {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        let began = Instant::now();
        self.note(began, self.store.load(check).await)
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let began = Instant::now();
        self.note(began, self.store.commit(commit).await)
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        let began = Instant::now();
        self.note(began, self.store.clear(check, delivered).await)
    }
}

#[async_trait]
impl MetricSink for Timed {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        self.published.lock().unwrap().extend_from_slice(data);
        let began = Instant::now();
        self.note(began, self.store.publish(data).await)
    }
}

#[async_trait]
impl Notifier for Timed {
    fn has(&self, topic: Topic) -> bool {
        self.store.has(topic)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        let began = Instant::now();
        self.note(began, self.store.send(delivery).await)
    }
}

/// The demo platform, all checks, and their ports.
struct World {
    platform: Running,
    clock: Arc<SkippingClock>,
    checks: Vec<Box<dyn AnyCheck>>,
    ports: Ports,
}

impl World {
    async fn start() -> Self {
        let clock = Arc::new(SkippingClock::default());
        let of_platform = clock.clone();
        let options = Options { clock: Arc::new(move || of_platform.now()), ..Options::default() };
        let platform = DemoPlatform::start(options).await.unwrap();
        let text = include_str!("../../../infra/layer/settings/demo.toml").to_owned();
        let text =
            platform.addresses().into_iter().fold(text, |text, (key, value)| settings::replaced(&text, key, &value));
        let checks = checks::from_text("demo.toml", &text, &[]).unwrap();
        let secrets = platform.credentials().into_iter();
        let secrets = secrets.map(|(path, value)| (format!("/just-driving/demo/{path}"), value));
        let secrets = EnvironmentSecrets::new(|_: &str| None).with_parameters(secrets);
        let ports = check_testkit::ports(&Arc::default(), &clock, []);
        Self { platform, clock, checks, ports: Ports { secrets: Arc::new(secrets), ..ports } }
    }

    /// Runs each check once, a minute after the last round.
    async fn round(&self, runner: &Runner) -> Vec<Report> {
        self.clock.skip(MINUTE);
        let mut reports = Vec::new();
        for check in &self.checks {
            let event = serde_json::json!({ "scheduled_time": self.clock.now().to_string() });
            let invocation = Invocation { event, killed_at: None, may_send: true };
            let ran = runner.run(&**check, &invocation).await.unwrap();
            assert!(ran.losses.is_empty(), "{:?}", ran.losses);
            reports.push(ran.report);
        }
        reports
    }
}

fn empty(folder: &Path, name: &str) -> PathBuf {
    let folder = folder.join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.join("synthetics.db")
}

fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// Time that a round of the ten checks waits for the store. Returns a round's reports and values.
async fn time_of_a_round(world: &World) -> (Vec<Report>, Vec<Datum>) {
    let store = Arc::new(Store::open(&empty(&target(), "bench-round")).unwrap());
    let timed = Arc::new(Timed { store: store.clone(), waited: Mutex::default(), published: Mutex::default() });
    let ports = Ports { state: timed.clone(), metrics: timed.clone(), notifier: timed.clone(), ..world.ports.clone() };
    let runner = Runner { ports, reports: None };
    let (mut times, mut reports) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        *timed.waited.lock().unwrap() = Duration::ZERO;
        timed.published.lock().unwrap().clear();
        reports = world.round(&runner).await;
        let began = Instant::now();
        reports.iter().for_each(|report| store.record(report).unwrap());
        timed.note(began, ());
        times.push(*timed.waited.lock().unwrap());
    }
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "a round of {} checks waits for the store {:.1} ms (median of {}; {:.1} to {:.1} ms)",
        world.checks.len(),
        ms(times[times.len() / 2]),
        times.len(),
        ms(times[0]),
        ms(times[times.len() - 1])
    );
    let published = timed.published.lock().unwrap().clone();
    (reports, published)
}

/// Size of thirty days of one-minute runs, and the time to list incidents among them.
async fn size_of_thirty_days(world: &World, reports: &[Report], values: &[Datum]) {
    // Each write is on the disk at once; memory makes it quick.
    let folder = Path::new("/dev/shm");
    let file = empty(if folder.is_dir() { folder } else { Path::new(env!("CARGO_TARGET_TMPDIR")) }, "synthetics-bench");
    let store = Arc::new(Store::open(&file).unwrap());
    let runner = Runner { ports: Ports { state: store.clone(), ..world.ports.clone() }, reports: None };
    // One real incident of several subjects.
    world.platform.faults().activate(Fault::ServerError);
    world.round(&runner).await;
    world.platform.faults().clear(Fault::ServerError);
    for _ in 0..3 {
        world.round(&runner).await;
    }
    let begin = reports[0].key.scheduled_time;
    let days: i64 = given("DAYS", 30);
    for minute in 0..days * 1_440 {
        let by = SignedDuration::from_mins(minute);
        for (number, report) in reports.iter().enumerate() {
            let mut report = report.clone();
            report.run_id = format!("{minute:08x}-0000-7000-8000-{number:012x}");
            (report.started, report.ended) = (report.started + by, report.ended + by);
            report.key.scheduled_time += by;
            store.record(&report).unwrap();
        }
        let at = |datum: &Datum| Datum { at: begin + by, ..datum.clone() };
        store.publish(&values.iter().map(at).collect::<Vec<_>>()).await.unwrap();
    }
    let size = fs::metadata(&file).unwrap().len();
    println!("{days} days of one-minute runs of {} checks: {:.0} MB", reports.len(), size as f64 / 1e6);
    drop((runner, store));

    let store = Store::open_existing(&file).unwrap();
    let after = Timestamp::UNIX_EPOCH;
    let mut best = Duration::MAX;
    let mut found = 0;
    for _ in 0..5 {
        let began = Instant::now();
        found = 0;
        for check in &world.checks {
            found += store.incidents(check.id(), after).await.unwrap().len();
        }
        best = best.min(began.elapsed());
    }
    println!("{found} incidents of it are listed in {:.1} ms", best.as_secs_f64() * 1e3);
    let until = begin + SignedDuration::from_hours(24 * days);
    let took = time_of_a_review(&store, Window::new(begin, until)).await;
    println!("a review of it takes {:.2} s", took.as_secs_f64());
    assert!(days > 30 || took < MAX_REVIEW, "expected at most {MAX_REVIEW:?}, found {took:?}");
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

/// Time of a review, the best of three.
async fn time_of_a_review(store: &Store, window: Window) -> Duration {
    let (path, template) = alarms_template(None).unwrap();
    let input = Input {
        environment: "demo",
        template: &template,
        template_path: &path,
        window,
        targets: &BTreeMap::new(),
        cost: None,
        what_if: &[],
        logs: false,
        progress: &|_| (),
    };
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        let found = review(&input, store).await.unwrap();
        best = best.min(began.elapsed());
        assert!(found.alarms.len() > 40 && found.checks.len() == 10, "{} alarms", found.alarms.len());
    }
    best
}

/// Growth of the process while checks run.
async fn growth(world: &World) {
    let rounds: usize = given("ROUNDS", 2_000);
    let store = Arc::new(Store::open(&empty(&target(), "bench-growth")).unwrap());
    let ports = Ports { state: store.clone(), metrics: store.clone(), notifier: store.clone(), ..world.ports.clone() };
    let runner = Runner { ports, reports: Some(store) };
    let mut after_a_fifth = 0;
    for round in 0..rounds {
        world.round(&runner).await;
        if round == rounds / 5 {
            after_a_fifth = resident();
        }
    }
    let (at_the_end, runs) = (resident(), rounds * world.checks.len());
    println!(
        "{runs} runs: {:.1} MB resident after a fifth, {:.1} MB at the end ({:+.2} %)",
        after_a_fifth as f64 / 1e6,
        at_the_end as f64 / 1e6,
        (at_the_end as f64 / after_a_fifth as f64 - 1.0) * 100.0
    );
}

/// Value of a variable of the environment, or this one.
fn given<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Resident memory. **Units:** bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1_024
}

#[tokio::main]
async fn main() {
    let world = World::start().await;
    let (reports, values) = time_of_a_round(&world).await;
    size_of_thirty_days(&world, &reports, &values).await;
    growth(&world).await;
    world.platform.stop().await;
}
