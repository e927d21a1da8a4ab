//! Reads a check's cadence from its EventBridge schedule in the templates.

use std::time::Duration;

/// The supported schedules, for errors.
pub(crate) const SUPPORTED: &str = "cron(* * * * ? *), or cron(A/B * * * ? *) where A is less than B and B divides 60";

/// Returns the interval of a schedule that fires every minute, or every B minutes from minute A on. `None`: the
/// schedule is not supported.
pub(crate) fn from_schedule(schedule: &str) -> Option<Duration> {
    let minutes = schedule.strip_prefix("cron(")?.strip_suffix(" * * * ? *)")?;
    let every = match minutes {
        "*" => 1,
        other => {
            let (first, every) = other.split_once('/')?;
            let first = if first == "*" { 0 } else { first.parse::<u64>().ok()? };
            // A later start would skip part of the hour.
            every.parse::<u64>().ok().filter(|every| *every > first && 60 % every == 0)?
        }
    };
    Some(Duration::from_secs(every * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_with_uneven_intervals_is_rejected() {
        let minutes = |schedule| from_schedule(schedule).map(|cadence| cadence.as_secs() / 60);
        for (schedule, expected) in [
            ("cron(* * * * ? *)", Some(1)),
            ("cron(0/5 * * * ? *)", Some(5)),
            ("cron(*/15 * * * ? *)", Some(15)),
            ("cron(7/15 * * * ? *)", Some(15)),
            // Fires at minutes 30 and 50: intervals of 20 and 40 minutes.
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
