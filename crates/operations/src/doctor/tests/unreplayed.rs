//! Alarms that are not replayed are named, and everything else is judged.

use super::*;
use crate::doctor::Level;

/// An alarm on the response time that has no findings apart from what the test gives it.
fn with_alarm(parameters: &str, properties: &str) -> String {
    let alarm = format!(
        r#"
Resources:
  Extra:
    Type: AWS::CloudWatch::Alarm
    Metadata: {{ Severity: warning }}
    Properties:
      AlarmName: !Sub just-driving-platform-${{Environment}}-extra
      AlarmDescription: !Sub "Too slow, in ${{Environment}}. Warning. ${{Runbooks}}/platform.md#responsetime"
      AlarmActions: [!ImportValue {{ Fn::Sub: "just-driving-synthetics-${{Environment}}-WarningsTopic" }}]
      TreatMissingData: notBreaching
      EvaluationPeriods: 5
      DatapointsToAlarm: 3
{properties}
"#
    );
    let text = replaced(&shipped(PLATFORM), "\nResources:\n", &alarm);
    if parameters.is_empty() {
        text
    } else {
        replaced(&text, "\nParameters:\n", &format!("\nParameters:\n{parameters}"))
    }
}

const ONE: &str = "      Namespace: AWS/ApplicationELB\n      MetricName: TargetResponseTime\n      Period: 60\n      \
                   Dimensions: [{ Name: LoadBalancer, Value: app/web/50dc6c495c0c9188 }]\n      \
                   ComparisonOperator: GreaterThanThreshold\n";
const MATH: &str = "      Metrics:\n        - Id: m1\n          MetricStat:\n            Period: 60\n            Stat: p99\n            \
                    Metric:\n              Namespace: AWS/ApplicationELB\n              MetricName: TargetResponseTime\n              \
                    Dimensions: [{ Name: LoadBalancer, Value: app/web/50dc6c495c0c9188 }]\n";

/// The shown findings about the alarm; there must be none about anything else.
fn shown(parameters: &str, properties: &str) -> Vec<String> {
    let found = platform_findings(&with_alarm(parameters, properties), None);
    assert!(found.iter().all(|finding| finding.path.starts_with("Resources.Extra.")), "{found:#?}");
    assert!(found.iter().all(|finding| finding.line > 1 && finding.environment.is_none()), "{found:#?}");
    found.iter().map(|finding| format!("{}: {}", finding.level.as_str(), finding.path) + " " + &finding.rule).collect()
}

#[test]
fn alarm_that_is_not_replayed_is_a_note() {
    let band = "      ThresholdMetricId: ad1\n      ComparisonOperator: GreaterThanUpperThreshold\n";
    for (properties, path, part) in [
        (format!("{ONE}      Threshold: 2\n      ExtendedStatistic: p99.9\n"), "ExtendedStatistic", "p99.9"),
        (
            format!(
                "{ONE}      Threshold: 2\n      ExtendedStatistic: p99.9\n      EvaluateLowSampleCountPercentile: ignore\n"
            ),
            "ExtendedStatistic",
            "p99.9",
        ),
        (format!("{ONE}      Threshold: 2\n      ExtendedStatistic: TM(5%:95%)\n"), "ExtendedStatistic", "TM(5%:95%)"),
        (
            format!("{ONE}      Threshold: 2\n      Statistic: Average\n      Unit: Seconds\n"),
            "Unit",
            "the unit Seconds",
        ),
        (
            format!("{MATH}      Threshold: 2\n      ComparisonOperator: GreaterThanThreshold\n"),
            "Metrics[0].MetricStat.Stat",
            "p99",
        ),
        (
            format!("{}{band}        ", MATH.replace("p99", "Average")).trim_end().to_owned()
                + "\n      InsufficientDataActions: []\n      Tags: [{ Key: a, Value: b }]\n",
            "",
            "",
        ),
    ] {
        if part.is_empty() {
            let expression = "        - { Id: ad1, Expression: \"ANOMALY_DETECTION_BAND(m1, 2)\" }\n";
            let properties = properties.replace(band, &format!("{expression}{band}"));
            let shown = shown("", &properties);
            assert_eq!(shown.len(), 1, "{shown:#?}");
            assert!(
                shown[0].starts_with("note: Resources.Extra.Properties.ThresholdMetricId not replayed: the anomaly")
            );
            continue;
        }
        let shown = shown("", &properties);
        assert_eq!(shown.len(), 1, "{shown:#?}");
        let expected = format!("note: Resources.Extra.Properties.{path} not replayed: {part}: ");
        assert!(shown[0].starts_with(&expected), "{shown:#?}");
    }
}

