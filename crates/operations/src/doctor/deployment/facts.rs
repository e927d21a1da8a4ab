//! What is known about a deployment. Most types are answers of AWS, reduced to the fields that are judged.
//!
//! Answers of the query protocol are texts throughout, with an empty text for an empty list.

use std::collections::{BTreeMap, BTreeSet};

use alarm::MuteRule;
use jiff::{SignedDuration, Timestamp};
use runtime::StateItem;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::account::{Known, Unanswered};
use super::settings_facts::SettingsFacts;

/// The stacks of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StackKind {
    /// `infra/template.yaml`.
    Functions,
    /// `infra/alarms.yaml`.
    Alarms,
    /// `infra/platform.yaml`, which is optional.
    Platform,
}

impl StackKind {
    /// All stacks.
    pub const ALL: [Self; 3] = [Self::Functions, Self::Alarms, Self::Platform];

    /// Name for `--config-env`.
    #[must_use]
    pub fn config_env(self, environment: &str) -> String {
        match self {
            Self::Functions => environment.to_owned(),
            Self::Alarms => format!("{environment}-alarms"),
            Self::Platform => format!("{environment}-platform"),
        }
    }
}

/// Everything that is known about a deployment.
#[derive(Debug)]
pub struct Deployment {
    pub(super) environment: String,
    pub(super) region: String,
    pub(super) at: Timestamp,
    /// Difference of the clocks. `None`: the answers had no time.
    pub(super) skew: Option<SignedDuration>,
    pub(super) stacks: BTreeMap<StackKind, StackFacts>,
    /// Region in `samconfig.toml`.
    pub(super) planned_region: Option<String>,
    /// Settings file of the environment. `None`: no file is known.
    pub(super) settings: Option<SettingsFacts>,
    pub(super) functions: Vec<FunctionFacts>,
    pub(super) topics: Vec<TopicFacts>,
    pub(super) key: Known<Key>,
    pub(super) key_policy: Known<Policy>,
    /// Number of messages in the failure queue.
    pub(super) failures: Known<u64>,
    pub(super) alarms: Known<Vec<AlarmState>>,
    pub(super) mute_rules: Known<Vec<MuteRule>>,
    pub(super) limits: Known<AccountLimits>,
    pub(super) sms: Known<SmsFacts>,
    /// Endpoints of the private networks by VPC.
    pub(super) endpoints: BTreeMap<String, Known<Vec<Endpoint>>>,
    /// Connection to the platform from this machine.
    pub(super) base_url: Option<(String, Known<()>)>,
}

impl Deployment {
    pub(super) fn stack(&self, kind: StackKind) -> Option<&StackFacts> {
        self.stacks.get(&kind)
    }

    /// The functions' stack, if it exists.
    pub(super) fn functions_stack(&self) -> Option<&Stack> {
        self.stack(StackKind::Functions).and_then(StackFacts::existing)
    }

    /// The command that deploys a stack.
    pub(super) fn deploy(&self, kind: StackKind) -> String {
        format!("sam deploy --config-env {}", kind.config_env(&self.environment))
    }
}

/// One stack.
#[derive(Debug)]
pub struct StackFacts {
    pub(super) name: String,
    /// `None`: it does not exist.
    pub(super) stack: Known<Option<Stack>>,
    pub(super) resources: Known<Vec<Resource>>,
    /// Parameters in `samconfig.toml`. `None`: no file names this stack.
    pub(super) planned: Option<BTreeMap<String, String>>,
}

impl StackFacts {
    /// The stack, if it exists.
    pub(super) fn existing(&self) -> Option<&Stack> {
        self.stack.as_ref().ok().and_then(Option::as_ref)
    }

    /// Physical id of a resource by its logical id.
    pub(super) fn physical(&self, logical: &str) -> Option<&str> {
        let resources = self.resources.as_ref().ok()?;
        resources.iter().find(|resource| resource.logical == logical)?.physical.as_deref()
    }

    /// Physical ids of the resources of a type.
    pub(super) fn resources_of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let resources = self.resources.as_ref().ok().into_iter().flatten();
        resources.filter(move |resource| resource.kind == kind).filter_map(|resource| resource.physical.as_deref())
    }
}

/// Answer of `DescribeStacks`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stack {
    #[serde(rename = "StackStatus")]
    pub(super) status: String,
    #[serde(default, deserialize_with = "list")]
    parameters: Vec<Parameter>,
    #[serde(default, deserialize_with = "list")]
    outputs: Vec<Output>,
    #[serde(rename = "CreationTime")]
    created: Timestamp,
    #[serde(rename = "LastUpdatedTime", default)]
    updated: Option<Timestamp>,
}

