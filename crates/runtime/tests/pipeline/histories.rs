//! Random histories: runs that crash at any boundary, arrive twice, late or at the same moment, with topics and a table
//! that fail. In every history all messages arrive, incidents close, and no notification is sent without cause.
//!
//! `HISTORIES=10000 cargo test -p runtime --test pipeline histories -- --nocapture` prints the figures; `SEED=…`
//! replays one history.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use check::Journey;
use check::incident::{CheckState, Phase, Policy, Silence, SilenceKind};
use check::message::{Event, Topic};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use jiff::Timestamp;
use local::{EnvironmentSecrets, Memory};
use probe::Redactor;
use runtime::{
    Commit, CommitError, Datum, Delivery, Invocation, MetricSink, Notifier, PortError, Ports, Run, StateItem,
    StateStore, execute,
};
use serde_json::json;
use settings::SecretRef;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::figures::Figures;
use crate::stores::{InFile, Kept};
use crate::world::*;

/// Number of histories when `HISTORIES` is not set.
const HISTORIES: u64 = 10_000;
/// Number of histories on the store in a file, which take longer, when `HISTORIES` is not set.
const HISTORIES_IN_FILE: u64 = 1_000;
/// Minutes in which anything may happen.
const EVENTFUL: i64 = 11;
/// Quiet minutes at the end, after which all incidents must be over.
const QUIET: i64 = 9;
const SUBJECTS: [&str; 2] = ["a", "b"];
const LOCATIONS: [&str; 2] = ["north", "south"];
/// Average number of crashes in a history.
const CRASHES: f64 = 3.4;

/// The correct pipeline, or one of the mistakes that it avoids.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Correct,
    /// A message leaves the outbox before its topic has taken it.
    ClearBeforeSend,
    /// The state is written regardless of its version.
    WithoutCondition,
}

/// Observations of one history, in addition to the stored state.
#[derive(Default)]
struct Witness {
    /// Keys of the messages queued by committed runs.
    enqueued: BTreeSet<String>,
    /// Messages that arrived, in order.
    arrived: Vec<Delivery>,
    /// Number of times that each message may arrive again.
    excused: BTreeMap<String, u64>,
    /// Number of crashed runs.
    crashes: u64,
}

/// One process, whose calls can be cut off at any boundary.
struct Process<K> {
    memory: Arc<K>,
    witness: Arc<Mutex<Witness>>,
    variant: Variant,
    /// Probability that a call fails, in percent.
    failure_percent: u32,
    rng: Mutex<Rng>,
    passed: AtomicUsize,
    crash_at: Option<usize>,
    crashed: Notify,
}

impl<K: Kept> Process<K> {
    /// Marks a boundary with the outside world, where the process may crash: nothing runs after that.
    async fn boundary(&self) {
        tokio::task::yield_now().await;
        if Some(self.passed.fetch_add(1, SeqCst) + 1) == self.crash_at {
            self.crash();
            std::future::pending::<()>().await;
        }
    }

    /// Messages in the outbox at this moment may have been sent.
    fn crash(&self) {
        let pending = self.memory.load("fake").now_or_never().unwrap().unwrap().outbox;
        let keys: Vec<String> = pending.iter().map(Delivery::key).collect();
        self.excuse(&keys);
        self.witness.lock().unwrap().crashes += 1;
        self.crashed.notify_one();
    }

    fn fails(&self, divisor: u32) -> bool {
        self.rng.lock().unwrap().u32(0..100) < self.failure_percent / divisor
    }

    fn excuse(&self, keys: &[String]) {
        let mut witness = self.witness.lock().unwrap();
        for key in keys {
            *witness.excused.entry(key.clone()).or_default() += 1;
        }
    }
}

fn failed(operation: &str) -> PortError {
    PortError { operation: operation.to_owned(), detail: "no answer".to_owned(), retryable: true }
}