#[test]
fn rest_of_an_unreplayed_alarm_is_judged() {
    let percentile = format!("{ONE}      Threshold: 2\n      ExtendedStatistic: p99.9\n");
    let own = "      Namespace: JustDriving/Synthetics\n      MetricName: ErrorRate\n      Period: 60\n      Threshold: 5\n      \
               Dimensions:\n        - { Name: Environment, Value: !Ref Environment }\n        - { Name: Check, Value: application }\n      \
               ComparisonOperator: GreaterThanThreshold\n";
    for (properties, expected) in [
        (
            percentile.replace("Threshold: 2", "Threshold: -1"),
            "Properties.Threshold expected a threshold that only some",
        ),
        (percentile.replace("Name: LoadBalancer", "Name: Balancer"), "Properties.Dimensions expected the dimensions"),
        (
            percentile.replace("Period: 60", "Period: 172800"),
            "Properties.EvaluationPeriods expected periods of at most",
        ),
        (
            percentile.replace("Threshold: 2", "Threshold: 200").replace("p99.9", "PR(2:)"),
            "Properties.Threshold expected a threshold that only some values (0 to 100) breach",
        ),
        (
            format!("{own}      ExtendedStatistic: tc90\n"),
            "Properties.ExtendedStatistic expected Average, Minimum or Maximum",
        ),
        (
            format!("{own}      ExtendedStatistic: p90\n").replace("5\n", "500\n"),
            "Properties.Threshold expected a threshold",
        ),
        (
            format!("{own}      Statistic: Average\n      Unit: Seconds\n"),
            "Properties.Unit expected Percent, the unit in which ErrorRate is published, found Seconds",
        ),
    ] {
        let shown = shown("", &properties);
        assert!(
            shown.iter().any(|own| own.starts_with("error: ") && own.contains(expected)),
            "{properties}\n{shown:#?}"
        );
        assert!(shown.iter().any(|own| own.starts_with("note: ")), "{properties}\n{shown:#?}");
    }
    // Percentiles do not hide the alarms of other metrics.
    let wrong = with_property(&with_alarm("", &percentile), "DatabaseStorage", "TreatMissingData", "often");
    let found = platform_findings(&wrong, None);
    let levels: Vec<(&str, Level)> = found.iter().map(|finding| (finding.path.as_str(), finding.level)).collect();
    assert_eq!(
        levels,
        [
            ("Resources.DatabaseStorage.Properties.TreatMissingData", Level::Error),
            ("Resources.Extra.Properties.ExtendedStatistic", Level::Note)
        ]
    );
}

