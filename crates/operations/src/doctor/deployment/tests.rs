//! Broken deployments, each answered in the shapes that AWS documents, and the sound one that they differ from.

use std::collections::BTreeMap;

use alarm::MuteRule;
use async_trait::async_trait;
use check::{Failure, FailureKind, Mismatch, NoSecrets, Subject};
use jiff::{SignedDuration, Timestamp};
use runtime::{LastRun, Provenance, StateItem};
use serde_json::{Value, json};
use settings::Document;

use super::*;
use crate::doctor::findings::Level;
use crate::samconfig::Samconfig;
use crate::thresholds;

mod broken;

use broken::BROKEN;

const NOW: &str = "2026-11-23T10:00:30Z";
const ACCOUNT: &str = "123456789012";
const KEY: &str = "arn:aws:kms:eu-north-1:123456789012:key/1234abcd";
const LAYER: &str = "arn:aws:lambda:eu-north-1:123456789012:layer:just-driving-synthetics-staging-settings:7";
const FUNCTIONS: &str = "just-driving-synthetics-staging";

/// Answers of AWS by service, operation and the name in the input.
struct Recorded {
    answers: BTreeMap<String, Known<Value>>,
    mute_rules: Known<Vec<MuteRule>>,
    states: BTreeMap<String, Known<StateItem>>,
    connection: Known<()>,
    skew: Option<SignedDuration>,
    settings: Option<SettingsFacts>,
    region: String,
}

fn id(service: &str, operation: &str, name: &str) -> String {
    format!("{service} {operation} {name}").trim_end().to_owned()
}

#[async_trait]
impl Account for Recorded {
    fn region(&self) -> &str {
        &self.region
    }

    async fn read(&self, service: &str, operation: &str, input: Value) -> Known<Value> {
        let names =
            ["StackName", "FunctionName", "Name", "TopicArn", "KeyId", "AlarmNamePrefix", "SecretId", "NextToken"];
        // A further page has the name of its token.
        let name = names.iter().rev().find_map(|key| input[*key].as_str()).unwrap_or_default();
        let id = id(service, operation, name);
        self.answers.get(&id).cloned().unwrap_or_else(|| Err(Unanswered::new("NotRecorded", id)))
    }

    async fn mute_rules(&self, prefix: &str) -> Known<Vec<MuteRule>> {
        assert_eq!(prefix, "just-driving-synthetics-staging-");
        self.mute_rules.clone()
    }

    async fn state(&self, check: &str) -> Known<StateItem> {
        self.states.get(check).cloned().unwrap_or_else(|| Err(Unanswered::new("NotRecorded", check)))
    }

    async fn connect(&self, _: &str, _: u16) -> Known<()> {
        self.connection.clone()
    }

    fn skew(&self) -> Option<SignedDuration> {
        self.skew
    }
}

fn topic(name: &str) -> String {
    format!("arn:aws:sns:eu-north-1:{ACCOUNT}:{name}")
}

fn function(check: &str) -> String {
    format!("{FUNCTIONS}-{check}")
}

fn stack(parameters: &[(&str, &str)], outputs: &[(&str, &str)]) -> Value {
    let pairs = |pairs: &[(&str, &str)], kind: &str| -> Value {
        let pair = |(name, value): &(&str, &str)| json!({ format!("{kind}Key"): name, format!("{kind}Value"): value });
        // An empty list of the query protocol is an empty element.
        if pairs.is_empty() { json!("") } else { pairs.iter().map(pair).collect() }
    };
    json!({ "Stacks": [{
        "StackName": "x",
        "StackStatus": "UPDATE_COMPLETE",
        "CreationTime": "2026-11-01T09:00:00.000Z",
        "LastUpdatedTime": "2026-11-20T09:00:00.000Z",
        "Parameters": pairs(parameters, "Parameter"),
        "Outputs": pairs(outputs, "Output"),
    }] })
}

