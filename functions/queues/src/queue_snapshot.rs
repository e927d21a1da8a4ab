//! Snapshot of one queue, combined from all sources.

use check::Mismatch;
use serde::{Deserialize, Serialize};

/// Longest name of a queue, a task or a job in a report. **Units:** characters.
pub(crate) const MAX_NAME: usize = 80;

/// Tolerance for the dispatch time of the same job: ages are whole seconds, and clocks differ. **Units:** seconds.
const SAME_JOB_SECONDS: i64 = 3;

/// Identity of the head of a queue, compared between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Head {
    /// Digest of the job.
    #[serde(rename = "j")]
    Job(String),
    /// Dispatch time of the job. **Units:** Unix seconds.
    #[serde(rename = "p")]
    Pushed(i64),
    /// Unknown job, while no job of any queue is being processed.
    #[serde(rename = "n")]
    Still,
}

impl Head {
    /// Returns true if this is probably the same job.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pushed(one), Self::Pushed(other)) => one.abs_diff(*other) <= SAME_JOB_SECONDS.unsigned_abs(),
            (one, other) => one == other,
        }
    }
}

/// State of a queue. `None`: no source reports the value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueueSnapshot {
    /// Jobs waiting to be taken.
    pub(crate) pending: Option<u64>,
    /// Jobs scheduled for later.
    pub(crate) delayed: Option<u64>,
    /// Delayed jobs that should have been handed to the workers already.
    pub(crate) due: Option<u64>,
    /// Jobs held by a worker.
    pub(crate) reserved: Option<u64>,
    /// Reserved jobs that a worker has held for too long.
    pub(crate) overdue: Option<u64>,
    /// Failed jobs.
    pub(crate) failed: Option<f64>,
    /// Identity of the next job.
    pub(crate) head: Option<Head>,
    /// Name of the next job.
    pub(crate) job: Option<String>,
    /// Waiting time of the next job. **Units:** seconds.
    pub(crate) age: Option<f64>,
    /// Workers that are up.
    pub(crate) workers: Option<u64>,
    /// True if a source reports that no job of any queue is being processed.
    pub(crate) is_still: bool,
    /// True if a source reports that jobs of this or another queue are being processed.
    pub(crate) is_moving: bool,
    /// A value that is there but cannot be read.
    pub(crate) unreadable: Option<Mismatch>,
}

impl QueueSnapshot {
    /// Fills the gaps with the values of another source.
    pub(crate) fn or(self, other: Self) -> Self {
        // The name belongs to the head, so both come from the same source.
        let (head, job) = if self.head.is_some() { (self.head, self.job) } else { (other.head, other.job) };
        Self {
            pending: self.pending.or(other.pending),
            delayed: self.delayed.or(other.delayed),
            due: self.due.or(other.due),
            reserved: self.reserved.or(other.reserved),
            overdue: self.overdue.or(other.overdue),
            failed: self.failed.or(other.failed),
            head,
            job,
            age: self.age.or(other.age),
            workers: self.workers.or(other.workers),
            is_still: self.is_still || other.is_still,
            is_moving: self.is_moving || other.is_moving,
            unreadable: self.unreadable.or(other.unreadable),
        }
    }

    /// True if a source reports that no job is waiting.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending == Some(0)
    }

    /// True if a value is wrong in itself, without those of earlier runs.
    pub(crate) fn has_fault(&self) -> bool {
        self.unreadable.is_some() || [self.due, self.overdue].iter().any(|count| count.is_some_and(|jobs| jobs > 0))
    }

    /// Head to compare between runs. `None`: unknown, or no job is waiting.
    pub(crate) fn head(&self) -> Option<Head> {
        let still = || (self.is_still && self.pending.is_some()).then_some(Head::Still);
        if self.is_empty() { None } else { self.head.clone().or_else(still) }
    }

    /// Pending jobs and workers, such as "3 jobs pending, 2 workers up".
    pub(crate) fn summary(&self) -> String {
        let counted = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let pending = self.pending.map(|count| format!("{} pending", counted(count, "job", "jobs")));
        let workers = self.workers.map(|count| format!("{} up", counted(count, "worker", "workers")));
        [pending, workers].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Whole part of a number of at least 0. Larger numbers than `u64::MAX` become `u64::MAX`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is not negative, and `as` saturates"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_one_source_are_filled_by_the_next() {
        let redis =
            QueueSnapshot { pending: Some(3), head: Some(Head::Job("a".to_owned())), ..QueueSnapshot::default() };
        let horizon = QueueSnapshot { pending: Some(9), workers: Some(2), is_still: true, ..QueueSnapshot::default() };
        let counters = QueueSnapshot {
            head: Some(Head::Pushed(7)),
            age: Some(5.0),
            failed: Some(1.0),
            ..QueueSnapshot::default()
        };
        let all = redis.or(horizon).or(counters);
        assert_eq!((all.pending, all.workers, all.age, all.failed), (Some(3), Some(2), Some(5.0), Some(1.0)));
        assert_eq!(all.head(), Some(Head::Job("a".to_owned())));
        assert_eq!(all.summary(), "3 jobs pending, 2 workers up");
    }

    #[test]
    fn empty_queue_has_no_head() {
        let empty = QueueSnapshot { pending: Some(0), is_still: true, ..QueueSnapshot::default() };
        let all = empty.or(QueueSnapshot { head: Some(Head::Pushed(7)), ..QueueSnapshot::default() });
        assert_eq!(all.head(), None);
    }
}
