//! Topics: someone confirmed a subscription, and CloudWatch may publish through the key.

use super::super::facts::{Deployment, StackKind, Subscription, TopicAttributes, TopicFacts};
use super::super::report::{Notes, words};

const CLOUDWATCH: &str = "cloudwatch.amazonaws.com";

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    let stack = deployment.functions_stack();
    let Some(stack) = stack else { return };
    let key = stack.output("EncryptionKey");
    for topic in &deployment.topics {
        if let Some(subscriptions) = notes.look("subscriptions of topics", &topic.name, &topic.subscriptions) {
            subscribers(topic, subscriptions, notes);
        }
        if let Some(attributes) =
            notes.look("policies of topics", &topic.name, &topic.attributes).filter(|_| topic.takes_alarms)
        {
            policy(deployment, topic, attributes, key, notes);
        }
    }
    let verify = || format!("aws kms describe-key --key-id {}", key.unwrap_or_default());
    let place = "key of topics, state and logs";
    if let Some(found) = notes.look("key", "EncryptionKey", &deployment.key).filter(|key| key.key_state != "Enabled") {
        let action = format!("aws kms cancel-key-deletion or enable-key --key-id {}", key.unwrap_or_default());
        let found = format!("{}: no message is sent and no state is read", found.key_state);
        notes.error("key-disabled", place, words("state Enabled", found, action, verify()));
    }
    if let Some(policy) = notes.look("policy of the key", "EncryptionKey", &deployment.key_policy)
        && !policy.allows(CLOUDWATCH, &["kms:Decrypt", "kms:GenerateDataKey"])
    {
        let expected = format!("{CLOUDWATCH} may use it (kms:Decrypt, kms:GenerateDataKey*)");
        let action = format!("deploy again: {}", deployment.deploy(StackKind::Functions));
        let found = "no such statement: alarms do not notify anyone";
        notes.error("key-policy", place, words(expected, found, action, verify()));
    }
}

fn subscribers(topic: &TopicFacts, subscriptions: &[Subscription], notes: &mut Notes) {
    let place = format!("topic {}", topic.name);
    let verify = "aws sns list-subscriptions-by-topic --topic-arn <topic>";
    for subscription in
        subscriptions.iter().filter(|subscription| subscription.subscription_arn == "PendingConfirmation")
    {
        let (expected, found) =
            ("a confirmed subscription", format!("{} unconfirmed: it gets nothing", addressee(subscription)));
        let action = "open the link that AWS sent, within 48 hours: docs/deploy/delivery.md#e-mail";
        notes.error("subscription-unconfirmed", &place, words(expected, found, action, verify));
    }
    for (protocol, address) in &topic.wanted {
        let is_it =
            |subscription: &&Subscription| subscription.protocol == *protocol && subscription.endpoint == *address;
        if !subscriptions.iter().any(|subscription| is_it(&subscription)) {
            let action = "subscribe it again: docs/deploy/delivery.md#a-subscription-that-is-gone";
            let expected =
                format!("the subscription of the stack's parameters, {} {}", protocol_name(protocol), hidden(address));
            notes.error("subscription-gone", &place, words(expected, "none: it gets nothing", action, verify));
        }
    }
    let is_reached = subscriptions.iter().any(Subscription::is_confirmed);
    let is_pending = subscriptions.iter().any(|subscription| !subscription.is_confirmed());
    if topic.is_for_people && !is_reached && !is_pending && topic.wanted.is_empty() {
        let action = match topic.name.as_str() {
            "ChatTopic" => "connect a channel: docs/deploy/chat.md",
            _ => "deploy with an address (OnCallEmail, OnCallSms, WarningsEmail), or subscribe one by hand",
        };
        let found = "no subscription: its messages do not reach anyone";
        notes.error("topic-without-subscriber", &place, words("a confirmed subscription", found, action, verify));
    }
}

fn policy(
    deployment: &Deployment,
    topic: &TopicFacts,
    attributes: &TopicAttributes,
    key: Option<&str>,
    notes: &mut Notes,
) {
    let place = format!("topic {}", topic.name);
    let verify = "aws sns get-topic-attributes --topic-arn <topic>";
    let action = || format!("deploy again: {}", deployment.deploy(StackKind::Functions));
    if !attributes.policy.allows(CLOUDWATCH, &["sns:Publish"]) {
        let found = "no such statement: alarms do not notify anyone";
        let expected = format!("{CLOUDWATCH} may publish (sns:Publish)");
        notes.error("topic-policy", &place, words(expected, found, action(), verify));
    }
    let Some(key) = key else { return };
    let found = attributes.kms_master_key_id.as_deref().unwrap_or_default();
    let expected = format!("encryption with the stack's key, {key}");
    if found.is_empty() {
        let found = "no key: messages are stored in plain text";
        notes.note("topic-unencrypted", &place, words(expected, found, action(), verify));
    } else if !key.ends_with(found.rsplit('/').next().unwrap_or_default()) {
        // The id of a key is the end of its ARN.
        let found = format!("{found}: alarms may not be able to use it");
        notes.error("topic-key", &place, words(expected, found, action(), verify));
    }
}

fn addressee(subscription: &Subscription) -> String {
    format!("{} {}", protocol_name(&subscription.protocol), hidden(&subscription.endpoint))
}

fn protocol_name(protocol: &str) -> &str {
    match protocol {
        "email" => "e-mail",
        "sms" => "SMS",
        other => other,
    }
}

/// An address of a person, recognizable to those who know it.
fn hidden(address: &str) -> String {
    match address.split_once('@') {
        Some((name, host)) => format!("{}…@{host}", name.chars().take(1).collect::<String>()),
        None if address.starts_with('+') => {
            let end: String = address.chars().skip(address.chars().count().saturating_sub(2)).collect();
            format!("…{end}")
        }
        None => address.to_owned(),
    }
}
