//! Checks at their cadence, on the virtual clock of a paused tokio runtime.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use check::budget::Objective;
use check::{Report, Subject};
use check_testkit::sample_report;
use jiff::{SignedDuration, Timestamp};
use local::{Memory, Store};
use runtime::{AnyCheck, CancellationToken, CleanupReport, Clock, Invocation, Ports, RunError, signed};
use scheduler::{Event, Fleet, Missed, Order, Plan, Runner};
use settings::Common;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

const MINUTE: Duration = Duration::from_secs(60);
/// Deadline of every check here, whatever time it takes.
const DEADLINE: Duration = Duration::from_secs(120);

/// Wall clock on tokio's time, that a test can set.
struct Virtual {
    start: (Timestamp, Instant),
    set_by: Mutex<SignedDuration>,
}

impl Virtual {
    fn start() -> Arc<Self> {
        let start = (Timestamp::from_second(1_795_000_000).unwrap(), Instant::now());
        Arc::new(Self { start, set_by: Mutex::default() })
    }

    /// Sets the clock forward or back.
    fn set(&self, by: SignedDuration) {
        *self.set_by.lock().unwrap() += by;
    }
}

#[async_trait]
impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        self.start.0 + signed(self.start.1.elapsed()) + *self.set_by.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

/// A check that only takes time, and notes when it runs.
struct Sleeper {
    id: &'static str,
    takes: Duration,
    runs: Arc<Runs>,
}

#[derive(Default)]
struct Runs {
    events: Mutex<Vec<serde_json::Value>>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Runs {
    fn count(&self) -> usize {
        self.events.lock().unwrap().len()
    }
}

#[async_trait]
impl AnyCheck for Sleeper {
    fn id(&self) -> &'static str {
        self.id
    }

    fn common(&self) -> &Common {
        unreachable!("the scheduler knows no settings")
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }

    fn skip_changes(&mut self) -> BTreeSet<Subject> {
        BTreeSet::new()
    }

    fn tags(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn explainable(&self) -> BTreeSet<Subject> {
        BTreeSet::new()
    }

    fn objective(&self) -> Option<Objective> {
        None
    }

    fn written(&self) -> &toml::Table {
        unreachable!("the scheduler knows no settings")
    }

    async fn run(&self, ports: &Ports, invocation: &Invocation) -> Result<Report, RunError> {
        let at_once = self.runs.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.runs.most.fetch_max(at_once, Ordering::SeqCst);
        self.runs.events.lock().unwrap().push(invocation.event.clone());
        tokio::select! {
            () = sleep(self.takes) => {}
            () = ports.interrupt.cancelled() => {}
        }
        self.runs.running.fetch_sub(1, Ordering::SeqCst);
        let mut report = sample_report(&[1.0]);
        report.key.check = self.id.to_owned();
        report.run_id = ports.clock.now().to_string();
        Ok(report)
    }

    async fn cleanup(&self, _ports: &Ports, _remove: bool) -> Option<CleanupReport> {
        None
    }
}

/// A fleet with its clock, and what it reported.
struct Started {
    fleet: Fleet,
    events: mpsc::Receiver<Event>,
    clock: Arc<Virtual>,
    interrupt: CancellationToken,
}

fn start() -> Started {
    start_in(Order::Spread)
}

fn start_in(order: Order) -> Started {
    let (clock, interrupt) = (Virtual::start(), CancellationToken::new());
    let ports = check_testkit::ports(&Arc::new(Memory::default()), &Arc::default(), []);
    let ports = Ports { clock: clock.clone(), interrupt: interrupt.clone(), ..ports };
    let (fleet, events) = Fleet::new(Runner { ports, reports: Some(Arc::new(Store::in_memory().unwrap())) }, order);
    Started { fleet, events, clock, interrupt }
}

fn plan(id: &'static str, every: Duration, takes: Duration) -> (Plan, Arc<Runs>) {
    let runs = Arc::new(Runs::default());
    (Plan { check: Arc::new(Sleeper { id, takes, runs: runs.clone() }), every }, runs)
}

/// The times missed so far.
fn missed(events: &mut mpsc::Receiver<Event>) -> Vec<(Missed, u64)> {
    let mut found = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Missed { missed, count, .. } = event {
            found.push((missed, count));
        }
    }
    found
}

