//! Configuration of clients for operators.

use aws_config::{BehaviorVersion, Region, SdkConfig};

/// Configuration for operators: region and credentials as for the AWS CLI. Returns `None` when no region is set.
pub(crate) async fn config(region: Option<String>) -> Option<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(Region::new(region));
    }
    let config = loader.load().await;
    config.region().is_some().then_some(config)
}