#[test]
fn metric_that_is_not_known_is_a_note() {
    let math = |metrics: &[&str]| {
        let mut text = "      Threshold: 5\n      ComparisonOperator: GreaterThanThreshold\n      Metrics:\n        - { Id: rate, \
                        Expression: \"100 * m0 / m1\" }\n"
            .to_owned();
        for (place, metric) in metrics.iter().enumerate() {
            let (namespace, name) = metric.rsplit_once('/').unwrap();
            text.push_str(&format!(
                "        - Id: m{place}\n          ReturnData: false\n          MetricStat:\n            Period: 60\n            \
                 Stat: Sum\n            Metric:\n              Namespace: {namespace}\n              MetricName: {name}\n              \
                 Dimensions: [{{ Name: LoadBalancer, Value: app/web/50dc6c495c0c9188 }}]\n"
            ));
        }
        text
    };
    let known = format!("{ONE}      Statistic: Average\n      Threshold: 2\n");
    for (properties, expected) in [
        (
            math(&["AWS/ApplicationELB/HTTPCode_ELB_5XX_Count", "AWS/ApplicationELB/RequestCount"]),
            Some("AWS/ApplicationELB/RequestCount"),
        ),
        (
            known.replace("AWS/ApplicationELB", "AWS/Lambda").replace("TargetResponseTime", "Throttles"),
            Some("AWS/Lambda/Throttles"),
        ),
        (known.replace("AWS/ApplicationELB", "Vendor/App"), Some("Vendor/App/TargetResponseTime")),
        (known.clone(), None),
        (known.replace("{ Name: LoadBalancer,", "{ Name: AvailabilityZone, Value: a }, { Name: LoadBalancer,"), None),
    ] {
        let shown = shown("", &properties);
        let notes: Vec<_> = expected
            .map(|metric| {
                format!(
                    "note: Resources.Extra.Properties.MetricName not judged: {metric} is not known here: check its name, its \
                     dimensions and the threshold yourself"
                )
            })
            .into_iter()
            .collect();
        assert_eq!(shown, notes, "{properties}");
    }
}

#[test]
fn percentile_on_a_metric_counts_as_its_alarm() {
    let text = with(ALARMS, "ErrorRate", "Statistic: Average", "ExtendedStatistic: p90");
    let found = findings(&shipped(FUNCTIONS), &text);
    let levels: Vec<(&str, Level)> = found.iter().map(|finding| (finding.path.as_str(), finding.level)).collect();
    assert_eq!(levels, [("Resources.ErrorRate.Properties.ExtendedStatistic", Level::Note)]);
    assert!(found[0].to_string().contains("Properties.ExtendedStatistic: note: not replayed: p90: "), "{}", found[0]);
}

#[test]
fn parameters_of_any_type_are_read() {
    let percentile = |threshold: &str| format!("{ONE}      Statistic: Average\n      Threshold: {threshold}\n");
    for (parameter, threshold, notes) in [
        ("Limit: { Type: Number, Default: 2 }", "!Ref Limit", 0),
        ("Limit: { Type: Number }", "!Ref Limit", 1),
        ("Limit: { Type: \"AWS::SSM::Parameter::Value<String>\", Default: /limit }", "!Ref Limit", 1),
        ("Limit: { Type: \"AWS::SSM::Parameter::Value<String>\" }", "!Ref Limit", 1),
        ("Limits: { Type: List<Number>, Default: \"2, 3\" }", "!Select [0, !Ref Limits]", 0),
        ("Limits: { Type: List<Number>, Default: \"\" }", "!Select [0, !Ref Limits]", 0),
        ("Limits: { Type: CommaDelimitedList, Default: \"2, 3\" }", "!Select [1, !Ref Limits]", 0),
        ("Subnet: { Type: AWS::EC2::Subnet::Id }", "2", 0),
        ("Subnets: { Type: List<AWS::EC2::Subnet::Id> }", "2", 0),
        ("Image: { Type: \"AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>\", Default: /aws/image }", "2", 0),
        ("Kind: { Type: String, Default: \"\", AllowedValues: [\"\", small, large] }", "2", 0),
        ("Size: { Type: String, AllowedValues: [small, large] }", "2", 0),
    ] {
        let shown = shown(&format!("  {parameter}\n"), &percentile(threshold));
        assert_eq!(shown.len(), notes, "{parameter}: {shown:#?}");
        assert!(shown.iter().all(|own| own.starts_with("note: Resources.Extra.Properties.Threshold not replayed: ")));
    }
}
