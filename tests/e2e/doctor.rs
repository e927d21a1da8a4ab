//! `synthetics doctor deployment`: a deployment in the emulator, sound and then broken in one way after another.
//!
//! The proxy answers what the emulator lacks, as AWS documents it: the account's SMS, and decisions about several resources.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use axum::http::StatusCode;
use demo_platform::{DemoPlatform, Options};
use serde_json::{Value, json};

use crate::alarms::without_unsupported_resources;
use crate::calls::Calls;
use crate::emulator::{Emulator, REGION, Stack, target};
use crate::runtime_api::own_file;
use crate::world::repository;

const ENVIRONMENT: &str = "examined";
const SECRET: &str = "/just-driving/examined/availability/health-secret";
/// Longest time of one examination.
const WITHIN: Duration = Duration::from_secs(10);

/// A deployment under examination.
struct Examined {
    emulator: Emulator,
    calls: Calls,
    sdk: SdkConfig,
    stack: Stack,
    settings: String,
}

/// Result of one examination.
struct Seen {
    errors: Vec<String>,
    report: Value,
}

impl Examined {
    /// The program, with access to the emulator.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(target().join("debug/synthetics"));
        program
            .args(arguments)
            .current_dir(target())
            .env("COLUMNS", "1000")
            .env("AWS_ENDPOINT_URL", self.calls.url())
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        program
    }

    /// A file that no other test writes: each has an emulator of its own.
    fn own_file(&self, name: &str) -> PathBuf {
        let port = self.emulator.url().rsplit(':').next().unwrap();
        own_file(&format!("{port}-{name}"))
    }

    /// Examines the deployment with these settings and more options.
    fn examine_with(&self, settings: &str, options: &[&str]) -> Seen {
        let file = self.own_file("examined.toml");
        fs::write(&file, settings).unwrap();
        let mut program = self.program(&["doctor", "deployment", "--json", "--environment", ENVIRONMENT, "--settings"]);
        program.arg(&file).args(options);
        let start = Instant::now();
        let output = tokio::task::block_in_place(|| program.output()).unwrap();
        assert!(start.elapsed() < WITHIN, "expected a report within {WITHIN:?}, took {:?}", start.elapsed());
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let errors = report["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == "error");
        let errors: Vec<String> = errors.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect();
        assert_eq!(output.status.code(), Some(i32::from(!errors.is_empty())), "{report:#}");
        Seen { errors, report }
    }

    fn expect(&self, name: &str, rules: &[&str]) -> Value {
        let seen = self.examine_with(&self.settings, &[]);
        assert_eq!(seen.errors, rules, "{name}: {:#}", seen.report);
        seen.report
    }

    fn topic(&self, name: &str) -> &str {
        &self.stack.outputs[name]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_deployments_are_named_and_the_sound_one_is_not() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let (host, port) = platform.base_url().trim_start_matches("http://").split_once(':').unwrap();
    let settings = settings(platform.base_url());
    let emulator = Emulator::start(&[]);
    let file = own_file("settings-examined.toml");
    fs::write(&file, &settings).unwrap();
    let stack = emulator.deploy(ENVIRONMENT, &[("SettingsFile", file.to_str().unwrap())]);
    let calls = Calls::to(emulator.url()).await;
    let sdk = emulator.sdk().await;
    let examined = Examined { emulator, calls, sdk, stack, settings };
    let (sns, cloudwatch) = (aws_sdk_sns::Client::new(&examined.sdk), aws_sdk_cloudwatch::Client::new(&examined.sdk));
    let ssm = aws_sdk_ssm::Client::new(&examined.sdk);
    let store = || async {
        let call = ssm.put_parameter().name(SECRET).value("a-secret-of-the-test").overwrite(true);
        call.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    };
    store().await;
    let subscribe = |topic: &'static str, protocol: &'static str, endpoint: &'static str| {
        let call = sns.subscribe().topic_arn(examined.topic(topic)).protocol(protocol).endpoint(endpoint);
        async move { call.return_subscription_arn(true).send().await.unwrap().subscription_arn.unwrap() }
    };
    subscribe("OnCallTopic", "sqs", "arn:aws:sqs:eu-north-1:000000000000:oncall").await;
    let warnings = subscribe("WarningsTopic", "sqs", "arn:aws:sqs:eu-north-1:000000000000:warnings").await;
    simulate(&examined, "allowed");

    examined.expect("no stack of alarms", &["stack-missing"]);
    deploy_alarms(&examined, "Availability");
    examined.emulator.invoke(&examined.stack, "availability", &json!({})).await.unwrap();
    let report = examined.expect("sound", &[]);
    assert_eq!(report["account"], "000000000000");
    for (what, expected) in [
        ("configuration of functions", 10),
        ("last runs", 1),
        ("secrets exist", 1),
        ("subscriptions of topics", 3),
        ("platform, from this machine", 1),
        ("release of the code", 1),
        ("settings of runs", 1),
    ] {
        let looked = report["looked_at"].as_array().unwrap().iter().find(|looked| looked["what"] == what);
        assert_eq!(looked.map(|looked| looked["of"].as_array().unwrap().len()), Some(expected), "{what}: {report:#}");
    }

    notify(&examined).await;

    // Topics and the key.
    // The emulator lists unconfirmed subscriptions with their ARN.
    let pending = "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions><member>\
                   <SubscriptionArn>PendingConfirmation</SubscriptionArn><Protocol>email</Protocol>\
                   <Endpoint>anna@example.com</Endpoint></member></Subscriptions></ListSubscriptionsByTopicResult>\
                   </ListSubscriptionsByTopicResponse>";
    examined.calls.answer("ListSubscriptionsByTopic", StatusCode::OK, pending);
    examined.expect("unconfirmed subscription", &["subscription-unconfirmed"; 3]);
    examined.calls.leave_to_the_emulator("ListSubscriptionsByTopic");
    sns.unsubscribe().subscription_arn(warnings).send().await.unwrap();
    examined.expect("no subscriber", &["topic-without-subscriber"]);
    subscribe("WarningsTopic", "sqs", "arn:aws:sqs:eu-north-1:000000000000:warnings").await;
    let attributes = sns.get_topic_attributes().topic_arn(examined.topic("WarningsTopic")).send().await.unwrap();
    let policy = attributes.attributes.unwrap().remove("Policy").unwrap();
    let set_policy = |policy: String| {
        let call = sns.set_topic_attributes().topic_arn(examined.topic("WarningsTopic")).attribute_name("Policy");
        async move { call.attribute_value(policy).send().await.unwrap() }
    };
    set_policy(policy.replace("cloudwatch.amazonaws.com", "events.amazonaws.com")).await;
    examined.expect("topic closed to alarms", &["topic-policy"]);
    set_policy(policy).await;
    let key = json!({ "KeyId": examined.stack.outputs["EncryptionKey"] });
    examined.emulator.call("TrentService.DisableKey", &key).await;
    examined.expect("disabled key", &["key-disabled"]);
    examined.emulator.call("TrentService.EnableKey", &key).await;

    // Secrets and settings.
    ssm.delete_parameter().name(SECRET).send().await.unwrap();
    examined.expect("missing secret", &["secret-missing"]);
    store().await;
    simulate(&examined, "implicitDeny");
    examined.expect("secret denied to the role", &["secret-unreadable"]);
    simulate(&examined, "allowed");
    for (name, settings, rule) in [
        ("other environment", examined.settings.replace(ENVIRONMENT, "another"), "settings-of-another-environment"),
        ("invalid settings", examined.settings.replace("base_url", "base_urll"), "settings-invalid"),
        ("secret variable", examined.settings.replace(&format!("ssm:{SECRET}"), "env:SECRET"), "secret-in-environment"),
        (
            "unreachable platform",
            examined.settings.replace(&format!("{host}:{port}"), "127.0.0.1:9"),
            "platform-unreachable",
        ),
        (
            "file that was not deployed",
            examined.settings.replace("path = \"/\"", "path = \"/login\""),
            "settings-differ",
        ),
    ] {
        let seen = examined.examine_with(&settings, &[]);
        let mut errors = seen.errors;
        // A valid file is also another one than the deployed.
        errors.retain(|error| *error == rule || error != "settings-differ");
        assert_eq!(errors, [rule], "{name}: {:#}", seen.report);
    }

    // Schedules and functions.
    let rules = examined.emulator.call("AWSEvents.ListRules", &json!({})).await;
    let rule = json!({ "Name": rules["Rules"][0]["Name"] });
    examined.emulator.call("AWSEvents.DisableRule", &rule).await;
    examined.expect("disabled rule", &["rule-disabled"]);
    examined.emulator.call("AWSEvents.EnableRule", &rule).await;
    let change = async |version: &str, path: &str, input: Option<Value>| {
        examined.emulator.change_function(&examined.stack, "availability", version, path, input.as_ref()).await;
    };
    change("2017-10-31", "concurrency", Some(json!({ "ReservedConcurrentExecutions": 0 }))).await;
    examined.expect("throttled function", &["function-throttled"]);
    change("2017-10-31", "concurrency", None).await;
    let function = aws_function(&examined).await;
    change("2015-03-31", "configuration", Some(json!({ "Layers": [] }))).await;
    settled(&examined).await;
    examined.expect("older layer", &["layer-differs"]);
    let mut variables = function["Environment"].clone();
    variables["Variables"]["TOPIC_ONCALL"] = json!("arn:aws:sns:eu-north-1:000000000000:gone");
    let layers = json!([function["Layers"][0]["Arn"]]);
    change("2015-03-31", "configuration", Some(json!({ "Layers": layers, "Environment": variables }))).await;
    settled(&examined).await;
    examined.expect("changed variable", &["variable-differs"]);
    change("2015-03-31", "configuration", Some(json!({ "Environment": function["Environment"] }))).await;
    settled(&examined).await;
    examined.expect("sound again", &[]);

    // Alarms.
    let name = format!("just-driving-synthetics-{ENVIRONMENT}-oldest-unsent-notification");
    cloudwatch.disable_alarm_actions().alarm_names(&name).send().await.unwrap();
    examined.expect("disabled actions", &["alarm-actions-disabled"]);
    cloudwatch.enable_alarm_actions().alarm_names(&name).send().await.unwrap();
    let in_alarm = cloudwatch.set_alarm_state().alarm_name(&name).state_value("ALARM".into()).state_reason("a test");
    in_alarm.send().await.unwrap();
    let now = jiff::Timestamp::now();
    let rule = json!({
        "Name": format!("just-driving-synthetics-{ENVIRONMENT}-mute-availability"),
        "Rule": { "Schedule": {
            "Expression": (now - jiff::SignedDuration::from_mins(5)).strftime("at(%Y-%m-%dT%H:%M)").to_string(),
            "Duration": "PT1H",
        } },
        "MuteTargets": { "AlarmNames": [name] },
    });
    let rule_name = rule["Name"].as_str().unwrap().to_owned();
    examined.calls.mute_rules.set(&rule_name, Some(rule.clone()));
    examined.expect("muted in ALARM", &["muted-in-alarm"]);
    examined.calls.mute_rules.set(&rule_name, None);
    let report = examined.expect("in ALARM", &[]);
    assert!(report["findings"].as_array().unwrap().iter().any(|finding| finding["rule"] == "in-alarm"), "{report:#}");
    cloudwatch.delete_alarms().alarm_names(&name).send().await.unwrap();
    examined.expect("deleted alarm", &["alarm-missing"]);
    deploy_alarms(&examined, "Availability,Login");
    let errors = examined.examine_with(&examined.settings, &[]).errors;
    assert!(errors.contains(&"parameters-differ".to_owned()), "{errors:?}");
}

