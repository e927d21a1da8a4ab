//! Alarms read from templates.

use std::time::Duration;

use alarm::{Alarm, MissingData, Source, alarms};

use crate::alarm_template;

#[test]
fn alarm_has_defaults() {
    let read = alarms(&alarm_template("").unwrap()).unwrap();
    let [Alarm::Metric(alarm)] = &read[..] else { panic!("{read:?}") };
    assert_eq!((alarm.name.as_str(), alarm.evaluation_periods, alarm.datapoints_to_alarm), ("Alarm", 1, 1));
    assert_eq!(
        (alarm.missing, alarm.period, alarm.actions.enabled),
        (MissingData::Missing, Duration::from_secs(60), true)
    );
    assert!(matches!(&alarm.source, Source::Metric { metric, .. } if metric.to_string() == "Test/M {}"));
}

#[test]
fn all_properties_are_read() {
    let properties = "AlarmName: n\nAlarmDescription: d\nActionsEnabled: false\nAlarmActions: [a]\nOKActions: [b, c]\n\
                      Dimensions: [{ Name: Environment, Value: demo }]\nEvaluationPeriods: 10\nDatapointsToAlarm: \"5\"\n\
                      Threshold: \"1.5\"\nTreatMissingData: breaching";
    let read = alarms(&alarm_template(properties).unwrap()).unwrap();
    let [Alarm::Metric(alarm)] = &read[..] else { panic!("{read:?}") };
    assert_eq!((alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.threshold), (10, 5, 1.5));
    assert_eq!(
        (alarm.actions.enabled, &alarm.actions.alarm[..], alarm.actions.ok.len()),
        (false, &["a".to_owned()][..], 2)
    );
    assert_eq!(alarm.source.metrics().next().unwrap().0.to_string(), "Test/M {Environment=demo}");
}

#[test]
fn invalid_properties_are_rejected_with_their_path() {
    let metric = "Metric: { Namespace: T, MetricName: M }, Stat: Sum, Period";
    for (properties, expected) in [
        ("Period: 10".to_owned(), "Resources.Alarm.Properties.Period: expected a multiple of 60 seconds, found 10"),
        ("ExtendedStatistic: p99".to_owned(), "Resources.Alarm.Properties.ExtendedStatistic: not supported"),
        ("Statistic: p99".to_owned(), "Statistic: expected one of SampleCount, Average"),
        ("Period: 60.9".to_owned(), "Period: expected a multiple of 60 seconds, found 60.9"),
        // YAML 1.1 reads this as false, YAML 1.2 as a string.
        ("ActionsEnabled: no".to_owned(), "ActionsEnabled: expected true or false, found \"no\""),
        ("Dimensions: { Name: A, Value: b }".to_owned(), "Dimensions: expected a list, found {"),
        (
            format!("Metrics: [{{ Id: m, MetricStat: {{ {metric}: 60, Unit: Percent }} }}]"),
            "Metrics[0].MetricStat.Unit: not supported; supported: Metric, Period, Stat",
        ),
        (
            format!("Metrics: [{{ Id: m, AccountId: a, MetricStat: {{ {metric}: 60 }} }}]"),
            "Metrics[0].AccountId: not supported",
        ),
        (
            format!("Metrics: [{{ Id: m, Expression: m, MetricStat: {{ {metric}: 60 }} }}]"),
            "Metrics[0].MetricStat: expected none together with Expression",
        ),
        (
            format!("MetricName: N\nMetrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}]"),
            "MetricName: expected none together with Metrics",
        ),
        (
            "EvaluationPeriods: 2\nDatapointsToAlarm: 3".to_owned(),
            "DatapointsToAlarm: expected at most EvaluationPeriods, 2, found 3",
        ),
        ("EvaluationPeriods: 0".to_owned(), "EvaluationPeriods: expected a whole number of at least 1, found 0"),
        ("Threshold: high".to_owned(), "Threshold: expected a number, found \"high\""),
        (
            "TreatMissingData: often".to_owned(),
            "TreatMissingData: expected one of missing, ignore, breaching, notBreaching, found `often`",
        ),
        ("Metrics: [{ Id: e, Expression: RATE(m) }]".to_owned(), "Metrics[0].Expression: expected an expression"),
        ("Metrics: [{ Id: e, Expression: m + 1 }]".to_owned(), "Metrics: expected at least one metric"),
        (
            format!(
                "Metrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}, {{ Id: n, MetricStat: {{ {metric}: 300 }} }}]"
            ),
            "Metrics[1].MetricStat.Period: expected the same period for all",
        ),
        (
            format!("Metrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}, {{ Id: e, Expression: m + 1 }}]"),
            "Metrics: expected one with ReturnData, found 2",
        ),
        (
            format!(
                "Metrics: [{{ Id: m, ReturnData: false, MetricStat: {{ {metric}: 60 }} }}, {{ Id: e, Expression: m + other }}]"
            ),
            "expected expressions over existing ids",
        ),
    ] {
        let message = alarms(&alarm_template(&properties).unwrap()).unwrap_err().to_string();
        assert!(message.contains(expected), "{properties}\n{message}");
    }
}
