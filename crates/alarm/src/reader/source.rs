//! Metrics and expressions of an alarm.

use std::time::Duration;

use serde_json::Value;

use super::properties::Properties;
use crate::{
    Expression, ExtendedStatistic, MetricId, PeriodStatistic, Query, Source, Statistic, TemplateError, WatchedMetric,
};

/// Maximum number of metrics and expressions in one alarm: more than CloudWatch evaluates in one query.
const MAX_QUERIES: usize = 500;
const SINGLE_VALUES: &str =
    "CloudWatch computes it from single values, of which only sums, minimum and maximum are replayed";
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Data that an alarm evaluates.
pub(super) struct Evaluated {
    /// `None` when it is not replayed.
    pub(super) source: Option<Source>,
    pub(super) metrics: Vec<WatchedMetric>,
    pub(super) is_math: bool,
    pub(super) period: Option<Duration>,
}

/// Reads the one metric of an alarm.
pub(super) fn metric(properties: &Properties<'_>) -> Result<Evaluated, TemplateError> {
    let statistic = match (properties.values.contains_key("Statistic"), properties.text("ExtendedStatistic")?) {
        (false, Some(_)) => {
            let read = |text: &str| ExtendedStatistic::read(text).map(PeriodStatistic::Extended);
            properties.parsed("ExtendedStatistic", ExtendedStatistic::EXPECTED, read)?
        }
        (_, extended) => {
            if extended.is_some() {
                properties.reject(&["ExtendedStatistic"], "Statistic")?;
            }
            let text = properties.text("Statistic")?.unwrap_or_default();
            if ExtendedStatistic::read(&text).is_some() {
                let rule = format!("expected one of {}, found `{text}`", Statistic::NAMES.join(", "));
                return Err(properties.problem("Statistic", format!("{rule}, which belongs into ExtendedStatistic")));
            }
            properties.one_of("Statistic", Statistic::read, Statistic::NAMES)?.map(PeriodStatistic::Standard)
        }
    };
    if let Some(PeriodStatistic::Extended(extended)) = &statistic {
        properties.note("ExtendedStatistic", extended.as_str(), SINGLE_VALUES);
    }
    let watched = WatchedMetric { metric: properties.metric()?, statistic, unit: unit(properties)? };
    let source = standard(&watched).map(|(metric, statistic)| Source::Metric { metric, statistic });
    Ok(Evaluated { source, metrics: vec![watched], is_math: false, period: properties.period("Period")? })
}

/// Reads the metrics and expressions of an alarm, and their common period. `band` is the id of the band that serves as
/// threshold.
pub(super) fn math(
    properties: &Properties<'_>,
    queries: &Value,
    band: Option<&str>,
) -> Result<Evaluated, TemplateError> {
    let Some(queries) = queries.as_array() else {
        return Err(properties.problem("Metrics", "expected a list"));
    };
    if queries.len() > MAX_QUERIES {
        return Err(properties.problem("Metrics", format!("expected at most {MAX_QUERIES}, found {}", queries.len())));
    }
    let mut read: Vec<Entry> = Vec::new();
    for (index, query) in queries.iter().enumerate() {
        let path = format!("Metrics[{index}]");
        let Some(values) = query.as_object() else {
            return Err(properties.problem(&path, "expected a table"));
        };
        let own = Entry::read(&properties.inner(&path, values), band)?;
        let first = read.iter().find_map(Entry::period_of_metric);
        if let (Some(first), Some(period)) = (first, own.period_of_metric())
            && first != period
        {
            return Err(properties.problem(&format!("{path}.MetricStat.Period"), "expected the same period for all"));
        }
        if read.iter().any(|other| other.id == own.id) {
            let rule = format!("expected a unique id, found `{}` again", own.id);
            return Err(properties.problem(&format!("{path}.Id"), rule));
        }
        read.push(own);
    }
    if let Some(band) = band {
        let is_band = |entry: &Entry| entry.id == band && entry.expression().is_some_and(is_band);
        if !read.iter().any(is_band) {
            let rule = format!("expected the id of an ANOMALY_DETECTION_BAND in Metrics, found `{band}`");
            return Err(properties.problem("ThresholdMetricId", rule));
        }
    }
    let returned: Vec<&Entry> = read.iter().filter(|own| own.is_returned && Some(own.id.as_str()) != band).collect();
    let [returned] = returned[..] else {
        let rule = format!("expected one with ReturnData, found {}", returned.len());
        return Err(properties.problem("Metrics", rule));
    };
    let returned = returned.id.clone();
    let is_unevaluated = |entry: &Entry| entry.expression().is_some_and(|own| own.unevaluated_part().is_some());
    if !read.iter().any(|entry| matches!(entry.kind, Kind::Metric { .. }) || is_unevaluated(entry)) {
        return Err(properties.problem("Metrics", "expected at least one metric"));
    }
    let period = read.iter().find_map(Entry::period_of_metric).or_else(|| read.iter().find_map(|own| own.period));
    let ordered = ordered(properties, &read)?;
    let query = |entry: &Entry| {
        let query = match &entry.kind {
            Kind::Metric { watched, .. } => {
                let (metric, statistic) = standard(watched)?;
                Query::Metric { metric, statistic }
            }
            Kind::Expression(expression) => Query::Expression(expression.clone()),
        };
        Some((entry.id.clone(), query))
    };
    let queries: Option<Vec<(String, Query)>> = ordered.into_iter().map(query).collect();
    let watched = |entry: Entry| match entry.kind {
        Kind::Metric { watched, .. } => Some(watched),
        Kind::Expression(_) => None,
    };
    Ok(Evaluated {
        source: queries.map(|queries| Source::Math { queries, returned }),
        metrics: read.into_iter().filter_map(watched).collect(),
        is_math: true,
        period,
    })
}