#[async_trait]
impl<K: Kept> StateStore for Process<K> {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        self.boundary().await;
        let item = self.memory.load(check).await;
        self.boundary().await;
        if self.fails(4) { Err(failed("read")) } else { item }
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.boundary().await;
        if self.fails(4) {
            return Err(CommitError::Store(failed("write")));
        }
        let mut commit = commit.clone();
        if self.variant == Variant::WithoutCondition {
            let now = self.memory.load(&commit.check).await?;
            commit.expected_version = now.version;
            if let Some(last) = now.last_run.get(&commit.slot) {
                commit.last_run.at = commit.last_run.at.max(last.at + Duration::from_nanos(1));
            }
        }
        let written = self.memory.commit(&commit).await;
        if written.is_ok() {
            self.witness.lock().unwrap().enqueued.extend(commit.enqueue.iter().map(Delivery::key));
        }
        self.boundary().await;
        // Written without an answer; or the client retries, and the retry is refused.
        match self.rng.lock().unwrap().u32(0..200) {
            _ if self.failure_percent == 0 || written.is_err() => written,
            0..4 => Err(CommitError::Store(failed("write"))),
            4..8 => Err(CommitError::Moved),
            _ => written,
        }
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        self.boundary().await;
        if self.fails(2) {
            self.excuse(delivered);
            return Err(failed("clear"));
        }
        self.memory.clear(check, delivered).await?;
        self.boundary().await;
        Ok(())
    }
}

#[async_trait]
impl<K: Kept> MetricSink for Process<K> {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        self.boundary().await;
        self.memory.publish(data).await?;
        self.boundary().await;
        if self.fails(2) { Err(failed("publish")) } else { Ok(()) }
    }
}

#[async_trait]
impl<K: Kept> Notifier for Process<K> {
    fn has(&self, topic: Topic) -> bool {
        self.memory.has(topic)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        let key = delivery.key();
        if self.variant == Variant::ClearBeforeSend {
            self.memory.clear("fake", std::slice::from_ref(&key)).await?;
        }
        self.boundary().await;
        if self.fails(1) {
            return Err(failed("send"));
        }
        self.witness.lock().unwrap().arrived.push(delivery.clone());
        self.boundary().await;
        if self.fails(2) {
            // Accepted, and the answer is lost.
            self.excuse(&[key]);
            return Err(failed("send"));
        }
        Ok(())
    }
}

/// State of one subject, a letter per minute: `.` healthy, `x` broken, `f` broken for one attempt, `?` inconclusive.
fn truth(rng: &mut Rng) -> Vec<char> {
    let mut letters = Vec::new();
    while letters.len() < EVENTFUL as usize {
        let (letter, most) = match rng.u32(0..20) {
            0..9 => ('.', 5),
            9..15 => ('x', 5),
            15..18 => ('f', 1),
            _ => ('?', 4),
        };
        letters.extend(std::iter::repeat_n(letter, rng.usize(1..=most)));
    }
    letters.truncate(EVENTFUL as usize);
    letters.extend(std::iter::repeat_n('.', QUIET as usize));
    letters
}

/// One event that starts a run.
#[derive(Clone, Copy)]
struct Start {
    location: usize,
    minute: i64,
}

struct History<K> {
    rng: Rng,
    variant: Variant,
    memory: Arc<K>,
    witness: Arc<Mutex<Witness>>,
    truth: Vec<Vec<char>>,
    creates: bool,
    base: Instant,
    figures: Figures,
}

impl<K: Kept> History<K> {
    fn new(seed: u64, variant: Variant) -> Self {
        let mut rng = Rng::with_seed(seed);
        let truth = SUBJECTS.map(|_| truth(&mut rng)).to_vec();
        let creates = rng.bool();
        Self {
            rng,
            variant,
            memory: K::empty(),
            witness: Arc::default(),
            truth,
            creates,
            base: Instant::now(),
            figures: Figures { histories: 1, ..Figures::default() },
        }
    }

