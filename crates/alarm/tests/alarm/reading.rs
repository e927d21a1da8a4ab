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

/// Removes the default of the test's template.
const NO_STATISTIC: &str = "Statistic: !Ref AWS::NoValue";

/// The parts that are not replayed of an alarm with these properties; it must have some.
fn unreplayed(properties: &str) -> alarm::UnreplayedAlarm {
    let mut read = alarms(&alarm_template(properties).unwrap()).unwrap_or_else(|error| panic!("{properties}: {error}"));
    match read.pop() {
        Some(Alarm::Unreplayed(alarm)) => alarm,
        other => panic!("{properties}: {other:?}"),
    }
}

#[test]
fn parts_that_are_not_replayed_are_named() {
    let one = "Metric: { Namespace: T, MetricName: M }, Period: 60";
    let math = |entries: &str| format!("Metrics: [{entries}]");
    let band = "Threshold: !Ref AWS::NoValue\nThresholdMetricId: ad1\nComparisonOperator: LessThanLowerOrGreaterThanUpperThreshold";
    let query = "MetricName: !Ref AWS::NoValue\nNamespace: !Ref AWS::NoValue\nPeriod: !Ref AWS::NoValue";
    for (properties, expected) in [
        (format!("ExtendedStatistic: p99.9\n{NO_STATISTIC}"), "ExtendedStatistic: p99.9"),
        (
            format!("ExtendedStatistic: p99.9\n{NO_STATISTIC}\nEvaluateLowSampleCountPercentile: ignore"),
            "ExtendedStatistic: p99.9",
        ),
        (format!("ExtendedStatistic: tm99\n{NO_STATISTIC}"), "ExtendedStatistic: tm99"),
        (format!("ExtendedStatistic: \"TM(5%:95%)\"\n{NO_STATISTIC}"), "ExtendedStatistic: TM(5%:95%)"),
        (format!("ExtendedStatistic: \"PR(2:)\"\n{NO_STATISTIC}"), "ExtendedStatistic: PR(2:)"),
        (format!("ExtendedStatistic: IQM\n{NO_STATISTIC}"), "ExtendedStatistic: IQM"),
        ("Unit: Seconds".to_owned(), "Unit: the unit Seconds"),
        ("Period: 10".to_owned(), "Period: periods of 10 s"),
        ("Period: \"30\"".to_owned(), "Period: periods of 30 s"),
        ("Threshold: \"{{resolve:ssm:/limit}}\"".to_owned(), "Threshold: Threshold `{{resolve:ssm:/limit}}`"),
        ("Threshold: !ImportValue limit".to_owned(), "Threshold: Threshold `${import:limit}`"),
        ("EvaluationPeriods: !ImportValue n".to_owned(), "EvaluationPeriods: EvaluationPeriods `${import:n}`"),
        ("Period: !ImportValue n\nDatapointsToAlarm: 1".to_owned(), "Period: Period `${import:n}`"),
        ("Statistic: !ImportValue n".to_owned(), "Statistic: Statistic `${import:n}`"),
        ("ComparisonOperator: !ImportValue n".to_owned(), "ComparisonOperator: ComparisonOperator `${import:n}`"),
        ("TreatMissingData: !ImportValue n".to_owned(), "TreatMissingData: TreatMissingData `${import:n}`"),
        (
            "EvaluationWindow: { WallClockWindow: { Timezone: UTC } }".to_owned(),
            "EvaluationWindow: a window of the wall clock",
        ),
        (math(&format!("{{ Id: m, MetricStat: {{ {one}, Stat: p99 }} }}")), "Metrics[0].MetricStat.Stat: p99"),
        (
            math(&format!("{{ Id: m, MetricStat: {{ {one}, Stat: Sum, Unit: Count }} }}")),
            "Metrics[0].MetricStat.Unit: the unit Count",
        ),
        (
            math(&format!("{{ Id: m, AccountId: \"111122223333\", MetricStat: {{ {one}, Stat: Sum }} }}")),
            "Metrics[0].AccountId: the account 111122223333",
        ),
        (
            math(&format!(
                "{{ Id: m, ReturnData: false, MetricStat: {{ {one}, Stat: Sum }} }}, {{ Id: e, Expression: RATE(m) }}"
            )),
            "Metrics[1].Expression: RATE",
        ),
        (
            math(
                "{ Id: q, Period: 300, Expression: 'SELECT MAX(CPUUtilization) FROM SCHEMA(\"AWS/EC2\", InstanceId)' }",
            ),
            "Metrics[0].Expression: a Metrics Insights query",
        ),
        (
            format!(
                "{band}\nMetrics: [{{ Id: m1, MetricStat: {{ {one}, Stat: Sum }} }}, {{ Id: ad1, Expression: \"ANOMALY_DETECTION_BAND(m1, 2)\" }}]"
            ),
            "ThresholdMetricId: the anomaly detection band `ad1`",
        ),
        (
            math(&format!(
                "{{ Id: m, MetricStat: {{ {one}, Stat: Sum }} }}, {{ Id: b, ReturnData: false, Expression: \"ANOMALY_DETECTION_BAND(m, 2)\" }}"
            )),
            "Metrics[1].Expression: ANOMALY_DETECTION_BAND",
        ),
        (
            format!("EvaluationCriteria: {{ PromQLCriteria: {{ Query: up }} }}\n{query}\n{NO_STATISTIC}"),
            "EvaluationCriteria: a PromQL query",
        ),
    ] {
        let alarm = unreplayed(&properties);
        let parts: Vec<String> =
            alarm.not_replayed.iter().map(|part| format!("{}: {}", part.property, part.part)).collect();
        assert_eq!(parts, [expected], "{properties}");
        assert!(alarm.not_replayed[0].to_string().starts_with("not replayed: "), "{properties}");
    }
}

