//! Alarms on metrics that AWS publishes: held against recorded series.

use std::collections::{BTreeMap, BTreeSet};

use alarm::{Alarm, Data};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::alarms::{on_metrics_of_aws, raised};
use super::page::{Fired, Part, Row};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    series: Vec<Series>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Series {
    alarms: BTreeSet<String>,
    what: String,
    minutes: [i64; 3],
    metrics: BTreeMap<String, [f64; 3]>,
}

/// A row for each series. The alarms are those that it names, and no others.
pub fn rows() -> Vec<Row> {
    let alarms = on_metrics_of_aws();
    let File { series } = toml::from_str(include_str!("recorded.toml")).unwrap();
    series.iter().map(|series| row(series, &alarms)).collect()
}

fn row(series: &Series, alarms: &[Alarm]) -> Row {
    let what = &series.what;
    let begin = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365);
    let minute = |count: i64| begin + SignedDuration::from_mins(count);
    let [well, wrong, again] = series.minutes;
    let phases = [(0, well), (well, well + wrong), (well + wrong, well + wrong + again)];
    let mut data = Data::default();
    let mut used = BTreeSet::new();
    for (metric, _) in alarms.iter().filter_map(on_metrics).flat_map(|alarm| alarm.source.metrics()) {
        let Some(values) = series.metrics.get(&metric.name) else { continue };
        // Several alarms may be on one metric.
        if data.metrics().any(|known| known == metric) {
            continue;
        }
        used.insert(metric.name.clone());
        for (value, (from, until)) in values.iter().zip(phases) {
            (from..until).for_each(|at| data.publish(metric, minute(at), *value));
        }
    }
    assert_eq!(used, series.metrics.keys().cloned().collect(), "{what}: metrics that an alarm is on");
    let raised = raised(alarms, &data, begin, minute(well + wrong + again));
    let names: BTreeSet<String> = raised.iter().map(|raised| raised.alarm.clone()).collect();
    assert_eq!(names, series.alarms, "{what}: {raised:?}");
    let (began, ended) = (minute(well), minute(well + wrong));
    assert!(raised.iter().all(|raised| raised.at > began && raised.over.is_some()), "{what}: {raised:?}");
    Row {
        part: Part::Simulated,
        fault: what.clone(),
        check: "–".to_owned(),
        shows: series.metrics.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join("<br>"),
        told: "–".to_owned(),
        alarms: Fired::of(&raised, began, ended),
    }
}

fn on_metrics(alarm: &Alarm) -> Option<&alarm::MetricAlarm> {
    match alarm {
        Alarm::Metric(alarm) => Some(alarm),
        Alarm::Composite(_) => None,
    }
}
