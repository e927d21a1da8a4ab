//! Numbers that an attempt measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate::Text;
use super::redact::Redact;
use crate::catalogue::{Channel, Metric, Unit};

/// A named value with a unit, measured in one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// The metric's name.
    pub metric: String,
    /// The value in the metric's unit; finite.
    pub value: f64,
    /// The metric's unit.
    pub unit: Unit,
    /// The item with the worst value, such as a host or a queue. Not a dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Text>,
    /// The channel, for a metric that is split by channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
}

impl Measurement {
    /// Creates a measurement. `None` if the value is not finite, because CloudWatch rejects such values.
    #[must_use]
    pub fn new(metric: &Metric, value: f64, channel: Option<Channel>, item: Option<Text>) -> Option<Self> {
        value.is_finite().then(|| Self { metric: metric.name.to_owned(), value, unit: metric.unit, item, channel })
    }

    /// Masks secrets that became known later.
    #[must_use]
    pub fn masked(&self, redactor: &dyn Redact) -> Self {
        Self { item: self.item.as_ref().map(|item| item.masked(redactor)), ..self.clone() }
    }
}
