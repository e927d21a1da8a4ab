//! Where runs come from: who is there, and under which name it votes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::incident::LocationActivity;
use crate::{RunKey, Subject};

/// A location that has not run for so many of its intervals does not vote.
const SILENT_AFTER: i64 = 3;
/// Nor is it silent before this has passed.
const NOT_SILENT_BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// A location that has not run for so long is forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Notes that a location has run. Locations of which nobody has heard for a day are gone.
pub(super) fn note_run(locations: &mut BTreeMap<String, LocationActivity>, run: &RunKey) {
    let now = run.scheduled_time;
    locations
        .retain(|location, activity| *location == run.location || now.duration_since(activity.at) < FORGOTTEN_AFTER);
    let activity = locations.entry(run.location.clone()).or_insert(LocationActivity { at: now, every_seconds: 0 });
    // A run by hand says nothing about the interval, nor does another shard of the same minute.
    if now > activity.at && !run.shard.manual {
        *activity = LocationActivity { at: now, every_seconds: now.duration_since(activity.at).as_secs() };
    }
}

pub(super) fn is_alive(activity: LocationActivity, now: Timestamp) -> bool {
    now.duration_since(activity.at) <= patience(activity, SILENT_AFTER)
}

/// So many intervals of a location, and some minutes at least.
pub(super) fn patience(activity: LocationActivity, intervals: i64) -> SignedDuration {
    SignedDuration::from_secs(activity.every_seconds.saturating_mul(intervals)).max(NOT_SILENT_BEFORE)
}

/// Under which name a run votes. A shard has its own word on the check as a whole, which every shard examines.
pub(super) fn voter(run: &RunKey, subject: &Subject) -> String {
    let is_part = run.shard.of > 1 && subject.is_whole();
    if is_part { format!("{}#{}", run.location, run.shard.index) } else { run.location.clone() }
}

pub(super) fn voter_location(voter: &str) -> &str {
    voter.rsplit_once('#').map_or(voter, |(location, _)| location)
}