    /// Events of each minute: some come twice, some a minute late.
    fn schedule(&mut self) -> Vec<Vec<Start>> {
        let locations = if self.rng.u32(0..10) < 7 { 1 } else { 2 };
        let minutes = EVENTFUL + QUIET;
        let mut schedule: Vec<Vec<Start>> =
            (0..minutes).map(|minute| (0..locations).map(|location| Start { location, minute }).collect()).collect();
        for _ in 0..self.rng.u32(0..=2) {
            let minute = self.rng.usize(0..EVENTFUL as usize);
            let again = schedule[minute][0];
            let later = self.rng.usize(0..=1);
            schedule[minute + later].push(again);
            self.figures.duplicate_events += 1;
        }
        for _ in 0..self.rng.u32(0..=2) {
            let minute = self.rng.usize(0..EVENTFUL as usize);
            if let Some(late) = schedule[minute].pop() {
                schedule[minute + 1].push(late);
                self.figures.reorders += 1;
            }
        }
        schedule
    }

    async fn play(mut self, seed: u64) -> Figures {
        let schedule = self.schedule();
        let eventful: usize = schedule[..EVENTFUL as usize].iter().map(Vec::len).sum();
        let mute_at = self.rng.bool().then(|| self.rng.i64(0..EVENTFUL - 3));
        for (minute, starts) in (0..).zip(schedule) {
            let due = Duration::from_secs(u64::try_from(minute).unwrap() * 60 + 5);
            tokio::time::advance(due.saturating_sub(self.base.elapsed())).await;
            if Some(minute) == mute_at {
                self.mute(minute).await;
            }
            let is_quiet = minute >= EVENTFUL;
            let mut runs = Vec::new();
            for start in starts {
                self.figures.runs += 1;
                let crashes = !is_quiet && self.rng.f64() < CRASHES / eventful as f64;
                let crash_at = if crashes { Some(self.random_boundary(start).await) } else { None };
                let failure_percent = if is_quiet { 0 } else { 12 };
                let (memory, witness) = (Arc::clone(&self.memory), Arc::clone(&self.witness));
                runs.push(self.process(start, crash_at, failure_percent, memory, witness));
            }
            if self.rng.bool() {
                join_all(runs).await;
            } else {
                for run in runs {
                    run.await;
                }
            }
        }
        self.judge(seed).await
    }

    /// Picks one boundary of such a run at random, by counting the boundaries of a run on a copy.
    async fn random_boundary(&mut self, start: Start) -> usize {
        let copy = self.memory.copied();
        let boundaries = self.process(start, None, 0, copy, Arc::default()).await;
        self.rng.usize(1..=boundaries.max(1))
    }

    /// Plays one run in its own process. Returns the number of boundaries passed.
    fn process(
        &mut self,
        start: Start,
        crash_at: Option<usize>,
        failure_percent: u32,
        memory: Arc<K>,
        witness: Arc<Mutex<Witness>>,
    ) -> impl Future<Output = usize> + use<K> {
        let process = Arc::new(Process {
            memory,
            witness,
            variant: self.variant,
            failure_percent,
            rng: Mutex::new(self.rng.fork()),
            passed: AtomicUsize::new(0),
            crash_at,
            crashed: Notify::new(),
        });
        let ports = Ports {
            clock: Arc::new(TestClock { base: self.base }),
            state: process.clone(),
            metrics: process.clone(),
            notifier: process.clone(),
            secrets: Arc::new(EnvironmentSecrets::new(|_: &str| None)),
            redactor: Redactor::default(),
            location: LOCATIONS[start.location].to_owned(),
            region: None,
            machine: None,
            release: "test".to_owned(),
            interrupt: runtime::CancellationToken::new(),
            recorder: Arc::new(Journey::new),
        };
        let letters: Vec<char> = self.truth.iter().map(|truth| truth[start.minute as usize]).collect();
        let flow = flow(letters, Arc::clone(&process));
        let creates = self.creates;
        async move {
            let event = json!({ "scheduled_time": minute(start.minute) });
            let invocation = Invocation { event, killed_at: None, may_send: true, tag: None, explanation: None };
            let policy = Policy {
                flap_window: Duration::from_secs(8 * 60),
                stable_after: Duration::from_secs(4 * 60),
                monitoring_lost_after: 2,
                ..Policy::default()
            };
            let run = async {
                // Failing reads and writes are part of the history.
                if creates {
                    let mut check = crate::world::creates(flow);
                    check.run.policy = policy;
                    let _ = execute(&check, &ports, &invocation).await;
                } else {
                    let mut check = reads(flow);
                    check.run.policy = policy;
                    let _ = execute(&check, &ports, &invocation).await;
                }
            };
            tokio::select! {
                biased;
                () = process.crashed.notified() => {}
                () = run => {}
            }
            process.passed.load(SeqCst)
        }
    }