fn resources(resources: &[(&str, &str, &str)]) -> Value {
    let resource = |(logical, physical, kind): &(&str, &str, &str)| json!({ "LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceType": kind, "ResourceStatus": "CREATE_COMPLETE" });
    json!({ "StackResourceSummaries": resources.iter().map(resource).collect::<Vec<_>>() })
}

fn configuration(check: &str) -> Value {
    json!({
        "FunctionName": function(check),
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Role": format!("arn:aws:iam::{ACCOUNT}:role/{check}"),
        "Layers": [{ "Arn": LAYER, "CodeSize": 4000 }],
        "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [], "VpcId": "" },
        "Environment": { "Variables": {
            "SETTINGS": "/opt/settings/staging.toml",
            "STATE_TABLE": "just-driving-synthetics-staging-state",
            "TOPIC_ONCALL": topic("oncall"),
            "TOPIC_WARNINGS": topic("warnings"),
            "TOPIC_EVENTS": topic("events"),
            "TOPIC_CHAT": "",
        } },
    })
}

fn policy(service: &str, actions: &[&str]) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": actions, "Resource": "*" },
    ] })
    .to_string()
}

fn topic_attributes() -> Value {
    json!({ "Attributes": { "Policy": policy("cloudwatch.amazonaws.com", &["sns:Publish"]), "KmsMasterKeyId": "1234abcd" } })
}

fn subscription(protocol: &str, endpoint: &str) -> Value {
    json!({ "SubscriptionArn": format!("{}:2bcfbf39", topic("x")), "Protocol": protocol, "Endpoint": endpoint })
}

fn alarm_names() -> Vec<String> {
    let template = thresholds::template("staging", Some("Availability,Login")).unwrap();
    alarm::alarms(&template).unwrap().iter().map(|alarm| alarm.name().to_owned()).collect()
}

fn alarm(name: &str) -> Value {
    json!({
        "AlarmName": name,
        "ActionsEnabled": true,
        "AlarmActions": [topic("oncall")],
        "StateValue": "OK",
        "StateUpdatedTimestamp": 1_795_166_000.5,
        "Threshold": 0.8,
    })
}

fn settings(text: &str) -> Option<SettingsFacts> {
    Some(SettingsFacts::read("staging.toml", text))
}

/// Settings of the two checks that run.
fn settings_text() -> String {
    let example = include_str!("../../../../../infra/layer/settings/production.example.toml");
    let staging = example.replace("production", "staging").replace("[[maintenance.windows]]", "[[ignored]]");
    let start = staging.find("[[ignored]]").unwrap();
    let checks = staging.find("[check.availability]").unwrap();
    let end = staging.find("# Needs a school, a teacher").unwrap();
    format!("{}{}", &staging[..start], &staging[checks..end])
}

fn state(last: &str) -> Known<StateItem> {
    state_with(last, "0.1.0+3fed3e6", &deployed_settings())
}

fn deployed_settings() -> String {
    Document::parse("x", &settings_text()).ok().unwrap().digest()
}

fn state_with(last: &str, release: &str, settings: &str) -> Known<StateItem> {
    let provenance = Provenance { release: release.to_owned(), settings: settings.to_owned() };
    let run = LastRun { at: last.parse().unwrap(), run_id: "r".to_owned(), provenance: Some(provenance) };
    Ok(StateItem { last_run: [("eu-north-1/0".to_owned(), run)].into(), ..StateItem::default() })
}

