//! Locations of runs: which ones are active, and the name under which each votes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::incident::state::{CheckState, LocationActivity};
use crate::model::{RunKey, Subject};

/// Number of missed intervals after which a location no longer votes.
const SILENT_AFTER: i64 = 3;
/// Minimum time without a run before a location counts as silent.
const NOT_SILENT_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// Time without a run after which a location is removed from the state.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Records a run of a location, removes locations without a run in the last 24 hours, and the oldest of too many.
pub(super) fn note_run(locations: &mut BTreeMap<String, LocationActivity>, run: &RunKey) {
    let now = run.scheduled_time;
    locations
        .retain(|location, activity| *location == run.location || now.duration_since(activity.at) < FORGOTTEN_AFTER);
    let activity = locations.entry(run.location.clone()).or_insert(LocationActivity { at: now, every_seconds: 0 });
    // A manual run does not reveal the interval, nor does another shard of the same minute.
    if now > activity.at && !run.shard.manual {
        *activity = LocationActivity { at: now, every_seconds: now.duration_since(activity.at).as_secs() };
    }
    while locations.len() > CheckState::MAX_LOCATIONS {
        let others = locations.iter().filter(|(location, _)| **location != run.location);
        let Some(oldest) = others.min_by_key(|(_, activity)| activity.at).map(|(location, _)| location.clone()) else {
            break;
        };
        locations.remove(&oldest);
    }
}

pub(super) fn is_alive(activity: LocationActivity, now: Timestamp) -> bool {
    now.duration_since(activity.at) <= patience(activity, SILENT_AFTER)
}

/// Duration of `intervals` intervals of a location, but at least [`NOT_SILENT_BEFORE`].
pub(super) fn patience(activity: LocationActivity, intervals: i64) -> SignedDuration {
    SignedDuration::from_secs(activity.every_seconds.saturating_mul(intervals)).max(NOT_SILENT_BEFORE)
}

/// Name under which a run votes. Every shard examines the check as a whole, so each has its own vote on that subject.
pub(super) fn voter(run: &RunKey, subject: &Subject) -> String {
    let is_part = run.shard.of > 1 && subject.is_whole();
    if is_part { format!("{}#{}", run.location, run.shard.index) } else { run.location.clone() }
}

pub(super) fn voter_location(voter: &str) -> &str {
    voter.rsplit_once('#').map_or(voter, |(location, _)| location)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Shard;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_020 + seconds).unwrap()
    }

    fn run(location: &str, seconds: i64, shard: Shard) -> RunKey {
        RunKey { check: "login".to_owned(), location: location.to_owned(), shard, scheduled_time: at(seconds) }
    }

    #[test]
    fn interval_is_the_time_between_scheduled_runs() {
        let second_shard = Shard { index: 1, of: 2, manual: false };
        let mut locations = BTreeMap::new();
        for (case, location, seconds, shard, expected) in [
            ("the first run", "n", 0, Shard::ONLY, (0, 0)),
            ("a minute later", "n", 60, Shard::ONLY, (60, 60)),
            ("another shard of that minute", "n", 60, second_shard, (60, 60)),
            ("a run that comes too late", "n", 30, Shard::ONLY, (60, 60)),
            ("by hand", "n", 90, Shard::MANUAL, (60, 60)),
            ("after more than a day", "n", 100_060, Shard::ONLY, (100_060, 100_000)),
        ] {
            note_run(&mut locations, &run(location, seconds, shard));
            let (seconds, every_seconds) = expected;
            assert_eq!(locations[location], LocationActivity { at: at(seconds), every_seconds }, "{case}");
        }
    }

    #[test]
    fn location_is_forgotten_after_a_day() {
        for (seconds, remaining) in [(86_399, 2), (86_400, 1)] {
            let mut locations = BTreeMap::from([("s".to_owned(), LocationActivity { at: at(0), every_seconds: 60 })]);
            note_run(&mut locations, &run("n", seconds, Shard::ONLY));
            assert_eq!(locations.len(), remaining, "after {seconds} s");
        }
    }

    #[test]
    fn oldest_of_too_many_locations_is_forgotten() {
        let mut locations = BTreeMap::new();
        // The run itself is the oldest, and stays.
        let other = |number: usize| {
            (format!("l{number:02}"), LocationActivity { at: at(100 - number as i64), every_seconds: 60 })
        };
        locations.extend((1..20).map(other));
        note_run(&mut locations, &run("n", 0, Shard::ONLY));
        assert_eq!(locations.len(), 20);
        locations.extend([other(20), other(21)]);
        note_run(&mut locations, &run("n", 0, Shard::ONLY));
        assert_eq!(locations.len(), 20);
        assert!(locations.contains_key("n") && locations.contains_key("l19") && !locations.contains_key("l20"));
    }

    #[test]
    fn location_votes_for_three_intervals_and_five_minutes() {
        for (every_seconds, alive) in [(0, 300), (60, 300), (100, 300), (101, 303), (600, 1_800)] {
            let activity = LocationActivity { at: at(0), every_seconds };
            let found = [alive, alive + 1].map(|seconds| is_alive(activity, at(seconds)));
            assert_eq!(found, [true, false], "every {every_seconds} s");
        }
    }

    #[test]
    fn shards_vote_separately_on_the_whole_check_only() {
        let shard = |of| Shard { index: of - 1, of, manual: false };
        for (of, subject, expected) in [
            (1, Subject::whole(), "n"),
            (2, Subject::whole(), "n#1"),
            (1, Subject::own("web"), "n"),
            (2, Subject::own("web"), "n"),
        ] {
            let voter = voter(&run("n", 0, shard(of)), &subject);
            assert_eq!((voter.as_str(), voter_location(&voter)), (expected, "n"));
        }
    }
}
