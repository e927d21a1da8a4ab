//! A check that follows a script, and the world it runs in.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use check::incident::{NotificationReason, Policy};
use check::message::{Contact, Topic};
use check::{FailureKind, Journey, Mismatch, Report, Subject};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use local::{EnvironmentSecrets, Memory};
use probe::{EgressPolicy, Maintenance, Redactor, Tls};
use runtime::{
    Check, Clock, Commit, CommitError, Datum, Delivery, Invocation, MemoryCell, MetricSink, Notifier, PortError, Ports,
    Prepared, Run, RunError, StateItem, StateStore, execute,
};
use serde_json::json;
use settings::{Common, Contract, LinkTemplates, Network, RunSettings, SecretRef, Section};
use tokio::time::Instant;

/// Value of the variable `TOKEN`.
pub const SECRET: &str = "hunter2 of the platform";
/// Minute of the first event.
pub const START: &str = "2026-11-23T04:49:00Z";

pub type Flow = Box<dyn for<'a> Fn(&'a Run, usize) -> BoxFuture<'a, ()> + Send + Sync>;

/// A check whose flow is a closure, called with the number of earlier attempts.
pub struct Fake<const READ_ONLY: bool> {
    flow: Flow,
    attempts: AtomicUsize,
    max_attempt_duration: Duration,
    pub subjects: Option<BTreeSet<Subject>>,
}

impl<const READ_ONLY: bool> Check for Fake<READ_ONLY> {
    const ID: &'static str = "fake";
    const CONTRACT: Contract = CONTRACT;
    const READ_ONLY: bool = READ_ONLY;
    const FUNCTION_TIMEOUT: Duration = Duration::from_secs(55);

    type Raw = ();
    type Memory = ();

    fn read((): (), _: &Section<'_>, _: &Common) -> Option<Self> {
        None
    }

    fn max_attempt_duration(&self) -> Duration {
        self.max_attempt_duration
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        self.subjects.clone()
    }

    async fn attempt(&self, run: &Run, _memory: &MemoryCell<()>) {
        (self.flow)(run, self.attempts.fetch_add(1, SeqCst)).await;
    }
}

/// A platform without sections of its own.
pub const CONTRACT: Contract = Contract { sections: &[], maintenance };

fn maintenance() -> Maintenance {
    Maintenance { status: 503, markers: vec!["down on purpose".to_owned()], standard: None }
}

/// A check that creates nothing.
pub fn reads(
    flow: impl for<'a> Fn(&'a Run, usize) -> BoxFuture<'a, ()> + Send + Sync + 'static,
) -> Prepared<Fake<true>> {
    prepared(fake(flow))
}

/// A check that creates something.
pub fn creates(
    flow: impl for<'a> Fn(&'a Run, usize) -> BoxFuture<'a, ()> + Send + Sync + 'static,
) -> Prepared<Fake<false>> {
    prepared(fake(flow))
}

fn fake<const READ_ONLY: bool>(
    flow: impl for<'a> Fn(&'a Run, usize) -> BoxFuture<'a, ()> + Send + Sync + 'static,
) -> Fake<READ_ONLY> {
    let attempts = AtomicUsize::new(0);
    Fake { flow: Box::new(flow), attempts, max_attempt_duration: Duration::from_secs(10), subjects: None }
}

pub fn prepared<C>(check: C) -> Prepared<C> {
    Prepared {
        common: Common {
            destinations: Vec::new(),
            environment: "test".to_owned(),
            base_url: "https://platform.example".parse().unwrap(),
            time_zone: Default::default(),
            contact: Contact { name: "Platform on call".to_owned(), details: "+45 00 00 00 00".to_owned() },
            links: LinkTemplates { runbook: "https://docs.example/{check}.md".to_owned(), ..LinkTemplates::default() },
            policy: Policy::default(),
            windows: Vec::new(),
            maintenance: maintenance(),
            network: NETWORK.clone(),
            retention: Default::default(),
            status_page: None,
        },
        run: RunSettings {
            deadline: Duration::from_secs(45),
            confirm_after: Duration::from_secs(20),
            policy: Policy::default(),
            heartbeat_url: None,
            objective: None,
        },
        check,
        egress: NETWORK.egress.clone(),
        limits: Default::default(),
        written: toml::Table::new(),
        settings_digest: "0".repeat(16),
    }
}

/// Test servers listen on the loopback address.
static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let egress = EgressPolicy::new([], vec!["127.0.0.0/8".parse().unwrap()]);
    Network::new(egress.allow_host(&"http://127.0.0.1/".parse().unwrap()), Tls::new(&[]).unwrap())
});

