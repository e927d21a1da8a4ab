//! Least privilege: the role of each function allows exactly the actions that its runs call, plus the exceptions below.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use alarm::{Inputs, Template};
use demo_platform::faults::{FaultSpec, Shows, catalogue};
use operations::checks;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::{World, repository};

/// An action that a role must allow although no function calls it.
struct Exception {
    action: &'static str,
    /// Checks whose roles allow the action; all checks when empty.
    checks: &'static [&'static str],
    reason: &'static str,
}

const INTERFACES: &str = "Lambda attaches the function to the private network; the code in the function is denied it";
const IN_THE_NETWORK: &[&str] = &["backend", "queues"];

const EXCEPTIONS: [Exception; 12] = [
    Exception { action: "logs:CreateLogStream", checks: &[], reason: "Lambda writes the log lines with the role" },
    Exception { action: "logs:PutLogEvents", checks: &[], reason: "Lambda writes the log lines with the role" },
    Exception {
        action: "sqs:SendMessage",
        checks: &[],
        reason: "Lambda queues events of failed invocations with the role",
    },
    Exception {
        action: "kms:Decrypt",
        checks: &[],
        reason: "SNS, DynamoDB and SQS use the key on behalf of the caller",
    },
    Exception { action: "kms:GenerateDataKey", checks: &[], reason: "SNS and SQS use the key on behalf of the caller" },
    Exception {
        action: "secretsmanager:GetSecretValue",
        checks: &[],
        reason: "Parameter Store reads the referenced secret on behalf of the caller",
    },
    Exception { action: "ec2:CreateNetworkInterface", checks: IN_THE_NETWORK, reason: INTERFACES },
    Exception { action: "ec2:DescribeNetworkInterfaces", checks: IN_THE_NETWORK, reason: INTERFACES },
    Exception { action: "ec2:DescribeSubnets", checks: IN_THE_NETWORK, reason: INTERFACES },
    Exception { action: "ec2:DeleteNetworkInterface", checks: IN_THE_NETWORK, reason: INTERFACES },
    Exception { action: "ec2:AssignPrivateIpAddresses", checks: IN_THE_NETWORK, reason: INTERFACES },
    Exception { action: "ec2:UnassignPrivateIpAddresses", checks: IN_THE_NETWORK, reason: INTERFACES },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_role_allows_exactly_the_calls_of_its_runs() {
    let allowed = allowed(&template());
    let faults = catalogue().unwrap();
    // The emulator answers slowly when more functions run at the same time.
    let permits = Arc::new(Semaphore::new(4));
    let mut running = JoinSet::new();
    for check in allowed.keys().cloned() {
        let fault = faults.iter().find(|spec| spec.check == check && opens_an_incident(spec));
        let fault =
            fault.unwrap_or_else(|| panic!("{check}: the catalogue has no fault that opens an incident")).clone();
        let permits = permits.clone();
        running.spawn(async move {
            let _permit = permits.acquire_owned().await.unwrap();
            let called = called_actions(&check, &fault).await;
            (check, called)
        });
    }
    let mut called = BTreeMap::new();
    while let Some(ended) = running.join_next().await {
        let (check, actions) = ended.unwrap();
        called.insert(check, actions);
    }
    let deployed: BTreeSet<&str> = checks::deployed().into_iter().collect();
    assert_eq!(
        called.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        deployed,
        "expected a run of every function"
    );
    let wrong: Vec<String> =
        called.iter().flat_map(|(check, called)| differences(check, &allowed[check], called)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn role_that_allows_too_much_or_too_little_is_found() {
    let set = |actions: &[&str]| actions.iter().map(|&action| action.to_owned()).collect::<BTreeSet<String>>();
    let common: Vec<&str> =
        EXCEPTIONS.iter().filter(|entry| entry.checks.is_empty()).map(|entry| entry.action).collect();
    let with = |more: &[&str]| set(&[&common[..], more].concat());
    let called = set(&["sns:Publish"]);
    assert_eq!(differences("login", &with(&["sns:Publish"]), &called), [""; 0]);
    for (name, allowed, called, expected) in [
        ("too much", with(&["sns:Publish", "sns:Subscribe"]), &called, "its role allows sns:Subscribe"),
        (
            "exception of another check",
            with(&["sns:Publish", "ec2:DescribeSubnets"]),
            &called,
            "its role allows ec2:DescribeSubnets",
        ),
        ("too little", with(&[]), &called, "its runs call sns:Publish"),
        (
            "exception that the role does not allow",
            set(&[&common[1..], &["sns:Publish"]].concat()),
            &called,
            "logs:CreateLogStream is an exception",
        ),
        ("exception that a run calls", with(&[]), &set(&["kms:Decrypt"]), "kms:Decrypt is an exception"),
    ] {
        let found = differences("login", &allowed, called);
        assert!(found.len() == 1 && found[0].contains(expected), "{name}: {found:?}");
    }
}

/// Differences between allowed and called actions, apart from the exceptions.
fn differences(check: &str, allowed: &BTreeSet<String>, called: &BTreeSet<String>) -> Vec<String> {
    let exceptions: BTreeMap<&str, &str> = EXCEPTIONS
        .iter()
        .filter(|entry| entry.checks.is_empty() || entry.checks.contains(&check))
        .map(|entry| (entry.action, entry.reason))
        .collect();
    let mut differences = Vec::new();
    for action in allowed.difference(called).filter(|action| !exceptions.contains_key(action.as_str())) {
        differences
            .push(format!("{check}: its role allows {action}, which no run calls: remove it or add an exception"));
    }
    for action in called.difference(allowed) {
        differences.push(format!("{check}: its runs call {action}, which its role does not allow"));
    }
    for (action, reason) in exceptions {
        if !allowed.contains(action) || called.contains(action) {
            differences.push(format!(
                "{check}: {action} is an exception because \"{reason}\": expected the role to allow it and no run to call it"
            ));
        }
    }
    differences
}

fn opens_an_incident(spec: &FaultSpec) -> bool {
    matches!(spec.shows, Shows::Failures(_)) && spec.lingers == 0 && !spec.leaves_leftovers
}

/// Actions that the function calls from its cold start through a healthy run, an incident and its recovery.
async fn called_actions(check: &str, spec: &FaultSpec) -> BTreeSet<String> {
    let environment = format!("allowed-{check}");
    let mut world = World::new(&environment).await;
    // Only the demo settings of this check have no secret.
    if check == "availability" {
        let parameter = format!("/just-driving/{environment}/{check}/api-key");
        world.put_parameter(&parameter, "k3y-of-the-status-api").await;
        let id = "id = \"status-api\"\n";
        world.replace(id, &format!("{id}secret_headers.x-api-key = \"ssm:{parameter}\"\n"));
    }
    let function = world.start(check).await;
    let invoked = world.run(&function).await;
    assert_eq!(invoked.outcome(), "passed", "{check}: {:#}", invoked.report());
    world.platform.faults().activate(spec.fault);
    let mut events = Vec::new();
    for _ in 0..spec.runs.get() {
        world.run_after(&function, spec.every).await;
        events.extend(world.received().await.events);
    }
    world.platform.faults().clear(spec.fault);
    for _ in 0..2 {
        world.run(&function).await;
        events.extend(world.received().await.events);
    }
    let events: Vec<Value> = events.iter().map(|message| message.json()["event"].clone()).collect();
    assert_eq!(events, ["opened", "recovered"], "{check}, by {}", spec.fault);
    world.calls.actions()
}

/// The template with every option enabled, so that roles have all the actions they can ever have.
fn template() -> Template {
    let inputs = [
        ("Environment", "production"),
        ("SettingsFile", "/opt/settings/other.toml"),
        ("OnCallEmail", "oncall@justdriving.example"),
        ("OnCallSms", "+4512345678"),
        ("WarningsEmail", "team@justdriving.example"),
        ("ChatTopic", "arn:aws:sns:eu-north-1:123456789012:chat"),
        ("ReservedConcurrency", "2"),
        ("PrivateSubnets", "subnet-0a"),
        ("PrivateSecurityGroups", "sg-0a"),
        ("PrivateVpc", "vpc-0a"),
        ("PrivateRouteTables", "rtb-0a"),
        ("QueuesInVpc", "true"),
    ];
    let inputs = inputs.iter().fold(Inputs::default(), |inputs, (name, value)| inputs.with(name, value));
    let text = fs::read_to_string(repository().join("infra/template.yaml")).unwrap();
    let template = Template::read(&text, &inputs).unwrap();
    let off: Vec<&String> = template.conditions.iter().filter(|(_, holds)| !**holds).map(|(name, _)| name).collect();
    assert!(off.is_empty(), "these options are not enabled: {off:?}");
    template
}

/// Actions that the role of each function allows, by check id.
fn allowed(template: &Template) -> BTreeMap<String, BTreeSet<String>> {
    let mut actions_by_role: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for resource in template.resources.iter().filter(|resource| resource.kind.starts_with("AWS::IAM::")) {
        match resource.kind.as_str() {
            "AWS::IAM::Role" => {
                assert!(
                    !resource.properties.contains_key("ManagedPolicyArns"),
                    "{}: managed policies are not supported here",
                    resource.id
                );
                for policy in resource.properties["Policies"].as_array().unwrap() {
                    actions_by_role.entry(&resource.id).or_default().extend(actions(&policy["PolicyDocument"]));
                }
            }
            "AWS::IAM::Policy" => {
                for role in resource.properties["Roles"].as_array().unwrap() {
                    let role = role.as_str().unwrap().trim_matches(['$', '{', '}']);
                    actions_by_role.entry(role).or_default().extend(actions(&resource.properties["PolicyDocument"]));
                }
            }
            other => panic!("{}: {other} is not supported here", resource.id),
        }
    }
    let functions = template.resources_of_type("AWS::Serverless::Function").map(|function| {
        assert!(!function.properties.contains_key("Policies"), "{}: expected a separate role", function.id);
        let name = function.properties["FunctionName"].as_str().unwrap();
        let check = name.strip_prefix("just-driving-synthetics-production-").unwrap().to_owned();
        let role = function.properties["Role"].as_str().unwrap();
        let role = role.strip_prefix("${").and_then(|role| role.strip_suffix(".Arn}")).unwrap();
        (check, actions_by_role[role].clone())
    });
    functions.collect()
}

/// Actions that the statements of a policy allow.
fn actions(policy: &Value) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap().iter().filter(|statement| statement["Effect"] == "Allow");
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}
