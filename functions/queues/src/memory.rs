//! Memory between runs: the state of the queues and the pending canary jobs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use platform::canaries::Canaries;
use runtime::CheckMemory;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::queue_snapshot::{Head, QueueSnapshot};

/// Canary jobs of one queue.
pub(crate) type Past = Canaries<3>;

/// Memory of the check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Time of the last reading. **Units:** Unix seconds.
    at: i64,
    /// Queues by the digest of their names, since names may be long.
    queues: BTreeMap<String, HeadSince>,
    /// Canary jobs, by the same digests as `queues`.
    canaries: BTreeMap<String, Past>,
}

/// State of a queue in the last run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct HeadSince {
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    /// First time that this head was observed. **Units:** Unix seconds.
    #[serde(rename = "s")]
    since: i64,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
}

impl HeadSince {
    /// State of a queue after a snapshot. **Units:** `now` in Unix seconds.
    fn next(past: Option<&Self>, snapshot: &QueueSnapshot, now: i64) -> Self {
        let mut actual = Self { head: snapshot.head(), since: now, pending: snapshot.pending };
        if let (Some(past), Some(head)) = (past, &actual.head)
            && let Some(old) = &past.head
            && head.is_same_as(old)
            // Jobs dispatched at the same moment may be taken one after the other.
            && (matches!(head, Head::Job(_)) || actual.pending >= past.pending)
        {
            // Keeps the first head: many small differences of time would add up.
            (actual.head, actual.since) = (Some(old.clone()), past.since);
        }
        actual
    }
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    /// Takes the state of the queues from this run, and the canary jobs from both.
    fn merge(base: Self, ours: Self, theirs: Self) -> Self {
        let (base, mut canaries, theirs) = (base.canaries, ours.canaries, theirs.canaries);
        for (queue, theirs) in theirs {
            let base = base.get(&queue).cloned().unwrap_or_default();
            let ours = canaries.remove(&queue).unwrap_or_else(|| base.clone());
            canaries.insert(queue, Past::merged(&base, ours, theirs));
        }
        Self { at: ours.at, queues: ours.queues, canaries }
    }
}

impl Memory {
    /// Stores the state of the queues. Returns the first time that the head of each was observed, in Unix seconds.
    /// Queues without a snapshot keep their state.
    pub(crate) fn update(
        &mut self,
        queues: &BTreeMap<String, Option<QueueSnapshot>>,
        now: Timestamp,
    ) -> BTreeMap<String, i64> {
        let now = now.as_second();
        let mut before = std::mem::take(&mut self.queues);
        let mut since = BTreeMap::new();
        for (name, snapshot) in queues {
            let key = digest(name.as_bytes());
            let past = before.remove(&key);
            let Some(snapshot) = snapshot else {
                self.queues.extend(past.map(|past| (key, past)));
                continue;
            };
            let actual = HeadSince::next(past.as_ref(), snapshot, now);
            if actual.head.is_some() {
                since.insert(name.clone(), actual.since);
            }
            self.queues.insert(key, actual);
        }
        self.at = now;
        since
    }

    /// Time since the head of a queue was first observed. `None`: the queue is not remembered. **Units:** seconds.
    pub(crate) fn unchanged_for(&self, name: &str, snapshot: &QueueSnapshot, now: Timestamp) -> Option<i64> {
        let past = self.queues.get(&digest(name.as_bytes()))?;
        Some(now.as_second() - HeadSince::next(Some(past), snapshot, now.as_second()).since)
    }

    /// Lower bound of processed jobs, from the queues that have shrunk. `None`: there is no earlier run. **Units:** jobs per
    /// minute.
    pub(crate) fn min_throughput(
        &self,
        queues: &BTreeMap<String, Option<QueueSnapshot>>,
        now: Timestamp,
    ) -> Option<f64> {
        let minutes = (now.as_second() - self.at) as f64 / 60.0;
        if self.at == 0 || minutes <= 0.0 {
            return None;
        }
        let shrunk = queues.iter().filter_map(|(name, snapshot)| {
            let before = self.queues.get(&digest(name.as_bytes()))?.pending?;
            Some(before.saturating_sub(snapshot.as_ref()?.pending?) as f64)
        });
        shrunk.reduce(|sum, one| sum + one).map(|done| done / minutes)
    }

    /// Canary jobs of a queue.
    pub(crate) fn canary(&mut self, queue: &str) -> &mut Past {
        self.canaries.entry(digest(queue.as_bytes())).or_default()
    }

    /// Forgets the canary jobs of all other queues.
    pub(crate) fn keep_canaries(&mut self, queues: &[String]) {
        let kept: Vec<String> = queues.iter().map(|queue| digest(queue.as_bytes())).collect();
        self.canaries.retain(|key, _| kept.contains(key));
    }
}

