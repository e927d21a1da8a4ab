//! Examples from CloudWatch's documentation.

use alarm::{Comparison, MissingData, judge};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    name: String,
    source: String,
    periods: usize,
    to_alarm: usize,
    missing: String,
    comparison: String,
    threshold: f64,
    points: Vec<Option<f64>>,
    state: String,
}

#[test]
fn documented_examples_yield_the_documented_state() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert_eq!(vectors.len(), 37);
    for vector in vectors {
        let missing = MissingData::read(&vector.missing).unwrap();
        let comparison = Comparison::read(&vector.comparison).unwrap();
        let is_breaching = |value: f64| comparison.is_breaching(value, vector.threshold);
        let points: Vec<_> = vector.points.iter().map(|point| point.map(is_breaching)).collect();
        let state = judge(&points, vector.periods, vector.to_alarm, missing);
        let state = state.map_or("RETAIN_CURRENT", alarm::State::as_str);
        assert_eq!(state, vector.state, "{}: {}", vector.name, vector.source);
    }
}
