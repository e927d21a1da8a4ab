//! When a lesson can be: free slots, and which of them a run takes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;
use runtime::settings::Platform;
use serde_json::Value;

/// No more lessons are told apart: a teacher who is free for years is no reason to remember them all.
const MOST: usize = 1_000;

/// The time of a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

impl Slot {
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }

    /// Whether one of these free times has room for it.
    pub(crate) fn is_within(self, free: &[Self]) -> bool {
        free.iter().any(|free| free.starts_at <= self.starts_at && self.ends_at <= free.ends_at)
    }

    /// As messages say it.
    pub(crate) fn describe(self) -> String {
        format!("{} to {}", self.starts_at, self.ends_at)
    }
}

/// Reads a time at a pair of pointers; what is no time is left out.
pub(crate) fn read(platform: &Platform, item: &Value, starts_at: &str, ends_at: &str) -> Option<Slot> {
    let time = |pointer: &str| platform.times.read(item.pointer(pointer)?);
    Some(Slot { starts_at: time(starts_at)?, ends_at: time(ends_at)? })
}

/// The lessons of this length that fit into free times between two moments, in an order of the run's own: runs beside each
/// other rarely want the same.
pub(crate) fn lessons(free: &[Slot], length: Duration, from: Timestamp, to: Timestamp, run_id: &str) -> Vec<Slot> {
    let mut lessons = Vec::new();
    for time in free {
        let mut starts_at = time.starts_at;
        while let Ok(ends_at) = starts_at.checked_add(length)
            && ends_at <= time.ends_at
            && lessons.len() < MOST
        {
            if from <= starts_at && ends_at <= to {
                lessons.push(Slot { starts_at, ends_at });
            }
            starts_at = ends_at;
        }
    }
    lessons.sort_by_cached_key(|lesson| {
        let mut hasher = DefaultHasher::new();
        (run_id, lesson.starts_at.as_nanosecond()).hash(&mut hasher);
        hasher.finish()
    });
    lessons
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: Duration = Duration::from_secs(45 * 60);

    fn slot(starts_at: &str, ends_at: &str) -> Slot {
        Slot { starts_at: starts_at.parse().unwrap(), ends_at: ends_at.parse().unwrap() }
    }

    #[test]
    fn lessons_fit_into_free_times_that_are_far_enough_ahead() {
        let free = [
            slot("2026-11-25T08:00:00Z", "2026-11-25T08:45:00Z"),
            slot("2026-11-26T08:00:00Z", "2026-11-26T10:00:00Z"),
            slot("2026-11-27T08:00:00Z", "2026-11-27T08:44:59Z"),
            slot("2026-12-26T08:00:00Z", "2026-12-26T08:45:00Z"),
        ];
        let (from, to) = ("2026-11-25T08:00:01Z".parse().unwrap(), "2026-12-20T00:00:00Z".parse().unwrap());
        let mut actual = lessons(&free, LESSON, from, to, "run");
        actual.sort();
        let expected = [
            slot("2026-11-26T08:00:00Z", "2026-11-26T08:45:00Z"),
            slot("2026-11-26T08:45:00Z", "2026-11-26T09:30:00Z"),
        ];
        assert_eq!(actual, expected);
        assert!(expected.iter().all(|lesson| lesson.is_within(&free)));
        assert!(!slot("2026-11-27T08:00:00Z", "2026-11-27T08:45:00Z").is_within(&free));
        assert_eq!(lessons(&[], LESSON, from, to, "run"), []);
    }

    #[test]
    fn each_run_has_an_order_of_its_own() {
        let free = [slot("2026-11-26T00:00:00Z", "2026-12-06T00:00:00Z")];
        let (from, to) = ("2026-11-25T00:00:00Z".parse().unwrap(), "2026-12-20T00:00:00Z".parse().unwrap());
        let first = |run: u32| lessons(&free, LESSON, from, to, &run.to_string())[0];
        let firsts: std::collections::BTreeSet<Slot> = (0..100).map(first).collect();
        assert!(firsts.len() > 60, "{} of 100", firsts.len());
        assert_eq!(first(7), first(7));
    }
}