/// The account: SMS, the failure queue, a wrong region, and missing rights.
#[tokio::test(flavor = "multi_thread")]
async fn limits_and_missing_rights_are_named() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let environment = ENVIRONMENT;
    let settings = settings(platform.base_url());
    let emulator = Emulator::start(&[]);
    let stack = emulator.deploy(environment, &[("OnCallSms", "+4512345678"), ("WarningsEmail", "anna@example.com")]);
    let calls = Calls::to(emulator.url()).await;
    let sdk = emulator.sdk().await;
    let examined = Examined { emulator, calls, sdk, stack, settings };
    simulate(&examined, "allowed");
    let sms = |sandbox: bool, limit: &str, kind: &str| {
        let sandbox = format!(
            "<GetSMSSandboxAccountStatusResponse><GetSMSSandboxAccountStatusResult><IsInSandbox>{sandbox}</IsInSandbox>\
             </GetSMSSandboxAccountStatusResult></GetSMSSandboxAccountStatusResponse>"
        );
        let attributes = format!(
            "<GetSMSAttributesResponse><GetSMSAttributesResult><attributes><entry><key>MonthlySpendLimit</key>\
             <value>{limit}</value></entry><entry><key>DefaultSMSType</key><value>{kind}</value></entry></attributes>\
             </GetSMSAttributesResult></GetSMSAttributesResponse>"
        );
        examined.calls.answer("GetSMSSandboxAccountStatus", StatusCode::OK, sandbox);
        examined.calls.answer("GetSMSAttributes", StatusCode::OK, attributes);
    };
    sms(false, "20", "Transactional");
    deploy_alarms(&examined, "Availability");
    let store = aws_sdk_ssm::Client::new(&examined.sdk).put_parameter().name(SECRET).value("a-secret-of-the-test");
    store.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    examined.expect("sound", &[]);
    sms(true, "20", "Transactional");
    examined.expect("SMS sandbox", &["sms-sandbox"]);
    sms(false, "0.5", "Promotional");
    examined.expect("SMS limit and type", &["sms-type", "sms-limit"]);
    sms(false, "20", "Transactional");

    let queue = &examined.stack.outputs["FunctionFailuresUrl"];
    let sqs = aws_sdk_sqs::Client::new(&examined.sdk);
    sqs.send_message().queue_url(queue).message_body("{}").send().await.unwrap();
    let report = examined.expect("failed invocation", &["failed-invocations"]);
    let shown = report.to_string();
    assert!(!shown.contains("anna@example.com") && !shown.contains("+4512345678"), "{shown}");
    sqs.purge_queue().queue_url(queue).send().await.unwrap();

    let denied = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
    examined.calls.answer("DescribeRule", StatusCode::BAD_REQUEST, denied);
    let report = examined.expect("missing right", &[]);
    let denied = report["not_looked_at"].as_array().unwrap().iter().find(|not| not["what"] == "schedules").unwrap();
    assert!(denied["why"].as_str().unwrap().contains("operator-policy.json"), "{denied}");
    examined.calls.leave_to_the_emulator("DescribeRule");

    let seen = examined.examine_with(&examined.settings, &["--region", "eu-west-1"]);
    assert_eq!(seen.errors, ["stack-missing", "stack-missing"], "{:#}", seen.report);
}

