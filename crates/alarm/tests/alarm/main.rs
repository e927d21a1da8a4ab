//! The crate from outside.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod properties;
mod reading;
mod replaying;
mod shipped;
mod templates;
mod vectors;

use std::collections::BTreeMap;

use alarm::{MetricId, Template, TemplateError};

/// A metric of the tests.
fn metric(name: &str) -> MetricId {
    MetricId { namespace: "Test".to_owned(), name: name.to_owned(), dimensions: BTreeMap::new() }
}

/// A template of one alarm named `Alarm`, with these properties beside the usual ones.
fn template_of(properties: &str) -> Result<Template, TemplateError> {
    let usual = [
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
    let of_one_metric = ["Namespace", "MetricName", "Statistic", "Period"];
    for (name, value) in usual {
        let is_written = properties.lines().any(|line| line.starts_with(&format!("{name}:")));
        let is_of_the_other_kind = is_math && of_one_metric.contains(&name);
        if !is_written && !is_of_the_other_kind {
            text.push_str(&format!("      {name}: {value}\n"));
        }
    }
    Template::read(&text, &alarm::Inputs::default())
}
