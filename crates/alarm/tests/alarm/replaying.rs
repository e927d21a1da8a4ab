//! Alarms over time.

use alarm::{Alarm, Data, Replay, State, Transition, alarms};
use jiff::{SignedDuration, Timestamp};

use crate::{metric, template_of};

fn begin() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn at(minute: i64) -> Timestamp {
    begin() + SignedDuration::from_mins(minute)
}

fn alarm(properties: &str) -> Vec<Alarm> {
    alarms(&template_of(properties).unwrap()).unwrap()
}

/// A value for each minute; `None` where nothing was published.
fn data(name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Data {
    let mut data = Data::default();
    for (minute, value) in (0..).zip(values) {
        if let Some(value) = value {
            data.publish(&metric(name), at(minute), value);
        }
    }
    data
}

/// The changes as minute and state.
fn observed(alarms: &[Alarm], data: &Data, until: i64) -> Vec<(i64, State)> {
    let transitions = Replay::default().transitions(alarms, data, at(0), at(until));
    let minute = |transition: &Transition| transition.at.duration_since(begin()).as_mins();
    transitions[alarms.last().unwrap().name()].iter().map(|own| (minute(own), own.to)).collect()
}

#[test]
fn five_of_five_needs_five_minutes_and_one_good_one_ends_it() {
    let alarms = alarm("EvaluationPeriods: 5\nDatapointsToAlarm: 5\nTreatMissingData: breaching");
    let values = (0..30).map(|minute| Some(if (10..20).contains(&minute) { 2.0 } else { 0.0 }));
    let observed = observed(&alarms, &data("M", values), 30);
    // Before the first value everything is missing.
    assert_eq!(observed, [(0, State::Alarm), (1, State::Ok), (15, State::Alarm), (21, State::Ok)]);
}

#[test]
fn a_run_that_never_came_is_missing_and_breaches_when_it_should() {
    let alarms = alarm("EvaluationPeriods: 5\nDatapointsToAlarm: 5\nTreatMissingData: breaching");
    let values = (0..60).map(|minute| (!(20..40).contains(&minute)).then_some(0.0));
    let observed = observed(&alarms, &data("M", values), 60);
    // Two points beyond the five are looked at while points are missing, so it takes seven minutes.
    assert_eq!(observed[2..], [(27, State::Alarm), (41, State::Ok)]);
}

#[test]
fn the_periods_slide_minute_by_minute() {
    let alarms = alarm("Statistic: Sum\nPeriod: 300\nThreshold: 4\nTreatMissingData: notBreaching");
    // One value each minute, of 1: five of them in each period, however it lies.
    let values = (0..20).map(|minute| Some(if (7..12).contains(&minute) { 1.0 } else { 0.0 }));
    let observed = observed(&alarms, &data("M", values), 30);
    assert_eq!(observed, [(0, State::Ok), (12, State::Alarm), (13, State::Ok)]);
}

#[test]
fn a_day_and_more_is_looked_at_once_an_hour() {
    // The documentation's example: a job that fails at 10:02 and is mended at 11:43.
    let properties = "Statistic: Maximum\nPeriod: 86400\nEvaluationPeriods: 3\nDatapointsToAlarm: 1\nThreshold: 0\nTreatMissingData: notBreaching";
    let alarms = alarm(properties);
    let values = (0..14 * 60).map(|minute| Some(if minute == 10 * 60 + 2 { 1.0 } else { 0.0 }));
    let observed = observed(&alarms, &data("M", values), 14 * 60);
    assert_eq!(observed, [(0, State::Ok), (11 * 60, State::Alarm)]);
}

#[test]
fn a_rate_is_judged_where_there_are_requests() {
    let query = |id: &str, name: &str| {
        format!(
            "- Id: {id}\n    ReturnData: false\n    MetricStat: {{ Metric: {{ Namespace: Test, MetricName: {name} }}, Stat: Sum, Period: 60 }}\n  "
        )
    };
    let properties = format!(
        "Threshold: 5\nTreatMissingData: notBreaching\nMetrics:\n  {}{}- {{ Id: rate, Expression: 100 * errors / requests, ReturnData: true }}",
        query("errors", "Errors"),
        query("requests", "Requests")
    );
    let alarms = alarm(&properties);
    let mut data = Data::default();
    for minute in 0..20 {
        if minute < 15 {
            data.publish(&metric("Requests"), at(minute), 100.0);
        }
        if minute == 10 {
            data.publish(&metric("Errors"), at(minute), 10.0);
        }
        if minute == 17 {
            data.publish(&metric("Errors"), at(minute), 10.0);
        }
    }
    assert_eq!(observed(&alarms, &data, 20), [(0, State::Ok), (11, State::Alarm), (12, State::Ok)]);
}

#[test]
fn a_composite_alarm_follows_its_alarms() {
    let mut alarms = alarm("TreatMissingData: notBreaching");
    let composite = "Resources:\n  Both:\n    Type: AWS::CloudWatch::CompositeAlarm\n    Properties:\n      AlarmRule: ALARM(Alarm) AND NOT INSUFFICIENT_DATA(other)\n";
    let template = alarm::Template::read(composite, &alarm::Inputs::default()).unwrap();
    alarms.extend(alarm::alarms(&template).unwrap());
    let values = (0..20).map(|minute| Some(if (10..12).contains(&minute) { 2.0 } else { 0.0 }));
    assert_eq!(observed(&alarms, &data("M", values.clone()), 20), [(0, State::Ok)], "`other` is not known");
    // As a stack that has both writes it: the one is referred to, and has no name of its own.
    let together = format!(
        "{}{}",
        "Resources:\n  Alarm:\n    Type: AWS::CloudWatch::Alarm\n    Properties: { Namespace: Test, MetricName: M, Statistic: Average, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold, TreatMissingData: notBreaching }\n",
        composite
            .replace("Resources:\n", "")
            .replace("ALARM(Alarm) AND NOT INSUFFICIENT_DATA(other)", "!Sub ALARM(${Alarm.Arn})")
    );
    let template = alarm::Template::read(&together, &alarm::Inputs::default()).unwrap();
    let by_its_arn = alarm::alarms(&template).unwrap();
    assert_eq!(
        observed(&by_its_arn, &data("M", values.clone()), 20),
        [(0, State::Ok), (11, State::Alarm), (13, State::Ok)]
    );
    let rule = "ALARM(Alarm)";
    let template = alarm::Template::read(
        &composite.replace("ALARM(Alarm) AND NOT INSUFFICIENT_DATA(other)", rule),
        &alarm::Inputs::default(),
    )
    .unwrap();
    alarms.truncate(1);
    alarms.extend(alarm::alarms(&template).unwrap());
    assert_eq!(observed(&alarms, &data("M", values), 20), [(0, State::Ok), (11, State::Alarm), (13, State::Ok)]);
}

#[test]
fn a_point_is_what_was_published_whatever_was_before_it() {
    for (properties, before, value) in [
        // A sum from which an older value is taken would be more, or less, than 5.
        ("Statistic: Average\nThreshold: 5\nComparisonOperator: GreaterThanThreshold", 100.0 / 19.0, 5.0),
        ("Statistic: Average\nThreshold: 5\nComparisonOperator: LessThanThreshold", 100.0 / 3.0, 5.0),
        ("Statistic: Sum\nThreshold: 1\nComparisonOperator: LessThanThreshold", 1e17, 1.0),
        ("Statistic: Average\nPeriod: 300\nThreshold: 5\nComparisonOperator: LessThanThreshold", 1e17, 5.0),
    ] {
        let alarms = alarm(&format!("{properties}\nTreatMissingData: missing"));
        let values = (0..60).map(|minute| Some(if minute < 20 { before } else { value }));
        let observed = observed(&alarms, &data("M", values), 60);
        assert_eq!(observed.last().map(|(_, state)| *state), Some(State::Ok), "{properties}: {observed:?}");
    }
}

#[test]
fn averages_are_those_of_all_values_and_do_not_drift() {
    let alarms =
        alarm("Period: 21600\nThreshold: 0.95\nComparisonOperator: LessThanThreshold\nTreatMissingData: missing");
    // A value every five minutes, one of ten of them 0 from noon on.
    let values = (0..4 * 1440).map(|minute| {
        let fails = (720..2160).contains(&minute) && minute % 50 == 0;
        (minute % 5 == 0).then_some(if fails { 0.0 } else { 1.0 })
    });
    let observed = observed(&alarms, &data("M", values), 4 * 1440);
    let states: Vec<State> = observed.iter().map(|(_, state)| *state).collect();
    assert_eq!(states, [State::Ok, State::Alarm, State::Ok]);
    assert!((720..720 + 360).contains(&observed[1].0) && (2160..2160 + 360).contains(&observed[2].0), "{observed:?}");
}