    async fn mute(&mut self, minute_now: i64) {
        let item = self.memory.load("fake").await.unwrap();
        let mut state: CheckState = item.state;
        state.mutes.push(Silence {
            id: "m1".to_owned(),
            kind: SilenceKind::Mute,
            subject: self.rng.bool().then(|| subject("a")),
            from: minute(minute_now),
            until: minute(minute_now + self.rng.i64(1..=3)),
            by: "anna".to_owned(),
            reason: "deploy".to_owned(),
        });
        self.memory.amend("fake", item.version, &state).await.unwrap();
    }

    async fn judge(mut self, seed: u64) -> Figures {
        let item = self.memory.load("fake").await.unwrap();
        let witness = self.witness.lock().unwrap();
        let figures = &mut self.figures;
        figures.crashes = witness.crashes;
        figures.messages = witness.arrived.len() as u64;

        let mut times: BTreeMap<String, u64> = BTreeMap::new();
        for delivery in &witness.arrived {
            *times.entry(delivery.key()).or_default() += 1;
        }
        figures.lost = witness.enqueued.iter().filter(|key| !times.contains_key(*key)).count() as u64;
        for (key, times) in &times {
            let again = times - 1;
            figures.duplicates += again;
            figures.unaccounted_duplicates += again.saturating_sub(witness.excused.get(key).copied().unwrap_or(0));
        }

        let unfinished = item.state.subjects.values().filter(|state| {
            state.phase != Phase::Healthy
                || state.announced.is_some()
                || state.is_flapping
                || state.monitoring_gap.is_some()
        });
        figures.stuck = unfinished.count() as u64 + item.outbox.len() as u64;

        // State as known to a receiver that ignores repeated ids, in the order of the runs that sent.
        let mut read: Vec<&Delivery> = witness.arrived.iter().filter(|one| one.topic == Topic::Events).collect();
        read.sort_by_key(|delivery| (delivery.notification.at, order(delivery.notification.event)));
        let mut ids = BTreeSet::new();
        read.retain(|delivery| ids.insert(delivery.notification.notification_id.clone()));
        let mut believed: BTreeMap<String, bool> = BTreeMap::new();
        let mut inconclusive: BTreeMap<String, bool> = BTreeMap::new();
        let mut announced: BTreeSet<(Event, String)> = BTreeSet::new();
        for delivery in read {
            let event = delivery.notification.event;
            for report in &delivery.notification.subjects {
                let name = report.failure.subject.to_string();
                let is_end = event == Event::Recovered || (event == Event::Stabilized && report.closed_at.is_some());
                let is_once = matches!(event, Event::Opened | Event::Recovered);
                if is_once && !announced.insert((event, report.incident_id.clone())) {
                    figures.contradictions += 1;
                }
                if is_end && believed.get(&name) != Some(&true) {
                    figures.contradictions += 1;
                }
                believed.insert(name.clone(), !is_end);
                if event == Event::Opened {
                    let letters = &self.truth[SUBJECTS.iter().position(|subject| *subject == name).unwrap()];
                    let attempts = failed_attempts(letters, self.creates, report.since, report.opened_at);
                    figures.openings_by_one_attempt += u64::from(attempts < 2);
                }
            }
            for report in &delivery.notification.inconclusive {
                inconclusive.insert(report.subject.to_string(), event == Event::MonitoringLost);
            }
        }
        figures.stuck += believed.values().chain(inconclusive.values()).filter(|open| **open).count() as u64;
        if figures.violations() > 0 {
            figures.bad_seeds.insert(seed);
        }
        self.figures.clone()
    }
}