#[test]
fn the_rest_of_an_unreplayed_alarm_is_read() {
    let properties = format!(
        "AlarmName: slow\nExtendedStatistic: p99.9\n{NO_STATISTIC}\nUnit: Seconds\nAlarmActions: [a]\nPeriod: 300\n\
         EvaluationPeriods: 5\nDatapointsToAlarm: 3\nThreshold: 2\nTreatMissingData: notBreaching\nTags: [{{ Key: a, Value: b }}]"
    );
    let alarm = unreplayed(&properties);
    assert_eq!((alarm.name.as_str(), &alarm.actions.alarm[..]), ("slow", &["a".to_owned()][..]));
    let numbers = &alarm.numbers;
    assert_eq!(
        (numbers.period, numbers.condition),
        (Some(Duration::from_secs(300)), Some((alarm::Comparison::Greater, 2.0)))
    );
    assert_eq!((numbers.evaluation_periods, numbers.datapoints_to_alarm), (Some(5), Some(3)));
    assert_eq!((numbers.missing, numbers.is_math), (MissingData::NotBreaching, false));
    let [watched] = &numbers.metrics[..] else { panic!("{numbers:?}") };
    assert_eq!((watched.metric.to_string().as_str(), watched.unit.as_deref()), ("Test/M {}", Some("Seconds")));
    assert_eq!(watched.statistic, alarm::PeriodStatistic::read("p99.9"));
    assert_eq!(alarm.not_replayed.len(), 2);
    // A threshold that is known only after the deployment leaves the other numbers.
    let numbers = unreplayed("Threshold: !ImportValue limit").numbers;
    assert_eq!((numbers.condition, numbers.evaluation_periods, numbers.metrics.len()), (None, Some(1), 1));
}

