//! Free slots for a lesson, and the order in which a run tries them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter;
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

/// Returns the readable slots: a platform may list a few without an end, for example. Without the others, fewer times are free.
///
/// # Errors
/// The first mismatch if there are slots and none can be read.
pub(crate) fn readable(read: impl Iterator<Item = Result<Option<Slot>, Mismatch>>) -> Result<Vec<Slot>, Mismatch> {
    let (mut slots, mut unreadable) = (Vec::new(), None);
    for one in read {
        match one {
            Ok(slot) => slots.extend(slot),
            Err(mismatch) => unreadable = unreadable.or(Some(mismatch)),
        }
    }
    unreadable.filter(|_| slots.is_empty()).map_or(Ok(slots), Err)
}

/// A teacher's free times. A platform may list them in pieces that adjoin or overlap, such as quarter hours, and in other
/// pieces the next time, so they are read as a set of instants.
#[derive(Debug)]
pub(crate) struct FreeTimes {
    /// As the platform lists them, in order.
    listed: Vec<Slot>,
    /// The same instants in as few times as possible, in order.
    joined: Vec<Slot>,
}

impl FreeTimes {
    pub(crate) fn new(mut listed: Vec<Slot>) -> Self {
        for time in &mut listed {
            time.ends_at = exclusive(time.ends_at);
        }
        listed.retain(|time| time.starts_at < time.ends_at);
        listed.sort_unstable();
        let mut joined: Vec<Slot> = Vec::new();
        for time in &listed {
            match joined.last_mut() {
                Some(last) if time.starts_at <= last.ends_at => last.ends_at = last.ends_at.max(time.ends_at),
                _ => joined.push(*time),
            }
        }
        Self { listed, joined }
    }

    /// Number of times that the platform lists.
    pub(crate) const fn len(&self) -> usize {
        self.listed.len()
    }

    /// Returns true if the teacher is free during the whole slot.
    pub(crate) fn holds(&self, slot: Slot) -> bool {
        let after = self.joined.partition_point(|time| time.starts_at <= slot.starts_at);
        after.checked_sub(1).is_some_and(|last| slot.ends_at <= self.joined[last].ends_at)
    }

    /// Returns the lessons of this length between `from` and `to`, none of which overlap. Each begins with a listed time, or right
    /// after another lesson in the same one, since a platform may take no other beginnings. Those within one listed time come
    /// first. Otherwise the order depends on the run, so that concurrent runs rarely try the same lesson.
    pub(crate) fn lessons(&self, length: Duration, from: Timestamp, to: Timestamp, run_id: &str) -> Vec<Slot> {
        let at = |starts_at: Timestamp| Some(Slot { starts_at, ends_at: starts_at.checked_add(length).ok()? });
        let within = self.listed.iter().flat_map(|time| {
            let lessons = iter::successors(at(time.starts_at), move |lesson| at(lesson.ends_at));
            lessons.take_while(|lesson| lesson.ends_at <= time.ends_at)
        });
        let across = self.listed.iter().filter_map(|time| at(time.starts_at)).filter(|lesson| self.holds(*lesson));
        let mut lessons: Vec<(bool, Slot)> = Vec::new();
        for (is_across, lesson) in within.map(|lesson| (false, lesson)).chain(across.map(|lesson| (true, lesson))) {
            if lessons.len() == MAX_LESSONS {
                break;
            }
            let is_in_window = from <= lesson.starts_at && lesson.ends_at <= to;
            if is_in_window && !lessons.iter().any(|(_, other)| other.overlaps(lesson)) {
                lessons.push((is_across, lesson));
            }
        }
        lessons.sort_by_cached_key(|(is_across, lesson)| {
            let mut hasher = DefaultHasher::new();
            (run_id, lesson.starts_at.as_nanosecond()).hash(&mut hasher);
            (*is_across, hasher.finish())
        });
        lessons.into_iter().map(|(_, lesson)| lesson).collect()
    }
}