/// Sends test messages to a queue that is subscribed to every topic.
async fn notify(examined: &Examined) {
    let sqs = aws_sdk_sqs::Client::new(&examined.sdk);
    let sns = aws_sdk_sns::Client::new(&examined.sdk);
    let url = sqs.create_queue().queue_name("tested").send().await.unwrap().queue_url.unwrap();
    let mut subscriptions = Vec::new();
    for topic in ["OnCallTopic", "WarningsTopic", "EventsTopic"] {
        let call = sns.subscribe().topic_arn(examined.topic(topic)).protocol("sqs");
        let call = call.endpoint(format!("arn:aws:sqs:{REGION}:000000000000:tested")).return_subscription_arn(true);
        subscriptions.push(call.send().await.unwrap().subscription_arn.unwrap());
    }
    let mut program = examined.program(&["notify", "test", "--environment", ENVIRONMENT, "--by", "anna"]);
    let output = tokio::task::block_in_place(|| program.output()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "oncall    sent    e-mail, SMS  2 sqs",
        "warnings  sent    e-mail, SMS  2 sqs",
        "events    sent    JSON         1 sqs",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }
    let mut bodies = Vec::new();
    while bodies.len() < 3 {
        let call = sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(2);
        let messages = call.send().await.unwrap().messages.unwrap_or_default();
        assert!(!messages.is_empty(), "expected 3 messages, found {bodies:?}");
        bodies.extend(messages.into_iter().map(|message| message.body.unwrap()));
    }
    let envelopes: Vec<Value> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    for envelope in &envelopes {
        assert_eq!(envelope["MessageAttributes"]["event"]["Value"], "test", "{envelope:#}");
        assert!(envelope["Message"].as_str().unwrap().contains("anna"), "{envelope:#}");
    }
    for subscription in subscriptions {
        sns.unsubscribe().subscription_arn(subscription).send().await.unwrap();
    }
}

