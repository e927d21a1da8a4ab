//! Gathers the facts about a deployment. Reads only; whatever cannot be read becomes a fact too.

use std::collections::{BTreeMap, BTreeSet};

use check::message::Topic;
use futures::future::{join_all, join3};
use futures::stream::{self, StreamExt};
use futures::{Future, join};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::{Account, Known, Unanswered};
use super::facts::{
    AccountLimits, AlarmState, Configuration, Deployment, Endpoint, FunctionFacts, LastHour, SecretFacts, SmsFacts,
    Stack, StackFacts, StackKind, Subscription, TopicFacts, answer, answers,
};
use super::settings_facts::{Reference, SettingsFacts};
use crate::names::resource;
use crate::samconfig::Samconfig;

/// Most pages of a list that are read.
const MAX_PAGES: usize = 50;
/// Functions whose facts are read side by side; more would be throttled.
const SIDE_BY_SIDE: usize = 4;
/// Path of Parameter Store for secrets of Secrets Manager.
const SECRETS_MANAGER: &str = "/aws/reference/secretsmanager/";
/// Most names in one call of `DescribeParameters`.
const NAMES_PER_CALL: usize = 50;

/// The deployment to examine.
pub struct Question<'q> {
    /// Name of the environment.
    pub environment: &'q str,
    /// Its settings file.
    pub settings: Option<SettingsFacts>,
    /// The configuration of SAM CLI, with names and parameters of stacks.
    pub samconfig: Option<&'q Samconfig>,
    /// Current time.
    pub now: Timestamp,
}

/// The identity that looks: account, ARN and partition.
pub(super) struct Identity {
    pub(super) account: String,
    pub(super) arn: String,
}

impl Identity {
    fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or("aws")
    }
}

/// Reads the identity behind the credentials.
pub(super) async fn identity(account: &dyn Account) -> Known<Identity> {
    let found = account.read("sts", "GetCallerIdentity", json!({})).await?;
    let text = |key: &str| found[key].as_str().map(str::to_owned);
    let missing = || Unanswered::new("Unreadable", "expected an account and an ARN");
    Ok(Identity { account: text("Account").ok_or_else(missing)?, arn: text("Arn").ok_or_else(missing)? })
}

/// Reads all facts.
pub(super) async fn gather(account: &dyn Account, identity: &Identity, question: Question<'_>) -> Deployment {
    let Question { environment, settings, samconfig, now } = question;
    let all = join_all(StackKind::ALL.map(|kind| stack(account, kind, environment, samconfig))).await;
    let stacks: BTreeMap<StackKind, StackFacts> = StackKind::ALL.into_iter().zip(all).collect();
    let platform = settings.as_ref().and_then(|settings| settings.contents.as_ref().ok()?.platform.clone());
    let base_url = async {
        let (host, port) = platform?;
        let connected = account.connect(&host, port).await;
        Some((format!("{host}:{port}"), connected))
    };
    let functions_stack = stacks.get(&StackKind::Functions);
    let deployed = functions_stack.and_then(StackFacts::existing);
    let output = |name: &str| deployed.and_then(|stack| stack.output(name)).map(str::to_owned);
    let mutes = resource(environment, "");
    let (key, queue) = (output("EncryptionKey"), output("FunctionFailuresUrl"));
    let ((functions, topics, base_url), (key, key_policy, failures), (alarms, mute_rules, limits), sms) = join!(
        join3(functions(account, identity, &settings, functions_stack, now), topics(account, deployed), base_url),
        join3(
            with(key.as_deref(), |key| async move {
                let found = account.read("kms", "DescribeKey", json!({ "KeyId": key })).await?;
                answer(found["KeyMetadata"].clone())
            }),
            with(key.as_deref(), |key| async move {
                let input = json!({ "KeyId": key, "PolicyName": "default" });
                answer(account.read("kms", "GetKeyPolicy", input).await?["Policy"].clone())
            }),
            with(queue.as_deref(), |queue| failed_invocations(account, queue)),
        ),
        join3(alarms(account, environment), account.mute_rules(&mutes), limits(account)),
        sms(account),
    );
    let vpcs: BTreeSet<&str> = functions
        .iter()
        .filter(|function| function.is_running)
        .filter_map(|function| function.configuration.as_ref().ok()?.vpc())
        .collect();
    let endpoints = join_all(vpcs.iter().map(|vpc| endpoints(account, vpc))).await;
    let endpoints = vpcs.iter().map(|vpc| (*vpc).to_owned()).zip(endpoints).collect();
    Deployment {
        environment: environment.to_owned(),
        region: account.region().to_owned(),
        at: now,
        skew: account.skew(),
        planned_region: samconfig.and_then(|samconfig| samconfig.region(environment)),
        stacks,
        settings,
        functions,
        topics,
        key,
        key_policy,
        failures,
        alarms,
        mute_rules,
        limits,
        sms,
        endpoints,
        base_url,
    }
}

