//! What an alarm is.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::{Expression, Rule};

/// An alarm of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Alarm {
    /// On one metric, or on an expression.
    Metric(MetricAlarm),
    /// On the states of others.
    Composite(CompositeAlarm),
}

impl Alarm {
    /// The name of its resource.
    #[must_use]
    pub fn logical_id(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.logical_id,
            Self::Composite(alarm) => &alarm.logical_id,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.name,
            Self::Composite(alarm) => &alarm.name,
        }
    }

    /// What people read of it.
    #[must_use]
    pub fn description(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.description,
            Self::Composite(alarm) => &alarm.description,
        }
    }

    /// Who is told.
    #[must_use]
    pub fn actions(&self) -> &Actions {
        match self {
            Self::Metric(alarm) => &alarm.actions,
            Self::Composite(alarm) => &alarm.actions,
        }
    }

    /// The `Metadata` of its resource.
    #[must_use]
    pub fn metadata(&self) -> &Value {
        match self {
            Self::Metric(alarm) => &alarm.metadata,
            Self::Composite(alarm) => &alarm.metadata,
        }
    }
}

/// An alarm on one metric, or on an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAlarm {
    /// The name of its resource.
    pub logical_id: String,
    /// Its name; that of its resource when the template gives none.
    pub name: String,
    /// What people read of it.
    pub description: String,
    /// Whose points are compared.
    pub source: Source,
    /// The length of one point. **Units:** time; whole minutes.
    pub period: Duration,
    /// How the point stands to the threshold when it breaches.
    pub comparison: Comparison,
    /// In the unit of the metric.
    pub threshold: f64,
    /// N.
    pub evaluation_periods: usize,
    /// M.
    pub datapoints_to_alarm: usize,
    /// What a missing point counts as.
    pub missing: MissingData,
    /// Who is told.
    pub actions: Actions,
    /// The `Metadata` of its resource.
    pub metadata: Value,
}

/// An alarm on the states of others.
#[derive(Clone, Debug, PartialEq)]
pub struct CompositeAlarm {
    /// The name of its resource.
    pub logical_id: String,
    /// Its name; that of its resource when the template gives none.
    pub name: String,
    /// What people read of it.
    pub description: String,
    /// When it is in `ALARM`.
    pub rule: Rule,
    /// Who is told.
    pub actions: Actions,
    /// The `Metadata` of its resource.
    pub metadata: Value,
}

/// Who is told, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// Whether anybody is.
    pub enabled: bool,
    /// When it goes to `ALARM`.
    pub alarm: Vec<String>,
    /// When it goes to `OK`.
    pub ok: Vec<String>,
    /// When it goes to `INSUFFICIENT_DATA`.
    pub insufficient_data: Vec<String>,
}

/// Whose points are compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Those of one metric.
    Metric {
        /// Which.
        metric: MetricId,
        /// What is made of the values of a period.
        statistic: Statistic,
    },
    /// Those of an expression.
    Math {
        /// The metrics and expressions, in an order in which each stands behind those it names.
        queries: Vec<(String, Query)>,
        /// The id of the one that is compared.
        returned: String,
    },
}

impl Source {
    /// The metrics that it reads, with what is made of them.
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

/// One part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// A metric.
    Metric {
        /// Which.
        metric: MetricId,
        /// What is made of the values of a period.
        statistic: Statistic,
    },
    /// An expression over others.
    Expression(Expression),
}

/// What a metric is known by: exactly these dimensions, since CloudWatch does not add up over them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The dimensions.
    pub dimensions: BTreeMap<String, String>,
}

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        let dimensions: Vec<String> = self.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, " {{{}}}", dimensions.join(", "))
    }
}

/// A closed list of CloudWatch's words, each read from its text.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// CloudWatch's words, in the order of the documentation.
            pub const WORDS: &[&str] = &[$($word),*];

            /// CloudWatch's word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// `None`: it is none of the words.
            #[must_use]
            pub fn read(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// How a point stands to the threshold when it breaches. The point is the first operand.
    Comparison {
        /// Above.
        Greater = "GreaterThanThreshold",
        /// Above, or at it.
        GreaterOrEqual = "GreaterThanOrEqualToThreshold",
        /// Below.
        Less = "LessThanThreshold",
        /// Below, or at it.
        LessOrEqual = "LessThanOrEqualToThreshold",
    }
}

impl Comparison {
    /// Whether a value breaches.
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

words! {
    /// What a missing point counts as.
    MissingData {
        /// As missing: an alarm without points has insufficient data.
        Missing = "missing",
        /// As nothing: the alarm stays as it is.
        Ignore = "ignore",
        /// As beyond the threshold.
        Breaching = "breaching",
        /// As within the threshold.
        NotBreaching = "notBreaching",
    }
}

words! {
    /// What is made of the values of a period.
    Statistic {
        /// How many there are.
        SampleCount = "SampleCount",
        /// Their mean.
        Average = "Average",
        /// All of them together.
        Sum = "Sum",
        /// The least.
        Minimum = "Minimum",
        /// The greatest.
        Maximum = "Maximum",
    }
}