#[tokio::test(start_paused = true)]
async fn every_check_runs_at_its_cadence() {
    let mut started = start();
    let (often, often_runs) = plan("login", MINUTE, Duration::from_secs(2));
    let (rarely, rare_runs) = plan("reconciliation", 15 * MINUTE, Duration::from_secs(20));
    started.fleet.replace(vec![often, rarely]);
    sleep(60 * MINUTE).await;
    // The first run begins at once.
    assert!([60, 61].contains(&often_runs.count()), "{}", often_runs.count());
    assert!([4, 5].contains(&rare_runs.count()), "{}", rare_runs.count());
    assert_eq!(missed(&mut started.events), []);
    let events = often_runs.events.lock().unwrap().clone();
    let times: Vec<Timestamp> =
        events.iter().map(|event| event["scheduled_time"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times[1..].windows(2).all(|pair| pair[1].duration_since(pair[0]) == signed(MINUTE)), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn slow_run_never_overlaps_the_next() {
    let mut started = start();
    let (slow, runs) = plan("booking", MINUTE, Duration::from_secs(150));
    started.fleet.replace(vec![slow]);
    sleep(30 * MINUTE).await;
    assert_eq!(runs.most.load(Ordering::SeqCst), 1);
    let missed = missed(&mut started.events);
    assert!(missed.len() >= 9 && missed.iter().all(|(why, _)| *why == Missed::StillRunning), "{missed:?}");
    // Each run takes two and a half minutes.
    assert!((9..=11).contains(&runs.count()), "{}", runs.count());
}

#[tokio::test(start_paused = true)]
async fn sleep_of_the_machine_is_reported_and_not_caught_up() {
    let mut started = start();
    let (check, runs) = plan("login", MINUTE, Duration::from_secs(1));
    started.fleet.replace(vec![check]);
    sleep(5 * MINUTE).await;
    let before = runs.count();
    assert_eq!(missed(&mut started.events), []);
    started.clock.set(SignedDuration::from_hours(8));
    sleep(Duration::from_secs(5)).await;
    let found = missed(&mut started.events);
    assert!(matches!(found[..], [(Missed::Asleep, 479..=481)]), "{found:?}");
    sleep(2 * MINUTE).await;
    assert!((1..=3).contains(&(runs.count() - before)), "{} then {}", before, runs.count());
}

#[tokio::test(start_paused = true)]
async fn clock_set_back_stops_no_check() {
    let mut started = start();
    let (check, runs) = plan("login", MINUTE, Duration::from_secs(1));
    started.fleet.replace(vec![check]);
    sleep(5 * MINUTE).await;
    started.clock.set(-SignedDuration::from_hours(2));
    sleep(5 * MINUTE).await;
    let mut set_back = Vec::new();
    while let Ok(event) = started.events.try_recv() {
        if let Event::ClockSetBack { by, .. } = event {
            set_back.push(by);
        }
    }
    assert!(matches!(set_back[..], [by] if by > SignedDuration::from_mins(118)), "{set_back:?}");
    assert!((10..=12).contains(&runs.count()), "{}", runs.count());
    let events = runs.events.lock().unwrap();
    // A run whose time is before that of another would be refused as a duplicate.
    assert_eq!(events.last(), Some(&serde_json::json!({})));
}

#[tokio::test(start_paused = true)]
async fn replaced_check_ends_its_run_before_the_next_begins() {
    let mut started = start();
    let (first, first_runs) = plan("login", MINUTE, Duration::from_secs(40));
    let (removed, removed_runs) = plan("queues", MINUTE, Duration::from_secs(1));
    started.fleet.replace(vec![first, removed]);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(first_runs.running.load(Ordering::SeqCst), 1);
    let runs = first_runs.clone();
    let second = Plan { check: Arc::new(Sleeper { id: "login", takes: MINUTE / 60, runs }), every: MINUTE / 6 };
    let (added, added_runs) = plan("booking", MINUTE, Duration::from_secs(1));
    started.fleet.replace(vec![second, added]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(added_runs.count(), 1, "a new check runs at once");
    sleep(10 * MINUTE).await;
    assert_eq!(first_runs.most.load(Ordering::SeqCst), 1, "a check never overlaps itself");
    assert!((55..=61).contains(&first_runs.count()), "{}", first_runs.count());
    assert_eq!(removed_runs.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_the_run_in_progress() {
    let mut started = start();
    let (check, runs) = plan("booking", MINUTE, Duration::from_secs(30));
    started.fleet.replace(vec![check]);
    sleep(Duration::from_secs(1)).await;
    started.interrupt.cancel();
    started.fleet.stop().await;
    assert_eq!((runs.count(), runs.running.load(Ordering::SeqCst)), (1, 0));
    let ended = std::iter::from_fn(|| started.events.try_recv().ok()).any(|event| matches!(event, Event::Ended { .. }));
    assert!(ended, "the run in progress is reported");
}

#[tokio::test(start_paused = true)]
async fn checks_in_sequence_run_one_at_a_time_and_in_order() {
    let mut started = start_in(Order::InSequence);
    let runs = Arc::new(Runs::default());
    let check = |id, seconds| {
        let check = Sleeper { id, takes: Duration::from_secs(seconds), runs: runs.clone() };
        Plan { check: Arc::new(check), every: MINUTE }
    };
    started.fleet.replace(vec![check("login", 5), check("booking", 1), check("availability", 3)]);
    sleep(3 * MINUTE - Duration::from_secs(1)).await;
    let mut order = Vec::new();
    while let Ok(event) = started.events.try_recv() {
        if let Event::Began { check } = event {
            order.push(check);
        }
    }
    assert_eq!(order, ["login", "booking", "availability"].repeat(3));
    assert_eq!(runs.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn run_that_outlasts_a_reload_is_called_still_running() {
    let mut started = start();
    let (long, _) = plan("booking", MINUTE, 5 * MINUTE);
    started.fleet.replace(vec![long]);
    sleep(Duration::from_secs(10)).await;
    let (short, runs) = plan("booking", MINUTE, Duration::from_secs(1));
    started.fleet.replace(vec![short]);
    sleep(8 * MINUTE).await;
    let found = missed(&mut started.events);
    assert!(matches!(found[..], [(Missed::StillRunning, 4..=5)]), "{found:?}");
    assert!((3..=4).contains(&runs.count()), "{}", runs.count());
}

#[tokio::test(start_paused = true)]
async fn run_past_its_deadline_is_late() {
    let mut started = start();
    let (hanging, _) = plan("booking", 15 * MINUTE, 60 * MINUTE);
    started.fleet.replace(vec![hanging]);
    let board = started.fleet.board();
    let late = || board.standings()["booking"].late(started.clock.now());
    sleep(DEADLINE + Duration::from_secs(50)).await;
    assert_eq!(late(), None, "it may still be sending its messages");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(late().as_deref(), Some("its run has not ended for 3 min 10 s"));
}

#[tokio::test(start_paused = true)]
async fn reader_that_was_away_learns_how_much_it_lacks() {
    let mut started = start();
    let (often, runs) = plan("login", Duration::from_secs(1), Duration::from_millis(1));
    started.fleet.replace(vec![often]);
    sleep(20 * MINUTE).await;
    let mut kept = 0;
    while started.events.try_recv().is_ok() {
        kept += 1;
    }
    // Each run has a beginning and an end.
    let lost = 2 * runs.count() - kept;
    sleep(Duration::from_secs(2)).await;
    let next = started.events.try_recv();
    assert!(matches!(next, Ok(Event::Dropped { count }) if count == lost as u64), "{lost} lost, {next:?}");
    let next = started.events.try_recv();
    assert!(matches!(next, Ok(Event::Began { .. })), "{next:?}");
}