/// Reads something about a resource that the stack must name.
async fn with<'a, T, F: Future<Output = Known<T>>>(name: Option<&'a str>, read: impl FnOnce(&'a str) -> F) -> Known<T> {
    match name {
        Some(name) => read(name).await,
        None => Err(Unanswered::new("NoStack", "the functions' stack does not name it")),
    }
}

/// Reads all pages of a list, which is at a key of each page.
async fn pages(
    account: &dyn Account,
    service: &str,
    operation: &str,
    input: Value,
    keys: &[&str],
) -> Known<Vec<Value>> {
    let mut all = Vec::new();
    let mut input = input;
    for _ in 0..MAX_PAGES {
        let mut page = account.read(service, operation, input.clone()).await?;
        for key in keys {
            if let Value::Array(items) = page[*key].take() {
                all.extend(items);
            }
        }
        let token = ["NextToken", "nextToken"].iter().find_map(|key| page[*key].as_str());
        match token.filter(|token| !token.is_empty()) {
            Some(token) => input["NextToken"] = token.into(),
            None => return Ok(all),
        }
    }
    Err(Unanswered::new("TooLong", format!("expected at most {MAX_PAGES} pages of {operation}, found more")))
}

async fn stack(account: &dyn Account, kind: StackKind, environment: &str, samconfig: Option<&Samconfig>) -> StackFacts {
    let config_env = kind.config_env(environment);
    let named = samconfig.and_then(|samconfig| samconfig.stack_name(&config_env));
    let name = named.map_or_else(|| format!("just-driving-synthetics-{config_env}"), str::to_owned);
    let stack = account.read("cloudformation", "DescribeStacks", json!({ "StackName": name })).await;
    let stack = match stack {
        Ok(mut found) => answer::<Stack>(found["Stacks"][0].take()).map(Some),
        Err(unanswered) if unanswered.is_missing() => Ok(None),
        Err(unanswered) => Err(unanswered),
    };
    let resources = match stack {
        Ok(Some(_)) => {
            let input = json!({ "StackName": name });
            let listed = pages(account, "cloudformation", "ListStackResources", input, &["StackResourceSummaries"]);
            listed.await.and_then(answers)
        }
        Ok(None) => Ok(Vec::new()),
        Err(ref unanswered) => Err(unanswered.clone()),
    };
    let planned = samconfig.and_then(|samconfig| samconfig.parameters(&config_env).ok());
    StackFacts { name, stack, resources, planned: planned.filter(|planned| !planned.is_empty()) }
}

/// `PaymentWebhook` as `payment-webhook`.
pub(super) fn check_id(name: &str) -> String {
    let mut id = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !id.is_empty() {
            id.push('-');
        }
        id.push(letter.to_ascii_lowercase());
    }
    id
}

/// A topic of a deployment, and the protocols of its confirmed subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedTopic {
    /// Topic.
    pub topic: Topic,
    /// ARN.
    pub arn: String,
    /// Protocol of each confirmed subscription, such as `email`.
    pub subscribers: Known<Vec<String>>,
}