impl Stack {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.value.as_str())
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.value.as_str()))
    }

    pub(super) fn output(&self, name: &str) -> Option<&str> {
        self.outputs.iter().find(|output| output.name == name).map(|output| output.value.as_str())
    }

    /// Time of the last deployment.
    pub(super) fn deployed_at(&self) -> Timestamp {
        self.updated.unwrap_or(self.created)
    }

    /// Names of the running checks, as in the parameter `Checks`.
    pub(super) fn checks(&self) -> BTreeSet<String> {
        items(self.parameter("Checks").unwrap_or_default())
    }
}

/// The items of a list parameter.
pub(super) fn items(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[derive(Clone, Debug, Deserialize)]
struct Parameter {
    #[serde(rename = "ParameterKey")]
    name: String,
    #[serde(rename = "ParameterValue", default)]
    value: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Output {
    #[serde(rename = "OutputKey")]
    name: String,
    #[serde(rename = "OutputValue", default)]
    value: String,
}

/// Item of `ListStackResources`.
#[derive(Clone, Debug, Deserialize)]
pub struct Resource {
    #[serde(rename = "LogicalResourceId")]
    pub(super) logical: String,
    #[serde(rename = "PhysicalResourceId", default)]
    pub(super) physical: Option<String>,
    #[serde(rename = "ResourceType")]
    pub(super) kind: String,
}

/// One function, with its schedule and its runs.
#[derive(Debug)]
pub struct FunctionFacts {
    /// Id of the check.
    pub(super) check: String,
    /// Name of the function.
    pub(super) name: String,
    pub(super) is_running: bool,
    pub(super) configuration: Known<Configuration>,
    pub(super) concurrency: Known<Concurrency>,
    /// `None`: the check does not run. Otherwise its rule, or `None` if the rule does not exist.
    pub(super) rule: Option<Known<Option<ScheduleRule>>>,
    pub(super) state: Option<Known<StateItem>>,
    /// Sums over the last hour. `None`: the check does not run.
    pub(super) metrics: Option<Known<LastHour>>,
    /// Parameters of its secrets, and whether its role may read each.
    pub(super) secrets: Vec<SecretFacts>,
}

/// Answer of `GetFunctionConfiguration`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) state_reason: Option<String>,
    #[serde(default)]
    pub(super) last_update_status: Option<String>,
    #[serde(default)]
    pub(super) last_update_status_reason: Option<String>,
    #[serde(default)]
    pub(super) layers: Vec<Layer>,
    #[serde(default)]
    pub(super) environment: Environment,
    pub(super) role: String,
    #[serde(default)]
    pub(super) vpc_config: Option<VpcConfig>,
}

impl Configuration {
    /// The private network of the function.
    pub(super) fn vpc(&self) -> Option<&str> {
        self.vpc_config.as_ref().map(|config| config.vpc_id.as_str()).filter(|id| !id.is_empty())
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Layer {
    #[serde(rename = "Arn")]
    pub(super) arn: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Environment {
    #[serde(rename = "Variables", default)]
    pub(super) variables: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct VpcConfig {
    #[serde(rename = "VpcId", default)]
    pub(super) vpc_id: String,
}

/// Answer of `GetFunctionConcurrency`.
#[derive(Clone, Debug, Deserialize)]
pub struct Concurrency {
    #[serde(rename = "ReservedConcurrentExecutions", default)]
    pub(super) reserved: Option<u64>,
}

/// Answer of `DescribeRule`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduleRule {
    pub(super) name: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) schedule_expression: String,
}

/// Sums of Lambda's metrics over the last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LastHour {
    pub(super) errors: f64,
    pub(super) throttles: f64,
}

/// A secret that a check needs.
#[derive(Clone, Debug)]
pub struct SecretFacts {
    /// Name of the parameter, or of the secret of Secrets Manager behind Parameter Store's path.
    pub(super) name: String,
    /// `false`: it does not exist.
    pub(super) exists: Known<bool>,
    /// Result of the policy simulation: `allowed`, `implicitDeny` or `explicitDeny`.
    pub(super) decision: Known<String>,
}

/// A topic.
#[derive(Debug)]
pub struct TopicFacts {
    /// Logical id, or the parameter `ChatTopic`.
    pub(super) name: String,
    pub(super) attributes: Known<TopicAttributes>,
    pub(super) subscriptions: Known<Vec<Subscription>>,
    /// Subscriptions in the parameters of the stack: protocol and address.
    pub(super) wanted: Vec<(&'static str, String)>,
    /// True if CloudWatch publishes to it.
    pub(super) takes_alarms: bool,
    /// True if the topic needs a subscriber.
    pub(super) is_for_people: bool,
}

/// Answer of `GetTopicAttributes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TopicAttributes {
    #[serde(default)]
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) kms_master_key_id: Option<String>,
}

/// Item of `ListSubscriptionsByTopic`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Subscription {
    pub(super) subscription_arn: String,
    pub(super) protocol: String,
    #[serde(default)]
    pub(super) endpoint: String,
}

