//! Notifications through SNS.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::{Builder, Config, Region};
use aws_sdk_sns::types::MessageAttributeValue;
use check::message::{Notification, Topic, chat, email, sms, subject_line};
use runtime::{Delivery, Notifier, PortError};
use serde_json::json;

/// Attribute of a message that decides how its SMS are sent. Source: "Publishing SMS messages to Amazon SNS topics" in the
/// developer guide of SNS; without it, the account's default applies, which may be `Promotional`: cheap, late, and not sent
/// to numbers that refuse advertising.
const SMS_TYPE: &str = "AWS.SNS.SMS.SMSType";

/// ARNs of the topics. Missing topics get no notifications.
pub type Topics = BTreeMap<Topic, String>;

pub(crate) struct Sns {
    pub(crate) client: Client,
    pub(crate) topics: Topics,
}

#[async_trait]
impl Notifier for Sns {
    fn has(&self, topic: Topic) -> bool {
        // Chat is optional. Any other missing topic is a mistake, and sending to it fails.
        topic != Topic::Chat || self.topics.contains_key(&topic)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        let Delivery { topic, notification, .. } = delivery;
        let operation = format!("send {} to topic {}", notification.notification_id, topic.as_str());
        let Some(arn) = self.topics.get(topic) else {
            return Err(PortError::new(operation, "the function does not know the topic's ARN; see its environment"));
        };
        let message = message(*topic, notification).map_err(|error| PortError::new(&operation, error.to_string()))?;
        let mut call = self.client.publish().topic_arn(arn).message(message);
        if matches!(topic, Topic::OnCall | Topic::Warnings) {
            call = call.message_structure("json").subject(subject_line(notification));
            call = call.message_attributes(SMS_TYPE, attribute("Transactional", &operation)?);
        }
        for (name, value) in attributes(notification) {
            call = call.message_attributes(name, attribute(value, &operation)?);
        }
        let mut call = call.customize();
        if let Some(config) = in_region(arn) {
            call = call.config_override(config);
        }
        call.send().await.map(|_| ()).map_err(|error| crate::clients::port_error(operation, error))
    }
}

/// Configuration with the region of a topic: SNS takes messages only there, and the chat's topic may be in another.
pub(crate) fn in_region(arn: &str) -> Option<Builder> {
    region(arn).map(|region| Config::builder().region(Region::new(region.to_owned())))
}

/// Region in `arn:aws:sns:<region>:<account>:<name>`.
fn region(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| !region.is_empty())
}

/// Programs get the notification as JSON, chat gets its own format, and people get a text for each medium.
fn message(topic: Topic, notification: &Notification) -> Result<String, serde_json::Error> {
    match topic {
        Topic::Events => serde_json::to_string(notification),
        Topic::Chat => serde_json::to_string(&chat(notification)),
        Topic::OnCall | Topic::Warnings => {
            let email = email(notification);
            serde_json::to_string(&json!({ "default": email, "email": email, "sms": sms(notification) }))
        }
    }
}

/// Attributes for filter policies of subscriptions.
fn attributes(notification: &Notification) -> [(&'static str, &str); 4] {
    [
        ("check", &notification.check),
        ("severity", notification.severity.as_str()),
        ("event", notification.event.as_str()),
        ("environment", &notification.environment),
    ]
}

fn attribute(value: &str, operation: &str) -> Result<MessageAttributeValue, PortError> {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
        .map_err(|error| PortError::new(operation, error.to_string()))
}