/// Reads the topics of a deployment. `None`: the functions' stack does not exist.
///
/// # Errors
/// When the stack cannot be read.
pub async fn deployed_topics(
    account: &dyn Account,
    environment: &str,
    samconfig: Option<&Samconfig>,
) -> Known<Option<Vec<DeployedTopic>>> {
    let Some(stack) = stack(account, StackKind::Functions, environment, samconfig).await.stack? else {
        return Ok(None);
    };
    let chat = stack.parameter("ChatTopic").filter(|topic| !topic.is_empty());
    let named = [
        (Topic::OnCall, stack.output("OnCallTopic")),
        (Topic::Warnings, stack.output("WarningsTopic")),
        (Topic::Events, stack.output("EventsTopic")),
        (Topic::Chat, chat),
    ];
    let read = |(topic, arn): (Topic, &str)| {
        let arn = arn.to_owned();
        async move {
            let subscriptions = subscriptions(account, &arn).await;
            let protocols = |subscriptions: Vec<Subscription>| {
                let confirmed = subscriptions.into_iter().filter(Subscription::is_confirmed);
                confirmed.map(|subscription| subscription.protocol).collect()
            };
            DeployedTopic { topic, arn, subscribers: subscriptions.map(protocols) }
        }
    };
    let named = named.into_iter().filter_map(|(topic, arn)| Some((topic, arn?)));
    Ok(Some(join_all(named.map(read)).await))
}

/// Reads the subscriptions of a topic of this region.
async fn subscriptions(account: &dyn Account, arn: &str) -> Known<Vec<Subscription>> {
    let region = arn.split(':').nth(3).unwrap_or_default();
    if region != account.region() {
        return Err(Unanswered::new("OtherRegion", format!("it is in {region}")));
    }
    let input = json!({ "TopicArn": arn });
    pages(account, "sns", "ListSubscriptionsByTopic", input, &["Subscriptions"]).await.and_then(answers)
}

async fn functions(
    account: &dyn Account,
    identity: &Identity,
    settings: &Option<SettingsFacts>,
    stack: Option<&StackFacts>,
    now: Timestamp,
) -> Vec<FunctionFacts> {
    let Some((facts, deployed)) = stack.and_then(|facts| Some((facts, facts.existing()?))) else { return Vec::new() };
    let resources = facts.resources.as_ref().ok().into_iter().flatten();
    let names = resources
        .filter(|resource| resource.kind == "AWS::Lambda::Function")
        .filter_map(|resource| Some((resource.logical.strip_suffix("Function")?, resource.physical.as_deref()?)));
    let running = deployed.checks();
    let read = |(check, name): (&str, &str)| {
        let is_running = running.contains(check);
        let rule = facts.physical(&format!("{check}Rule")).map(str::to_owned);
        let (check, name) = (check_id(check), name.to_owned());
        async move {
            let by_name = json!({ "FunctionName": name });
            let rule = async {
                if !is_running {
                    return None;
                }
                let Some(rule) = rule else { return Some(Ok(None)) };
                Some(match account.read("events", "DescribeRule", json!({ "Name": rule })).await {
                    Ok(found) => answer(found).map(Some),
                    Err(unanswered) if unanswered.is_missing() => Ok(None),
                    Err(unanswered) => Err(unanswered),
                })
            };
            let state = async { if is_running { Some(account.state(&check).await) } else { None } };
            let metrics = async { if is_running { Some(last_hour(account, &name, now).await) } else { None } };
            let (configuration, concurrency, rule, state, metrics) = join!(
                account.read("lambda", "GetFunctionConfiguration", by_name.clone()),
                account.read("lambda", "GetFunctionConcurrency", by_name.clone()),
                rule,
                state,
                metrics,
            );
            let configuration: Known<Configuration> = configuration.and_then(answer);
            let role = configuration.as_ref().ok().map(|configuration| configuration.role.as_str());
            let needed = settings.as_ref().and_then(|settings| settings.contents.as_ref().ok());
            let needed = needed.and_then(|contents| contents.references.get(&check)).filter(|_| is_running);
            let secrets = secrets(account, identity, role, needed.map_or(&[][..], Vec::as_slice)).await;
            let concurrency = concurrency.and_then(answer);
            FunctionFacts { check, name, is_running, configuration, concurrency, rule, state, metrics, secrets }
        }
    };
    stream::iter(names.map(read)).buffered(SIDE_BY_SIDE).collect().await
}