#[test]
fn numbers_of_every_kind_of_alarm_are_read() {
    let read = alarms(&alarm_template("EvaluationPeriods: 5\nDatapointsToAlarm: 3").unwrap()).unwrap();
    let numbers = read[0].numbers().unwrap();
    assert_eq!((numbers.evaluation_periods, numbers.datapoints_to_alarm, numbers.is_math), (Some(5), Some(3), false));
    assert_eq!(
        (numbers.period, numbers.condition),
        (Some(Duration::from_secs(60)), Some((alarm::Comparison::Greater, 1.0)))
    );
    let [watched] = &numbers.metrics[..] else { panic!("{numbers:?}") };
    assert_eq!((watched.metric.to_string().as_str(), watched.unit.as_deref()), ("Test/M {}", None));
    assert_eq!(watched.statistic, alarm::PeriodStatistic::read("Average"));

    let slow = unreplayed(&format!("ExtendedStatistic: p99\n{NO_STATISTIC}"));
    assert_eq!(Alarm::Unreplayed(slow.clone()).numbers(), Some(slow.numbers));

    let text = "Resources:\n  Any: { Type: AWS::CloudWatch::CompositeAlarm, Properties: { AlarmRule: ALARM(a) } }\n";
    let read = alarms(&alarm::Template::read(text, &alarm::Inputs::default()).unwrap()).unwrap();
    assert_eq!(read[0].numbers(), None);
}

#[test]
fn numbers_of_a_query_are_optional() {
    let none = |names: &[&str]| names.iter().map(|name| format!("\n{name}: !Ref AWS::NoValue")).collect::<String>();
    let query = format!(
        "EvaluationCriteria: {{ PromQLCriteria: {{ Query: up }} }}{}",
        none(&["MetricName", "Namespace", "Statistic", "Period"])
    );
    let given = unreplayed(&format!("{query}\nEvaluationPeriods: 5")).numbers;
    assert_eq!((given.evaluation_periods, given.datapoints_to_alarm), (Some(5), Some(5)));
    assert_eq!(given.condition, Some((alarm::Comparison::Greater, 1.0)));
    let missing = none(&["EvaluationPeriods", "ComparisonOperator", "Threshold"]);
    let missing = unreplayed(&format!("{query}{missing}")).numbers;
    assert_eq!((missing.evaluation_periods, missing.datapoints_to_alarm, missing.condition), (None, None, None));
}

#[test]
fn number_of_metrics_is_limited() {
    let read = |count: usize| {
        let metric = "MetricStat: { Metric: { Namespace: T, MetricName: M }, Stat: Sum, Period: 60 }";
        let entry = |number: usize| format!("{{ Id: m{number}, ReturnData: {}, {metric} }}", number == 0);
        let entries: Vec<String> = (0..count).map(entry).collect();
        alarms(&alarm_template(&format!("Metrics: [{}]", entries.join(", "))).unwrap())
    };
    assert!(matches!(&read(500).unwrap()[..], [Alarm::Metric(_)]));
    let error = read(501).unwrap_err().to_string();
    assert!(error.contains("Metrics: expected at most 500, found 501"), "{error}");
}

#[test]
fn properties_without_effect_on_the_state_are_accepted() {
    for properties in [
        "Tags: [{ Key: team, Value: platform }]",
        "InsufficientDataActions: [a]",
        "ActionsEnabled: !ImportValue enabled",
        "EvaluateLowSampleCountPercentile: evaluate",
        "EvaluationWindow: { SlidingWindow: {} }",
        "ActionConfiguration: { AlarmTagsPropagation: { Enabled: false } }",
        "Dimensions: [{ Name: Port, Value: 443 }]",
        "Metrics: [{ Id: m, Label: x, Period: 60, MetricStat: { Metric: { Namespace: T, MetricName: M }, Stat: Sum, Period: 60 } }]",
    ] {
        let read = alarms(&alarm_template(properties).unwrap()).unwrap_or_else(|error| panic!("{properties}: {error}"));
        assert!(matches!(read[..], [Alarm::Metric(_)]), "{properties}: {read:?}");
    }
}

