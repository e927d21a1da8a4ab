//! Reader of the alarms in a template.

mod properties;
mod source;

use std::cell::RefCell;

use serde_json::Value;

use crate::template::Resource;
use crate::{
    Alarm, Comparison, CompositeAlarm, MetricAlarm, MissingData, Numbers, Rule, Template, TemplateError,
    UnreplayedAlarm,
};
use properties::Properties;
use source::Evaluated;

/// Properties of a metric alarm that CloudFormation knows.
const METRIC_ALARM_PROPERTIES: [&str; 26] = [
    "ActionConfiguration",
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluateLowSampleCountPercentile",
    "EvaluationCriteria",
    "EvaluationInterval",
    "EvaluationPeriods",
    "EvaluationWindow",
    "ExtendedStatistic",
    "InsufficientDataActions",
    "MetricName",
    "Metrics",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Tags",
    "Threshold",
    "ThresholdMetricId",
    "TreatMissingData",
    "Unit",
];
/// Properties of an alarm on one metric.
const ONE_METRIC: [&str; 7] =
    ["MetricName", "Namespace", "Dimensions", "Period", "Statistic", "ExtendedStatistic", "Unit"];
/// Properties of a composite alarm that CloudFormation knows.
const COMPOSITE_ALARM_PROPERTIES: [&str; 12] = [
    "ActionConfiguration",
    "ActionsEnabled",
    "ActionsSuppressor",
    "ActionsSuppressorExtensionPeriod",
    "ActionsSuppressorWaitPeriod",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "AlarmRule",
    "InsufficientDataActions",
    "OKActions",
    "Tags",
];
/// Comparisons with the band of an anomaly detector.
const BAND_COMPARISONS: [&str; 3] =
    ["LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"];

/// Reads the alarms of a template, in its order. An alarm with parts that are not replayed, such as a percentile, names
/// them.
///
/// # Errors
/// With the path of the first property that is wrong or unknown to CloudFormation.
pub fn alarms(template: &Template) -> Result<Vec<Alarm>, TemplateError> {
    let mut found = Vec::new();
    // Names to substitute for references to an alarm.
    let names: Vec<(String, String)> = template
        .resources
        .iter()
        .filter(|resource| resource.kind.starts_with("AWS::CloudWatch::"))
        .map(|resource| {
            let name = resource.properties.get("AlarmName").and_then(Value::as_str).unwrap_or(&resource.id);
            (resource.id.clone(), name.to_owned())
        })
        .collect();
    for resource in &template.resources {
        match resource.kind.as_str() {
            "AWS::CloudWatch::Alarm" => found.push(metric_alarm(resource)?),
            "AWS::CloudWatch::CompositeAlarm" => found.push(Alarm::Composite(composite_alarm(resource, &names)?)),
            _ => {}
        }
    }
    Ok(found)
}

fn metric_alarm(resource: &Resource) -> Result<Alarm, TemplateError> {
    let notes = RefCell::default();
    let properties = Properties { resource, path: String::new(), values: &resource.properties, notes: &notes };
    properties.allow_only(&METRIC_ALARM_PROPERTIES)?;
    let band = properties.text("ThresholdMetricId")?;
    let is_query = resource.properties.contains_key("EvaluationCriteria");
    let evaluated = match resource.properties.get("Metrics") {
        None if is_query => query(&properties)?,
        None => source::metric(&properties)?,
        Some(queries) => {
            properties.reject(&ONE_METRIC, "Metrics")?;
            source::math(&properties, queries, band.as_deref())?
        }
    };
    let condition = condition(&properties, band.as_deref(), is_query)?;
    read_evaluation(&properties)?;
    let evaluation_periods =
        if is_query && !has(resource, "EvaluationPeriods") { None } else { properties.count("EvaluationPeriods")? };
    let datapoints_to_alarm =
        if has(resource, "DatapointsToAlarm") { properties.count("DatapointsToAlarm")? } else { evaluation_periods };
    if let (Some(most), Some(datapoints)) = (evaluation_periods, datapoints_to_alarm)
        && datapoints > most
    {
        let rule = format!("expected at most EvaluationPeriods, {most}, found {datapoints}");
        return Err(resource.problem("DatapointsToAlarm", rule));
    }
    let missing = if has(resource, "TreatMissingData") {
        properties.one_of("TreatMissingData", MissingData::read, MissingData::NAMES)?
    } else {
        Some(MissingData::Missing)
    };
    let logical_id = resource.id.clone();
    let name = properties.alarm_name()?;
    let description = properties.text("AlarmDescription")?.unwrap_or_default();
    let (actions, metadata) = (properties.actions()?, resource.metadata.clone());
    let Evaluated { source, metrics, is_math, period } = evaluated;
    let not_replayed = notes.take();
    if let (true, Some(source), Some(period), Some((comparison, threshold))) =
        (not_replayed.is_empty(), source, period, condition)
        && let (Some(evaluation_periods), Some(datapoints_to_alarm), Some(missing)) =
            (evaluation_periods, datapoints_to_alarm, missing)
    {
        return Ok(Alarm::Metric(MetricAlarm {
            logical_id,
            name,
            description,
            source,
            period,
            comparison,
            threshold,
            evaluation_periods,
            datapoints_to_alarm,
            missing,
            actions,
            metadata,
        }));
    }
    let missing = missing.unwrap_or(MissingData::Missing);
    let numbers = Numbers { metrics, is_math, period, evaluation_periods, datapoints_to_alarm, missing, condition };
    Ok(Alarm::Unreplayed(UnreplayedAlarm { logical_id, name, description, numbers, not_replayed, actions, metadata }))
}