/// Sums of errors and throttles of a function over the last hour.
async fn last_hour(account: &dyn Account, function: &str, now: Timestamp) -> Known<LastHour> {
    let query = |id: &str, metric: &str| {
        json!({
            "Id": id,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": metric,
                    "Dimensions": [{ "Name": "FunctionName", "Value": function }],
                },
                "Period": 3600,
                "Stat": "Sum",
            },
        })
    };
    let input = json!({
        "StartTime": (now - SignedDuration::from_hours(1)).as_second(),
        "EndTime": now.as_second(),
        "MetricDataQueries": [query("errors", "Errors"), query("throttles", "Throttles")],
    });
    let found = account.read("monitoring", "GetMetricData", input).await?;
    let sum = |id: &str| -> f64 {
        let results = found["MetricDataResults"].as_array().into_iter().flatten();
        let values = results.filter(|result| result["Id"] == id).flat_map(|result| result["Values"].as_array());
        values.flatten().filter_map(Value::as_f64).sum()
    };
    Ok(LastHour { errors: sum("errors"), throttles: sum("throttles") })
}

/// Reads whether secrets exist, and whether a role may read them. Values are never read.
async fn secrets(
    account: &dyn Account,
    identity: &Identity,
    role: Option<&str>,
    references: &[Reference],
) -> Vec<SecretFacts> {
    let names: Vec<&str> = references
        .iter()
        .filter_map(|reference| match reference {
            Reference::Parameter(name) => Some(name.as_str()),
            Reference::Variable(_) => None,
        })
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let parameters: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with(SECRETS_MANAGER)).collect();
    let existing = async {
        let mut found = BTreeSet::new();
        for names in parameters.chunks(NAMES_PER_CALL) {
            let filter = json!([{ "Key": "Name", "Option": "Equals", "Values": names }]);
            let input = json!({ "ParameterFilters": filter, "MaxResults": NAMES_PER_CALL });
            let listed = pages(account, "ssm", "DescribeParameters", input, &["Parameters"]).await?;
            found.extend(listed.iter().filter_map(|parameter| parameter["Name"].as_str().map(str::to_owned)));
        }
        Ok::<_, Unanswered>(found)
    };
    let others = join_all(names.iter().filter_map(|name| name.strip_prefix(SECRETS_MANAGER)).map(|name| async move {
        match account.read("secretsmanager", "DescribeSecret", json!({ "SecretId": name })).await {
            Ok(found) => Ok(found["DeletedDate"].is_null()),
            Err(unanswered) if unanswered.is_missing() => Ok(false),
            Err(unanswered) => Err(unanswered),
        }
    }));
    let (existing, others, decisions) = join!(existing, others, decisions(account, identity, role, &names));
    let mut others = others.into_iter();
    let fact = |name: &&str| {
        let exists = if name.starts_with(SECRETS_MANAGER) { others.next() } else { None };
        let exists =
            exists.unwrap_or_else(|| existing.as_ref().map(|found| found.contains(*name)).map_err(Clone::clone));
        let missing = || Unanswered::new("Unreadable", "the simulation has no decision about it");
        let decision = decisions.as_ref().map_err(Clone::clone);
        let decision = decision.and_then(|decisions| decisions.get(*name).cloned().ok_or_else(missing));
        SecretFacts { name: (*name).to_owned(), exists, decision }
    };
    names.iter().map(fact).collect()
}

/// Simulates a role's policies for the reading of parameters: the decision by name.
async fn decisions(
    account: &dyn Account,
    identity: &Identity,
    role: Option<&str>,
    names: &[&str],
) -> Known<BTreeMap<String, String>> {
    let Some(role) = role else { return Err(Unanswered::new("NoRole", "the function's role is not known")) };
    let (partition, region) = (identity.partition(), account.region());
    let arn = |name: &str| format!("arn:{partition}:ssm:{region}:{}:parameter{name}", identity.account);
    let arns: Vec<String> = names.iter().map(|name| arn(name)).collect();
    let input = json!({ "PolicySourceArn": role, "ActionNames": ["ssm:GetParameter"], "ResourceArns": arns });
    let found = account.read("iam", "SimulatePrincipalPolicy", input).await?;
    let results = found["EvaluationResults"].as_array().into_iter().flatten();
    let decisions: BTreeMap<&str, &str> = results
        .filter_map(|result| Some((result["EvalResourceName"].as_str()?, result["EvalDecision"].as_str()?)))
        .collect();
    let named = names.iter().zip(&arns);
    Ok(named.filter_map(|(name, arn)| Some(((*name).to_owned(), (*decisions.get(arn.as_str())?).to_owned()))).collect())
}

