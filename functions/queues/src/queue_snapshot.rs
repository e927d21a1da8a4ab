//! What is known of one queue, whoever told it.

use serde_json::Value;

use crate::memory::Head;

/// The numbers of a queue, as far as somebody tells them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct QueueSnapshot {
    /// Jobs that wait to be taken.
    pub(crate) pending: Option<u64>,
    /// Jobs that are to be done later.
    pub(crate) delayed: Option<u64>,
    /// Of those, how many should have been handed to the workers long ago.
    pub(crate) due: Option<u64>,
    /// Jobs that a worker has taken.
    pub(crate) reserved: Option<u64>,
    /// Of those, how many a worker has had for longer than it may.
    pub(crate) overdue: Option<u64>,
    /// Jobs that failed.
    pub(crate) failed: Option<f64>,
    /// The job that is taken next.
    pub(crate) head: Option<Head>,
    /// What the job that is taken next is called.
    pub(crate) job: Option<String>,
    /// How long that job has waited. **Units:** seconds.
    pub(crate) age: Option<f64>,
    /// The workers that are up.
    pub(crate) workers: Option<u64>,
    /// Whether it is known that no job at all is being done.
    pub(crate) is_still: bool,
    /// Whether it is known that jobs are being done, of this queue or of others.
    pub(crate) is_moving: bool,
}

impl QueueSnapshot {
    /// What this source does not tell, by another one.
    pub(crate) fn or(self, other: Self) -> Self {
        // The name of a job and its age are those of the head.
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
        }
    }

    /// Whether it is known that no job waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending == Some(0)
    }

    /// What tells whether it is worked off. `None`: nothing, or nothing waits.
    pub(crate) fn head(&self) -> Option<Head> {
        let still = || (self.is_still && self.pending.is_some()).then_some(Head::Still);
        if self.is_empty() { None } else { self.head.clone().or_else(still) }
    }

    /// What waits and who is there to do it, in words.
    pub(crate) fn words(&self) -> String {
        let of = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let pending = self.pending.map(|count| format!("{} pending", of(count, "job", "jobs")));
        let workers = self.workers.map(|count| format!("{} up", of(count, "worker", "workers")));
        [pending, workers].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A number that is none below zero, as such or as a text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let read = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (read.is_finite() && read >= 0.0).then_some(read)
}

/// A count. What is beyond all counts is the most there is.
pub(crate) fn count(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not below zero, and `as` ends at the most"
    )]
    number(value).map(|number| number as u64)
}

/// A name that somebody else gave, short enough for a message.
pub(crate) fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_one_source_does_not_tell_the_next_one_does() {
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
        assert_eq!(all.words(), "3 jobs pending, 2 workers up");
    }

    #[test]
    fn an_empty_queue_has_no_head_whatever_another_source_saw_a_moment_ago() {
        let empty = QueueSnapshot { pending: Some(0), is_still: true, ..QueueSnapshot::default() };
        let all = empty.or(QueueSnapshot { head: Some(Head::Pushed(7)), ..QueueSnapshot::default() });
        assert_eq!(all.head(), None);
    }

    #[test]
    fn numbers_are_read_as_such_or_as_texts_and_nothing_else_is_one() {
        let read: Vec<_> =
            [json!(3), json!("4.5"), json!(-1), json!("x"), json!(null), json!([1])].iter().map(number).collect();
        assert_eq!(read, [Some(3.0), Some(4.5), None, None, None, None]);
        assert_eq!(count(&json!(1e300)), Some(u64::MAX));
    }
}
