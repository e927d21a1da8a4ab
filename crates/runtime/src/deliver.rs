//! Delivery of metrics and notifications in parallel, then removal from the outbox.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;

use check::metric::{self, Metric};
use check::{Outcome, Phrase, Report, phrase};

use crate::{Datum, Delivery, PortError, Ports};

/// Metric data of a run. `oldest_unsent` is the time of the oldest message that earlier runs failed to deliver.
pub(crate) fn data(report: &Report, creates: bool, oldest_unsent: Option<Timestamp>) -> Vec<Datum> {
    let at = report.key.scheduled_time;
    let split = |metric: &Metric, value: f64, channel| {
        Datum::for_environment(metric, value, &report.environment, &report.key.check, channel, at)
    };
    let datum = |metric: &Metric, value: f64| split(metric, value, None);
    let verdict = match report.outcome {
        Outcome::Passed => (Some(1.0), 0.0),
        Outcome::Failed { .. } => (Some(0.0), 0.0),
        Outcome::Inconclusive { .. } => (None, 1.0),
        Outcome::Maintenance { .. } => (None, 0.0),
        Outcome::Refused { .. } => return Vec::new(),
    };
    let mut data = vec![datum(&metric::INCONCLUSIVE, verdict.1)];
    let last = report.last_attempt();
    if let (Some(success), Some(attempt)) = (verdict.0, last) {
        data.push(datum(&metric::SUCCESS, success));
        data.push(datum(&metric::DURATION, attempt.duration_ms));
    }
    for measurement in last.into_iter().flat_map(|attempt| &attempt.measurements) {
        if let Some(metric) = metric::CATALOGUE.iter().find(|metric| metric.name == measurement.metric) {
            data.push(split(metric, measurement.value, measurement.channel));
        }
    }
    if creates {
        data.push(datum(&metric::LEFTOVERS, report.leftovers.len() as f64));
    }
    if let Some(oldest) = oldest_unsent {
        data.push(datum(&metric::OLDEST_UNSENT_NOTIFICATION, at.duration_since(oldest).as_secs_f64().max(0.0)));
    }
    data
}

/// Result of publishing and notifying.
pub(crate) struct Delivered {
    pub(crate) metrics: Result<(), PortError>,
    pub(crate) warnings: Vec<Phrase>,
}

/// Publishes metrics and sends notifications in parallel. A failing topic stops neither the others nor the metrics.
/// Delivered messages leave the outbox; the next run retries the rest, except those of which the outbox has no copy.
pub(crate) async fn publish_and_notify(
    ports: &Ports,
    check: &str,
    data: &[Datum],
    deliveries: &[Delivery],
    without_copy: &BTreeSet<String>,
) -> Delivered {
    let sends = join_all(deliveries.iter().map(|delivery| ports.notifier.send(delivery)));
    let (metrics, sent) = futures::join!(ports.metrics.publish(data), sends);
    let mut warnings = Vec::new();
    let mut delivered = Vec::new();
    for (delivery, result) in deliveries.iter().zip(sent) {
        match result {
            Ok(()) if without_copy.contains(&delivery.key()) => {}
            Ok(()) => delivered.push(delivery.key()),
            Err(error) if without_copy.contains(&delivery.key()) => {
                warnings.push(phrase!("{}\nit is lost, because the outbox had no room for it", error.describe()))
            }
            Err(error) => {
                warnings.push(phrase!("{}\nit stays in the outbox; the next run sends it again", error.describe()))
            }
        }
    }
    if !delivered.is_empty()
        && let Err(error) = ports.state.clear(check, &delivered).await
    {
        warnings.push(phrase!("{}\nthe next run sends the same messages again, with the same ids", error.describe()));
    }
    Delivered { metrics, warnings }
}
