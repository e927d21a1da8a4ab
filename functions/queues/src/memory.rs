//! What is remembered from run to run: where the queues stood, and which jobs of ours are on their way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::canary::Past;
use crate::queue_snapshot::QueueSnapshot;

/// Two answers place the same job at moments this far apart: ages come in whole seconds, and clocks differ.
const SAME_JOB_SECONDS: i64 = 3;

/// From run to run. Lost, a queue that stands still is seen later, and jobs of ours on their way are not judged: no failure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// When the queues were looked at, in Unix seconds.
    #[serde(default)]
    at: i64,
    /// By the digest of a queue's name: names may be long.
    #[serde(default)]
    queues: BTreeMap<String, HeadSince>,
    /// As `queues`.
    #[serde(default)]
    canaries: BTreeMap<String, Past>,
}

/// A queue as the last run saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct HeadSince {
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    /// Since when it stands there, in Unix seconds.
    #[serde(rename = "s")]
    since: i64,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pending: Option<u64>,
}

/// What tells one head of a queue from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Head {
    /// The digest of the job.
    #[serde(rename = "j")]
    Job(String),
    /// When the job was put there, in Unix seconds.
    #[serde(rename = "p")]
    Pushed(i64),
    /// It is not known, but no job at all is being done.
    #[serde(rename = "n")]
    Still,
}

impl Head {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pushed(one), Self::Pushed(other)) => one.abs_diff(*other) <= SAME_JOB_SECONDS.unsigned_abs(),
            (one, other) => one == other,
        }
    }
}

impl Memory {
    /// Notes how the queues stand, and since when the head of each does, in Unix seconds. Queues of which nothing was told
    /// are as they were.
    pub(crate) fn note(
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
            let mut actual = HeadSince { head: snapshot.head(), since: now, pending: snapshot.pending };
            if let (Some(past), Some(head)) = (past, &actual.head)
                && let Some(old) = past.head
                && head.is(&old)
                // Of jobs that came at the same moment, one after the other may be taken.
                && (matches!(head, Head::Job(_)) || actual.pending >= past.pending)
            {
                // The first moment: many small differences would be a large one.
                (actual.head, actual.since) = (Some(old), past.since);
            }
            if actual.head.is_some() {
                since.insert(name.clone(), actual.since);
            }
            self.queues.insert(key, actual);
        }
        self.at = now;
        since
    }

    /// How many jobs a minute were done at least, by how far the queues have shrunk. `None`: nothing is known from before.
    pub(crate) fn least_done(&self, queues: &BTreeMap<String, Option<QueueSnapshot>>, now: Timestamp) -> Option<f64> {
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

    /// What this run remembers and what another one wrote meanwhile, both from `base`: how the queues stand as seen last, and
    /// the jobs of ours of both.
    pub(crate) fn merged(base: Self, ours: Self, theirs: Self) -> Self {
        let (base, mut canaries, theirs) = (base.canaries, ours.canaries, theirs.canaries);
        for (queue, theirs) in theirs {
            let base = base.get(&queue).cloned().unwrap_or_default();
            let ours = canaries.remove(&queue).unwrap_or_else(|| base.clone());
            canaries.insert(queue, Past::merged(&base, ours, theirs));
        }
        Self { at: ours.at, queues: ours.queues, canaries }
    }

    /// The jobs of ours in a queue.
    pub(crate) fn canary(&mut self, queue: &str) -> &mut Past {
        self.canaries.entry(digest(queue.as_bytes())).or_default()
    }

    /// Forgets the jobs of ours in queues that get none any more.
    pub(crate) fn keep_canaries(&mut self, queues: &[String]) {
        let kept: Vec<String> = queues.iter().map(|queue| digest(queue.as_bytes())).collect();
        self.canaries.retain(|key, _| kept.contains(key));
    }
}

