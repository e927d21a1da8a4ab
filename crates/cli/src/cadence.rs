//! How often a check runs, by the schedule that the templates give it.

use std::time::Duration;

/// The schedules that are known, for errors.
pub(crate) const FORMS: &str =
    "cron(* * * * ? *), or cron(A/B * * * ? *) where A is less than B and 60 a multiple of B";

/// How often a schedule of ours fires: each minute, or every so many minutes from one on. `None`: it is no such schedule.
pub(crate) fn from_schedule(schedule: &str) -> Option<Duration> {
    let minutes = schedule.strip_prefix("cron(")?.strip_suffix(" * * * ? *)")?;
    let every = match minutes {
        "*" => 1,
        other => {
            let (first, every) = other.split_once('/')?;
            let first = if first == "*" { 0 } else { first.parse::<u64>().ok()? };
            // One that begins later leaves out some of the hour.
            every.parse::<u64>().ok().filter(|every| *every > first && 60 % every == 0)?
        }
    };
    Some(Duration::from_secs(every * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_out_minutes_is_no_such_schedule() {
        let minutes = |schedule| from_schedule(schedule).map(|cadence| cadence.as_secs() / 60);
        for (schedule, expected) in [
            ("cron(* * * * ? *)", Some(1)),
            ("cron(0/5 * * * ? *)", Some(5)),
            ("cron(*/15 * * * ? *)", Some(15)),
            ("cron(7/15 * * * ? *)", Some(15)),
            // At half past and ten to: 20 minutes, then 40.
            ("cron(30/20 * * * ? *)", None),
            ("cron(x/5 * * * ? *)", None),
            ("cron(0/7 * * * ? *)", None),
            ("cron(0/0 * * * ? *)", None),
            ("rate(1 minute)", None),
        ] {
            assert_eq!(minutes(schedule), expected, "{schedule}");
        }
    }
}
