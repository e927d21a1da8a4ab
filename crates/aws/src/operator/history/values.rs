//! Values of metrics, by GetMetricData.

use std::collections::BTreeMap;

use alarm::MetricId;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, StatusCode};
use aws_smithy_types::DateTime;
use history::{Period, Window};
use jiff::Timestamp;
use runtime::PortError;

use crate::clients::port_error;

/// Most pages of one answer. CloudWatch returns up to 100,800 points on one.
const MAX_PAGES: usize = 1_000;

/// One statistic of one metric, as CloudWatch names it: `Average`, `p95`.
pub(super) type Query<'a> = (&'a MetricId, &'a str);

/// Reads the points of at most 500 queries in whole periods, by start.
pub(super) async fn read(
    client: &Client,
    queries: &[Query<'_>],
    window: Window,
    period: Period,
) -> Result<Vec<BTreeMap<Timestamp, f64>>, PortError> {
    let names: Vec<&str> = queries.iter().map(|(metric, _)| metric.name.as_str()).collect();
    let operation = format!("read the values of {}", names.first().copied().unwrap_or("no metric"));
    let mut answers = vec![Answer::default(); queries.len()];
    let sent = queries.iter().enumerate().map(|(index, query)| data_query(index, *query, period)).collect();
    let mut pages = client
        .get_metric_data()
        .set_metric_data_queries(Some(sent))
        .start_time(DateTime::from_secs(window.from.as_second()))
        .end_time(DateTime::from_secs(window.until.as_second()))
        .into_paginator()
        .send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| port_error(&operation, error))?;
        count += 1;
        if count > MAX_PAGES {
            return Err(PortError::new(operation, format!("expected at most {MAX_PAGES} pages, found more")));
        }
        for result in page.metric_data_results() {
            let index = result.id().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
            // Of no query of this call.
            let Some(answer) = index.and_then(|index| answers.get_mut(index)) else { continue };
            answer.status = result.status_code().cloned();
            for (at, value) in result.timestamps().iter().zip(result.values()) {
                answer.points.insert(Timestamp::from_second(at.secs()).unwrap_or_default(), *value);
            }
        }
    }
    for (answer, name) in answers.iter().zip(&names) {
        if answer.status != Some(StatusCode::Complete) {
            let found = answer.status.as_ref().map_or("no status", StatusCode::as_str);
            let detail = format!("{name}: expected all values, found a part of them ({found})\n  try again");
            return Err(PortError { retryable: true, ..PortError::new(operation, detail) });
        }
    }
    Ok(answers.into_iter().map(|answer| answer.points).collect())
}

/// Everything returned for one query so far.
#[derive(Clone, Default)]
struct Answer {
    points: BTreeMap<Timestamp, f64>,
    /// Status on the latest page; pages before the last one have a part of the values.
    status: Option<StatusCode>,
}

fn data_query(index: usize, (metric, statistic): Query<'_>, period: Period) -> MetricDataQuery {
    let dimensions = metric.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let metric = Metric::builder()
        .namespace(&metric.namespace)
        .metric_name(&metric.name)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    let seconds = i32::try_from(period.seconds()).unwrap_or(i32::MAX);
    let statistic = MetricStat::builder().metric(metric).period(seconds).stat(statistic).build();
    MetricDataQuery::builder().id(format!("q{index}")).metric_stat(statistic).build()
}
