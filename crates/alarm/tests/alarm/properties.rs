//! Properties that hold for all data points.

use alarm::{MissingData, State, judge};
use proptest::prelude::*;

fn points() -> impl Strategy<Value = Vec<Option<bool>>> {
    prop::collection::vec(prop::option::of(any::<bool>()), 0..12)
}

/// N, and M of at most N.
fn counts() -> impl Strategy<Value = (usize, usize)> {
    (1_usize..8).prop_flat_map(|periods| (Just(periods), 1..=periods))
}

proptest! {
    #[test]
    fn more_breaching_points_never_end_an_alarm(points in points(), (n, m) in counts(), index in any::<prop::sample::Index>()) {
        prop_assume!(!points.is_empty());
        for missing in [MissingData::Missing, MissingData::Breaching, MissingData::NotBreaching] {
            let before = judge(&points, n, m, missing);
            let mut worse = points.clone();
            let index = index.index(points.len());
            prop_assume!(worse[index].is_some());
            worse[index] = Some(true);
            if before == Some(State::Alarm) {
                prop_assert_eq!(judge(&worse, n, m, missing), before);
            }
        }
    }

    #[test]
    fn missing_treatment_does_not_matter_without_missing_points(values in prop::collection::vec(any::<bool>(), 8..12), (n, m) in counts()) {
        let points: Vec<_> = values.into_iter().map(Some).collect();
        let expected = judge(&points, n, m, MissingData::Missing);
        for missing in [MissingData::Ignore, MissingData::Breaching, MissingData::NotBreaching] {
            prop_assert_eq!(judge(&points, n, m, missing), expected);
        }
        let breaching = points.iter().rev().take(n).filter(|point| **point == Some(true)).count();
        prop_assert_eq!(expected, Some(if breaching >= m { State::Alarm } else { State::Ok }));
    }

    #[test]
    fn breaching_treatment_alarms_whenever_not_breaching_does(points in points(), (n, m) in counts()) {
        if judge(&points, n, m, MissingData::NotBreaching) == Some(State::Alarm) {
            prop_assert_eq!(judge(&points, n, m, MissingData::Breaching), Some(State::Alarm));
        }
    }

    #[test]
    fn only_ignore_retains_and_only_missing_lacks_data(points in points(), (n, m) in counts()) {
        for missing in [MissingData::Missing, MissingData::Breaching, MissingData::NotBreaching] {
            prop_assert!(judge(&points, n, m, missing).is_some());
        }
        for missing in [MissingData::Ignore, MissingData::Breaching, MissingData::NotBreaching] {
            prop_assert_ne!(judge(&points, n, m, missing), Some(State::InsufficientData));
        }
    }
}
