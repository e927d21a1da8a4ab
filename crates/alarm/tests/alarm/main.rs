//! Tests of the public interface.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests fail by panicking")]

mod properties;
mod reading;
mod replaying;
mod shipped;
mod templates;
mod vectors;

use std::collections::BTreeMap;

use alarm::{MetricId, Template, TemplateError};

/// A metric for tests.
fn metric(name: &str) -> MetricId {
    MetricId { namespace: "Test".to_owned(), name: name.to_owned(), dimensions: BTreeMap::new() }
}

/// Reads a template with one alarm named `Alarm`. The given properties override the defaults.
fn alarm_template(properties: &str) -> Result<Template, TemplateError> {
    let defaults = [
        ("Namespace", "Test"),
        ("MetricName", "M"),
        ("Statistic", "Average"),
        ("Period", "60"),
        ("EvaluationPeriods", "1"),
        ("Threshold", "1"),
        ("ComparisonOperator", "GreaterThanThreshold"),
    ];
    let mut text = "Resources:\n  Alarm:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n".to_owned();
    for line in properties.lines() {
        text.push_str(&format!("      {line}\n"));
    }
    let is_math = properties.contains("Metrics:");
    let single_metric = ["Namespace", "MetricName", "Statistic", "Period"];
    for (name, value) in defaults {
        let is_given = properties.lines().any(|line| line.starts_with(&format!("{name}:")));
        let is_excluded = is_math && single_metric.contains(&name);
        if !is_given && !is_excluded {
            text.push_str(&format!("      {name}: {value}\n"));
        }
    }
    Template::read(&text, &alarm::Inputs::default())
}
