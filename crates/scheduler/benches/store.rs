//! What the store costs `synthetics up`, with the reports of all ten checks against the demo platform.
//!
//! 1. Time of all reads and writes of one round of the ten checks, in a file with `synchronous=FULL`.
//! 2. Size of a store with thirty days of one-minute runs, and the time to list its incidents and to review it.
//! 3. Growth of this process over 20,000 runs. The platform, which remembers what was done to it, is another process.
//!
//! `DAYS` and `ROUNDS` replace the thirty days of the second part and the 2,000 rounds of the third.

#![expect(clippy::unwrap_used, reason = "a failed benchmark should abort")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use check::Report;
use check::message::Topic;
use demo_platform::{DemoPlatform, Fault, Options};
use history::Window;
use jiff::{SignedDuration, Timestamp};
use local::{EnvironmentSecrets, Store};
use operations::checks;
use operations::shipped_files::alarms_template;
use review::{Input, review};
use runtime::{
    AnyCheck, Clock, Commit, CommitError, Datum, Delivery, Invocation, MetricSink, Notifier, OperatorStore as _,
    PortError, Ports, SkippingClock, StateItem, StateStore,
};
use scheduler::Runner;

const MINUTE: Duration = Duration::from_secs(60);
/// Interval of the slowest check. So the days that `reconciliation` reads are full after a fifth of the runs.
const QUARTER: Duration = Duration::from_secs(900);
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

/// Argument of the process of the platform.
const PLATFORM: &str = "--platform";

/// The demo platform in a process of its own, on the clock of this one. It ends when this is dropped.
struct Platform {
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    places: Places,
}

/// The clock of the checks. The platform's follows: what it does later, such as processing an event, happens while a check waits.
struct SharedClock {
    skipping: SkippingClock,
    platform: Arc<Platform>,
}

impl SharedClock {
    fn skip(&self, duration: Duration) {
        self.skipping.skip(duration);
        self.platform.send(&self.skipping.now().to_string());
    }
}

#[async_trait]
impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.skipping.now()
    }

    fn instant(&self) -> tokio::time::Instant {
        self.skipping.instant()
    }

    async fn sleep(&self, duration: Duration) {
        self.skip(duration);
    }
}

/// Addresses and credentials of a platform, by their names in the settings.
type Places = [BTreeMap<String, String>; 2];

impl Platform {
    fn start() -> Self {
        let program = std::env::current_exe().unwrap();
        let mut process =
            Command::new(program).arg(PLATFORM).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let times = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        Self { process, pipes: Mutex::new((times, answers)), places: serde_json::from_str(&line).unwrap() }
    }

    /// Sends a time for its clock, `fault` or `clear`, and waits until it is obeyed.
    fn send(&self, line: &str) {
        let mut pipes = self.pipes.lock().unwrap();
        writeln!(pipes.0, "{line}").unwrap();
        pipes.1.read_line(&mut String::new()).unwrap();
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a platform: each line of the input sets its clock or its fault, and is answered by an empty one.
async fn platform() {
    let set = Arc::new(Mutex::new((Timestamp::now(), Instant::now())));
    let of_platform = set.clone();
    let clock = move || {
        let (at, since) = *of_platform.lock().unwrap();
        at + SignedDuration::try_from(since.elapsed()).unwrap()
    };
    let running = DemoPlatform::start(Options { clock: Arc::new(clock), per_page: Some(100), ..Options::default() })
        .await
        .unwrap();
    let addresses = running.addresses().into_iter().map(|(key, value)| (key.to_owned(), value));
    let places: Places = [addresses.collect(), running.credentials()];
    println!("{}", serde_json::to_string(&places).unwrap());
    let faults = running.shared_faults();
    let obey = move || {
        for line in std::io::stdin().lines() {
            match line.unwrap().as_str() {
                "fault" => faults.activate(Fault::ServerError),
                "clear" => faults.clear(Fault::ServerError),
                time => *set.lock().unwrap() = (time.parse().unwrap(), Instant::now()),
            }
            println!();
        }
    };
    tokio::task::spawn_blocking(obey).await.unwrap();
    running.stop().await;
}

/// The demo platform, all checks, and their ports.
struct World {
    platform: Arc<Platform>,
    clock: Arc<SharedClock>,
    checks: Vec<Box<dyn AnyCheck>>,
    ports: Ports,
}

impl World {
    fn start() -> Self {
        let platform = Arc::new(Platform::start());
        let clock = Arc::new(SharedClock { skipping: SkippingClock::default(), platform: platform.clone() });
        let [addresses, credentials] = &platform.places;
        let text = include_str!("../../../infra/layer/settings/demo.toml").to_owned();
        let text = addresses.iter().fold(text, |text, (key, value)| settings::replaced(&text, key, value));
        let checks = checks::from_text("demo.toml", &text, &[]).unwrap();
        let secrets = credentials.iter();
        let secrets = secrets.map(|(path, value)| (format!("/just-driving/demo/{path}"), value.clone()));
        let secrets = EnvironmentSecrets::new(|_: &str| None).with_parameters(secrets);
        let ports = check_testkit::ports(&Arc::default(), &Arc::default(), []);
        let ports = Ports { clock: clock.clone(), secrets: Arc::new(secrets), ..ports };
        Self { platform, clock, checks, ports }
    }

    /// Runs each check once, this long after the last round.
    async fn round(&self, runner: &Runner, after: Duration) -> Vec<Report> {
        self.clock.skip(after);
        let mut reports = Vec::new();
        for check in &self.checks {
            let event = serde_json::json!({ "scheduled_time": self.clock.now().to_string() });
            let invocation = Invocation { event, killed_at: None, may_send: true, tag: None, explanation: None };
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
        reports = world.round(&runner, MINUTE).await;
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
    world.platform.send("fault");
    world.round(&runner, MINUTE).await;
    world.platform.send("clear");
    for _ in 0..3 {
        world.round(&runner, MINUTE).await;
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
        objectives: &BTreeMap::new(),
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
    let mut tenths = Vec::new();
    for round in 1..=rounds {
        world.round(&runner, QUARTER).await;
        if round % (rounds / 10).max(1) == 0 {
            tenths.push(resident());
        }
    }
    let megabytes: Vec<String> = tenths.iter().map(|bytes| format!("{:.1}", *bytes as f64 / 1e6)).collect();
    println!("{} runs: {} MB resident after each tenth", rounds * world.checks.len(), megabytes.join(", "));
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
    if std::env::args().any(|argument| argument == PLATFORM) {
        return platform().await;
    }
    let world = World::start();
    let (reports, values) = time_of_a_round(&world).await;
    size_of_thirty_days(&world, &reports, &values).await;
    growth(&world).await;
}
