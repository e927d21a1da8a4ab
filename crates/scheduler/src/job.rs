//! Runs of one check, one after the other.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::{CancellationToken, Invocation, signed};
use serde_json::json;
use tokio::sync::{Mutex, Notify};

use crate::events::Events;
use crate::ticks::Ticks;
use crate::{Event, Missed, Plan, Runner};

/// Longest wait without a look at the clock. A machine that sleeps stops waits too, and its clock may be set.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A run that begins later than this after its time does not take place.
const LATE_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Reason to run.
enum Wake {
    /// The run is due; the time now.
    Due(Timestamp),
    /// A person asks for it.
    Asked,
}

/// Runs of one check.
pub(crate) struct Job {
    pub(crate) runner: Arc<Runner>,
    pub(crate) plan: Plan,
    /// Times of its runs.
    pub(crate) ticks: Ticks,
    /// Held by the job that runs, where only one may.
    pub(crate) turn: Option<Arc<Mutex<()>>>,
    /// Ends the job after the run in progress.
    pub(crate) stop: CancellationToken,
    /// Requests of a person for a run.
    pub(crate) asked: Arc<Notify>,
    pub(crate) events: Events,
}

impl Job {
    /// Repeats the check from a time on, until the job or the program is asked to stop.
    pub(crate) async fn repeat(self, first: Timestamp) {
        let ticks = self.ticks;
        let mut due = first;
        let mut latest = Timestamp::MIN;
        while let Some(wake) = self.wait(ticks, &mut due).await {
            let begins = match wake {
                Wake::Due(now) => now,
                Wake::Asked => {
                    // A manual run, so that the one that is due takes place too.
                    if !self.run(json!({}), due).await {
                        return;
                    }
                    due = self.after_run(due);
                    continue;
                }
            };
            let late_after = LATE_AFTER.min(signed(self.plan.every) / 2);
            if begins.duration_since(due) > late_after {
                let count = 1 + ticks.between(due, begins);
                due = ticks.after(begins);
                self.events.tell(Event::Missed { check: self.id(), missed: Missed::Asleep, count, next: due });
                continue;
            }
            // After the clock was set back, runs are manual ones: their times are not after those of earlier runs.
            let event = if due > latest { json!({ "scheduled_time": due.to_string() }) } else { json!({}) };
            latest = latest.max(due);
            // The first run is not at one of these times.
            let next = ticks.after(due.saturating_add(signed(self.plan.every) / 2).unwrap_or(due));
            if !self.run(event, next).await {
                return;
            }
            // What a replaced job has missed, the next one reports.
            if self.is_stopped() {
                return;
            }
            due = self.after_run(next);
        }
    }

    /// Time of the next run, after one that has just ended. Reports times that it has missed, from `next` on.
    pub(crate) fn after_run(&self, next: Timestamp) -> Timestamp {
        let ended = self.now();
        if ended <= next {
            return next;
        }
        let count = 1 + self.ticks.between(next, ended);
        let next = self.ticks.after(ended);
        self.events.tell(Event::Missed { check: self.id(), missed: Missed::StillRunning, count, next });
        next
    }

    /// Runs the check once. Returns false if it was asked to stop before.
    async fn run(&self, event: serde_json::Value, next: Timestamp) -> bool {
        let _turn = match &self.turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        if self.is_stopped() {
            return false;
        }
        let check = self.id();
        self.events.tell(Event::Began { check });
        let invocation = Invocation { event, killed_at: None, may_send: true, tag: None, explanation: None };
        self.events.tell(match self.runner.run(&*self.plan.check, &invocation).await {
            Ok(ran) => Event::Ended { check, report: Box::new(ran.report), losses: ran.losses, next },
            Err(error) => Event::NotRun { check, error: error.to_string(), next },
        });
        true
    }

    /// Waits until a time, or until a person asks for a run. `None`: asked to stop. The time moves when the clock is set back.
    async fn wait(&self, ticks: Ticks, due: &mut Timestamp) -> Option<Wake> {
        let interrupt = &self.runner.ports.interrupt;
        loop {
            let now = self.now();
            let left = due.duration_since(now);
            // The second run may be later than an interval after the first.
            let by = left - signed(self.plan.every) - signed(self.plan.every) / 2;
            if by > SignedDuration::ZERO {
                *due = ticks.after(now);
                self.events.tell(Event::ClockSetBack { check: self.id(), by, next: *due });
                continue;
            }
            let slice = Duration::try_from(left).unwrap_or_default().min(LOOK_EVERY);
            if self.is_stopped() {
                return None;
            }
            if slice.is_zero() {
                return Some(Wake::Due(now));
            }
            tokio::select! {
                () = interrupt.cancelled() => {}
                () = self.stop.cancelled() => {}
                () = self.asked.notified() => return Some(Wake::Asked),
                () = self.runner.ports.clock.sleep(slice) => {}
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.runner.ports.interrupt.is_cancelled() || self.stop.is_cancelled()
    }

    fn now(&self) -> Timestamp {
        self.runner.ports.clock.now()
    }

    fn id(&self) -> &'static str {
        self.plan.check.id()
    }
}
