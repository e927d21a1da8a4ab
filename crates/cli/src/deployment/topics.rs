//! Topics of Amazon SNS as destinations of `synthetics up`.

use std::sync::Arc;

use async_trait::async_trait;
use aws::OperatorTopics;
use runtime::{Delivery, PortError};
use scheduler::Sns;
use settings::{Destination, DestinationKind};

/// Connects to SNS if a destination is a topic.
///
/// # Errors
/// When there are no credentials.
pub(crate) async fn topics(destinations: &[Destination]) -> anyhow::Result<Option<Arc<dyn Sns>>> {
    let arn = destinations.iter().find_map(|destination| match &destination.kind {
        DestinationKind::Sns(arn) => Some(arn),
        DestinationKind::Webhook(_) | DestinationKind::Command(_) => None,
    });
    let Some(arn) = arn else { return Ok(None) };
    let region = arn.split(':').nth(3).map(str::to_owned);
    Ok(Some(Arc::new(OwnTopics(OperatorTopics::connect(region).await?))))
}

struct OwnTopics(OperatorTopics);

#[async_trait]
impl Sns for OwnTopics {
    async fn notify(&self, arn: &str, delivery: &Delivery) -> Result<(), PortError> {
        self.0.notify(arn, delivery).await
    }

    async fn say(&self, arn: &str, subject: &str, text: &str) -> Result<(), PortError> {
        self.0.say(arn, subject, text).await
    }
}