/// Order of events within one run.
fn order(event: Event) -> usize {
    Event::ALL.iter().position(|one| *one == event).unwrap()
}

/// Largest number of failed attempts of one location between two times.
fn failed_attempts(letters: &[char], creates: bool, since: Timestamp, until: Timestamp) -> usize {
    (0..)
        .zip(letters)
        .filter(|(number, _)| since <= minute(*number) && minute(*number) <= until)
        .map(|(_, letter)| match letter {
            'x' if creates => 1,
            'x' => 2,
            'f' => 1,
            _ => 0,
        })
        .sum()
}

/// A flow that finds the state given by each subject's letter.
fn flow<K: Kept>(
    letters: Vec<char>,
    process: Arc<Process<K>>,
) -> impl for<'a> Fn(&'a Run, usize) -> BoxFuture<'a, ()> + Send + Sync + 'static {
    move |run, attempt| {
        let (letters, process) = (letters.clone(), Arc::clone(&process));
        Box::pin(async move { look(run, attempt, &letters, &process).await })
    }
}

async fn look<K: Kept>(run: &Run, attempt: usize, letters: &[char], process: &Process<K>) {
    for (name, letter) in SUBJECTS.iter().zip(letters) {
        let step = run.step(&subject(name), "answer");
        process.boundary().await;
        match letter {
            'x' => assert!(step.check("status", Err(mismatch("status 500"))).is_err()),
            'f' if attempt == 0 => assert!(step.check("status", Err(mismatch("status 502"))).is_err()),
            '?' => assert!(step.secret(&SecretRef::Variable("MISSING".to_owned())).await.is_err()),
            _ => step.passed(),
        }
    }
}

/// Plays histories on two threads, each with its own paused clock.
fn play<K: Kept>(variant: Variant, seeds: Range<u64>) -> Figures {
    let middle = seeds.start + (seeds.end - seeds.start) / 2;
    let part = |seeds: Range<u64>| {
        move || {
            let mut figures = Figures::default();
            for seed in seeds {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
                let played = runtime.unwrap().block_on(async { History::<K>::new(seed, variant).play(seed).await });
                figures.add(played);
            }
            figures
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(part(middle..seeds.end));
        let mut figures = part(seeds.start..middle)();
        figures.add(other.join().unwrap());
        figures
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Seeds of the histories, as the variables say.
fn seeds(default: u64) -> Range<u64> {
    number("SEED").map_or(0..number("HISTORIES").unwrap_or(default), |seed| seed..seed + 1)
}

#[test]
fn crashes_lose_nothing_of_a_store_in_a_file() {
    let figures = play::<InFile>(Variant::Correct, seeds(HISTORIES_IN_FILE));
    println!("in a file: {figures}");
    assert_eq!(figures.violations(), 0, "in a file: {figures}");
}

#[test]
fn crashes_lose_repeat_and_contradict_nothing() {
    let figures = play::<Memory>(Variant::Correct, seeds(HISTORIES));
    println!("{figures}");
    assert_eq!(figures.violations(), 0, "{figures}");
    if figures.histories >= 1_000 {
        let average = figures.crashes as f64 / figures.histories as f64;
        assert!((2.5..3.5).contains(&average), "expected three crashes a history: {figures}");
        assert!(figures.duplicate_events >= figures.histories * 9 / 10 && figures.duplicates > 0, "{figures}");
        assert!(figures.reorders >= figures.histories * 9 / 10, "{figures}");
    }
}

/// Control: the histories detect the mistake prevented by the outbox.
#[test]
fn clearing_before_sending_loses_messages() {
    let figures = play::<Memory>(Variant::ClearBeforeSend, 0..300);
    println!("with clear before send: {figures}");
    assert!(figures.lost > 0, "{figures}");
}

/// Control: the histories detect the mistake prevented by the conditional write.
#[test]
fn unconditional_write_breaks_the_guarantees() {
    let figures = play::<Memory>(Variant::WithoutCondition, 0..300);
    println!("without the condition: {figures}");
    assert!(figures.violations() > 0, "{figures}");
}