#[test]
fn composite_alarms_of_unreplayed_ones_are_named() {
    let numbers = "Namespace: T, MetricName: M, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: LessThanThreshold";
    let text = format!(
        "Resources:\n  Known: {{ Type: AWS::CloudWatch::Alarm, Properties: {{ Statistic: Sum, {numbers} }} }}\n  \
         Slow: {{ Type: AWS::CloudWatch::Alarm, Properties: {{ ExtendedStatistic: p99, {numbers} }} }}\n  \
         Fine: {{ Type: AWS::CloudWatch::CompositeAlarm, Properties: {{ AlarmRule: ALARM(Known), ActionsSuppressor: !GetAtt Slow.Arn }} }}\n  \
         One: {{ Type: AWS::CloudWatch::CompositeAlarm, Properties: {{ AlarmRule: ALARM(Known) OR ALARM(Slow) }} }}\n  \
         Two: {{ Type: AWS::CloudWatch::CompositeAlarm, Properties: {{ AlarmRule: NOT ALARM(One) }} }}\n"
    );
    let read = alarms(&alarm::Template::read(&text, &alarm::Inputs::default()).unwrap()).unwrap();
    let parts = alarm::not_replayed(&read);
    let named: Vec<(&str, &str, &str)> = parts
        .iter()
        .flat_map(|(id, parts)| parts.iter().map(|part| (*id, part.property.as_str(), part.part.as_str())))
        .collect();
    assert_eq!(
        named,
        [
            ("Fine", "ActionsSuppressor", "the suppression of actions by Slow"),
            ("One", "AlarmRule", "Slow"),
            ("Slow", "ExtendedStatistic", "p99"),
            ("Two", "AlarmRule", "One"),
        ]
    );
    let at = jiff::Timestamp::UNIX_EPOCH;
    let replayed = alarm::Replay::default().transitions(&read, &alarm::Data::default(), at, at);
    assert_eq!(replayed.keys().collect::<Vec<_>>(), ["Fine", "Known"]);
    assert!(alarm::not_replayed(&read[..1]).is_empty());
}

