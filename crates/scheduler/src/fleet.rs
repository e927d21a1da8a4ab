//! All jobs, and their replacement when the settings change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use runtime::CancellationToken;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::events::Events;
use crate::job::Job;
use crate::minutes::evaluate_every_minute;
use crate::store_file::look_after_the_file;
use crate::{AlarmWatch, Board, Deliveries, Event, Order, Plan, RunNow, Runner};

/// Time between the first runs of two checks.
const APART: SignedDuration = SignedDuration::from_millis(200);
/// Time between the times of two checks that run in sequence, so that they ask for their turns in order.
const IN_ORDER: SignedDuration = SignedDuration::from_millis(20);

/// Checks that run at their cadence, each never twice at the same time, and the alarms on their values.
pub struct Fleet {
    runner: Arc<Runner>,
    order: Order,
    /// Where only one check may run at a time: held by the one that runs.
    turn: Option<Arc<tokio::sync::Mutex<()>>>,
    events: Events,
    jobs: BTreeMap<&'static str, Started>,
    alarms: Option<(Arc<Mutex<AlarmWatch>>, Started)>,
    run_now: RunNow,
    store: Option<Started>,
}

struct Started {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Fleet {
    /// Creates a fleet without checks. The receiver gets what happens, unless it falls far behind.
    #[must_use]
    pub fn new(runner: Runner, order: Order) -> (Self, mpsc::Receiver<Event>) {
        let (events, received) = Events::new(runner.ports.clock.clone());
        let turn = (order == Order::InSequence).then(Arc::default);
        (
            Self {
                runner: Arc::new(runner),
                order,
                turn,
                events,
                jobs: BTreeMap::new(),
                alarms: None,
                run_now: RunNow::default(),
                store: None,
            },
            received,
        )
    }

    /// Progress of the checks.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        self.events.board()
    }

    /// Handle for runs that a person asks for.
    #[must_use]
    pub fn run_now(&self) -> RunNow {
        self.run_now.clone()
    }

    /// Replaces all checks. A run in progress ends first. A check that is new runs at once, the others at their next time.
    pub fn replace(&mut self, plans: Vec<Plan>) {
        let mut before = std::mem::take(&mut self.jobs);
        before.values().for_each(|started| started.stop.cancel());
        let now = self.runner.ports.clock.now();
        let mut at_once = now;
        let apart = match self.order {
            Order::Spread => APART,
            Order::InSequence => IN_ORDER,
        };
        let mut planned = Vec::new();
        for plan in plans {
            let id = plan.check.id();
            let before = before.remove(id);
            let ticks = plan.ticks(self.order, at_once);
            let first = if before.is_none() { at_once } else { ticks.after(now) };
            if before.is_none() || self.order == Order::InSequence {
                at_once = at_once.saturating_add(apart).unwrap_or(at_once);
            }
            planned.push((plan.clone(), first));
            let stop = CancellationToken::new();
            let job = Job {
                runner: self.runner.clone(),
                plan,
                ticks,
                turn: self.turn.clone(),
                stop: stop.clone(),
                asked: self.run_now.requests(id),
                events: self.events.clone(),
            };
            let task = tokio::spawn(async move {
                let first = match before {
                    None => first,
                    Some(before) => {
                        // A task that panicked has ended too.
                        let _ = before.task.await;
                        job.after_run(first)
                    }
                };
                job.repeat(first).await;
            });
            self.jobs.insert(id, Started { stop, task });
        }
        let ids: Vec<_> = planned.iter().map(|(plan, _)| plan.check.id()).collect();
        self.run_now.retain(&ids);
        self.events.board().plan(&planned);
    }

    /// Evaluates alarms every minute, and sends their changes to destinations, until the fleet stops. Looks after the file of their
    /// store, too.
    pub fn watch(&mut self, alarms: AlarmWatch, deliveries: Arc<Deliveries>) {
        self.events.board().set_alarms(alarms.states());
        let stop = CancellationToken::new();
        let task = tokio::spawn(look_after_the_file(alarms.store(), self.events.clone(), stop.clone()));
        self.store = Some(Started { stop, task });
        let (watch, stop) = (Arc::new(Mutex::new(alarms)), CancellationToken::new());
        let task = tokio::spawn(evaluate_every_minute(watch.clone(), deliveries, self.events.clone(), stop.clone()));
        self.alarms = Some((watch, Started { stop, task }));
    }

    /// Changes the alarms that are evaluated.
    pub fn with_alarms(&self, change: impl FnOnce(&mut AlarmWatch)) {
        if let Some((watch, _)) = &self.alarms {
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut watch);
            self.events.board().set_alarms(watch.states());
        }
    }

    /// Stops all checks, and waits for the runs in progress. They are interrupted only by the token of their ports.
    pub async fn stop(self) {
        let watches = self.alarms.map(|(_, started)| started).into_iter().chain(self.store);
        let all: Vec<Started> = self.jobs.into_values().chain(watches).collect();
        all.iter().for_each(|started| started.stop.cancel());
        for started in all {
            let _ = started.task.await;
        }
    }
}