/// A scripted flow: one line per attempt, the last one repeated. `web=.` passes, `x` fails, `?` is inconclusive, `m` is
/// under maintenance, `-` is skipped.
pub fn script(lines: &'static [&'static str]) -> impl for<'a> Fn(&'a Run, usize) -> BoxFuture<'a, ()> + Send + Sync {
    fn flow<F: for<'a> Fn(&'a Run, usize) -> BoxFuture<'a, ()>>(flow: F) -> F {
        flow
    }
    flow(move |run, attempt| {
        Box::pin(async move {
            for part in lines[attempt.min(lines.len() - 1)].split_whitespace() {
                let (subject, letter) = part.split_once('=').unwrap();
                let step = run.step(&self::subject(subject), "answer");
                match letter {
                    "." => step.passed(),
                    "x" => assert!(step.check("status", Err(mismatch("status 500"))).is_err()),
                    "?" => assert!(step.secret(&SecretRef::Variable("MISSING".to_owned())).await.is_err()),
                    "m" => drop(step.maintenance("the platform says so")),
                    "-" => step.skipped("not this time"),
                    other => panic!("unknown result `{other}`"),
                }
            }
        })
    })
}

pub fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

pub fn mismatch(actual: &'static str) -> Mismatch {
    Mismatch::new(FailureKind::Status, "status 200", actual).with_evidence("<h1>Server Error</h1>")
}

/// Wall clock that follows tokio's clock, paused in most tests.
pub struct TestClock {
    pub base: Instant,
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        minute(0) + SignedDuration::try_from(self.base.elapsed()).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Wall clock that the machine sets while a run goes on.
pub struct JumpingClock {
    base: Instant,
    ahead_seconds: AtomicI64,
}

impl Default for JumpingClock {
    fn default() -> Self {
        Self { base: Instant::now(), ahead_seconds: AtomicI64::new(0) }
    }
}

impl JumpingClock {
    pub fn jump(&self, seconds: i64) {
        self.ahead_seconds.fetch_add(seconds, SeqCst);
    }
}

#[async_trait]
impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead_seconds.load(SeqCst));
        TestClock { base: self.base }.now() + ahead
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

pub fn minute(number: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(number)
}

pub type Meanwhile = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// Mishap of a commit.
pub enum Mishap {
    /// Another run writes first.
    Meanwhile(Meanwhile),
    /// It is written, the answer is lost, and the client's retry is refused.
    AnswerLost,
    /// The store fails.
    Broken,
}

/// Ports of a run, over a memory that outlives it.
#[derive(Default)]
pub struct Faulty {
    memory: Arc<Memory>,
    pub mishaps: Mutex<VecDeque<Mishap>>,
    pub load_fails: AtomicBool,
    /// Check whose state is never read to its end.
    pub hangs: Mutex<Option<&'static str>>,
    pub clear_fails: AtomicBool,
    pub publish_fails: AtomicBool,
    pub refuses: Mutex<Option<Topic>>,
}

fn throttled(operation: &str) -> PortError {
    PortError { operation: operation.to_owned(), detail: "throttled".to_owned(), retryable: true }
}

#[async_trait]
impl StateStore for Faulty {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        if *self.hangs.lock().unwrap() == Some(check) {
            std::future::pending::<()>().await;
        }
        if self.load_fails.load(SeqCst) { Err(throttled("read the state")) } else { self.memory.load(check).await }
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mishap = self.mishaps.lock().unwrap().pop_front();
        match mishap {
            Some(Mishap::Broken) => return Err(CommitError::Store(throttled("write the state"))),
            Some(Mishap::AnswerLost) => {
                self.memory.commit(commit).await?;
                return Err(CommitError::Moved);
            }
            Some(Mishap::Meanwhile(write)) => write().await,
            None => {}
        }
        self.memory.commit(commit).await
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        if self.clear_fails.load(SeqCst) {
            return Err(throttled("clear the outbox"));
        }
        self.memory.clear(check, delivered).await
    }
}

#[async_trait]
impl MetricSink for Faulty {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        if self.publish_fails.load(SeqCst) {
            return Err(throttled("publish metrics"));
        }
        self.memory.publish(data).await
    }
}

#[async_trait]
impl Notifier for Faulty {
    fn has(&self, topic: Topic) -> bool {
        self.memory.has(topic)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        if *self.refuses.lock().unwrap() == Some(delivery.topic) {
            return Err(throttled(&format!("notify {}", delivery.topic.as_str())));
        }
        self.memory.send(delivery).await
    }
}

