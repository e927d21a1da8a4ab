//! Definition of a CloudWatch alarm.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::named::named_values;
use crate::{Expression, PeriodStatistic, Rule, Statistic};

/// An alarm of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Alarm {
    /// Evaluates one metric or an expression.
    Metric(MetricAlarm),
    /// Evaluates something that is not replayed, such as a percentile.
    Unreplayed(UnreplayedAlarm),
    /// Evaluates the states of other alarms.
    Composite(CompositeAlarm),
}

impl Alarm {
    /// Logical id of the resource.
    #[must_use]
    pub fn logical_id(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.logical_id,
            Self::Unreplayed(alarm) => &alarm.logical_id,
            Self::Composite(alarm) => &alarm.logical_id,
        }
    }

    /// Name of the alarm.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.name,
            Self::Unreplayed(alarm) => &alarm.name,
            Self::Composite(alarm) => &alarm.name,
        }
    }

    /// Description for people.
    #[must_use]
    pub fn description(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.description,
            Self::Unreplayed(alarm) => &alarm.description,
            Self::Composite(alarm) => &alarm.description,
        }
    }

    /// Actions on a change of state.
    #[must_use]
    pub fn actions(&self) -> &Actions {
        match self {
            Self::Metric(alarm) => &alarm.actions,
            Self::Unreplayed(alarm) => &alarm.actions,
            Self::Composite(alarm) => &alarm.actions,
        }
    }

    /// Metrics, periods and threshold; `None` for a composite alarm, which has none.
    #[must_use]
    pub fn numbers(&self) -> Option<Numbers> {
        match self {
            Self::Metric(alarm) => Some(Numbers::from(alarm)),
            Self::Unreplayed(alarm) => Some(alarm.numbers.clone()),
            Self::Composite(_) => None,
        }
    }

    /// `Metadata` of the resource.
    #[must_use]
    pub fn metadata(&self) -> &Value {
        match self {
            Self::Metric(alarm) => &alarm.metadata,
            Self::Unreplayed(alarm) => &alarm.metadata,
            Self::Composite(alarm) => &alarm.metadata,
        }
    }
}

/// Alarm on one metric or on an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAlarm {
    /// Logical id of the resource.
    pub logical_id: String,
    /// Name; defaults to the logical id.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Source of the data points.
    pub source: Source,
    /// Length of one period. **Units:** time; whole minutes.
    pub period: Duration,
    /// Comparison under which a data point breaches the threshold.
    pub comparison: Comparison,
    /// Threshold, in the unit of the metric.
    pub threshold: f64,
    /// Evaluation periods, N.
    pub evaluation_periods: usize,
    /// Data points to alarm, M.
    pub datapoints_to_alarm: usize,
    /// Treatment of missing data points.
    pub missing: MissingData,
    /// Actions on a change of state.
    pub actions: Actions,
    /// `Metadata` of the resource.
    pub metadata: Value,
}

/// Alarm on metrics whose state does not follow from published values alone.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreplayedAlarm {
    /// Logical id of the resource.
    pub logical_id: String,
    /// Name; defaults to the logical id.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Metrics, periods and threshold.
    pub numbers: Numbers,
    /// Parts that are not replayed, at least one.
    pub not_replayed: Vec<NotReplayed>,
    /// Actions on a change of state.
    pub actions: Actions,
    /// `Metadata` of the resource.
    pub metadata: Value,
}

/// Part of an alarm that is not replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReplayed {
    /// Path within the properties of the alarm, such as `ExtendedStatistic` or `Metrics[1].Expression`.
    pub property: String,
    /// The part, as a phrase, such as `p99.9`.
    pub part: String,
    /// Reason, as a phrase.
    pub reason: &'static str,
}

impl fmt::Display for NotReplayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not replayed: {}: {}", self.part, self.reason)
    }
}

/// Metrics, periods and threshold of an alarm. `None` stands for a number that is known only after the deployment, or that
/// such an alarm does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// Metrics that the alarm reads.
    pub metrics: Vec<WatchedMetric>,
    /// True when a metric math expression is evaluated, not one metric.
    pub is_math: bool,
    /// Length of one period. **Units:** time.
    pub period: Option<Duration>,
    /// Evaluation periods, N.
    pub evaluation_periods: Option<usize>,
    /// Data points to alarm, M.
    pub datapoints_to_alarm: Option<usize>,
    /// Treatment of missing data points.
    pub missing: MissingData,
    /// Comparison, and threshold in the unit of the metric.
    pub condition: Option<(Comparison, f64)>,
}

/// Metric that an alarm reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedMetric {
    /// The metric.
    pub metric: MetricId,
    /// Aggregation over a period; `None` when it is known only after the deployment.
    pub statistic: Option<PeriodStatistic>,
    /// Unit of the values that are read; all values when it is `None`.
    pub unit: Option<String>,
}

