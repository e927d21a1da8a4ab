//! How often a check runs, by the schedule that the templates give it.

use std::time::Duration;

/// How often a schedule of ours fires: each minute, or every so many minutes from one on. `None`: it is no such schedule.
pub(crate) fn of_schedule(schedule: &str) -> Option<Duration> {
    let minutes = schedule.strip_prefix("cron(")?.strip_suffix(" * * * ? *)")?;
    let every = match minutes {
        "*" => 1,
        other => other.split_once('/')?.1.parse::<u64>().ok().filter(|every| *every > 0 && 60 % every == 0)?,
    };
    Some(Duration::from_secs(every * 60))
}