/// Puts each expression after the entries that it refers to.
fn ordered<'e>(properties: &Properties<'_>, read: &'e [Entry]) -> Result<Vec<&'e Entry>, TemplateError> {
    let mut ordered: Vec<&Entry> = Vec::new();
    while ordered.len() < read.len() {
        let is_known = |id: &str| ordered.iter().any(|own| own.id == id);
        let ready = read.iter().find(|entry| {
            !is_known(&entry.id)
                && match &entry.kind {
                    Kind::Metric { .. } => true,
                    Kind::Expression(expression) => expression.ids().into_iter().all(is_known),
                }
        });
        let Some(ready) = ready else {
            return Err(properties.problem("Metrics", "expected expressions over existing ids, without a cycle"));
        };
        ordered.push(ready);
    }
    Ok(ordered)
}

/// One entry of `Metrics`.
struct Entry {
    id: String,
    kind: Kind,
    /// Period of an expression.
    period: Option<Duration>,
    is_returned: bool,
}

enum Kind {
    Metric { watched: WatchedMetric, period: Option<Duration> },
    Expression(Expression),
}

impl Entry {
    fn read(properties: &Properties<'_>, band: Option<&str>) -> Result<Self, TemplateError> {
        properties.allow_only(&["AccountId", "Expression", "Id", "Label", "MetricStat", "Period", "ReturnData"])?;
        let id = properties.required("Id")?;
        if let Some(account) = properties.text("AccountId")? {
            properties.note("AccountId", format!("the account {account}"), "values of one account are replayed");
        }
        let kind = if let Some(expression) = properties.text("Expression")? {
            properties.reject(&["MetricStat"], "Expression")?;
            let expression =
                Expression::read(&expression).map_err(|error| properties.problem("Expression", error.to_string()))?;
            let is_threshold = band == Some(id.as_str()) && is_band(&expression);
            if let Some(part) = expression.unevaluated_part().filter(|_| !is_threshold) {
                let reason = "of metric math, arithmetic, comparisons, IF, and FILL with a value are replayed";
                properties.note("Expression", part, reason);
            }
            Kind::Expression(expression)
        } else {
            let Some(values) = properties.values.get("MetricStat").and_then(Value::as_object) else {
                let path = properties.path.trim_end_matches('.');
                return Err(properties.resource.problem(path, "expected an Expression or a MetricStat"));
            };
            let stat = properties.inner("MetricStat", values);
            stat.allow_only(&["Metric", "Period", "Stat", "Unit"])?;
            let Some(values) = stat.values.get("Metric").and_then(Value::as_object) else {
                return Err(stat.problem("Metric", "expected a table"));
            };
            let metric = stat.inner("Metric", values);
            metric.allow_only(&["Dimensions", "MetricName", "Namespace"])?;
            let statistic = stat.parsed("Stat", PeriodStatistic::EXPECTED, PeriodStatistic::read)?;
            if let Some(PeriodStatistic::Extended(extended)) = &statistic {
                stat.note("Stat", extended.as_str(), SINGLE_VALUES);
            }
            let watched = WatchedMetric { metric: metric.metric()?, statistic, unit: unit(&stat)? };
            Kind::Metric { watched, period: stat.period("Period")? }
        };
        let period = if properties.values.contains_key("Period") { properties.period("Period")? } else { None };
        Ok(Self { id, kind, period, is_returned: properties.is_true("ReturnData")? })
    }

    fn period_of_metric(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Metric { period, .. } => *period,
            Kind::Expression(_) => None,
        }
    }

    fn expression(&self) -> Option<&Expression> {
        match &self.kind {
            Kind::Metric { .. } => None,
            Kind::Expression(expression) => Some(expression),
        }
    }
}

fn is_band(expression: &Expression) -> bool {
    matches!(expression, Expression::Unevaluated { part, .. } if part == "ANOMALY_DETECTION_BAND")
}

/// Reads the unit of the values that count.
fn unit(properties: &Properties<'_>) -> Result<Option<String>, TemplateError> {
    if !properties.values.contains_key("Unit") {
        return Ok(None);
    }
    let unit = properties.one_of("Unit", |text| UNITS.contains(&text).then(|| text.to_owned()), &UNITS)?;
    if let Some(unit) = &unit {
        properties.note("Unit", format!("the unit {unit}"), "values are replayed without units");
    }
    Ok(unit)
}

/// Metric and statistic of values that are replayed.
fn standard(watched: &WatchedMetric) -> Option<(MetricId, Statistic)> {
    match &watched.statistic {
        Some(PeriodStatistic::Standard(statistic)) => Some((watched.metric.clone(), *statistic)),
        Some(PeriodStatistic::Extended(_)) | None => None,
    }
}