/// Settings of the check availability alone, with one secret.
fn settings(base_url: &str) -> String {
    let demo = fs::read_to_string(repository().join("infra/layer/settings/demo.toml")).unwrap();
    let common = demo.split("\n[check.").next().unwrap();
    let common = settings::replaced(&settings::replaced(common, "base_url", base_url), "environment", ENVIRONMENT);
    format!(
        "{common}\n[check.availability]\n\n[[check.availability.targets]]\nid = \"front-page\"\npath = \"/\"\n\
         secret_headers.x-health = \"ssm:{SECRET}\"\n"
    )
}

/// Answers every simulation with this decision about the one secret.
fn simulate(examined: &Examined, decision: &str) {
    let answer = format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><SimulatePrincipalPolicyResult>\
         <IsTruncated>false</IsTruncated><EvaluationResults><member><EvalActionName>ssm:GetParameter</EvalActionName>\
         <EvalResourceName>arn:aws:ssm:{REGION}:000000000000:parameter{SECRET}</EvalResourceName>\
         <EvalDecision>{decision}</EvalDecision></member></EvaluationResults></SimulatePrincipalPolicyResult>\
         </SimulatePrincipalPolicyResponse>"
    );
    examined.calls.answer("SimulatePrincipalPolicy", StatusCode::OK, answer);
}

fn deploy_alarms(examined: &Examined, checks: &str) {
    let text = fs::read_to_string(repository().join("infra/alarms.yaml")).unwrap();
    let path = examined.own_file("alarms-examined.yaml");
    fs::write(&path, without_unsupported_resources(&text)).unwrap();
    let parameters = [("Environment", ENVIRONMENT), ("Checks", checks)];
    let parameters: BTreeMap<_, _> = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    examined.emulator.deploy_alarms(ENVIRONMENT, "alarms", &path, &parameters);
}

/// Configuration of the function of the check availability.
async fn aws_function(examined: &Examined) -> Value {
    let function = format!("just-driving-synthetics-{ENVIRONMENT}-availability");
    let url = format!("{}/2015-03-31/functions/{function}/configuration", examined.emulator.url());
    serde_json::from_str(&reqwest::get(url).await.unwrap().text().await.unwrap()).unwrap()
}

/// Waits until the last change of the function has taken effect.
async fn settled(examined: &Examined) {
    for _ in 0..100 {
        if aws_function(examined).await["LastUpdateStatus"] == "Successful" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the function was not updated");
}
