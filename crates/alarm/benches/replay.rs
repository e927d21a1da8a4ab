//! Time to replay seventy alarms over thirty days of one-minute data, compared with reading the same values once.
//!
//! Seventy alarms are the budget for all checks, and thirty days the default of a review. A store keeps values of a minute as long.

#![expect(clippy::unwrap_used, reason = "a failed benchmark should abort")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use alarm::{Data, Inputs, MetricId, Replay, Template, alarms};
use jiff::{SignedDuration, Timestamp};

const ALARMS: usize = 70;
const MINUTES: i64 = 30 * 24 * 60;
/// Longest time that this may take on one core.
const MAX: Duration = Duration::from_secs(1);

/// Period, N, M and statistic of typical alarms: most evaluate minutes, a few evaluate hours.
const KINDS: [(u32, u32, u32, &str); 7] = [
    (60, 360, 22, "Average"),
    (60, 10, 5, "Average"),
    (60, 3, 2, "Maximum"),
    (300, 5, 5, "Maximum"),
    (300, 10, 5, "Average"),
    (900, 2, 2, "Maximum"),
    (21_600, 1, 1, "Average"),
];

fn main() {
    let begin: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let mut text = "Resources:\n".to_owned();
    let mut data = Data::default();
    for number in 0..ALARMS {
        let (period, periods, to_alarm, statistic) = KINDS[number % KINDS.len()];
        text.push_str(&format!(
            "  A{number}:\n    Type: AWS::CloudWatch::Alarm\n    Properties: {{ Namespace: T, MetricName: M{number}, Statistic: {statistic}, \
             Period: {period}, EvaluationPeriods: {periods}, DatapointsToAlarm: {to_alarm}, Threshold: 90, \
             ComparisonOperator: GreaterThanThreshold, TreatMissingData: breaching }}\n"
        ));
        let metric = MetricId { namespace: "T".to_owned(), name: format!("M{number}"), dimensions: BTreeMap::new() };
        for minute in (0..MINUTES).filter(|minute| minute % 97 != 0) {
            let value = (minute * 7919 + number as i64 * 104_729) % 101;
            data.publish(&metric, begin + SignedDuration::from_mins(minute), value as f64);
        }
    }
    let alarms = alarms(&Template::read(&text, &Inputs::default()).unwrap()).unwrap();
    let until = begin + SignedDuration::from_mins(MINUTES - 1);
    let once = |work: &mut dyn FnMut() -> usize| {
        let began = Instant::now();
        let result = black_box(work());
        (began.elapsed(), result)
    };
    let mut best = Duration::MAX;
    let mut changes = 0;
    for _ in 0..5 {
        let (took, count) =
            once(&mut || Replay::default().transitions(&alarms, &data, begin, until).values().map(Vec::len).sum());
        best = best.min(took);
        changes = count;
    }
    // Baseline: the same amount of data, each value read once.
    let flat: Vec<f64> = (0..ALARMS as i64 * MINUTES).map(|index| ((index * 7919) % 101) as f64).collect();
    let (bare, above) = once(&mut || flat.iter().filter(|value| **value > 90.0).count());
    println!(
        "{ALARMS} alarms over {} days: {:.0} ms ({changes} changes), {:.1} ns an evaluation; reading each value once: {:.1} ms ({above} above)",
        MINUTES / 1_440,
        best.as_secs_f64() * 1e3,
        best.as_nanos() as f64 / (ALARMS as f64 * MINUTES as f64),
        bare.as_secs_f64() * 1e3,
    );
    assert!(best < MAX, "expected at most {MAX:?}, found {best:?}");
}