/// A deployment of two checks without a fault.
fn sound() -> Recorded {
    let mut answers = BTreeMap::new();
    let mut answer = |service: &str, operation: &str, name: &str, value: Value| {
        answers.insert(id(service, operation, name), Ok(value));
    };
    let identity = json!({ "Account": ACCOUNT, "Arn": format!("arn:aws:iam::{ACCOUNT}:user/anna") });
    answer("sts", "GetCallerIdentity", "", identity);
    let parameters = [
        ("Environment", "staging"),
        ("Checks", "Availability,Login"),
        ("OnCallEmail", "oncall@example.com"),
        ("OnCallSms", "+4512345678"),
        ("WarningsEmail", ""),
    ];
    let (on_call, warnings, events) = (topic("oncall"), topic("warnings"), topic("events"));
    let outputs = [
        ("OnCallTopic", on_call.as_str()),
        ("WarningsTopic", &warnings),
        ("EventsTopic", &events),
        ("EncryptionKey", KEY),
        ("StateTable", "just-driving-synthetics-staging-state"),
        ("FunctionFailuresUrl", "https://sqs.eu-north-1.amazonaws.com/123456789012/failures"),
    ];
    answer("cloudformation", "DescribeStacks", FUNCTIONS, stack(&parameters, &outputs));
    let first_page = [
        ("AvailabilityFunction", &function("availability")[..], "AWS::Lambda::Function"),
        ("AvailabilityRule", "availability-rule", "AWS::Events::Rule"),
        ("SettingsLayer1f2e", LAYER, "AWS::Lambda::LayerVersion"),
    ];
    let mut page = resources(&first_page);
    page["NextToken"] = json!("page-2");
    answer("cloudformation", "ListStackResources", FUNCTIONS, page);
    let second_page = [
        ("LoginFunction", &function("login")[..], "AWS::Lambda::Function"),
        ("LoginRule", "login-rule", "AWS::Events::Rule"),
        ("BookingFunction", &function("booking"), "AWS::Lambda::Function"),
    ];
    answer("cloudformation", "ListStackResources", "page-2", resources(&second_page));
    let alarms_stack = format!("{FUNCTIONS}-alarms");
    let of_alarms = stack(&[("Environment", "staging"), ("Checks", "Login,Availability")], &[]);
    answer("cloudformation", "DescribeStacks", &alarms_stack, of_alarms);
    let names = alarm_names();
    let listed: Vec<_> = names.iter().map(|name| ("A", name.as_str(), "AWS::CloudWatch::Alarm")).collect();
    answer("cloudformation", "ListStackResources", &alarms_stack, resources(&listed));
    for check in ["availability", "login", "booking"] {
        answer("lambda", "GetFunctionConfiguration", &function(check), configuration(check));
        answer("lambda", "GetFunctionConcurrency", &function(check), json!({}));
        let rule =
            json!({ "Name": format!("{check}-rule"), "State": "ENABLED", "ScheduleExpression": "cron(* * * * ? *)" });
        answer("events", "DescribeRule", &format!("{check}-rule"), rule);
    }
    let parameter = |name: &str| format!("/just-driving/staging/{name}");
    let secrets = [
        "availability/heartbeat-url",
        "availability/health-secret",
        "login/password",
        "login/totp-seed",
        "login/ops-token",
    ];
    let existing: Vec<Value> =
        secrets.iter().map(|name| json!({ "Name": parameter(name), "Type": "SecureString" })).collect();
    answer("ssm", "DescribeParameters", "", json!({ "Parameters": existing }));
    let decision = |name: &&str| {
        let resource = format!("arn:aws:ssm:eu-north-1:{ACCOUNT}:parameter{}", parameter(name));
        json!({ "EvalActionName": "ssm:GetParameter", "EvalResourceName": resource, "EvalDecision": "allowed" })
    };
    let decisions: Vec<Value> = secrets.iter().map(decision).collect();
    answer("iam", "SimulatePrincipalPolicy", "", json!({ "EvaluationResults": decisions }));
    let on_call_subscriptions = [subscription("email", "oncall@example.com"), subscription("sms", "+4512345678")];
    let warning_subscriptions = [subscription("https", "https://example.com/hook")];
    answer("sns", "ListSubscriptionsByTopic", &on_call, json!({ "Subscriptions": on_call_subscriptions }));
    answer("sns", "ListSubscriptionsByTopic", &warnings, json!({ "Subscriptions": warning_subscriptions }));
    answer("sns", "ListSubscriptionsByTopic", &events, json!({ "Subscriptions": "" }));
    for arn in [&on_call, &warnings, &events] {
        answer("sns", "GetTopicAttributes", arn, topic_attributes());
    }
    answer("kms", "DescribeKey", KEY, json!({ "KeyMetadata": { "KeyState": "Enabled", "Enabled": true } }));
    let key_policy = policy("cloudwatch.amazonaws.com", &["kms:Decrypt", "kms:GenerateDataKey*"]);
    answer("kms", "GetKeyPolicy", KEY, json!({ "Policy": key_policy, "PolicyName": "default" }));
    answer("sqs", "GetQueueAttributes", "", json!({ "Attributes": { "ApproximateNumberOfMessages": "0" } }));
    let alarms: Vec<Value> = names.iter().map(|name| alarm(name)).collect();
    let prefix = "just-driving-synthetics-staging-";
    answer("monitoring", "DescribeAlarms", prefix, json!({ "MetricAlarms": alarms, "CompositeAlarms": [] }));
    answer(
        "monitoring",
        "DescribeAlarms",
        "just-driving-platform-staging-",
        json!({ "MetricAlarms": [], "CompositeAlarms": [] }),
    );
    let none =
        json!({ "MetricDataResults": [{ "Id": "errors", "Values": [] }, { "Id": "throttles", "Values": [0.0] }] });
    answer("monitoring", "GetMetricData", "", none);
    let limits = json!({ "AccountLimit": { "ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000 } });
    answer("lambda", "GetAccountSettings", "", limits);
    answer("sns", "GetSMSSandboxAccountStatus", "", json!({ "IsInSandbox": "false" }));
    let sms = json!({ "attributes": { "MonthlySpendLimit": "20", "DefaultSMSType": "Transactional" } });
    answer("sns", "GetSMSAttributes", "", sms);
    answers.insert(
        id("cloudformation", "DescribeStacks", &format!("{FUNCTIONS}-platform")),
        Err(Unanswered::new("ValidationError", format!("Stack with id {FUNCTIONS}-platform does not exist"))),
    );
    Recorded {
        answers,
        mute_rules: Ok(Vec::new()),
        states: BTreeMap::from(
            ["availability", "login"].map(|check| (check.to_owned(), state("2026-11-23T09:59:00Z"))),
        ),
        connection: Ok(()),
        skew: Some(SignedDuration::from_secs(1)),
        settings: settings(&settings_text()),
        region: "eu-north-1".to_owned(),
    }
}

impl Recorded {
    /// Changes a part of an answer.
    fn set(&mut self, id: &str, pointer: &str, value: Value) {
        let Some(Ok(answer)) = self.answers.get_mut(id) else { panic!("{id} is not recorded") };
        let part = answer.pointer_mut(pointer).unwrap_or_else(|| panic!("{id} has no {pointer}"));
        *part = value;
    }

    fn refuse(&mut self, id: &str, code: &str) {
        assert!(self.answers.insert(id.to_owned(), Err(Unanswered::new(code, "no"))).is_some(), "{id} is not recorded");
    }

    fn alarm(&mut self, key: &str, value: Value) {
        self.set(
            "monitoring DescribeAlarms just-driving-synthetics-staging-",
            &format!("/MetricAlarms/0/{key}"),
            value,
        );
    }

    fn mute(&mut self, begins: &str, duration: &str) {
        self.mute_rules = Ok(vec![MuteRule {
            name: "just-driving-synthetics-staging-mute-login".to_owned(),
            description: String::new(),
            expression: format!("at({begins})"),
            duration: duration.to_owned(),
            zone: "UTC".to_owned(),
            alarms: vec![alarm_names().remove(0)],
        }]);
    }

    fn examine(self) -> Known<Report> {
        let samconfig = "[staging.global.parameters]\nregion = \"eu-north-1\"\n[staging.deploy.parameters]\n\
                         parameter_overrides = [\"Environment=staging\", \"Checks=Login,Availability\"]\n";
        let samconfig = Samconfig::parse("samconfig.toml", samconfig).unwrap();
        let settings = self.settings.clone();
        let question =
            Question { environment: "staging", settings, samconfig: Some(&samconfig), now: NOW.parse().unwrap() };
        futures::executor::block_on(examine(&self, question))
    }
}

fn errors(report: &Report) -> Vec<&'static str> {
    report.findings.iter().filter(|finding| finding.level == Level::Error).map(|finding| finding.rule).collect()
}

#[test]
fn sound_deployment_has_no_finding() {
    let report = sound().examine().unwrap();
    assert_eq!(report.findings, []);
    let looked_at = |what: &str| report.looked_at.iter().find(|looked| looked.what == what).unwrap().of.clone();
    assert_eq!(looked_at("configuration of functions"), ["availability", "login", "booking"]);
    assert_eq!(looked_at("secrets readable by their function's role").len(), 5);
    assert_eq!(looked_at("alarms").len(), alarm_names().len());
    let not: Vec<&str> = report.not_looked_at.iter().map(|not| not.what.as_str()).collect();
    assert_eq!(not, [] as [&str; 0]);
    assert_eq!(looked_at("accounts on the platform"), ["login"]);
    assert_eq!(looked_at("release of the code"), ["0.1.0+3fed3e6"]);
    assert_eq!(looked_at("settings of runs"), ["availability", "login"]);
}

const LOGIN: &str = "just-driving-synthetics-staging-login";

#[test]
fn every_broken_deployment_is_named() {
    for (name, rule, break_it) in BROKEN {
        let mut account = sound();
        break_it(&mut account);
        let report = account.examine().unwrap();
        let found = errors(&report);
        match *rule {
            "region-differs" => assert_eq!(found, [rule, "stack-missing", "stack-missing"], "{name}"),
            // Nor is the file the one that was deployed.
            "secret-in-environment" | "settings-section-missing" => {
                assert_eq!(found, [rule, "settings-differ"], "{name}: {:#?}", report.findings);
            }
            rule => assert_eq!(found, [rule], "{name}: {:#?}", report.findings),
        }
        for finding in &report.findings {
            for text in [&finding.place, &finding.expected, &finding.found, &finding.action, &finding.verify] {
                assert!(!text.is_empty(), "{name}: {finding:?}");
            }
            let shown = format!("{finding:?}");
            assert!(!shown.contains("oncall@example.com") && !shown.contains("+4512345678"), "{name}: {shown}");
        }
    }
}

/// State of a check whose log-in failed.
fn log_in_failed(phase: &str) -> Known<StateItem> {
    let mismatch = Mismatch::new(FailureKind::Status, "status 302", "status 422");
    let failure = Failure::new(Subject::whole(), "log-in", mismatch, &NoSecrets);
    let at: Timestamp = "2026-11-23T09:58:00Z".parse().unwrap();
    let subject = json!({ "phase": phase, "since": at, "votes": {}, "changed_at": at, "failure": failure });
    let mut item = state("2026-11-23T09:59:00Z").unwrap();
    item.state.subjects.insert(Subject::whole(), serde_json::from_value(subject).unwrap());
    Ok(item)
}

#[test]
fn account_that_works_again_is_no_finding() {
    for phase in ["recovering", "healthy"] {
        let mut account = sound();
        account.states.insert("login".to_owned(), log_in_failed(phase));
        assert_eq!(account.examine().unwrap().findings, [], "{phase}");
    }
}

#[test]
fn runs_before_the_deployment_tell_nothing_about_it() {
    let mut account = sound();
    account.states.insert("login".to_owned(), state_with("2026-11-20T08:59:00Z", "0.0.9", "0011223344556677"));
    let report = account.examine().unwrap();
    assert_eq!(errors(&report), ["run-late"]);
    let not = report.not_looked_at.iter().find(|not| not.what == "code and settings of runs").unwrap();
    assert_eq!((not.of.as_slice(), not.why.as_str()), (&["login".to_owned()][..], "no run since the deployment"));
}

#[test]
fn errors_and_throttles_of_the_last_hour_are_named() {
    let mut account = sound();
    let values =
        json!({ "MetricDataResults": [{ "Id": "errors", "Values": [2.0] }, { "Id": "throttles", "Values": [1.0] }] });
    account.set("monitoring GetMetricData", "", values);
    let report = account.examine().unwrap();
    assert_eq!(errors(&report), ["function-errors", "function-throttles", "function-errors", "function-throttles"]);
}

#[test]
fn private_network_needs_endpoints_unless_it_runs() {
    let endpoint = |service: &str, state: &str| json!({ "serviceName": format!("com.amazonaws.eu-north-1.{service}"), "state": state });
    let all = ["dynamodb", "monitoring", "sns", "ssm"].map(|service| endpoint(service, "available"));
    let pending = ["dynamodb", "monitoring", "sns"].map(|service| endpoint(service, "available"));
    let pending: Vec<Value> = pending.into_iter().chain([endpoint("ssm", "pending")]).collect();
    for (name, endpoints, last_run, expected) in [
        ("all endpoints", json!(all), "2026-11-23T09:00:00Z", &["run-late"][..]),
        ("one is pending", json!(pending), "2026-11-23T09:00:00Z", &["run-late", "endpoint-missing"]),
        ("another way out", json!(""), "2026-11-23T09:59:00Z", &[]),
    ] {
        let mut account = sound();
        let vpc = json!({ "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1" });
        account.set(&id("lambda", "GetFunctionConfiguration", LOGIN), "/VpcConfig", vpc);
        account.states.insert("login".to_owned(), state(last_run));
        account.answers.insert("ec2 DescribeVpcEndpoints".to_owned(), Ok(json!({ "vpcEndpointSet": endpoints })));
        assert_eq!(errors(&account.examine().unwrap()), expected, "{name}");
    }
}

#[test]
fn topic_without_a_key_is_a_note() {
    let mut account = sound();
    let policy = json!({ "Attributes": { "Policy": policy("cloudwatch.amazonaws.com", &["sns:Publish"]) } });
    account.set(&id("sns", "GetTopicAttributes", &topic("oncall")), "", policy);
    let report = account.examine().unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.level, finding.rule)).collect();
    assert_eq!(found, [(Level::Note, "topic-unencrypted")]);
}

