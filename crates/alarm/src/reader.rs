//! Reader of the alarms in a template.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::template::Resource;
use crate::{
    Actions, Alarm, Comparison, CompositeAlarm, Expression, MetricAlarm, MetricId, MissingData, Query, Rule, Source,
    Statistic, Template, TemplateError,
};

/// Supported properties of a metric alarm: those that are read, and those that do not affect when it fires.
const METRIC_ALARM_PROPERTIES: [&str; 18] = [
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "InsufficientDataActions",
    "MetricName",
    "Metrics",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Tags",
    "Threshold",
    "TreatMissingData",
];
/// Supported properties of a composite alarm.
const COMPOSITE_ALARM_PROPERTIES: [&str; 8] = [
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "AlarmRule",
    "InsufficientDataActions",
    "OKActions",
    "Tags",
];

/// Maximum number of metrics and expressions in one alarm: more than CloudWatch evaluates in one query.
const MAX_QUERIES: usize = 500;

/// Reads the alarms of a template, in its order.
///
/// # Errors
/// With the path of the first property that is wrong or unsupported: percentiles, anomaly bands, sub-minute periods,
/// wall-clock windows, suppressors.
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
            "AWS::CloudWatch::Alarm" => found.push(Alarm::Metric(metric_alarm(resource)?)),
            "AWS::CloudWatch::CompositeAlarm" => found.push(Alarm::Composite(composite_alarm(resource, &names)?)),
            _ => {}
        }
    }
    Ok(found)
}

fn metric_alarm(resource: &Resource) -> Result<MetricAlarm, TemplateError> {
    let properties = Properties { resource, path: String::new(), values: &resource.properties };
    properties.allow_only(&METRIC_ALARM_PROPERTIES)?;
    let (source, period) = match resource.properties.get("Metrics") {
        None => {
            let source = Source::Metric {
                metric: properties.metric(&resource.properties)?,
                statistic: properties.one_of("Statistic", Statistic::read, Statistic::NAMES)?,
            };
            (source, properties.period("Period")?)
        }
        Some(queries) => {
            properties.reject(&["MetricName", "Namespace", "Dimensions", "Period", "Statistic"], "Metrics")?;
            math(resource, queries)?
        }
    };
    let evaluation_periods = properties.count("EvaluationPeriods")?;
    let datapoints_to_alarm = match resource.properties.get("DatapointsToAlarm") {
        None => evaluation_periods,
        Some(_) => properties.count("DatapointsToAlarm")?,
    };
    if datapoints_to_alarm > evaluation_periods {
        let rule = format!("expected at most EvaluationPeriods, {evaluation_periods}, found {datapoints_to_alarm}");
        return Err(resource.problem("DatapointsToAlarm", rule));
    }
    let missing = match resource.properties.get("TreatMissingData") {
        None => MissingData::Missing,
        Some(_) => properties.one_of("TreatMissingData", MissingData::read, MissingData::NAMES)?,
    };
    Ok(MetricAlarm {
        logical_id: resource.id.clone(),
        name: properties.text("AlarmName")?.unwrap_or_else(|| resource.id.clone()),
        description: properties.text("AlarmDescription")?.unwrap_or_default(),
        source,
        period,
        comparison: properties.one_of("ComparisonOperator", Comparison::read, Comparison::NAMES)?,
        threshold: properties.number("Threshold")?,
        evaluation_periods,
        datapoints_to_alarm,
        missing,
        actions: properties.actions()?,
        metadata: resource.metadata.clone(),
    })
}

fn composite_alarm(resource: &Resource, names: &[(String, String)]) -> Result<CompositeAlarm, TemplateError> {
    let properties = Properties { resource, path: String::new(), values: &resource.properties };
    properties.allow_only(&COMPOSITE_ALARM_PROPERTIES)?;
    let rule = properties.required("AlarmRule")?;
    let rule = names.iter().fold(rule, |rule, (id, name)| {
        rule.replace(&format!("${{{id}}}"), name).replace(&format!("${{{id}.Arn}}"), name)
    });
    let rule = Rule::read(&rule).map_err(|error| resource.problem("AlarmRule", error.to_string()))?;
    Ok(CompositeAlarm {
        logical_id: resource.id.clone(),
        name: properties.text("AlarmName")?.unwrap_or_else(|| resource.id.clone()),
        description: properties.text("AlarmDescription")?.unwrap_or_default(),
        rule,
        actions: properties.actions()?,
        metadata: resource.metadata.clone(),
    })
}

