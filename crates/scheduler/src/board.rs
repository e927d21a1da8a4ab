//! What the scheduler knows about each check since its start.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alarm::State;
use check::message::span;
use jiff::{SignedDuration, Timestamp};
use runtime::signed;

use crate::{Event, Plan};

/// Time after which a run is overdue, beyond its interval; and after which a run in progress is stuck, beyond its deadline: it
/// then undoes what it created, writes into the store, and sends its messages.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// Progress of all checks, and states of the alarms.
#[derive(Debug, Default)]
pub struct Board(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    checks: BTreeMap<&'static str, Standing>,
    alarms: BTreeMap<String, State>,
    is_store_lost: bool,
}

/// Progress of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Interval between its runs.
    pub every: Duration,
    /// Longest time for a run, without its reports.
    pub deadline: Duration,
    /// Start of the last run.
    pub began: Option<Timestamp>,
    /// End of the last run.
    pub ended: Option<Timestamp>,
    /// Time of the next run.
    pub next: Option<Timestamp>,
    /// Number of runs by outcome.
    pub runs: BTreeMap<&'static str, u64>,
    /// Number of runs that were due and did not take place.
    pub missed: u64,
    /// Number of runs that the store lost in part.
    pub losses: u64,
}

impl Standing {
    /// Describes how the check is late; `None` when it runs as it should.
    #[must_use]
    pub fn late(&self, now: Timestamp) -> Option<String> {
        let since = |at: Timestamp| now.duration_since(at);
        let is_running = self.began > self.ended;
        match (self.began, self.next) {
            (Some(began), _) if is_running && since(began) > GRACE + signed(self.deadline) => {
                Some(format!("its run has not ended for {}", span(since(began).as_secs())))
            }
            (_, Some(next)) if !is_running && since(next) > GRACE + signed(self.every) => {
                Some(format!("its run has been due for {}", span(since(next).as_secs())))
            }
            _ => None,
        }
    }
}

impl Board {
    /// Progress of each check, by id.
    #[must_use]
    pub fn standings(&self) -> BTreeMap<&'static str, Standing> {
        self.known().checks.clone()
    }

    /// True while the store is not the opened file.
    #[must_use]
    pub fn is_store_lost(&self) -> bool {
        self.known().is_store_lost
    }

    /// State of each alarm that has had one, by name.
    #[must_use]
    pub fn alarms(&self) -> BTreeMap<String, State> {
        self.known().alarms.clone()
    }

    /// Replaces the states of all alarms.
    pub(crate) fn set_alarms(&self, states: &BTreeMap<String, State>) {
        self.known().alarms.clone_from(states);
    }

    /// Keeps these checks, with the times of their next runs.
    pub(crate) fn plan(&self, checks: &[(Plan, Timestamp)]) {
        let standings = &mut self.known().checks;
        standings.retain(|id, _| checks.iter().any(|(plan, _)| plan.check.id() == *id));
        for (plan, next) in checks {
            let standing = standings.entry(plan.check.id()).or_default();
            (standing.every, standing.deadline, standing.next) = (plan.every, plan.check.deadline(), Some(*next));
        }
    }

    /// Takes note of an event at a time.
    pub(crate) fn note(&self, event: &Event, now: Timestamp) {
        let known = &mut *self.known();
        match event {
            Event::Alarm(change) => drop(known.alarms.insert(change.alarm.name.clone(), change.to)),
            Event::StoreLost(_) => known.is_store_lost = true,
            Event::StoreFound => known.is_store_lost = false,
            _ => {}
        }
        let Some(standing) = event.check().and_then(|check| known.checks.get_mut(check)) else { return };
        match event {
            Event::Began { .. } => standing.began = Some(now),
            Event::Ended { report, losses, next, .. } => {
                (standing.ended, standing.next) = (Some(now), Some(*next));
                *standing.runs.entry(report.outcome.word()).or_default() += 1;
                standing.losses += u64::from(!losses.is_empty());
            }
            Event::NotRun { next, .. } => (standing.ended, standing.next) = (Some(now), Some(*next)),
            Event::Missed { count, next, .. } => {
                standing.missed += count;
                standing.next = Some(*next);
            }
            Event::ClockSetBack { next, .. } => standing.next = Some(*next),
            _ => {}
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
