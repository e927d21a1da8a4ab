//! Replay of alarms over time.

use alarm::{Alarm, Data, Replay, State, Transition, alarms};
use jiff::{SignedDuration, Timestamp};

use crate::{alarm_template, metric};

fn begin() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn at(minute: i64) -> Timestamp {
    begin() + SignedDuration::from_mins(minute)
}

fn alarm(properties: &str) -> Vec<Alarm> {
    alarms(&alarm_template(properties).unwrap()).unwrap()
}

/// One value per minute; `None` for a minute without data.
fn data(name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Data {
    let mut data = Data::default();
    for (minute, value) in (0..).zip(values) {
        if let Some(value) = value {
            data.publish(&metric(name), at(minute), value);
        }
    }
    data
}

/// Changes of state of the last alarm, as minute and new state. Evaluated minute by minute, the alarm changes at the same ones.
fn changes(alarms: &[Alarm], data: &Data, until: i64) -> Vec<(i64, State)> {
    let transitions = Replay::default().transitions(alarms, data, at(0), at(until));
    let minute = |transition: &Transition| transition.at.duration_since(begin()).as_mins();
    let last = alarms.last().unwrap();
    let changes: Vec<_> = transitions[last.name()].iter().map(|own| (minute(own), own.to)).collect();
    if let Alarm::Metric(alarm) = last {
        let mut state = State::InsufficientData;
        let evaluated = (0..=until).filter_map(|minute| {
            let next = Replay::default().evaluate(alarm, data, at(minute)).state.filter(|next| *next != state)?;
            state = next;
            Some((minute, next))
        });
        assert_eq!(evaluated.collect::<Vec<_>>(), changes, "one by one");
    }
    changes
}

#[test]
fn five_of_five_alarms_after_five_minutes() {
    let alarms = alarm("EvaluationPeriods: 5\nDatapointsToAlarm: 5\nTreatMissingData: breaching");
    let values = (0..30).map(|minute| Some(if (10..20).contains(&minute) { 2.0 } else { 0.0 }));
    let changes = changes(&alarms, &data("M", values), 30);
    // Everything before the first value is missing.
    assert_eq!(changes, [(0, State::Alarm), (1, State::Ok), (15, State::Alarm), (21, State::Ok)]);
}

#[test]
fn missing_runs_breach_when_configured() {
    let alarms = alarm("EvaluationPeriods: 5\nDatapointsToAlarm: 5\nTreatMissingData: breaching");
    let values = (0..60).map(|minute| (!(20..40).contains(&minute)).then_some(0.0));
    let changes = changes(&alarms, &data("M", values), 60);
    // Two data points beyond the five are read while some are missing, so it takes seven minutes.
    assert_eq!(changes[2..], [(27, State::Alarm), (41, State::Ok)]);
}

#[test]
fn periods_slide_by_one_minute() {
    let alarms = alarm("Statistic: Sum\nPeriod: 300\nThreshold: 4\nTreatMissingData: notBreaching");
    // A value of 1 for five minutes: exactly one period contains all of them.
    let values = (0..20).map(|minute| Some(if (7..12).contains(&minute) { 1.0 } else { 0.0 }));
    let changes = changes(&alarms, &data("M", values), 30);
    assert_eq!(changes, [(0, State::Ok), (12, State::Alarm), (13, State::Ok)]);
}

#[test]
fn alarms_over_a_day_are_evaluated_hourly() {
    // The documentation's example: a job fails at 10:02 and is fixed at 11:43.
    let properties = "Statistic: Maximum\nPeriod: 86400\nEvaluationPeriods: 3\nDatapointsToAlarm: 1\nThreshold: 0\nTreatMissingData: notBreaching";
    let alarms = alarm(properties);
    let values = (0..14 * 60).map(|minute| Some(if minute == 10 * 60 + 2 { 1.0 } else { 0.0 }));
    let changes = changes(&alarms, &data("M", values), 14 * 60);
    assert_eq!(changes, [(0, State::Ok), (11 * 60, State::Alarm)]);
}

#[test]
fn alarms_of_at_most_a_day_are_evaluated_every_minute() {
    for (period, periods) in [(86_400, 1), (3_600, 2)] {
        let properties = format!(
            "Statistic: Maximum\nPeriod: {period}\nEvaluationPeriods: {periods}\nDatapointsToAlarm: 1\nThreshold: 0\nTreatMissingData: notBreaching"
        );
        let values = (0..300).map(|minute| Some(if minute == 122 { 1.0 } else { 0.0 }));
        let changes = changes(&alarm(&properties), &data("M", values), 200);
        assert_eq!(changes, [(0, State::Ok), (123, State::Alarm)], "{periods} times {period} s");
    }
}

#[test]
fn two_points_beyond_the_period_are_read() {
    let alarms = alarm("TreatMissingData: missing");
    let mut data = Data::default();
    data.publish(&metric("M"), at(7), 2.0);
    let changes = |from| {
        let transitions = Replay::default().transitions(&alarms, &data, at(from), at(20));
        transitions["Alarm"].iter().map(|own| (own.at, own.from, own.to)).collect::<Vec<_>>()
    };
    let (none, alarm) = (State::InsufficientData, State::Alarm);
    assert_eq!(changes(0), [(at(8), none, alarm), (at(11), alarm, none)]);
    assert_eq!(changes(10), [(at(10), none, alarm), (at(11), alarm, none)]);
    assert_eq!(changes(11), []);
}

#[test]
fn rate_is_evaluated_only_with_requests() {
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
    assert_eq!(changes(&alarms, &data, 20), [(0, State::Ok), (11, State::Alarm), (12, State::Ok)]);
}

#[test]
fn composite_alarm_follows_its_alarms() {
    let mut alarms = alarm("TreatMissingData: notBreaching");
    let composite = "Resources:\n  Both:\n    Type: AWS::CloudWatch::CompositeAlarm\n    Properties:\n      AlarmRule: ALARM(Alarm) AND NOT INSUFFICIENT_DATA(other)\n";
    let template = alarm::Template::read(composite, &alarm::Inputs::default()).unwrap();
    alarms.extend(alarm::alarms(&template).unwrap());
    let values = (0..20).map(|minute| Some(if (10..12).contains(&minute) { 2.0 } else { 0.0 }));
    assert_eq!(changes(&alarms, &data("M", values.clone()), 20), [(0, State::Ok)], "`other` is unknown");
    // In a stack with both alarms, the composite refers to the other one, whose name is its logical id.
    let together = format!(
        "{}{}",
        "Resources:\n  Alarm:\n    Type: AWS::CloudWatch::Alarm\n    Properties: { Namespace: Test, MetricName: M, Statistic: Average, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold, TreatMissingData: notBreaching }\n",
        composite
            .replace("Resources:\n", "")
            .replace("ALARM(Alarm) AND NOT INSUFFICIENT_DATA(other)", "!Sub ALARM(${Alarm.Arn})")
    );
    let template = alarm::Template::read(&together, &alarm::Inputs::default()).unwrap();
    let alarms_by_arn = alarm::alarms(&template).unwrap();
    assert_eq!(
        changes(&alarms_by_arn, &data("M", values.clone()), 20),
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
    assert_eq!(changes(&alarms, &data("M", values), 20), [(0, State::Ok), (11, State::Alarm), (13, State::Ok)]);
}

#[test]
fn earlier_values_do_not_affect_later_points() {
    for (properties, before, value) in [
        // Subtracting an older value from a running sum would yield slightly more or less than 5.
        ("Statistic: Average\nThreshold: 5\nComparisonOperator: GreaterThanThreshold", 100.0 / 19.0, 5.0),
        ("Statistic: Average\nThreshold: 5\nComparisonOperator: LessThanThreshold", 100.0 / 3.0, 5.0),
        ("Statistic: Sum\nThreshold: 1\nComparisonOperator: LessThanThreshold", 1e17, 1.0),
        ("Statistic: Average\nPeriod: 300\nThreshold: 5\nComparisonOperator: LessThanThreshold", 1e17, 5.0),
    ] {
        let alarms = alarm(&format!("{properties}\nTreatMissingData: missing"));
        let values = (0..60).map(|minute| Some(if minute < 20 { before } else { value }));
        let changes = changes(&alarms, &data("M", values), 60);
        assert_eq!(changes.last().map(|(_, state)| *state), Some(State::Ok), "{properties}: {changes:?}");
    }
}

#[test]
fn averages_do_not_drift() {
    let alarms =
        alarm("Period: 21600\nThreshold: 0.95\nComparisonOperator: LessThanThreshold\nTreatMissingData: missing");
    // A value every five minutes; from noon on, one in ten is 0.
    let values = (0..4 * 1440).map(|minute| {
        let fails = (720..2160).contains(&minute) && minute % 50 == 0;
        (minute % 5 == 0).then_some(if fails { 0.0 } else { 1.0 })
    });
    let changes = changes(&alarms, &data("M", values), 4 * 1440);
    let states: Vec<State> = changes.iter().map(|(_, state)| *state).collect();
    assert_eq!(states, [State::Ok, State::Alarm, State::Ok]);
    assert!((720..720 + 360).contains(&changes[1].0) && (2160..2160 + 360).contains(&changes[2].0), "{changes:?}");
}

#[test]
fn evaluation_shows_the_data_points_that_decide() {
    let Alarm::Metric(alarm) = &alarm("EvaluationPeriods: 3\nDatapointsToAlarm: 2")[0] else { unreachable!() };
    let data = data("M", [Some(0.0), Some(2.0), None, Some(3.0), Some(9.0)]);
    let evaluation = Replay::default().evaluate(alarm, &data, at(4));
    assert_eq!(evaluation.state, Some(State::Alarm));
    // The minute that has just begun is not over.
    assert_eq!(evaluation.newest, [(at(1), Some(2.0)), (at(2), None), (at(3), Some(3.0))]);
}