/// Short hexadecimal digest of bytes of any length.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use platform::canaries::Canary;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn queue(head: Head, pending: u64) -> BTreeMap<String, Option<QueueSnapshot>> {
        let snapshot = QueueSnapshot { pending: Some(pending), head: Some(head), ..QueueSnapshot::default() };
        BTreeMap::from([("default".to_owned(), Some(snapshot))])
    }

    /// Time that the head has not changed at the end of a history. **Units:** seconds.
    fn unchanged_for(history: &[(i64, Head, u64)]) -> i64 {
        let mut memory = Memory::default();
        let mut unchanged = 0;
        for (second, head, pending) in history {
            let since = memory.update(&queue(head.clone(), *pending), at(*second));
            unchanged = at(*second).as_second() - since["default"];
        }
        unchanged
    }

    #[test]
    fn head_is_unchanged_until_another_replaces_it() {
        let job = |name: &str| Head::Job(name.to_owned());
        let pushed = |second: i64| Head::Pushed(1_795_000_000 + second);
        for (case, history, expected) in [
            ("first observation", vec![(0, job("a"), 1)], 0),
            ("same job", vec![(0, job("a"), 1), (60, job("a"), 5), (120, job("a"), 4)], 120),
            ("another job", vec![(0, job("a"), 1), (60, job("b"), 1)], 0),
            ("almost the same time", vec![(0, pushed(-9), 1), (60, pushed(-7), 1), (120, pushed(-11), 1)], 120),
            ("time that drifts", vec![(0, pushed(0), 9), (60, pushed(3), 9), (120, pushed(6), 9)], 0),
            ("same time, fewer jobs", vec![(0, pushed(0), 500), (60, pushed(1), 300)], 0),
            ("no job processed", vec![(0, Head::Still, 5), (60, Head::Still, 6)], 60),
            ("no job processed, yet fewer jobs", vec![(0, Head::Still, 5), (60, Head::Still, 4)], 0),
        ] {
            assert_eq!(unchanged_for(&history), expected, "{case}");
        }
    }

    #[test]
    fn queue_without_a_snapshot_keeps_its_state() {
        let mut memory = Memory::default();
        memory.update(&queue(Head::Job("a".to_owned()), 1), at(0));
        memory.update(&BTreeMap::from([("default".to_owned(), None)]), at(60));
        let since = memory.update(&queue(Head::Job("a".to_owned()), 1), at(120));
        assert_eq!(since["default"], at(0).as_second());
        memory.update(&BTreeMap::new(), at(180));
        assert!(memory.queues.is_empty(), "a queue is forgotten once it is no longer read");
    }

    #[test]
    fn min_throughput_is_the_shrinkage_per_minute() {
        let mut memory = Memory::default();
        assert_eq!(memory.min_throughput(&queue(Head::Still, 9), at(0)), None, "first run");
        memory.update(&queue(Head::Still, 100), at(0));
        assert_eq!(memory.min_throughput(&queue(Head::Still, 40), at(120)), Some(30.0));
        assert_eq!(
            memory.min_throughput(&queue(Head::Still, 400), at(120)),
            Some(0.0),
            "more jobs arrived than were processed"
        );
        assert_eq!(memory.min_throughput(&BTreeMap::new(), at(120)), None);
    }

    #[test]
    fn canary_jobs_of_concurrent_runs_are_merged() {
        let sent = |id: &str, second| Canary { id: id.to_owned(), at: at(second), run_id: String::new() };
        let (mut ours, mut theirs) = (Memory::default(), Memory::default());
        ours.canary("default").sent(sent("a", 0));
        theirs.canary("default").sent(sent("b", 60));
        theirs.canary("emails").sent(sent("c", 60));
        let mut merged = Memory::merge(Memory::default(), ours, theirs);
        assert_eq!(merged.canary("default").pending(), [sent("a", 0), sent("b", 60)]);
        assert_eq!(merged.canary("emails").pending(), [sent("c", 60)]);
    }

    #[test]
    fn memory_is_bounded_and_readable() {
        let mut memory = Memory::default();
        let snapshot =
            QueueSnapshot { pending: Some(u64::MAX), head: Some(Head::Job(digest(b"x"))), ..QueueSnapshot::default() };
        let queues: BTreeMap<_, _> = (0..50).map(|number| (format!("{number:0100}"), Some(snapshot.clone()))).collect();
        memory.update(&queues, at(0));
        for number in 0..5 {
            let past = memory.canary(&format!("{number:0100}"));
            for minute in 0..100 {
                past.sent(Canary { id: "x".repeat(64), at: at(minute * 60), run_id: String::new() });
            }
            assert!(past.is_due(Duration::from_secs(60), at(100 * 60)));
        }
        let written = serde_json::to_string(&memory).unwrap();
        assert!(written.len() < 7 * 1024, "{} bytes", written.len());
        assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
        memory.keep_canaries(&[]);
        assert!(memory.canaries.is_empty());
    }
}
