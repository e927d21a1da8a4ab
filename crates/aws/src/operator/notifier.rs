//! Notifications that an operator sends, as functions send them.

use std::sync::Arc;

use aws_sdk_sns::Client;
use runtime::{Delivery, Notifier, PortError};

use crate::clients;
use crate::notifier::{Sns, Topics, in_region};
use crate::operator::config::{NoAccess, config};

/// Connects to these topics as an operator, with the credentials of the AWS CLI.
///
/// # Errors
/// When no region is given, nor set in variables or profile, or there are no credentials.
pub async fn notifier(region: Option<String>, topics: Topics) -> Result<Arc<dyn Notifier>, NoAccess> {
    let config = config(region).await?;
    Ok(Arc::new(Sns { client: clients::sns(&config), topics }))
}

/// Sends messages to topics by their ARNs, with the credentials of the AWS CLI.
#[derive(Clone)]
pub struct OperatorTopics(Client);

impl OperatorTopics {
    /// Connects.
    ///
    /// # Errors
    /// When no region is given, nor set in variables or profile, or there are no credentials.
    pub async fn connect(region: Option<String>) -> Result<Self, NoAccess> {
        Ok(Self(clients::sns(&config(region).await?)))
    }

    /// Sends a notification in the form of its topic.
    ///
    /// # Errors
    /// When the topic did not accept it.
    pub async fn notify(&self, arn: &str, delivery: &Delivery) -> Result<(), PortError> {
        let topics = Topics::from([(delivery.topic, arn.to_owned())]);
        Sns { client: self.0.clone(), topics }.send(delivery).await
    }

    /// Sends a text with a subject.
    ///
    /// # Errors
    /// When the topic did not accept it.
    pub async fn say(&self, arn: &str, subject: &str, text: &str) -> Result<(), PortError> {
        let mut call = self.0.publish().topic_arn(arn).subject(subject).message(text).customize();
        if let Some(config) = in_region(arn) {
            call = call.config_override(config);
        }
        call.send().await.map(|_| ()).map_err(|error| clients::port_error(format!("send a text to {arn}"), error))
    }
}