/// A short name for bytes of any length.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use runtime::canaries::Canary;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn queue(head: Head, pending: u64) -> BTreeMap<String, Option<QueueSnapshot>> {
        let snapshot = QueueSnapshot { pending: Some(pending), head: Some(head), ..QueueSnapshot::default() };
        BTreeMap::from([("default".to_owned(), Some(snapshot))])
    }

    /// For how long the head stands at the end of a history.
    fn standing(history: &[(i64, Head, u64)]) -> i64 {
        let mut memory = Memory::default();
        let mut stands = 0;
        for (second, head, pending) in history {
            let since = memory.note(&queue(head.clone(), *pending), at(*second));
            stands = at(*second).as_second() - since["default"];
        }
        stands
    }

    #[test]
    fn a_head_stands_until_another_is_in_its_place() {
        let job = |name: &str| Head::Job(name.to_owned());
        let pushed = |second: i64| Head::Pushed(1_795_000_000 + second);
        for (case, history, expected) in [
            ("the first sight", vec![(0, job("a"), 1)], 0),
            ("the same job", vec![(0, job("a"), 1), (60, job("a"), 5), (120, job("a"), 4)], 120),
            ("another job", vec![(0, job("a"), 1), (60, job("b"), 1)], 0),
            ("the same moment, about", vec![(0, pushed(-9), 1), (60, pushed(-7), 1), (120, pushed(-11), 1)], 120),
            ("a moment that drifts", vec![(0, pushed(0), 9), (60, pushed(3), 9), (120, pushed(6), 9)], 0),
            ("the same moment, and fewer", vec![(0, pushed(0), 500), (60, pushed(1), 300)], 0),
            ("nothing done", vec![(0, Head::Still, 5), (60, Head::Still, 6)], 60),
            ("nothing done, it is said, and fewer", vec![(0, Head::Still, 5), (60, Head::Still, 4)], 0),
        ] {
            assert_eq!(standing(&history), expected, "{case}");
        }
    }

    #[test]
    fn a_queue_of_which_nothing_was_told_is_as_it_was() {
        let mut memory = Memory::default();
        memory.note(&queue(Head::Job("a".to_owned()), 1), at(0));
        memory.note(&BTreeMap::from([("default".to_owned(), None)]), at(60));
        let since = memory.note(&queue(Head::Job("a".to_owned()), 1), at(120));
        assert_eq!(since["default"], at(0).as_second());
        memory.note(&BTreeMap::new(), at(180));
        assert!(memory.queues.is_empty(), "one that is not looked at any more is forgotten");
    }

    #[test]
    fn what_was_done_at_least_is_how_far_a_queue_has_shrunk() {
        let mut memory = Memory::default();
        assert_eq!(memory.least_done(&queue(Head::Still, 9), at(0)), None, "the first run");
        memory.note(&queue(Head::Still, 100), at(0));
        assert_eq!(memory.least_done(&queue(Head::Still, 40), at(120)), Some(30.0));
        assert_eq!(memory.least_done(&queue(Head::Still, 400), at(120)), Some(0.0), "more came than was done");
        assert_eq!(memory.least_done(&BTreeMap::new(), at(120)), None);
    }

    #[test]
    fn a_job_of_ours_that_another_run_sent_is_not_forgotten() {
        let sent = |id: &str, second| Canary { id: id.to_owned(), at: at(second), run_id: String::new() };
        let (mut ours, mut theirs) = (Memory::default(), Memory::default());
        ours.canary("default").sent(sent("a", 0));
        theirs.canary("default").sent(sent("b", 60));
        theirs.canary("emails").sent(sent("c", 60));
        let mut merged = Memory::merged(Memory::default(), ours, theirs);
        assert_eq!(merged.canary("default").pending(), [sent("a", 0), sent("b", 60)]);
        assert_eq!(merged.canary("emails").pending(), [sent("c", 60)]);
    }

    #[test]
    fn the_memory_is_bounded_and_reads_what_is_missing() {
        let mut memory = Memory::default();
        let snapshot =
            QueueSnapshot { pending: Some(u64::MAX), head: Some(Head::Job(digest(b"x"))), ..QueueSnapshot::default() };
        let queues: BTreeMap<_, _> = (0..50).map(|number| (format!("{number:0100}"), Some(snapshot.clone()))).collect();
        memory.note(&queues, at(0));
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
        assert_eq!(serde_json::from_str::<Memory>("{}").unwrap(), Memory::default());
        memory.keep_canaries(&[]);
        assert!(memory.canaries.is_empty());
    }
}
