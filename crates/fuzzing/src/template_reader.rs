//! Reader of CloudFormation templates.

use std::time::{Duration, Instant};

use alarm::{Data, Inputs, Replay, Template, TemplateError, alarms};
use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value, json};

/// Longest time for an input of some hundred kilobytes, on a busy machine and unoptimized.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const SEEDS: &[&[u8]] = &[
    b"Resources:\n  A: {Type: T, Properties: {B: [1, x, true]}}",
    b"Parameters:\n  L: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /a}\nResources:\n  P:\n    Type: AWS::CloudWatch::Alarm\n    Properties: {Namespace: n, MetricName: m, ExtendedStatistic: 'TM(5%:95%)', Unit: Count, Period: 10, EvaluationPeriods: 2, Threshold: !Select [1, !Ref L], ComparisonOperator: LessThanThreshold}",
    b"Mappings:\n  A: {k: {v: [lol, lol]}}\n  B: {k: {v: [!FindInMap [A, k, v], !FindInMap [A, k, v]]}}\nResources:\n  R: {Type: T}",
    b"a: &a [lol]\nb: &b [*a, *a]\nResources: {R: {Type: T, Properties: {P: *b}}}",
    // Found by the fuzzer: lines that end with a carriage return alone.
    b"a: {b:\r\r\r\r c]",
    b"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Loop:\n    - X\n    - [a, b]\n    - 'R${X}':\n        Type: T\n        Properties: {Name: !Sub 'x-${X}', Fn::ForEach::In: [Y, [c, d], {'${Y}': 1}]}",
    b"Resources:\n  Alarm:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      AlarmName: a\n      ComparisonOperator: GreaterThanThreshold\n      Threshold: 5\n      EvaluationPeriods: 3\n      DatapointsToAlarm: 2\n      TreatMissingData: breaching\n      Metrics:\n        - {Id: e, Expression: 'IF(m1 > 10, 100 * m1 / FILL(m2, 0), 0)'}\n        - {Id: m1, ReturnData: false, MetricStat: {Period: 60, Stat: Sum, Metric: {Namespace: n, MetricName: a}}}\n        - {Id: m2, ReturnData: false, MetricStat: {Period: 60, Stat: Sum, Metric: {Namespace: n, MetricName: b}}}\n  Both:\n    Type: AWS::CloudWatch::CompositeAlarm\n    Properties: {AlarmRule: 'ALARM(a) AND NOT (OK(a) OR FALSE)'}",
];

/// A template is refused with a place and a rule, or resolved. What is resolved reads the same when it is written as a template, and its
/// alarms evaluate to the same states. None of this takes long.
pub(crate) fn template_reader(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let started = Instant::now();
    match Template::read(text, &Inputs::default()) {
        Ok(template) => assert_stable(&template),
        Err(error) => assert_placed(text, &error),
    }
    if let Err(error) = Template::read_with_every(text, &Inputs::default(), "Checks") {
        assert_placed(text, &error);
    }
    let took = started.elapsed();
    assert!(took <= PATIENCE, "{} bytes took {took:?}", text.len());
}

fn assert_placed(text: &str, error: &TemplateError) {
    // A carriage return alone ends a line of YAML too.
    assert!((1..=text.split(['\n', '\r']).count() + 2).contains(&error.line), "no such line: {error:?}");
    assert!(!error.rule.trim().is_empty(), "no rule: {error:?}");
}

fn assert_stable(template: &Template) {
    let resources: Map<String, Value> = template
        .resources
        .iter()
        .map(|r| (r.id.clone(), json!({ "Type": r.kind, "Properties": r.properties, "Metadata": r.metadata })))
        .collect();
    let written = json!({ "Resources": resources }).to_string();
    let again = Template::read(&written, &Inputs::default()).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(again.resources.len(), template.resources.len(), "{written}");
    for own in &template.resources {
        let read = again.resource(&own.id).unwrap_or_else(|| panic!("{} is lost", own.id));
        assert_eq!((&read.kind, &read.properties, &read.metadata), (&own.kind, &own.properties, &own.metadata));
    }
    let own = match alarms(template) {
        Ok(own) => own,
        Err(error) => return assert!(error.path.starts_with("Resources."), "{error}"),
    };
    let read = alarms(&again).unwrap_or_else(|error| panic!("{error}: {written}"));
    // JSON objects are sorted, templates are not.
    for alarm in &own {
        assert!(read.contains(alarm), "{alarm:?}");
    }
    let until = Timestamp::UNIX_EPOCH + 90.minutes();
    let states = Replay::default().transitions(&own, &Data::default(), Timestamp::UNIX_EPOCH, until);
    let unreplayed = alarm::not_replayed(&own);
    for alarm in own.iter().filter(|alarm| !unreplayed.contains_key(alarm.logical_id())) {
        let transitions = states.get(alarm.name()).unwrap_or_else(|| panic!("{} is not evaluated", alarm.name()));
        assert!(transitions.iter().all(|change| change.from != change.to), "{transitions:?}");
    }
}
