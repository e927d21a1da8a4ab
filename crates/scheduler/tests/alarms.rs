//! The shipped alarms on recorded values.

use std::sync::Arc;

use alarm::{Alarm, Inputs, MetricAlarm, State, Template, alarms};
use check::metric::{DURATION, INCONCLUSIVE, Metric};
use jiff::{SignedDuration, Timestamp};
use local::Store;
use runtime::{Datum, MetricSink};
use scheduler::AlarmWatch;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_020).unwrap() + SignedDuration::from_mins(minute)
}

fn shipped(logical_ids: &[&str]) -> Vec<MetricAlarm> {
    let text = include_str!("../../../infra/alarms.yaml");
    let inputs = Inputs::default().with("Environment", "staging");
    let template = Template::read_with_every(text, &inputs, "Checks").unwrap();
    let metric = |alarm: Alarm| match alarm {
        Alarm::Metric(alarm) => Some(alarm),
        _ => None,
    };
    let mut found: Vec<_> = alarms(&template).unwrap().into_iter().filter_map(metric).collect();
    found.retain(|alarm| logical_ids.contains(&alarm.logical_id.as_str()));
    assert_eq!(found.len(), logical_ids.len());
    found
}

async fn publish(store: &Store, metric: &Metric, value: f64, at: Timestamp) {
    let datum = Datum::for_environment(metric, value, "staging", "login", None, at);
    store.publish(&[datum]).await.unwrap();
}

/// Evaluates minute by minute, and returns the changes as minute, alarm and new state.
fn changes(watch: &mut AlarmWatch, minutes: std::ops::Range<i64>) -> Vec<(i64, String, State)> {
    let mut found = Vec::new();
    for minute in minutes {
        for change in watch.evaluate(at(minute)).unwrap() {
            found.push((minute, change.alarm.logical_id.clone(), change.to));
        }
    }
    found
}

#[tokio::test]
async fn slow_runs_raise_the_alarm_with_its_values() {
    let store = Arc::new(Store::in_memory().unwrap());
    let alarms = shipped(&["SlowLogin"]);
    let slow = alarms[0].threshold + 1_000.5;
    for minute in 0..30 {
        let value = if (10..15).contains(&minute) { slow } else { 100.0 };
        publish(&store, &DURATION, value, at(minute)).await;
    }
    let mut watch = AlarmWatch::new(alarms.clone(), store, at(0));
    let id = || "SlowLogin".to_owned();
    assert_eq!(changes(&mut watch, 0..14), [(0, id(), State::Ok)]);
    let raised: Vec<_> = (14..16).flat_map(|minute| watch.evaluate(at(minute)).unwrap()).collect();
    let [raised] = &raised[..] else { panic!("{raised:?}") };
    assert_eq!((raised.from, raised.to), (State::Ok, State::Alarm));
    let threshold = alarms[0].threshold;
    assert!(raised.reason.starts_with(&format!("5 of 10 data points above {threshold}: {slow}")), "{}", raised.reason);
    assert_eq!(changes(&mut watch, 16..31), [(21, id(), State::Ok)]);
}

#[tokio::test]
async fn silence_counts_only_while_checks_run() {
    let store = Arc::new(Store::in_memory().unwrap());
    for minute in 0..10 {
        publish(&store, &INCONCLUSIVE, 0.0, at(minute)).await;
    }
    // The program starts again after an hour.
    let mut watch = AlarmWatch::new(shipped(&["MonitoringLostLogin"]), store.clone(), at(70));
    assert_eq!(changes(&mut watch, 70..75), [], "nothing is missing yet");
    let lost = changes(&mut watch, 75..90);
    assert!(matches!(&lost[..], [(minute, _, State::Alarm)] if *minute < 80), "{lost:?}");
    for minute in 90..100 {
        publish(&store, &INCONCLUSIVE, 0.0, at(minute)).await;
    }
    assert!(matches!(&changes(&mut watch, 90..100)[..], [(_, _, State::Ok)]));
    // The machine sleeps for a night.
    watch.resume(at(600));
    assert_eq!(changes(&mut watch, 600..605), []);
}
