//! CloudWatch alarm events on EventBridge: the sample events match the shipped alarms, and the sample patterns select them.

use std::collections::BTreeMap;
use std::fs;

use alarm::{Alarm, MetricAlarm, Source};
use operations::thresholds;
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::world::repository;

fn text(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap()
}

fn sample(file: &str) -> Value {
    serde_json::from_str(&text(&format!("events/{file}"))).unwrap()
}

/// Finds the shipped alarm of an event, in an environment that runs every check.
fn shipped(event: &Value) -> Alarm {
    let template = thresholds::template("production", None).unwrap();
    let name = event["detail"]["alarmName"].as_str().unwrap();
    let alarms = alarm::alarms(&template).unwrap();
    alarms.into_iter().find(|alarm| alarm.name() == name).unwrap_or_else(|| panic!("no alarm is called {name}"))
}

/// Checks the fields that every alarm event has.
fn assert_envelope(event: &Value) {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer}"));
    let name = text("/detail/alarmName");
    let arn = format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", text("/region"), text("/account"));
    assert_eq!(event["resources"], json!([arn]));
    assert!(text("/detail/state/timestamp").starts_with(text("/time").trim_end_matches('Z')), "{event:#}");
    assert_eq!((text("/detail/previousState/value"), text("/detail/state/value")), ("OK", "ALARM"));
}

fn reason_data(event: &Value, state: &str) -> Value {
    serde_json::from_str(event["detail"][state]["reasonData"].as_str().unwrap()).unwrap()
}

/// Counts the datapoints of an event that breach its threshold.
fn breaching(alarm: &MetricAlarm, data: &Value) -> usize {
    let threshold = data["threshold"].as_f64().unwrap();
    let points = data["recentDatapoints"].as_array().unwrap();
    points.iter().filter(|point| alarm.comparison.is_breaching(point.as_f64().unwrap(), threshold)).count()
}

#[test]
fn sample_alarm_event_matches_the_shipped_alarm() {
    let event = sample("alarms/state-change.json");
    assert_envelope(&event);
    let Alarm::Metric(alarm) = shipped(&event) else { panic!("an alarm on a metric") };
    let configuration = &event["detail"]["configuration"];
    assert_eq!(configuration["description"], alarm.description);
    let Source::Metric { metric, statistic } = &alarm.source else { panic!("{:?}", alarm.source) };
    let [data] = configuration["metrics"].as_array().unwrap().as_slice() else { panic!("{configuration:#}") };
    assert_eq!(
        data["metricStat"],
        json!({
            "metric": { "namespace": metric.namespace, "name": metric.name, "dimensions": metric.dimensions },
            "period": alarm.period.as_secs(),
            "stat": statistic.as_str(),
        })
    );
    for (state, is_firing) in [("previousState", false), ("state", true)] {
        let data = reason_data(&event, state);
        assert_eq!((&data["period"], &data["statistic"]), (&json!(alarm.period.as_secs()), &json!(statistic.as_str())));
        assert_eq!(data["recentDatapoints"].as_array().unwrap().len(), alarm.evaluation_periods, "{data:#}");
        assert_eq!(breaching(&alarm, &data) >= alarm.datapoints_to_alarm, is_firing, "{data:#}");
        let reason = event["detail"][state]["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("the threshold ({:?})", data["threshold"].as_f64().unwrap())), "{reason}");
    }
}

#[test]
fn sample_composite_event_matches_the_shipped_alarm() {
    let event = sample("alarms/platform-down.json");
    assert_envelope(&event);
    let Alarm::Composite(alarm) = shipped(&event) else { panic!("a composite alarm") };
    let rule = alarm::Rule::read(event["detail"]["configuration"]["alarmRule"].as_str().unwrap()).unwrap();
    assert_eq!(rule, alarm.rule);
    for (state, holds) in [("previousState", false), ("state", true)] {
        let data = reason_data(&event, state);
        let triggering = data["triggeringAlarms"].as_array().unwrap();
        let states: BTreeMap<&str, &Value> = triggering
            .iter()
            .map(|alarm| (alarm["arn"].as_str().unwrap().rsplit(':').next().unwrap(), &alarm["state"]["value"]))
            .collect();
        assert_eq!(states.keys().copied().collect::<Vec<_>>(), rule.alarms().into_iter().collect::<Vec<_>>());
        let state_by_name = |name: &str| if states[name] == "ALARM" { alarm::State::Alarm } else { alarm::State::Ok };
        assert_eq!(rule.holds(&state_by_name), holds, "{data:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_select_the_alarms_of_one_environment() {
    let emulator = Emulator::shared();
    let fires = sample("alarms/state-change.json");
    let down = sample("alarms/platform-down.json");
    let with = |pointer: &str, value: Value| {
        let mut event = fires.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let in_environment = |event: &Value, environment: &str| -> Value {
        serde_json::from_str(&event.to_string().replace("production", environment)).unwrap()
    };
    let mut muted = fires.clone();
    muted["detail"]["muteDetail"] = json!({
        "mutedByArn": "arn:aws:cloudwatch:eu-north-1:123456789012:alarm-mute-rule:just-driving-synthetics-production-mute-application",
        "muteWindowStart": "2026-11-23T06:00:00.000+0000",
        "muteWindowEnd": "2026-11-23T08:00:00.000+0000",
    });
    let events = [
        ("alarm", fires.clone()),
        ("return to OK", with("/detail/state/value", json!("OK"))),
        ("muted alarm", muted),
        ("platform down", down.clone()),
        ("alarm of staging", in_environment(&fires, "staging")),
        ("platform down in staging", in_environment(&down, "staging")),
        ("alarm of another application", with("/detail/alarmName", json!("ServerCpuTooHigh"))),
        ("changed threshold", with("/detail-type", json!("CloudWatch Alarm Configuration Change"))),
        // The documentation says so: a prefix pattern also matches environments with a longer name.
        ("environment with the same prefix", in_environment(&fires, "production-eu")),
    ];
    let all_events = ["alarm", "return to OK", "muted alarm", "platform down", "environment with the same prefix"];
    for (pattern, expected) in [
        ("environment", &all_events[..]),
        ("firing", &["alarm", "platform down", "environment with the same prefix"]),
        ("platform-down", &["platform down"]),
    ] {
        let text = text(&format!("events/alarms/patterns/{pattern}.json"));
        let mut matched = Vec::new();
        for (name, event) in &events {
            if emulator.pattern_matches(&text, event).await {
                matched.push(*name);
            }
        }
        assert_eq!(matched, expected, "{pattern}");
    }
}