/// Reads the metrics and expressions of an alarm, and their common period.
fn math(resource: &Resource, queries: &Value) -> Result<(Source, Duration), TemplateError> {
    let Some(queries) = queries.as_array() else {
        return Err(resource.problem("Metrics", "expected a list"));
    };
    if queries.len() > MAX_QUERIES {
        return Err(resource.problem("Metrics", format!("expected at most {MAX_QUERIES}, found {}", queries.len())));
    }
    let mut read: Vec<(String, Query, bool)> = Vec::new();
    let mut period = None;
    for (index, query) in queries.iter().enumerate() {
        let path = format!("Metrics[{index}]");
        let Some(values) = query.as_object() else {
            return Err(resource.problem(&path, "expected a table"));
        };
        let properties = Properties { resource, path: format!("{path}."), values };
        properties.allow_only(&["Expression", "Id", "Label", "MetricStat", "ReturnData"])?;
        let id = properties.required("Id")?;
        let parsed = if let Some(expression) = properties.text("Expression")? {
            properties.reject(&["MetricStat"], "Expression")?;
            let expression = Expression::read(&expression)
                .map_err(|error| resource.problem(&format!("{path}.Expression"), error.to_string()))?;
            Query::Expression(expression)
        } else {
            let Some(stat) = values.get("MetricStat").and_then(Value::as_object) else {
                return Err(resource.problem(&path, "expected an Expression or a MetricStat"));
            };
            let stat_properties = Properties { resource, path: format!("{path}.MetricStat."), values: stat };
            stat_properties.allow_only(&["Metric", "Period", "Stat"])?;
            let own_period = stat_properties.period("Period")?;
            if *period.get_or_insert(own_period) != own_period {
                return Err(resource.problem(&format!("{path}.MetricStat.Period"), "expected the same period for all"));
            }
            let Some(metric) = stat.get("Metric").and_then(Value::as_object) else {
                return Err(resource.problem(&format!("{path}.MetricStat.Metric"), "expected a table"));
            };
            let metric_properties = Properties { resource, path: format!("{path}.MetricStat.Metric."), values: metric };
            metric_properties.allow_only(&["Dimensions", "MetricName", "Namespace"])?;
            let statistic = stat_properties.one_of("Stat", Statistic::read, Statistic::NAMES)?;
            Query::Metric { metric: metric_properties.metric(metric)?, statistic }
        };
        read.push((id, parsed, properties.is_true("ReturnData")?));
    }
    let returned: Vec<&String> = read.iter().filter(|(.., returns)| *returns).map(|(id, ..)| id).collect();
    let [returned] = returned[..] else {
        let rule = format!("expected one with ReturnData, found {}", returned.len());
        return Err(resource.problem("Metrics", rule));
    };
    let returned = returned.clone();
    let Some(period) = period else {
        return Err(resource.problem("Metrics", "expected at least one metric"));
    };
    let mut ordered: Vec<(String, Query)> = Vec::new();
    while ordered.len() < read.len() {
        let is_known = |id: &str| ordered.iter().any(|(own, _)| own == id);
        let ready = read.iter().find(|(id, query, _)| {
            !is_known(id)
                && match query {
                    Query::Metric { .. } => true,
                    Query::Expression(expression) => expression.ids().into_iter().all(is_known),
                }
        });
        let Some((id, query, _)) = ready else {
            return Err(resource.problem("Metrics", "expected expressions over existing ids, without a cycle"));
        };
        ordered.push((id.clone(), query.clone()));
    }
    Ok((Source::Math { queries: ordered, returned }, period))
}

/// A table of properties, and its path.
struct Properties<'r> {
    resource: &'r Resource,
    path: String,
    values: &'r Map<String, Value>,
}

