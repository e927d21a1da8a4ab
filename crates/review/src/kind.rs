//! Kinds of alarms, which decide whether a firing without an incident is a false one.

use alarm::{MetricAlarm, Source};
use check::metric;
use schemars::JsonSchema;
use serde::Serialize;

/// Kind of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Judges what users notice: times, rates, delays. A firing without an incident is a false one.
    Symptom,
    /// Warns before users notice anything: capacity, certificates, spending. A firing without an incident is its purpose.
    Early,
    /// Judges the error budget; its M follows from the objective.
    Objective,
    /// Judges monitoring itself, such as lost runs.
    Monitoring,
    /// Shows the state of a check to programs and notifies no one.
    State,
}

/// Metrics of resources and dates.
const EARLY: [&str; 9] = [
    metric::CERTIFICATE_DAYS_REMAINING.name,
    metric::MAINTENANCE.name,
    metric::DISK_USED.name,
    metric::CPU_LOAD.name,
    metric::MEMORY_USED.name,
    metric::CONNECTIONS_USED.name,
    metric::CACHE_MEMORY_USED.name,
    "SMSMonthToDateSpentUSD",
    metric::PAYMENT_MISMATCHES.name,
];
/// Metrics of monitoring itself.
const MONITORING: [&str; 3] =
    [metric::INCONCLUSIVE.name, metric::LEFTOVERS.name, metric::OLDEST_UNSENT_NOTIFICATION.name];

impl Kind {
    /// Kind of an alarm, by its metric.
    pub(crate) fn from_alarm(alarm: &MetricAlarm) -> Self {
        let metrics = || match &alarm.source {
            Source::Metric { metric, .. } => vec![metric],
            Source::Math { .. } => alarm.source.metrics().map(|(metric, _)| metric).collect(),
        };
        let is_any = |names: &[&str]| metrics().iter().any(|metric| names.contains(&metric.name.as_str()));
        if is_any(&[metric::SUCCESS.name]) {
            return if alarm.actions.alarm.is_empty() { Self::State } else { Self::Objective };
        }
        if is_any(&EARLY) {
            Self::Early
        } else if is_any(&MONITORING) || metrics().iter().any(|metric| metric.namespace != metric::NAMESPACE) {
            Self::Monitoring
        } else {
            Self::Symptom
        }
    }

    /// True if an alarm of this kind fires when a check fails.
    pub(crate) const fn sees_incidents(self) -> bool {
        matches!(self, Self::Symptom | Self::Objective | Self::State)
    }

    /// Reason against a proposal; `None` for a symptom.
    pub(crate) const fn why_not_proposed(self) -> Option<&'static str> {
        match self {
            Self::Symptom => None,
            Self::Early => Some("it warns before an incident, so a firing without one is not a false one"),
            Self::Objective => Some("its M follows from the objective in the settings"),
            Self::Monitoring => Some("it judges monitoring itself, not the platform"),
            Self::State => Some("it notifies no one"),
        }
    }
}