impl From<&MetricAlarm> for Numbers {
    fn from(alarm: &MetricAlarm) -> Self {
        let watched = |(metric, statistic): (&MetricId, Statistic)| WatchedMetric {
            metric: metric.clone(),
            statistic: Some(PeriodStatistic::Standard(statistic)),
            unit: None,
        };
        Self {
            metrics: alarm.source.metrics().map(watched).collect(),
            is_math: matches!(alarm.source, Source::Math { .. }),
            period: Some(alarm.period),
            evaluation_periods: Some(alarm.evaluation_periods),
            datapoints_to_alarm: Some(alarm.datapoints_to_alarm),
            missing: alarm.missing,
            condition: Some((alarm.comparison, alarm.threshold)),
        }
    }
}

/// Alarm on the states of other alarms.
#[derive(Clone, Debug, PartialEq)]
pub struct CompositeAlarm {
    /// Logical id of the resource.
    pub logical_id: String,
    /// Name; defaults to the logical id.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Condition for `ALARM`.
    pub rule: Rule,
    /// Alarm that suppresses the actions, which changes no state.
    pub suppressor: Option<String>,
    /// Actions on a change of state.
    pub actions: Actions,
    /// `Metadata` of the resource.
    pub metadata: Value,
}

/// ARNs notified of a change of state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// True when actions are enabled.
    pub enabled: bool,
    /// Actions on `ALARM`.
    pub alarm: Vec<String>,
    /// Actions on `OK`.
    pub ok: Vec<String>,
    /// Actions on `INSUFFICIENT_DATA`.
    pub insufficient_data: Vec<String>,
}

/// Source of the data points of an alarm.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// One metric.
    Metric {
        /// The metric.
        metric: MetricId,
        /// Aggregation over a period.
        statistic: Statistic,
    },
    /// A metric math expression.
    Math {
        /// Metrics and expressions, each after those that it refers to.
        queries: Vec<(String, Query)>,
        /// Id of the query to compare with the threshold.
        returned: String,
    },
}

impl Source {
    /// Metrics that the source reads, with their statistics.
    pub fn metrics(&self) -> impl Iterator<Item = (&MetricId, Statistic)> {
        let (one, several) = match self {
            Self::Metric { metric, statistic } => (Some((metric, *statistic)), None),
            Self::Math { queries, .. } => (None, Some(queries)),
        };
        one.into_iter().chain(several.into_iter().flatten().filter_map(|(_, query)| match query {
            Query::Metric { metric, statistic } => Some((metric, *statistic)),
            Query::Expression(_) => None,
        }))
    }
}

/// One entry of a metric math alarm.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// A metric.
    Metric {
        /// The metric.
        metric: MetricId,
        /// Aggregation over a period.
        statistic: Statistic,
    },
    /// An expression over other queries.
    Expression(Expression),
}

/// Identity of a metric. All dimensions must match, since CloudWatch does not aggregate over them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Dimensions, by name.
    pub dimensions: BTreeMap<String, String>,
}

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        let dimensions: Vec<String> = self.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, " {{{}}}", dimensions.join(", "))
    }
}

named_values! {
    /// Comparison under which a data point breaches the threshold. The data point is the left operand.
    Comparison {
        /// Above the threshold.
        Greater = "GreaterThanThreshold",
        /// At or above the threshold.
        GreaterOrEqual = "GreaterThanOrEqualToThreshold",
        /// Below the threshold.
        Less = "LessThanThreshold",
        /// At or below the threshold.
        LessOrEqual = "LessThanOrEqualToThreshold",
    }
}

impl Comparison {
    /// True when the value breaches the threshold.
    #[must_use]
    pub fn is_breaching(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}

named_values! {
    /// Treatment of missing data points.
    MissingData {
        /// Missing: an alarm without data points has insufficient data.
        Missing = "missing",
        /// Ignored: the alarm keeps its state.
        Ignore = "ignore",
        /// Treated as breaching the threshold.
        Breaching = "breaching",
        /// Treated as within the threshold.
        NotBreaching = "notBreaching",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_with_the_threshold() {
        for (comparison, expected) in [
            (Comparison::Greater, [false, false, true]),
            (Comparison::GreaterOrEqual, [false, true, true]),
            (Comparison::Less, [true, false, false]),
            (Comparison::LessOrEqual, [true, true, false]),
        ] {
            assert_eq!([1.0, 2.0, 3.0].map(|value| comparison.is_breaching(value, 2.0)), expected, "{comparison:?}");
        }
    }

    #[test]
    fn metric_is_shown_with_its_dimensions() {
        let dimensions =
            [("Check", "login"), ("Environment", "demo")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let metric = MetricId { namespace: "N".to_owned(), name: "M".to_owned(), dimensions: dimensions.into() };
        assert_eq!(metric.to_string(), "N/M {Check=login, Environment=demo}");
    }
}