impl Properties<'_> {
    fn problem(&self, name: &str, rule: impl Into<String>) -> TemplateError {
        self.resource.problem(&format!("{}{name}", self.path), rule)
    }

    /// Rejects unsupported properties, since they may change the result of an evaluation.
    fn allow_only(&self, names: &[&str]) -> Result<(), TemplateError> {
        match self.values.keys().find(|name| !names.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.problem(name, format!("not supported; supported: {}", names.join(", ")))),
        }
    }

    /// Rejects properties that cannot be combined with another one.
    fn reject(&self, names: &[&str], other: &str) -> Result<(), TemplateError> {
        match names.iter().find(|name| self.values.contains_key(**name)) {
            None => Ok(()),
            Some(name) => Err(self.problem(name, format!("expected none together with {other}"))),
        }
    }

    /// Reads a boolean that defaults to true.
    fn is_true(&self, name: &str) -> Result<bool, TemplateError> {
        match self.values.get(name) {
            None => Ok(true),
            Some(Value::Bool(is)) => Ok(*is),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(other) => Err(self.problem(name, format!("expected true or false, found {other}"))),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, TemplateError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.problem(name, format!("expected a string, found {other}"))),
        }
    }

    fn required(&self, name: &str) -> Result<String, TemplateError> {
        self.text(name)?.ok_or_else(|| self.problem(name, "expected a string, found none"))
    }

    fn one_of<T>(&self, name: &str, read: fn(&str) -> Option<T>, names: &[&str]) -> Result<T, TemplateError> {
        let text = self.required(name)?;
        read(&text).ok_or_else(|| self.problem(name, format!("expected one of {}, found `{text}`", names.join(", "))))
    }

    fn number(&self, name: &str) -> Result<f64, TemplateError> {
        let value = self.values.get(name).ok_or_else(|| self.problem(name, "expected a number, found none"))?;
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        number.ok_or_else(|| self.problem(name, format!("expected a number, found {value}")))
    }

    fn count(&self, name: &str) -> Result<usize, TemplateError> {
        let number = self.number(name)?;
        if number.fract() != 0.0 || !(1.0..=10_000.0).contains(&number) {
            return Err(self.problem(name, format!("expected a whole number of at least 1, found {number}")));
        }
        Ok(number as usize)
    }

    fn period(&self, name: &str) -> Result<Duration, TemplateError> {
        let seconds = self.number(name)?;
        if seconds < 60.0 || seconds % 60.0 != 0.0 {
            let rule = format!("expected a multiple of 60 seconds, found {seconds}: shorter periods are not supported");
            return Err(self.problem(name, rule));
        }
        Duration::try_from_secs_f64(seconds).map_err(|error| self.problem(name, error.to_string()))
    }

    fn metric(&self, values: &Map<String, Value>) -> Result<MetricId, TemplateError> {
        let mut dimensions = BTreeMap::new();
        let listed = match values.get("Dimensions") {
            None => &[][..],
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.problem("Dimensions", format!("expected a list, found {other}"))),
        };
        for (index, dimension) in listed.iter().enumerate() {
            let (Some(name), Some(value)) = (dimension["Name"].as_str(), dimension["Value"].as_str()) else {
                return Err(self.problem(&format!("Dimensions[{index}]"), "expected Name and Value"));
            };
            dimensions.insert(name.to_owned(), value.to_owned());
        }
        Ok(MetricId { namespace: self.required("Namespace")?, name: self.required("MetricName")?, dimensions })
    }

    fn actions(&self) -> Result<Actions, TemplateError> {
        let list = |name: &str| match self.values.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let text = |item: &Value| item.as_str().map(str::to_owned);
                let texts: Option<Vec<String>> = items.iter().map(text).collect();
                texts.ok_or_else(|| self.problem(name, "expected a list of strings"))
            }
            Some(other) => Err(self.problem(name, format!("expected a list, found {other}"))),
        };
        Ok(Actions {
            enabled: self.is_true("ActionsEnabled")?,
            alarm: list("AlarmActions")?,
            ok: list("OKActions")?,
            insufficient_data: list("InsufficientDataActions")?,
        })
    }
}