impl Subscription {
    pub(super) fn is_confirmed(&self) -> bool {
        self.subscription_arn.starts_with("arn:")
    }
}

/// A resource policy, which AWS answers as a text.
#[derive(Clone, Debug, Default)]
pub struct Policy(Value);

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(Self).map_err(|_| D::Error::custom("expected a policy"))
    }
}

impl Policy {
    /// Reports whether a statement allows these actions to a service, judged without its conditions. An action may end in `*`.
    pub(super) fn allows(&self, service: &str, actions: &[&str]) -> bool {
        let texts = |value: &Value| -> Vec<String> {
            match value {
                Value::String(text) => vec![text.clone()],
                Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            }
        };
        let statements = match &self.0["Statement"] {
            Value::Array(statements) => statements.as_slice(),
            single => std::slice::from_ref(single),
        };
        let for_service = statements.iter().filter(|statement| {
            let principal = &statement["Principal"];
            let everyone = principal == "*" || principal["AWS"] == "*";
            statement["Effect"] == "Allow"
                && (everyone || texts(&principal["Service"]).iter().any(|one| one == service))
        });
        let allowed: Vec<String> = for_service.flat_map(|statement| texts(&statement["Action"])).collect();
        actions.iter().all(|action| {
            allowed.iter().any(|pattern| {
                // Names of actions have no case.
                let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
                pattern == action || pattern.strip_suffix('*').is_some_and(|prefix| action.starts_with(prefix))
            })
        })
    }
}

/// Part of the answer of `DescribeKey`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Key {
    pub(super) key_state: String,
}

/// Item of `DescribeAlarms`, a metric alarm or a composite one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmState {
    #[serde(rename = "AlarmName")]
    pub(super) name: String,
    pub(super) actions_enabled: bool,
    #[serde(default)]
    pub(super) alarm_actions: Vec<String>,
    #[serde(rename = "StateValue")]
    pub(super) state: String,
    #[serde(rename = "StateUpdatedTimestamp", default, deserialize_with = "time")]
    pub(super) since: Option<Timestamp>,
    #[serde(default)]
    pub(super) threshold: Option<f64>,
}

/// Part of the answer of `GetAccountSettings`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountLimits {
    pub(super) unreserved_concurrent_executions: u64,
}

/// Facts on SMS of the account.
#[derive(Clone, Debug)]
pub struct SmsFacts {
    pub(super) is_in_sandbox: bool,
    /// **Units:** USD. `None`: the default of AWS.
    pub(super) monthly_limit: Option<f64>,
    pub(super) default_type: Option<String>,
}

/// Item of `DescribeVpcEndpoints`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    pub(super) service_name: String,
    pub(super) state: String,
}

/// Reads an answer, or a part of it.
pub(super) fn answer<T: DeserializeOwned>(value: Value) -> Known<T> {
    serde_json::from_value(value).map_err(|error| Unanswered::new("Unreadable", error.to_string()))
}

/// Reads a list of items.
pub(super) fn answers<T: DeserializeOwned>(values: Vec<Value>) -> Known<Vec<T>> {
    values.into_iter().map(answer).collect()
}

fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(items) => {
            items.into_iter().map(|item| serde_json::from_value(item).map_err(D::Error::custom)).collect()
        }
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Vec::new()),
        _ => Err(D::Error::custom("expected a list")),
    }
}

/// A time in JSON: Unix seconds with a fraction, or a text.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Number(seconds) => {
            // Fractions of a second do not matter here.
            let seconds = seconds.as_f64().map(|seconds| seconds as i64);
            Ok(seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()))
        }
        Value::String(text) => text.parse().map(Some).map_err(D::Error::custom),
        _ => Ok(None),
    }
}
