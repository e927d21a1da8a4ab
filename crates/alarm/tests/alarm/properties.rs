//! Properties that hold for all data points.

use std::time::Duration;

use alarm::{Alarm, Data, MissingData, Replay, State, alarms, judge};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{alarm_template, metric};

const MINUTES: i64 = 400;

/// An alarm of any period, N, M and treatment of missing data.
fn any_alarm() -> impl Strategy<Value = Alarm> {
    let periods = prop::sample::select(vec![1_u64, 2, 5, 60]);
    let missing = prop::sample::select(vec!["missing", "ignore", "breaching", "notBreaching"]);
    (periods, 1_usize..40, any::<prop::sample::Index>(), missing).prop_map(|(minutes, n, m, missing)| {
        let m = m.index(n) + 1;
        let text = format!(
            "Period: {}\nEvaluationPeriods: {n}\nDatapointsToAlarm: {m}\nTreatMissingData: {missing}",
            minutes * 60
        );
        alarms(&alarm_template(&text).unwrap()).unwrap().remove(0)
    })
}

/// Values in runs of equal ones, with gaps, since single random values rarely raise an alarm.
fn any_values() -> impl Strategy<Value = Vec<Option<f64>>> {
    let run = (prop::option::weighted(0.8, 0.0..2.5_f64), 1_usize..30);
    let runs = prop::collection::vec(run, 1..60);
    runs.prop_map(|runs| runs.into_iter().flat_map(|(value, times)| std::iter::repeat_n(value, times)).collect())
}

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

    #[test]
    fn running_counts_agree_with_single_evaluations(alarm in any_alarm(), values in any_values(), beyond in 0_usize..4) {
        let begin: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        let at = |minute| begin + SignedDuration::from_mins(minute);
        let mut data = Data::default();
        for (value, minute) in values.into_iter().zip(-100..) {
            if let Some(value) = value {
                data.publish(&metric("M"), at(minute), value);
            }
        }
        let Alarm::Metric(alarm) = &alarm else { panic!("{alarm:?}") };
        let replay = Replay { beyond };
        let mut state = State::InsufficientData;
        let mut expected = Vec::new();
        for minute in 0..=MINUTES {
            if let Some(next) = replay.evaluate(alarm, &data, at(minute)).state.filter(|next| *next != state) {
                expected.push((at(minute), state, next));
                state = next;
            }
        }
        let all = [Alarm::Metric(alarm.clone())];
        let found = replay.transitions(&all, &data, at(0), at(MINUTES)).remove(&alarm.name).unwrap();
        let flat: Vec<_> = found.iter().map(|change| (change.at, change.from, change.to)).collect();
        prop_assert_eq!(flat, expected);
        // The same from values that reach further back, as for an alarm with a larger N.
        let larger = alarm::MetricAlarm { evaluation_periods: alarm.evaluation_periods + 7, ..alarm.clone() };
        prop_assert_eq!(replay.judged(&larger, &data, at(0), at(MINUTES)).transitions(alarm), found);
    }

    #[test]
    fn whole_periods_hold_each_value_once(values in any_values(), hours in 1_u64..4) {
        let begin: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        let mut data = Data::default();
        for (value, minute) in values.iter().zip(0..) {
            if let Some(value) = value {
                data.publish(&metric("M"), begin + SignedDuration::from_mins(minute), *value);
            }
        }
        let period = Duration::from_secs(hours * 3_600);
        let text = format!("Statistic: Sum\nPeriod: {}", period.as_secs());
        let Alarm::Metric(alarm) = alarms(&alarm_template(&text).unwrap()).unwrap().remove(0) else { panic!("{text}") };
        let until = begin + SignedDuration::from_hours(48) - SignedDuration::from_mins(1);
        let judged = Replay::default().judged(&alarm, &data, begin, until);
        let periods: Vec<_> = judged.whole_periods(period).collect();
        prop_assert!(periods.windows(2).all(|pair| pair[1].0.duration_since(pair[0].0).unsigned_abs() == period));
        let sum: f64 = periods.iter().filter_map(|(_, value)| *value).sum();
        prop_assert!((sum - values.iter().flatten().sum::<f64>()).abs() < 1e-6);
    }
}
