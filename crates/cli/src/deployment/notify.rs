//! `synthetics notify test`.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow, bail};
use check::message::{Contact, Notification, Topic};
use jiff::Timestamp;
use operations::doctor::deployment::{Account, DeployedTopic, deployed_topics};
use operations::samconfig::Samconfig;
use runtime::Delivery;

use crate::arguments::examination::{NotifyTestOptions, TopicName};
use crate::deployment::access;
use crate::deployment::doctor::Aws;
use crate::exit::Exit;
use crate::{tables, terminal};

/// Sends a test message to each topic, and lists what was sent where.
pub(crate) async fn notify_test(options: &NotifyTestOptions) -> anyhow::Result<Exit> {
    let environment = &options.environment;
    let region = access::region(options.region.given.clone(), Some(environment));
    let account = Aws::for_operator(environment, region.clone()).await?;
    let samconfig = Samconfig::find(&std::env::current_dir()?)?;
    let deployed = deployed_topics(&account, environment, samconfig.as_ref()).await;
    let deployed = deployed.map_err(|unanswered| anyhow!("failed to read the stack of {environment}: {unanswered}"))?;
    let deployed = deployed.with_context(|| {
        let region = account.region();
        format!("expected a stack of {environment} in {region}, found none\ncheck --environment and --region")
    })?;
    let wanted: Vec<Topic> = options.topics.iter().map(|name| topic(*name)).collect();
    if let Some(missing) = wanted.iter().find(|topic| !deployed.iter().any(|one| one.topic == **topic)) {
        bail!("expected a topic {} of {environment}, found none", missing.as_str());
    }
    let chosen: Vec<&DeployedTopic> =
        deployed.iter().filter(|one| wanted.is_empty() || wanted.contains(&one.topic)).collect();
    let arns = chosen.iter().map(|one| (one.topic, one.arn.clone())).collect();
    let notifier = aws::operator_notifier(region, arns).await?;
    let now = Timestamp::now();
    let (mut rows, mut exit) = (Vec::new(), Exit::Passed);
    for DeployedTopic { topic, subscribers, .. } in chosen {
        let sender = Contact { name: options.by.name.clone(), details: "sent this test message".to_owned() };
        let notification = Notification::test(*topic, environment, account.region(), sender, now);
        let delivery = Delivery { topic: *topic, notification, queued_at: now };
        let result = match notifier.send(&delivery).await {
            Ok(()) => "sent".to_owned(),
            Err(error) => {
                exit = Exit::Failed;
                format!("not sent: {}", error.detail)
            }
        };
        let subscribers = match subscribers {
            Ok(protocols) if protocols.is_empty() => {
                // A program may subscribe later; people and chats are there to be reached.
                if *topic != Topic::Events {
                    exit = Exit::Failed;
                }
                "none confirmed".to_owned()
            }
            Ok(protocols) => counted(protocols),
            Err(unanswered) => format!("unknown: {unanswered}"),
        };
        rows.push([topic.as_str().to_owned(), result, form(*topic).to_owned(), subscribers]);
    }
    terminal::print(&tables::columns(["TOPIC", "RESULT", "FORM", "CONFIRMED SUBSCRIBERS"], rows));
    println!("ask each subscriber if the message arrived: AWS does not say so");
    Ok(exit)
}

const fn topic(name: TopicName) -> Topic {
    match name {
        TopicName::OnCall => Topic::OnCall,
        TopicName::Warnings => Topic::Warnings,
        TopicName::Events => Topic::Events,
        TopicName::Chat => Topic::Chat,
    }
}

/// Form in which subscribers get the message.
const fn form(topic: Topic) -> &'static str {
    match topic {
        Topic::OnCall | Topic::Warnings => "e-mail, SMS",
        Topic::Events => "JSON",
        Topic::Chat => "chat",
    }
}

/// Subscribers by protocol: `2 email, 1 sms`.
fn counted(protocols: &[String]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for protocol in protocols {
        *counts.entry(protocol).or_default() += 1;
    }
    counts.iter().map(|(protocol, count)| format!("{count} {protocol}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribers_are_counted_by_protocol() {
        let protocols = ["sms", "email", "email"].map(str::to_owned);
        assert_eq!(counted(&protocols), "2 email, 1 sms");
    }
}
