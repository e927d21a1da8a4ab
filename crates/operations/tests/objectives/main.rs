//! The shipped alarms on objectives, replayed: an outage raises each at its M-th failed run, and failures at half the allowed rate
//! never do.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the shipped alarms has failed")]

use std::time::Duration;

use alarm::{Alarm, Data, MetricAlarm, MetricId, Replay, State, Transition};
use check::budget::Objective;
use jiff::{SignedDuration, Timestamp};
use operations::{checks, thresholds};

/// A month of 30 days. **Units:** minutes.
const MONTH: i64 = 30 * 24 * 60;
/// Random months of each check.
const MONTHS: u64 = 1_000;

/// The alarm on the objective of a check.
struct Guarded {
    check: String,
    objective: Objective,
    alarm: MetricAlarm,
}

impl Guarded {
    fn metric(&self) -> &MetricId {
        self.alarm.source.metrics().next().unwrap().0
    }

    /// Time between two runs. **Units:** minutes.
    fn cadence(&self) -> i64 {
        (self.alarm.period.as_secs() / 60) as i64
    }

    /// Changes of state for runs that pass or fail, one per period from the first on.
    fn changes(&self, runs: impl IntoIterator<Item = bool>) -> Vec<Transition> {
        let (mut data, mut minutes) = (Data::default(), 0);
        for passed in runs {
            data.publish(self.metric(), minute(minutes), f64::from(u8::from(passed)));
            minutes += self.cadence();
        }
        let alarms = [Alarm::Metric(self.alarm.clone())];
        let mut changes = Replay::default().transitions(&alarms, &data, minute(0), minute(minutes));
        changes.remove(&self.alarm.name).unwrap()
    }

    /// The same alarm with a run every minute. M of N counts runs, whatever the time between them, and CloudWatch evaluates every
    /// minute: a fifth of the evaluations decides the same.
    fn every_minute(&self) -> Self {
        let alarm = MetricAlarm { period: Duration::from_secs(60), ..self.alarm.clone() };
        Self { check: self.check.clone(), alarm, ..*self }
    }

    /// True if the alarm fires while this many runs fail with this probability each.
    fn fires(&self, runs: i64, failing: f64, random: &mut Random) -> bool {
        let runs = (0..runs).map(|_| random.part() >= failing);
        self.changes(runs).iter().any(|change| change.to == State::Alarm)
    }
}

fn guarded() -> Vec<Guarded> {
    let alarms = thresholds::shipped("production").unwrap();
    let all = checks::default_objectives().into_iter().map(|(check, objective)| {
        let is_own = |alarm: &&MetricAlarm| {
            let (metric, _) = alarm.source.metrics().next().unwrap();
            alarm.logical_id.ends_with("Objective") && metric.dimensions["Check"] == check
        };
        let alarm = alarms.iter().find(is_own).unwrap().clone();
        Guarded { check, objective, alarm }
    });
    all.collect()
}

/// A minute of November 2026.
fn minute(number: i64) -> Timestamp {
    Timestamp::from_second(1_793_491_200 + number * 60).unwrap()
}

/// SplitMix64, with the same numbers in every test run.
struct Random(u64);

impl Random {
    /// A number from 0 to 1, exclusive.
    fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn outage_fires_at_the_mth_failed_run() {
    let guarded = guarded();
    assert_eq!(guarded.len(), 5);
    for own in guarded {
        let (to_alarm, periods) = (own.alarm.datapoints_to_alarm, own.alarm.evaluation_periods);
        let failed = |failed: usize| {
            let runs = std::iter::repeat_n(true, periods)
                .chain(std::iter::repeat_n(false, failed))
                .chain(std::iter::repeat_n(true, 2 * periods));
            own.changes(runs)
        };
        let last = |run: usize| minute((periods + run - 1) as i64 * own.cadence());
        let changes = failed(to_alarm - 1);
        assert!(changes.iter().all(|change| change.to != State::Alarm), "{}, one less: {changes:?}", own.check);
        let changes = failed(to_alarm);
        let [.., fired, over] = &changes[..] else { panic!("{}: {changes:?}", own.check) };
        let after = SignedDuration::from_mins(1);
        assert_eq!((fired.to, fired.at), (State::Alarm, last(to_alarm) + after), "{}", own.check);
        // The first failed run has to leave the window of six hours.
        let expected = last(1) + SignedDuration::from_hours(6) + after;
        assert_eq!((over.to, over.at), (State::Ok, expected), "{}", own.check);
    }
}

#[test]
fn half_the_allowed_rate_never_fires() {
    std::thread::scope(|scope| {
        for (own, seed) in guarded().into_iter().zip(1_u64..) {
            scope.spawn(move || {
                let (allowed, runs, own) = (1.0 - own.objective.target(), MONTH / own.cadence(), own.every_minute());
                let mut random = Random(seed);
                for month in 0..MONTHS {
                    assert!(!own.fires(runs, allowed / 2.0, &mut random), "{}, month {month}", own.check);
                }
                // The months are not too quiet to fire at all: at eight times the allowed rate, every one fires.
                for month in 0..10 {
                    assert!(own.fires(runs, allowed * 8.0, &mut random), "{}, month {month}", own.check);
                }
            });
        }
    });
}

#[test]
fn gap_in_the_runs_raises_nothing() {
    for own in guarded() {
        let mut data = Data::default();
        // One failed run, and no data before and after it: the state of a new deployment whose first run fails.
        data.publish(own.metric(), minute(10 * own.cadence()), 0.0);
        let alarms = [Alarm::Metric(own.alarm.clone())];
        let until = minute(2 * own.alarm.evaluation_periods as i64 * own.cadence());
        let changes = &Replay::default().transitions(&alarms, &data, minute(0), until)[&own.alarm.name];
        let states: Vec<State> = changes.iter().map(|change| change.to).collect();
        assert_eq!(states, [State::Ok], "{}", own.check);
    }
}