fn has(resource: &Resource, name: &str) -> bool {
    resource.properties.contains_key(name)
}

/// Reads an alarm on a query of another language.
fn query(properties: &Properties<'_>) -> Result<Evaluated, TemplateError> {
    properties.reject(&ONE_METRIC, "EvaluationCriteria")?;
    properties.note("EvaluationCriteria", "a PromQL query", "alarms on metrics of CloudWatch are replayed");
    Ok(Evaluated { source: None, metrics: Vec::new(), is_math: true, period: None })
}

/// Reads the comparison and the threshold. An alarm on a query of another language has neither.
fn condition(
    properties: &Properties<'_>,
    band: Option<&str>,
    is_query: bool,
) -> Result<Option<(Comparison, f64)>, TemplateError> {
    if is_query && !properties.values.contains_key("ComparisonOperator") {
        return Ok(None);
    }
    let read = |text: &str| {
        let band = BAND_COMPARISONS.into_iter().find(|own| *own == text);
        Comparison::read(text).map(Ok).or(band.map(Err))
    };
    let names = [Comparison::NAMES, &BAND_COMPARISONS].concat();
    let comparison = properties.parsed("ComparisonOperator", &format!("one of {}", names.join(", ")), read)?;
    match (comparison, band) {
        (Some(Ok(comparison)), Some(_)) => {
            let rule = format!("expected one of {} together with ThresholdMetricId", BAND_COMPARISONS.join(", "));
            Err(properties.problem("ComparisonOperator", format!("{rule}, found `{}`", comparison.as_str())))
        }
        (Some(Err(comparison)), None) => {
            let rule = format!("expected the id of an ANOMALY_DETECTION_BAND for {comparison}, found none");
            Err(properties.problem("ThresholdMetricId", rule))
        }
        (_, Some(band)) => {
            properties.reject(&["Threshold"], "ThresholdMetricId")?;
            let reason = "CloudWatch learns the band from the history of the metric";
            properties.note("ThresholdMetricId", format!("the anomaly detection band `{band}`"), reason);
            Ok(None)
        }
        (comparison, None) => {
            let threshold = properties.number("Threshold")?;
            Ok(comparison.and_then(Result::ok).zip(threshold))
        }
    }
}

/// Notes how an alarm is evaluated, where that is not replayed.
fn read_evaluation(properties: &Properties<'_>) -> Result<(), TemplateError> {
    if properties.values.contains_key("EvaluateLowSampleCountPercentile") {
        let read = |text: &str| matches!(text, "evaluate" | "ignore").then_some(());
        properties.parsed("EvaluateLowSampleCountPercentile", "evaluate or ignore", read)?;
    }
    if let Some(window) = properties.values.get("EvaluationWindow")
        && window.get("SlidingWindow").is_none()
    {
        properties.note("EvaluationWindow", "a window of the wall clock", "sliding windows are replayed");
    }
    if properties.values.contains_key("EvaluationInterval")
        && let Some(seconds) = properties.number("EvaluationInterval")?
    {
        properties.note("EvaluationInterval", format!("an evaluation every {seconds} s"), "one per minute is replayed");
    }
    Ok(())
}

fn composite_alarm(resource: &Resource, names: &[(String, String)]) -> Result<CompositeAlarm, TemplateError> {
    let notes = RefCell::default();
    let properties = Properties { resource, path: String::new(), values: &resource.properties, notes: &notes };
    properties.allow_only(&COMPOSITE_ALARM_PROPERTIES)?;
    let named = |text: String| {
        names.iter().fold(text, |text, (id, name)| {
            text.replace(&format!("${{{id}}}"), name).replace(&format!("${{{id}.Arn}}"), name)
        })
    };
    let rule = named(properties.required("AlarmRule")?);
    let rule = Rule::read(&rule).map_err(|error| resource.problem("AlarmRule", error.to_string()))?;
    Ok(CompositeAlarm {
        logical_id: resource.id.clone(),
        name: properties.alarm_name()?,
        description: properties.text("AlarmDescription")?.unwrap_or_default(),
        rule,
        suppressor: properties.text("ActionsSuppressor")?.map(named),
        actions: properties.actions()?,
        metadata: resource.metadata.clone(),
    })
}
