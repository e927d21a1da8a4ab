//! One evaluation of an alarm, based on its breaching and missing data points.

use crate::{MissingData, State};

/// Evaluates the data points of the evaluation range, oldest first. Each is true when it breaches, and `None` when it is
/// missing. Returns `None` when the alarm keeps its state.
///
/// `periods` is the number of evaluation periods (N), `to_alarm` the number of data points to alarm (M).
///
/// Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data", both tables and the rule against
/// premature alarms. One case is inferred, since no table covers it: under `missing` and `ignore`, M breaching data points
/// also alarm when fewer than N are real.
#[must_use]
pub fn judge(points: &[Option<bool>], periods: usize, to_alarm: usize, missing: MissingData) -> Option<State> {
    let (mut real, mut breaching, mut newest_breaching) = (0, 0, 0);
    for is_breaching in points.iter().rev().flatten() {
        real += 1;
        if *is_breaching {
            breaching += 1;
            newest_breaching += usize::from(real <= periods);
        }
    }
    let oldest_age = points.iter().position(Option::is_some).map_or(0, |index| points.len() - index);
    judged(Counted { real, breaching, newest_breaching, oldest_age }, periods, to_alarm, missing)
}

/// Counts of the data points of an evaluation range.
#[derive(Clone, Copy)]
pub(crate) struct Counted {
    /// Data points that are not missing.
    pub(crate) real: usize,
    /// Breaching ones.
    pub(crate) breaching: usize,
    /// Breaching ones among the N newest that are not missing.
    pub(crate) newest_breaching: usize,
    /// Age of the oldest one in periods; 0 if all are missing.
    pub(crate) oldest_age: usize,
}

/// Evaluates counted data points, as [`judge`] does.
pub(crate) fn judged(counted: Counted, periods: usize, to_alarm: usize, missing: MissingData) -> Option<State> {
    let Counted { real, breaching, newest_breaching, oldest_age } = counted;
    let alarm_when = |is_alarm| if is_alarm { State::Alarm } else { State::Ok };
    if real >= periods {
        // With enough real data points, the treatment of missing ones does not matter.
        return Some(alarm_when(newest_breaching >= to_alarm));
    }
    match missing {
        MissingData::Breaching => Some(alarm_when(breaching + (periods - real) >= to_alarm)),
        MissingData::NotBreaching => Some(alarm_when(breaching >= to_alarm)),
        MissingData::Missing | MissingData::Ignore => {
            let retained = |state| if missing == MissingData::Ignore { None } else { Some(state) };
            if real == 0 {
                return retained(State::InsufficientData);
            }
            if breaching >= to_alarm {
                return Some(State::Alarm);
            }
            // All real data points breach, and the oldest of them is old enough.
            if breaching == real && oldest_age >= to_alarm {
                return retained(State::Alarm);
            }
            Some(State::Ok)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> Vec<Option<bool>> {
        let point = |letter| match letter {
            "0" => Some(false),
            "X" => Some(true),
            "-" => None,
            other => panic!("{other}"),
        };
        text.split(' ').map(point).collect()
    }

    #[test]
    fn older_points_count_only_when_newer_ones_are_missing() {
        let state = |text| judge(&points(text), 3, 2, MissingData::NotBreaching);
        assert_eq!(state("X X 0 0 0"), Some(State::Ok));
        assert_eq!(state("X X - - 0"), Some(State::Alarm));
    }

    #[test]
    fn too_few_points_alarm_when_the_oldest_is_old_enough() {
        for (text, expected) in [
            ("- - - - X", Some(State::Ok)),
            ("- - - X -", Some(State::Alarm)),
            ("- X - - -", Some(State::Alarm)),
            ("- 0 - X -", Some(State::Ok)),
        ] {
            assert_eq!(judge(&points(text), 3, 2, MissingData::Missing), expected, "{text}");
            let kept = expected.filter(|state| *state == State::Ok);
            assert_eq!(judge(&points(text), 3, 2, MissingData::Ignore), kept, "{text}");
        }
    }

    #[test]
    fn five_of_five_waits_for_five_missing_points() {
        let state = |text| judge(&points(text), 5, 5, MissingData::Breaching);
        assert_eq!(state("0 0 - - - - -"), Some(State::Ok), "CloudWatch reads more than five data points");
        assert_eq!(state("- - - - - - -"), Some(State::Alarm));
        assert_eq!(state("X X X X X X X"), Some(State::Alarm));
    }
}
