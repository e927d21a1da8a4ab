//! Where `synthetics up` sends messages.

use schemars::JsonSchema;
use serde::Deserialize;

use check::message::Topic;

use crate::section::Section;
use crate::values::{RawReference, SecretRef};

/// Part of the paths of secrets that destinations may refer to: `/just-driving/<environment>/up/`.
const SECRETS: &str = "up";
/// Topics of people.
const DEFAULT_TOPICS: [Topic; 2] = [Topic::OnCall, Topic::Warnings];
/// Topics that exist on one machine.
const TOPICS: [Topic; 3] = [Topic::OnCall, Topic::Warnings, Topic::Events];

/// A destination of messages, for some topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Name, in warnings.
    pub name: String,
    /// Topics whose messages it gets.
    pub topics: Vec<Topic>,
    /// How it gets them.
    pub kind: DestinationKind,
}

/// How a destination gets messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationKind {
    /// A POST with JSON to this URL.
    Webhook(SecretRef),
    /// A program and its arguments. It gets JSON on its standard input.
    Command(Vec<String>),
    /// A topic of Amazon SNS, by its ARN.
    Sns(String),
}

/// What only `synthetics up` reads.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawUp {
    /// Where `synthetics up` sends notifications and alarms, besides the terminal and the store. Default none.
    destinations: Option<Vec<RawDestination>>,
}

/// A destination, with one of `webhook`, `command` and `sns_topic`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawDestination {
    /// Name of the destination, in warnings about it. Required.
    name: Option<String>,
    /// Topics whose messages it gets: `oncall`, `warnings` and `events`. Default: `["oncall", "warnings"]`.
    topics: Option<Vec<String>>,
    /// Reference to a URL, to which each message is sent as JSON by POST.
    webhook: Option<RawReference>,
    /// Program and arguments, started for each message with the JSON on its standard input; no shell. It must end with 0 within 10 s.
    command: Option<Vec<String>>,
    /// ARN of a topic of Amazon SNS, in which people get the same e-mail and SMS as from a deployment.
    sns_topic: Option<String>,
}

impl RawUp {
    /// Wrong destinations are left out; their problems are recorded.
    pub(crate) fn validate(self, section: &Section<'_>, environment: &str) -> Vec<Destination> {
        let destinations = (0..).zip(self.destinations.into_iter().flatten());
        let destination =
            |(index, raw): (usize, RawDestination)| raw.validate(&section.item("destinations", index), environment);
        let valid: Vec<Destination> = destinations.filter_map(destination).collect();
        let mut names: Vec<&str> = valid.iter().map(|destination| destination.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            section.problem("destinations", format!("expected a different name for each, found `{}` twice", twice[0]));
        }
        valid
    }
}

impl RawDestination {
    fn validate(self, section: &Section<'_>, environment: &str) -> Option<Destination> {
        let name = section.text("name", self.name);
        let topics = match self.topics {
            None => Some(DEFAULT_TOPICS.to_vec()),
            Some(names) => section.parsed("topics", topics(&names)),
        };
        let given = [self.webhook.is_some(), self.command.is_some(), self.sns_topic.is_some()];
        let is_unreadable = ["webhook", "command", "sns_topic"].iter().any(|key| section.is_unreadable(key));
        if given.iter().filter(|given| **given).count() != 1 && !is_unreadable {
            section.problem("", "expected one of `webhook`, `command` and `sns_topic`");
            return None;
        }
        let kind = match (self.webhook, self.command, self.sns_topic) {
            (Some(reference), ..) => {
                section.secret("webhook", Some(reference), environment, SECRETS).map(DestinationKind::Webhook)
            }
            (_, Some(command), _) => section.parsed("command", program(command)).map(DestinationKind::Command),
            (_, _, arn) => section.parsed("sns_topic", topic_arn(arn?)).map(DestinationKind::Sns),
        };
        Some(Destination { name: name?, topics: topics?, kind: kind? })
    }
}

fn topics(names: &[String]) -> Result<Vec<Topic>, String> {
    let found: Vec<Topic> =
        TOPICS.into_iter().filter(|topic| names.iter().any(|name| name == topic.as_str())).collect();
    if found.is_empty() || found.len() != names.len() {
        return Err(format!("expected some of oncall, warnings and events, each once, found {}", names.join(", ")));
    }
    Ok(found)
}

fn program(command: Vec<String>) -> Result<Vec<String>, String> {
    match command.first() {
        Some(program) if program.starts_with('/') => Ok(command),
        _ => Err("expected a list that begins with the path of a program from `/` on".to_owned()),
    }
}

fn topic_arn(arn: String) -> Result<String, String> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", region, account, name] if ![region, account, name].contains(&"") => Ok(arn),
        _ => Err(format!(
            "expected the ARN of a topic, such as arn:aws:sns:eu-north-1:123456789012:oncall, found `{arn}`"
        )),
    }
}
