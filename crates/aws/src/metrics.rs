//! Metrics on CloudWatch.

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_smithy_types::DateTime;
use check::metric::{NAMESPACE, Unit};
use runtime::{Datum, MetricSink, PortError};

pub(crate) struct CloudWatch(pub(crate) Client);

#[async_trait]
impl MetricSink for CloudWatch {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        let data = data.iter().map(metric_datum).collect();
        let call = self.0.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(data)).send();
        call.await.map(|_| ()).map_err(|error| crate::clients::port_error("publish metrics", error))
    }
}

fn metric_datum(datum: &Datum) -> MetricDatum {
    let unit = match datum.unit {
        Unit::Count => StandardUnit::Count,
        Unit::Milliseconds => StandardUnit::Milliseconds,
        Unit::Seconds => StandardUnit::Seconds,
        Unit::Percent => StandardUnit::Percent,
    };
    let dimensions =
        datum.dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(value).build()).collect();
    MetricDatum::builder()
        .metric_name(&datum.metric)
        .set_dimensions(Some(dimensions))
        .timestamp(DateTime::from_secs(datum.at.as_second()))
        .value(datum.value)
        .unit(unit)
        .build()
}