#[test]
fn alarm_in_alarm_is_a_note() {
    let mut account = sound();
    account.alarm("StateValue", json!("ALARM"));
    account.mute("2026-11-21T08:30", "PT1H");
    let report = account.examine().unwrap();
    assert_eq!(
        report.findings.iter().map(|finding| (finding.level, finding.rule)).collect::<Vec<_>>(),
        [(Level::Note, "in-alarm")]
    );
    assert_eq!(report.errors(), 0);
}

#[test]
fn denied_reads_are_named_and_never_healthy() {
    let all: Vec<String> = sound().answers.keys().cloned().collect();
    for denied in
        all.iter().filter(|id| id.as_str() != "sts GetCallerIdentity" && !id.contains("GetFunctionConfiguration"))
    {
        let mut account = sound();
        account.refuse(denied, "AccessDeniedException");
        let report = account.examine().unwrap();
        let why = "AccessDeniedException; the rights are in docs/deploy/operator-policy.json";
        let named = report.not_looked_at.iter().any(|not| not.why == why);
        // A function that does not run has no schedule to look at.
        assert!(named || denied.ends_with("booking-rule"), "{denied}: {:#?}", report.not_looked_at);
        assert_eq!(errors(&report), Vec::<&str>::new(), "{denied}");
    }
    let mut account = sound();
    account.refuse("sts GetCallerIdentity", "InvalidClientTokenId");
    assert_eq!(account.examine().unwrap_err().code, "InvalidClientTokenId");
}