#[test]
fn invalid_properties_are_rejected_with_their_path() {
    let metric = "Metric: { Namespace: T, MetricName: M }, Stat: Sum, Period";
    let band = "Threshold: !Ref AWS::NoValue\nComparisonOperator: GreaterThanUpperThreshold\nThresholdMetricId";
    for (properties, expected) in [
        (
            "Period: 15".to_owned(),
            "Resources.Alarm.Properties.Period: expected 10, 20, 30 or a multiple of 60 seconds, found 15",
        ),
        (
            "ExtendedStatistic: p99".to_owned(),
            "Resources.Alarm.Properties.ExtendedStatistic: expected none together with Statistic",
        ),
        (format!("ExtendedStatistic: p101\n{NO_STATISTIC}"), "ExtendedStatistic: expected a percentile such as p99.9"),
        (
            format!("ExtendedStatistic: Average\n{NO_STATISTIC}"),
            "ExtendedStatistic: expected a percentile such as p99.9",
        ),
        (NO_STATISTIC.to_owned(), "Statistic: expected a string, found none"),
        (
            "Statistic: p99".to_owned(),
            "Statistic: expected one of SampleCount, Average, Sum, Minimum, Maximum, found `p99`, which belongs",
        ),
        ("Statistic: Mean".to_owned(), "Statistic: expected one of SampleCount, Average"),
        ("Unit: Hours".to_owned(), "Unit: expected one of Seconds, Microseconds"),
        (
            "EvaluateLowSampleCountPercentile: skip".to_owned(),
            "EvaluateLowSampleCountPercentile: expected evaluate or ignore, found `skip`",
        ),
        (
            "Thresh0ld: 5".to_owned(),
            "Resources.Alarm.Properties.Thresh0ld: expected one of ActionConfiguration, ActionsEnabled",
        ),
        (
            "ThresholdMetricId: ad1".to_owned(),
            "ComparisonOperator: expected one of LessThanLowerOrGreaterThanUpperThreshold",
        ),
        (
            "ThresholdMetricId: ad1\nComparisonOperator: GreaterThanUpperThreshold".to_owned(),
            "Threshold: expected none together with ThresholdMetricId",
        ),
        (
            "ComparisonOperator: GreaterThanUpperThreshold".to_owned(),
            "ThresholdMetricId: expected the id of an ANOMALY_DETECTION_BAND",
        ),
        (
            format!("{band}: b\nMetrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}]"),
            "ThresholdMetricId: expected the id of an ANOMALY_DETECTION_BAND in Metrics, found `b`",
        ),
        (
            format!("{band}: m\nMetrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}]"),
            "ThresholdMetricId: expected the id of an ANOMALY_DETECTION_BAND in Metrics, found `m`",
        ),
        (
            format!(
                "{band}: e\nMetrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}, {{ Id: e, Expression: m + 1 }}]"
            ),
            "ThresholdMetricId: expected the id of an ANOMALY_DETECTION_BAND in Metrics, found `e`",
        ),
        (
            format!(
                "{band}: a\nMetrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}, {{ Id: b, Expression: \"ANOMALY_DETECTION_BAND(m, 2)\" }}]"
            ),
            "ThresholdMetricId: expected the id of an ANOMALY_DETECTION_BAND in Metrics, found `a`",
        ),
        ("EvaluationPeriods: !Ref AWS::NoValue".to_owned(), "EvaluationPeriods: expected a number, found none"),
        ("ComparisonOperator: !Ref AWS::NoValue".to_owned(), "ComparisonOperator: expected a string, found none"),
        (
            "EvaluationCriteria: { PromQLCriteria: { Query: up } }".to_owned(),
            "MetricName: expected none together with EvaluationCriteria",
        ),
        (
            format!(
                "Metrics: [{{ Id: m, MetricStat: {{ {metric}: 60 }} }}, {{ Id: m, MetricStat: {{ {metric}: 60 }} }}]"
            ),
            "Metrics[1].Id: expected a unique id, found `m` again",
        ),
        ("Period: 60.9".to_owned(), "Period: expected 10, 20, 30 or a multiple of 60 seconds, found 60.9"),
        // YAML 1.1 reads this as false, YAML 1.2 as a string.
        ("ActionsEnabled: no".to_owned(), "ActionsEnabled: expected true or false, found \"no\""),
        ("Dimensions: { Name: A, Value: b }".to_owned(), "Dimensions: expected a list, found {"),
        (
            format!("Metrics: [{{ Id: m, MetricStat: {{ {metric}: 60, Units: Percent }} }}]"),
            "Metrics[0].MetricStat.Units: expected one of Metric, Period, Stat, Unit",
        ),
        (
            format!("Metrics: [{{ Id: m, Account: a, MetricStat: {{ {metric}: 60 }} }}]"),
            "Metrics[0].Account: expected one of AccountId, Expression",
        ),
        (
            "Metrics: [{ Id: m, MetricStat: { Metric: { Namespace: T, MetricName: M }, Stat: p200, Period: 60 } }]"
                .to_owned(),
            "Metrics[0].MetricStat.Stat: expected SampleCount, Average, Sum, Minimum, Maximum, or an extended statistic",
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
        ("Period: 0".to_owned(), "Period: expected 10, 20, 30 or a multiple of 60 seconds, found 0"),
        ("AlarmDescription: 5".to_owned(), "AlarmDescription: expected a string, found 5"),
        ("AlarmActions: a".to_owned(), "AlarmActions: expected a list, found \"a\""),
        ("AlarmActions: [1]".to_owned(), "AlarmActions: expected a list of strings"),
        ("Dimensions: [{ Name: A }]".to_owned(), "Dimensions[0]: expected Name and Value"),
        ("Dimensions: [{ Name: \"\", Value: b }]".to_owned(), "Dimensions[0].Name: expected a name of 1 to 255 characters, found 0"),
        (
            "Dimensions: [{ Name: A, Value: b }, { Name: A, Value: c }]".to_owned(),
            "Dimensions[1].Name: expected a unique name, found `A` again",
        ),
        (
            "Metrics: [{ Id: m, MetricStat: { Metric: { Namespace: T, MetricName: M, Dimensions: [{ Name: \"\", Value: b }] }, Stat: Sum, Period: 60 } }]"
                .to_owned(),
            "Metrics[0].MetricStat.Metric.Dimensions[0].Name: expected a name",
        ),
        (
            "Metrics: [{ Id: m, MetricStat: { Metric: { MetricName: M }, Stat: Sum, Period: 60 } }]".to_owned(),
            "Metrics[0].MetricStat.Metric.Namespace: expected a string, found none",
        ),
        ("Threshold: high".to_owned(), "Threshold: expected a number, found \"high\""),
        (
            "TreatMissingData: often".to_owned(),
            "TreatMissingData: expected one of missing, ignore, breaching, notBreaching, found `often`",
        ),
        ("Metrics: [{ Id: e, Expression: RATIO(m) }]".to_owned(), "Metrics[0].Expression: expected an expression"),
        ("Metrics: [{ Id: e, Expression: RATE(m) }]".to_owned(), "Metrics: expected expressions over existing ids"),
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

#[test]
fn limits_of_cloudwatch_are_kept() {
    let many = |number: usize, item: &dyn Fn(usize) -> String| (0..number).map(item).collect::<Vec<_>>().join(", ");
    let actions = |number| many(number, &|index| format!("arn:{index}"));
    let dimensions = |number| many(number, &|index| format!("{{ Name: d{index}, Value: v }}"));
    let name = |length| "n".repeat(length);
    for (accepted, refused, expected) in [
        (
            format!("AlarmActions: [{}]", actions(5)),
            format!("AlarmActions: [{}]", actions(6)),
            "AlarmActions: expected at most 5 actions, found 6",
        ),
        (
            format!("OKActions: [{}]", actions(5)),
            format!("OKActions: [{}]", actions(7)),
            "OKActions: expected at most 5 actions, found 7",
        ),
        (
            format!("InsufficientDataActions: [{}]", actions(5)),
            format!("InsufficientDataActions: [{}]", actions(6)),
            "InsufficientDataActions: expected at most 5 actions, found 6",
        ),
        (
            format!("AlarmName: {}", name(255)),
            format!("AlarmName: {}", name(256)),
            "AlarmName: expected a name of 1 to 255 characters, found 256",
        ),
        (
            "AlarmName: n".to_owned(),
            "AlarmName: \"\"".to_owned(),
            "AlarmName: expected a name of 1 to 255 characters, found 0",
        ),
        // Characters, and not bytes.
        (format!("AlarmName: {}", "\u{e6}".repeat(255)), format!("AlarmName: {}", "\u{e6}".repeat(256)), "found 256"),
        // Known only after the deployment.
        (
            format!("AlarmName: \"{{{{resolve:ssm:/name}}}}{}\"", name(255)),
            format!("AlarmName: {}", name(257)),
            "found 257",
        ),
        (
            format!("Dimensions: [{}]", dimensions(30)),
            format!("Dimensions: [{}]", dimensions(31)),
            "Dimensions: expected at most 30 dimensions, found 31",
        ),
    ] {
        let read = alarms(&alarm_template(&accepted).unwrap());
        assert!(read.is_ok(), "{accepted}: {read:?}");
        let message = alarms(&alarm_template(&refused).unwrap()).unwrap_err().to_string();
        assert!(message.contains(expected), "{refused}\n{message}");
    }
}

#[test]
fn limits_hold_for_composite_alarms() {
    let template = |properties: &str| {
        let text = format!(
            "Resources:\n  All: {{ Type: AWS::CloudWatch::CompositeAlarm, Properties: {{ AlarmRule: 'ALARM(\"a\")', {properties} }} }}\n"
        );
        alarm::Template::read(&text, &alarm::Inputs::default()).unwrap()
    };
    assert!(alarms(&template("AlarmName: n, AlarmActions: [a, b, c, d, e]")).is_ok());
    for (properties, expected) in [
        (
            "AlarmActions: [a, b, c, d, e, f]".to_owned(),
            "All.Properties.AlarmActions: expected at most 5 actions, found 6",
        ),
        (format!("AlarmName: {}", "n".repeat(300)), "All.Properties.AlarmName: expected a name of 1 to 255 characters"),
    ] {
        let message = alarms(&template(&properties)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
