//! Evaluates alarms on AWS metrics with recorded series.

use std::collections::{BTreeMap, BTreeSet};

use alarm::{Alarm, Data, MetricId};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::alarms::{on_aws_metrics, raised};
use super::page::{self, Fired, Part, Row};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    series: Vec<Series>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Series {
    alarms: BTreeSet<String>,
    fault: String,
    minutes: [i64; 3],
    metrics: BTreeMap<String, [f64; 3]>,
}

/// Creates a row for each series. Of the alarms on its metrics, exactly the named ones must be raised.
pub fn rows() -> Vec<Row> {
    let alarms = on_aws_metrics();
    let File { series } = toml::from_str(include_str!("recorded.toml")).unwrap();
    series.iter().map(|series| row(series, &alarms)).collect()
}

fn row(series: &Series, alarms: &[Alarm]) -> Row {
    let fault = &series.fault;
    let begin = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365);
    let minute = |count: i64| begin + SignedDuration::from_mins(count);
    let [before, during, after] = series.minutes;
    let phases = [(0, before), (before, before + during), (before + during, before + during + after)];
    let values = |metric: &MetricId| series.metrics.get(&format!("{}/{}", metric.namespace, metric.name));
    let mut data = Data::default();
    let mut on_series = Vec::new();
    for alarm in alarms {
        let Alarm::Metric(on_metrics) = alarm else { continue };
        let metrics: Vec<&MetricId> = on_metrics.source.metrics().map(|(metric, _)| metric).collect();
        if !metrics.iter().all(|metric| values(metric).is_some()) {
            continue;
        }
        on_series.push(alarm.clone());
        for metric in metrics {
            // Several alarms may use the same metric.
            let is_new = !data.metrics().any(|known| known == metric);
            for (value, (from, until)) in values(metric).into_iter().flatten().zip(phases).filter(|_| is_new) {
                (from..until).for_each(|at| data.publish(metric, minute(at), *value));
            }
        }
    }
    let raised = raised(&on_series, &data, begin, minute(before + during + after));
    let names: BTreeSet<String> = raised.iter().map(|raised| raised.alarm.clone()).collect();
    assert_eq!(names, series.alarms, "{fault}: {raised:?}");
    let (began, ended) = (minute(before), minute(before + during));
    assert!(raised.iter().all(|raised| raised.at > began && raised.over.is_some()), "{fault}: {raised:?}");
    Row {
        part: Part::Simulated,
        fault: fault.clone(),
        check: "–".to_owned(),
        shows: page::list(series.metrics.keys().map(|name| format!("`{name}`"))),
        notified: "–".to_owned(),
        cleaned_up: "–".to_owned(),
        alarms: Fired::new(&raised, began, ended),
    }
}