/// Surroundings of a run: ports, clock and location.
#[derive(Clone)]
pub struct World {
    pub memory: Arc<Memory>,
    pub faulty: Arc<Faulty>,
    pub ports: Ports,
    base: Instant,
    published: Arc<AtomicUsize>,
}

impl World {
    pub fn new() -> Self {
        Self::on(Arc::default(), Instant::now(), "home")
    }

    /// Another location over the same state, clock, metrics and messages.
    pub fn elsewhere(&self) -> Self {
        Self { published: self.published.clone(), ..Self::on(self.memory.clone(), self.base, "elsewhere") }
    }

    /// Another process at the same location.
    pub fn twin(&self) -> Self {
        Self { published: self.published.clone(), ..Self::on(self.memory.clone(), self.base, "home") }
    }

    fn on(memory: Arc<Memory>, base: Instant, location: &str) -> Self {
        let faulty = Arc::new(Faulty { memory: memory.clone(), ..Faulty::default() });
        let variable = |name: &str| (name == "TOKEN").then(|| SECRET.into());
        let ports = Ports {
            clock: Arc::new(TestClock { base }),
            state: faulty.clone(),
            metrics: faulty.clone(),
            notifier: faulty.clone(),
            secrets: Arc::new(EnvironmentSecrets::new(variable)),
            redactor: Redactor::default(),
            location: location.to_owned(),
            region: None,
            machine: None,
            release: "test".to_owned(),
            interrupt: runtime::CancellationToken::new(),
            recorder: Arc::new(Journey::new),
        };
        Self { memory, faulty, ports, base, published: Arc::default() }
    }

    /// Runs the check in a minute, five seconds after its start.
    pub async fn try_run<C: Check>(&self, prepared: &Prepared<C>, number: i64) -> Result<Report, RunError> {
        let due = Duration::from_secs(u64::try_from(number).unwrap() * 60 + 5);
        tokio::time::advance(due.saturating_sub(self.base.elapsed())).await;
        self.invoke(prepared, json!({ "scheduled_time": minute(number) }), None).await
    }

    pub async fn run<C: Check>(&self, prepared: &Prepared<C>, number: i64) -> Report {
        self.try_run(prepared, number).await.unwrap()
    }

    /// Runs the check for an event, now.
    pub async fn invoke<C: Check>(
        &self,
        prepared: &Prepared<C>,
        event: serde_json::Value,
        killed_at: Option<Timestamp>,
    ) -> Result<Report, RunError> {
        execute(prepared, &self.ports, &Invocation { event, killed_at, may_send: true, tag: None, explanation: None })
            .await
    }

    pub async fn item(&self) -> StateItem {
        self.memory.load("fake").await.unwrap()
    }

    /// Metrics published since the last call: `Success 1 Environment=test Check=fake`. The value of `Duration` is real
    /// time, and left out.
    pub fn published(&self) -> Vec<String> {
        let data = self.memory.data();
        let new = &data[self.published.swap(data.len(), SeqCst)..];
        new.iter()
            .map(|datum| {
                let value = if datum.metric == "Duration" { String::new() } else { format!(" {}", datum.value) };
                let dimensions = datum.dimensions.iter().map(|(name, value)| format!(" {name}={value}"));
                format!("{}{value}{}", datum.metric, dimensions.collect::<String>())
            })
            .collect()
    }

    /// Messages sent since the last call: topic, event and subjects.
    pub fn notified(&self) -> Vec<String> {
        self.memory.take_sent().iter().map(short).collect()
    }
}

pub fn short(delivery: &Delivery) -> String {
    let notification = &delivery.notification;
    let subjects: Vec<&str> = notification.subjects.iter().map(|report| report.failure.subject.as_str()).collect();
    format!("{} {} {}", delivery.topic.as_str(), notification.event.as_str(), subjects.join(","))
}

/// Notification decision of a run for each subject.
pub fn reasons(report: &Report) -> Vec<(&str, NotificationReason)> {
    report.reasons.iter().map(|reason| (reason.subject.as_str(), reason.notification_reason)).collect()
}

pub const SUCCESS_0: &str = "Success 0 Environment=test Check=fake";
pub const SUCCESS_1: &str = "Success 1 Environment=test Check=fake";
pub const INCONCLUSIVE_0: &str = "Inconclusive 0 Environment=test Check=fake";
pub const INCONCLUSIVE_1: &str = "Inconclusive 1 Environment=test Check=fake";
pub const DURATION: &str = "Duration Environment=test Check=fake";