/// End of a free time that ends with its last second: a platform may list 8:00:00 to 8:29:59.
fn exclusive(ends_at: Timestamp) -> Timestamp {
    const MINUTE: i64 = 60;
    let second = ends_at.as_second();
    let next = Timestamp::from_second(second + 1).unwrap_or(ends_at);
    if second.rem_euclid(MINUTE) == MINUTE - 1 { next } else { ends_at }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const LESSON: Duration = Duration::from_secs(45 * 60);

    fn slot(starts_at: &str, ends_at: &str) -> Slot {
        Slot { starts_at: starts_at.parse().unwrap(), ends_at: ends_at.parse().unwrap() }
    }

    fn free(times: &[(&str, &str)]) -> FreeTimes {
        FreeTimes::new(times.iter().map(|(starts_at, ends_at)| slot(starts_at, ends_at)).collect())
    }

    /// The lessons of a free period, in order of time.
    fn in_order(free: &FreeTimes) -> Vec<Slot> {
        let (from, to) = ("2026-11-25T08:00:01Z".parse().unwrap(), "2026-12-20T00:00:00Z".parse().unwrap());
        let mut lessons = free.lessons(LESSON, from, to, "run");
        lessons.sort();
        assert!(lessons.iter().all(|lesson| free.holds(*lesson)));
        lessons
    }

    #[test]
    fn unreadable_times_are_left_out_unless_all_are() {
        let right = || Ok(Some(slot("2026-11-26T08:00:00Z", "2026-11-26T09:00:00Z")));
        let wrong = || Err(Mismatch::new(check::FailureKind::Assertion, "a time", "9999-12-31 23:59:59"));
        let count =
            |read: Vec<Result<Option<Slot>, Mismatch>>| readable(read.into_iter()).map(|slots| slots.len()).ok();
        for (read, expected) in [
            (vec![], Some(0)),
            (vec![Ok(None)], Some(0)),
            (vec![right(), wrong()], Some(1)),
            (vec![wrong(), right(), wrong(), right()], Some(2)),
            (vec![wrong(), Ok(None)], None),
            (vec![wrong()], None),
        ] {
            assert_eq!(count(read.clone()), expected, "{read:?}");
        }
    }

    #[test]
    fn lessons_fit_into_free_times_after_the_lead_time() {
        let free = free(&[
            ("2026-11-25T08:00:00Z", "2026-11-25T08:45:00Z"),
            ("2026-11-26T08:00:00Z", "2026-11-26T10:00:00Z"),
            ("2026-11-27T08:00:00Z", "2026-11-27T08:44:58Z"),
            ("2026-12-26T08:00:00Z", "2026-12-26T08:45:00Z"),
        ]);
        let expected = [
            slot("2026-11-26T08:00:00Z", "2026-11-26T08:45:00Z"),
            slot("2026-11-26T08:45:00Z", "2026-11-26T09:30:00Z"),
        ];
        assert_eq!(in_order(&free), expected);
        assert!(!free.holds(slot("2026-11-27T08:00:00Z", "2026-11-27T08:45:00Z")));
        assert_eq!(in_order(&self::free(&[])), []);
    }

    #[test]
    fn free_times_are_a_set_of_instants() {
        // One period of two hours, as platforms list it. Each listing has the same instants, in any order.
        let at = |minutes: i64| {
            slot("2026-11-26T08:00:00Z", "2026-11-26T08:00:00Z").starts_at + SignedDuration::from_mins(minutes)
        };
        let times = |pairs: &[(i64, i64)]| {
            FreeTimes::new(pairs.iter().map(|(from, to)| Slot { starts_at: at(*from), ends_at: at(*to) }).collect())
        };
        for (case, listed, starts) in [
            ("one time", vec![(0, 120)], vec![0, 45]),
            ("half hours", vec![(90, 120), (60, 90), (30, 60), (0, 30)], vec![0, 60]),
            ("quarter hours", (0..8).map(|n| (n * 15, n * 15 + 15)).collect(), vec![0, 45]),
            ("hours, which are the only beginnings", vec![(60, 120), (0, 60)], vec![0, 60]),
            ("overlapping", vec![(30, 120), (0, 60)], vec![0, 75]),
            ("in pieces around an hour", vec![(0, 30), (30, 90), (90, 120)], vec![30]),
            ("listed twice", vec![(0, 120), (0, 120)], vec![0, 45]),
            ("one within another", vec![(0, 120), (30, 40), (70, 70), (100, 20)], vec![0, 45]),
        ] {
            let free = times(&listed);
            let actual: Vec<Timestamp> = in_order(&free).iter().map(|lesson| lesson.starts_at).collect();
            assert_eq!(actual, starts.into_iter().map(at).collect::<Vec<_>>(), "{case}");
            // A lesson that was booked in one listing is free in every other, wherever it begins.
            for (from, to, expected) in
                [(0, 45, true), (20, 65, true), (0, 120, true), (-1, 44, false), (80, 125, false), (200, 245, false)]
            {
                let lesson = Slot { starts_at: at(from), ends_at: at(to) };
                assert_eq!(free.holds(lesson), expected, "{case}: {from} to {to}");
            }
        }
        let inclusive = free(&[
            ("2026-11-26T08:00:00Z", "2026-11-26T08:29:59Z"),
            ("2026-11-26T08:30:00Z", "2026-11-26T08:44:59.999999Z"),
        ]);
        let lesson = Slot { starts_at: at(0), ends_at: at(45) };
        assert_eq!((in_order(&inclusive), inclusive.holds(lesson)), (vec![lesson], true));
        let gap = times(&[(0, 30), (31, 75)]);
        assert_eq!((in_order(&gap), gap.holds(Slot { starts_at: at(0), ends_at: at(45) })), (vec![], false));
    }

    #[test]
    fn lessons_within_one_listed_time_come_first() {
        let free = free(&[
            ("2026-11-26T08:00:00Z", "2026-11-26T08:30:00Z"),
            ("2026-11-26T08:30:00Z", "2026-11-26T09:00:00Z"),
            ("2026-11-26T09:00:00Z", "2026-11-26T10:00:00Z"),
        ]);
        let (from, to) = ("2026-11-26T00:00:00Z".parse().unwrap(), "2026-11-27T00:00:00Z".parse().unwrap());
        for run in 0..20 {
            let lessons = free.lessons(LESSON, from, to, &run.to_string());
            let starts: Vec<String> = lessons.iter().map(|lesson| lesson.starts_at.to_string()).collect();
            assert_eq!(starts, ["2026-11-26T09:00:00Z", "2026-11-26T08:00:00Z"]);
        }
    }

    #[test]
    fn order_of_lessons_depends_on_the_run() {
        let free = free(&[("2026-11-26T00:00:00Z", "2026-12-06T00:00:00Z")]);
        let (from, to) = ("2026-11-25T00:00:00Z".parse().unwrap(), "2026-12-20T00:00:00Z".parse().unwrap());
        let first = |run: u32| free.lessons(LESSON, from, to, &run.to_string())[0];
        let firsts: std::collections::BTreeSet<Slot> = (0..100).map(first).collect();
        assert!(firsts.len() > 60, "{} of 100", firsts.len());
        assert_eq!(first(7), first(7));
    }
}
