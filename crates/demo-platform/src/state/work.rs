//! Queues driven by the clock, and canary jobs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::faults::{Fault, Faults};

/// Limit of kept jobs.
const KEPT: usize = 200;

/// Queues: name, minimum number of waiting jobs, failed jobs and workers.
const QUEUES: [(&str, i64, u32, u32); 3] = [("default", 3, 1, 3), ("emails", 6, 2, 2), ("payments", 1, 0, 1)];

/// A canary job.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) id: u32,
    pub(crate) queue: &'static str,
    pub(crate) at: Timestamp,
    /// Never finishes.
    pub(crate) is_lost: bool,
}

/// The state of a queue.
pub(crate) struct QueueState {
    pub(crate) name: &'static str,
    pub(crate) pending: i64,
    pub(crate) oldest_seconds: i64,
    pub(crate) failed: u32,
    pub(crate) workers: u32,
}

/// State of the background work.
#[derive(Default)]
pub(crate) struct Work {
    jobs: Mutex<Vec<Job>>,
    /// Time since which no worker has taken jobs from the queue `emails`.
    idle_since: Mutex<Option<Timestamp>>,
}

impl Work {
    /// Current state of all queues.
    pub(crate) fn queue_states(&self, faults: &Faults, now: Timestamp) -> Vec<QueueState> {
        let idle_since = {
            // Every change is a single assignment, so the data is consistent even after a panic.
            let mut since = self.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
            *since = faults.is_active(Fault::WorkersIdle).then(|| since.unwrap_or(now));
            *since
        };
        let state = |(name, least, failed, workers)| {
            let second = now.as_second();
            let (mut pending, mut oldest_seconds) = (least + (second / 7).rem_euclid(5), second.rem_euclid(4));
            if name == "payments" && faults.is_active(Fault::QueueGrowing) {
                pending = 8_000;
            }
            let failed = if name == "default" && faults.is_active(Fault::FailedJobsSpike) { 80 } else { failed };
            if let Some(since) = idle_since.filter(|_| name == "emails") {
                let idle_seconds = now.duration_since(since).as_secs();
                (pending, oldest_seconds) = (least + idle_seconds / 2, idle_seconds + 2);
            }
            QueueState { name, pending, oldest_seconds, failed, workers }
        };
        QUEUES.into_iter().map(state).collect()
    }

    /// Adds a job to a queue, and returns its id; `None` if the queue does not exist.
    pub(crate) fn dispatch(&self, queue: &str, at: Timestamp, is_lost: bool) -> Option<u32> {
        let queue = QUEUES.iter().map(|(name, ..)| *name).find(|name| *name == queue)?;
        let mut jobs = self.jobs();
        let id = jobs.last().map_or(7_000, |last| last.id) + 1;
        jobs.push(Job { id, queue, at, is_lost });
        let surplus = jobs.len().saturating_sub(KEPT);
        jobs.drain(..surplus);
        Some(id)
    }

    /// The job with this id, if it is still kept.
    pub(crate) fn job(&self, id: &str) -> Option<Job> {
        self.jobs().iter().find(|job| job.id.to_string() == id).cloned()
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Job>> {
        // Every change is a single entry, so the data is consistent even after a panic.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
