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
fn expressions_may_come_before_their_metrics() {
    let metric = |id: &str| {
        format!(
            "{{ Id: {id}, ReturnData: \"false\", MetricStat: {{ Metric: {{ Namespace: T, MetricName: {id} }}, Stat: Sum, Period: 60 }} }}"
        )
    };
    let properties = format!(
        "ActionsEnabled: \"true\"\nMetrics: [{{ Id: e, Expression: d + a, ReturnData: \"true\" }}, {{ Id: d, Expression: a * b, ReturnData: false }}, {}, {}]",
        metric("a"),
        metric("b")
    );
    let read = alarms(&alarm_template(&properties).unwrap()).unwrap();
    let [Alarm::Metric(alarm)] = &read[..] else { panic!("{read:?}") };
    let Source::Math { queries, returned } = &alarm.source else { panic!("{:?}", alarm.source) };
    assert_eq!(queries.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b", "d", "e"]);
    assert_eq!((returned.as_str(), alarm.actions.enabled, alarm.source.metrics().count()), ("e", true, 2));
}

#[test]
fn composite_alarm_is_read_completely() {
    let text = "Resources:\n  One: { Type: AWS::CloudWatch::Alarm, Properties: { AlarmName: one, Namespace: T, MetricName: M, \
                Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: LessThanThreshold }, \
                Metadata: { A: 1 } }\n  \
                Queue: { Type: AWS::SQS::Queue }\n  \
                Both: { Type: AWS::CloudWatch::CompositeAlarm, Properties: { AlarmName: both, AlarmDescription: all, \
                AlarmRule: !Sub \"ALARM(${One}) AND OK(${One.Arn})\", OKActions: [a], InsufficientDataActions: [b] }, \
                Metadata: { B: 2 } }\n";
    let template = alarm::Template::read(text, &alarm::Inputs::default()).unwrap();
    let read = alarms(&template).unwrap();
    let shown = |alarm: &Alarm| [alarm.logical_id(), alarm.name(), alarm.description()].map(str::to_owned);
    assert_eq!(read.iter().map(shown).collect::<Vec<_>>(), [["One", "one", ""], ["Both", "both", "all"]]);
    assert_eq!(read.iter().map(|alarm| alarm.metadata().to_string()).collect::<Vec<_>>(), [r#"{"A":1}"#, r#"{"B":2}"#]);
    let Alarm::Composite(both) = &read[1] else { panic!("{read:?}") };
    assert_eq!(both.rule, alarm::Rule::read("ALARM(one) AND OK(one)").unwrap());
    assert_eq!(
        (&both.actions.ok[..], &both.actions.insufficient_data[..]),
        (&["a".to_owned()][..], &["b".to_owned()][..])
    );
    assert_eq!(read[1].actions(), &both.actions);
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
        ("EvaluationPeriods: 1.5".to_owned(), "EvaluationPeriods: expected a whole number of at least 1, found 1.5"),
        ("EvaluationPeriods: 10001".to_owned(), "EvaluationPeriods: expected a whole number"),
        ("Period: 0".to_owned(), "Period: expected a multiple of 60 seconds, found 0"),
        ("AlarmDescription: 5".to_owned(), "AlarmDescription: expected a string, found 5"),
        ("AlarmActions: a".to_owned(), "AlarmActions: expected a list, found \"a\""),
        ("AlarmActions: [1]".to_owned(), "AlarmActions: expected a list of strings"),
        ("Dimensions: [{ Name: A }]".to_owned(), "Dimensions[0]: expected Name and Value"),
        (
            "Metrics: [{ Id: m, MetricStat: { Metric: { MetricName: M }, Stat: Sum, Period: 60 } }]".to_owned(),
            "Metrics[0].MetricStat.Metric.Namespace: expected a string, found none",
        ),
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
