//! A function's ports to AWS.

use std::sync::Arc;

use runtime::{MetricSink, Notifier, Secrets, StateStore};

use crate::clients;
use crate::metrics::CloudWatch;
use crate::notifier::{Sns, Topics};
use crate::secrets::ParameterStore;
use crate::state::Table;

/// The ports of a run that are on AWS.
pub struct Adapters {
    /// State on DynamoDB.
    pub state: Arc<dyn StateStore>,
    /// Metrics on CloudWatch.
    pub metrics: Arc<dyn MetricSink>,
    /// Notifications through SNS.
    pub notifier: Arc<dyn Notifier>,
    /// Secrets in SSM Parameter Store.
    pub secrets: Arc<dyn Secrets>,
}

impl Adapters {
    /// Creates the ports of a function, with the credentials that Lambda puts into its environment. Calls no service.
    pub async fn for_function(region: &str, table: String, topics: Topics) -> Self {
        let config = clients::config(region).await;
        Self {
            state: Arc::new(Table::new(aws_sdk_dynamodb::Client::new(&config), table)),
            metrics: Arc::new(CloudWatch(aws_sdk_cloudwatch::Client::new(&config))),
            notifier: Arc::new(Sns { client: clients::sns(&config), topics }),
            secrets: Arc::new(ParameterStore::new(aws_sdk_ssm::Client::new(&config))),
        }
    }
}
