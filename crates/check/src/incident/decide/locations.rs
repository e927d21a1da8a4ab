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