async fn topics(account: &dyn Account, deployed: Option<&Stack>) -> Vec<TopicFacts> {
    let Some(deployed) = deployed else { return Vec::new() };
    let wanted = |pairs: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let given = |name: &str| deployed.parameter(name).filter(|value| !value.is_empty()).map(str::to_owned);
        pairs.iter().filter_map(|(protocol, name)| Some((*protocol, given(name)?))).collect()
    };
    let chat = deployed.parameter("ChatTopic").filter(|topic| !topic.is_empty());
    let topics = [
        (
            "OnCallTopic",
            deployed.output("OnCallTopic"),
            wanted(&[("email", "OnCallEmail"), ("sms", "OnCallSms")]),
            true,
        ),
        ("WarningsTopic", deployed.output("WarningsTopic"), wanted(&[("email", "WarningsEmail")]), true),
        ("EventsTopic", deployed.output("EventsTopic"), Vec::new(), false),
        ("ChatTopic", chat, Vec::new(), false),
    ];
    let read = |(name, arn, wanted, takes_alarms): (&str, Option<&str>, Vec<(&'static str, String)>, bool)| {
        let (name, arn) = (name.to_owned(), arn.map(str::to_owned));
        async move {
            let arn = arn?;
            let region = arn.split(':').nth(3).unwrap_or_default();
            let (attributes, subscriptions) = if region == account.region() {
                let input = json!({ "TopicArn": arn });
                let (attributes, subscriptions) =
                    join!(account.read("sns", "GetTopicAttributes", input), subscriptions(account, &arn));
                (attributes.and_then(|found| answer(found["Attributes"].clone())), subscriptions)
            } else {
                let elsewhere = Unanswered::new("OtherRegion", format!("it is in {region}"));
                (Err(elsewhere.clone()), Err(elsewhere))
            };
            let is_for_people = name != "EventsTopic";
            Some(TopicFacts { name, attributes, subscriptions, wanted, takes_alarms, is_for_people })
        }
    };
    join_all(topics.map(read)).await.into_iter().flatten().collect()
}

async fn failed_invocations(account: &dyn Account, queue: &str) -> Known<u64> {
    let input = json!({ "QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"] });
    let found = account.read("sqs", "GetQueueAttributes", input).await?;
    let count = found["Attributes"]["ApproximateNumberOfMessages"].as_str().and_then(|count| count.parse().ok());
    count.ok_or_else(|| Unanswered::new("Unreadable", "expected the number of messages"))
}

async fn alarms(account: &dyn Account, environment: &str) -> Known<Vec<AlarmState>> {
    let read = |prefix: String| async move {
        let input = json!({ "AlarmNamePrefix": prefix, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
        pages(account, "monitoring", "DescribeAlarms", input, &["MetricAlarms", "CompositeAlarms"]).await
    };
    let (own, platform) = join!(
        read(format!("just-driving-synthetics-{environment}-")),
        read(format!("just-driving-platform-{environment}-"))
    );
    answers([own?, platform?].concat())
}

async fn limits(account: &dyn Account) -> Known<AccountLimits> {
    let found = account.read("lambda", "GetAccountSettings", json!({})).await?;
    answer(found["AccountLimit"].clone())
}

async fn sms(account: &dyn Account) -> Known<SmsFacts> {
    let (sandbox, attributes) = join!(
        account.read("sns", "GetSMSSandboxAccountStatus", json!({})),
        account.read("sns", "GetSMSAttributes", json!({})),
    );
    let (sandbox, attributes) = (sandbox?, attributes?);
    // Attributes that were never set are missing.
    let attribute = |name: &str| attributes["attributes"][name].as_str().filter(|value| !value.is_empty());
    Ok(SmsFacts {
        is_in_sandbox: sandbox["IsInSandbox"] == "true" || sandbox["IsInSandbox"] == true,
        monthly_limit: attribute("MonthlySpendLimit").and_then(|limit| limit.parse().ok()),
        default_type: attribute("DefaultSMSType").map(str::to_owned),
    })
}

async fn endpoints(account: &dyn Account, vpc: &str) -> Known<Vec<Endpoint>> {
    let input = json!({ "Filter": [{ "Name": "vpc-id", "Value": [vpc] }] });
    pages(account, "ec2", "DescribeVpcEndpoints", input, &["vpcEndpointSet"]).await.and_then(answers)
}
