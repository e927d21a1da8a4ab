//! One evaluation of an alarm, from which of its points breach.

use serde::{Deserialize, Serialize};

use crate::MissingData;

/// The state of an alarm, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Within its threshold.
    Ok,
    /// Beyond its threshold.
    Alarm,
    /// Too little is known.
    InsufficientData,
}

impl State {
    /// CloudWatch's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// Judges the points of the evaluation range, oldest first: whether each breaches, `None` where it is missing. `None`: the
/// alarm stays in the state it is in.
///
/// `periods` are the evaluation periods (N), `to_alarm` the datapoints to alarm (M).
///
/// Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data", both tables and the rule against
/// premature alarms. That M breaching points among fewer than N real ones alarm under `missing` and `ignore` too is inferred;
/// no table has such a row.
#[must_use]
pub fn judge(points: &[Option<bool>], periods: usize, to_alarm: usize, missing: MissingData) -> Option<State> {
    let alarm_when = |is_alarm| if is_alarm { State::Alarm } else { State::Ok };
    let (mut real, mut breaching, mut breaching_of_newest) = (0, 0, 0);
    for is_breaching in points.iter().rev().flatten() {
        real += 1;
        if *is_breaching {
            breaching += 1;
            breaching_of_newest += usize::from(real <= periods);
        }
    }
    if real >= periods {
        // Enough is known: how missing points are treated does not matter.
        return Some(alarm_when(breaching_of_newest >= to_alarm));
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
            // Nothing known speaks against it, and the first sign of it is old enough.
            let age_of_oldest = points.iter().position(Option::is_some).map_or(0, |place| points.len() - place);
            if breaching == real && age_of_oldest >= to_alarm {
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
        let point = |word| match word {
            "0" => Some(false),
            "X" => Some(true),
            "-" => None,
            other => panic!("{other}"),
        };
        text.split(' ').map(point).collect()
    }

    #[test]
    fn a_point_more_than_n_back_counts_only_when_newer_ones_are_missing() {
        let of = |text| judge(&points(text), 3, 2, MissingData::NotBreaching);
        assert_eq!(of("X X 0 0 0"), Some(State::Ok));
        assert_eq!(of("X X - - 0"), Some(State::Alarm));
    }

    #[test]
    fn five_of_five_with_missing_breaching_waits_for_five() {
        let of = |text| judge(&points(text), 5, 5, MissingData::Breaching);
        assert_eq!(of("0 0 - - - - -"), Some(State::Ok), "CloudWatch looks further back than five");
        assert_eq!(of("- - - - - - -"), Some(State::Alarm));
        assert_eq!(of("X X X X X X X"), Some(State::Alarm));
    }
}
