//! The examples that CloudWatch's documentation gives, one by one.

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
fn every_example_of_the_documentation_gives_the_state_that_it_says() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert_eq!(vectors.len(), 37);
    for vector in vectors {
        let missing = MissingData::read(&vector.missing).unwrap();
        let comparison = Comparison::read(&vector.comparison).unwrap();
        let is_breaching = |value: f64| comparison.is_breaching(value, vector.threshold);
        let points: Vec<_> = vector.points.iter().map(|point| point.map(is_breaching)).collect();
        let observed = judge(&points, vector.periods, vector.to_alarm, missing);
        let observed = observed.map_or("RETAIN_CURRENT", alarm::State::as_str);
        assert_eq!(observed, vector.state, "{}: {}", vector.name, vector.source);
    }
}
