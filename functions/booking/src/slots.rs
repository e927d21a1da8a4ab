//! Free slots for a lesson, and the order in which a run tries them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use check::Mismatch;
use jiff::Timestamp;
use platform::{Platform, time_at};
use serde_json::Value;

/// Maximum number of lessons in memory, even if a teacher is free for years.
const MAX_LESSONS: usize = 1_000;

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

    /// Returns true if the slot fits into one of these free times.
    pub(crate) fn is_within(self, free: &[Self]) -> bool {
        free.iter().any(|free| free.starts_at <= self.starts_at && self.ends_at <= free.ends_at)
    }

    /// Text of the slot for messages.
    pub(crate) fn describe(self) -> String {
        format!("{} to {}", self.starts_at, self.ends_at)
    }
}

/// Reads a slot from a pair of pointers. Returns `None` if either time is missing.
///
/// # Errors
/// A mismatch if a time is unreadable.
pub(crate) fn read(
    platform: &Platform,
    item: &Value,
    starts_at: &str,
    ends_at: &str,
) -> Result<Option<Slot>, Mismatch> {
    let time = |pointer: &str| time_at(&platform.times, item, pointer);
    Ok(time(starts_at)?.zip(time(ends_at)?).map(|(starts_at, ends_at)| Slot { starts_at, ends_at }))
}

/// Returns the lessons of this length that fit into the free times between `from` and `to`. The order depends on the run,
/// so that concurrent runs rarely try the same lesson.
pub(crate) fn lessons(free: &[Slot], length: Duration, from: Timestamp, to: Timestamp, run_id: &str) -> Vec<Slot> {
    let mut lessons = Vec::new();
    for time in free {
        let mut starts_at = time.starts_at;
        while let Ok(ends_at) = starts_at.checked_add(length)
            && ends_at <= time.ends_at
            && lessons.len() < MAX_LESSONS
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
    fn lessons_fit_into_free_times_after_the_lead_time() {
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
    fn order_of_lessons_depends_on_the_run() {
        let free = [slot("2026-11-26T00:00:00Z", "2026-12-06T00:00:00Z")];
        let (from, to) = ("2026-11-25T00:00:00Z".parse().unwrap(), "2026-12-20T00:00:00Z".parse().unwrap());
        let first = |run: u32| lessons(&free, LESSON, from, to, &run.to_string())[0];
        let firsts: std::collections::BTreeSet<Slot> = (0..100).map(first).collect();
        assert!(firsts.len() > 60, "{} of 100", firsts.len());
        assert_eq!(first(7), first(7));
    }
}
