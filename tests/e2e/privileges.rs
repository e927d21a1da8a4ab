//! Least privilege: what each function's role allows is what its runs ask of AWS, and what is written here with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use alarm::{Inputs, Template};
use demo_platform::faults::{FaultSpec, Shows, catalogue};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::{World, repository};

/// An action that a role must allow although no function asks for it.
struct Written {
    action: &'static str,
    /// The checks whose roles allow it; all of them when none is named.
    checks: &'static [&'static str],
    reason: &'static str,
}

const INTERFACES: &str = "Lambda puts the function into the private network; what runs within is denied it";
const IN_THE_NETWORK: &[&str] = &["backend", "queues"];

const WRITTEN: [Written; 12] = [
    Written { action: "logs:CreateLogStream", checks: &[], reason: "Lambda hands the log lines over, as the role" },
    Written { action: "logs:PutLogEvents", checks: &[], reason: "Lambda hands the log lines over, as the role" },
    Written {
        action: "sqs:SendMessage",
        checks: &[],
        reason: "Lambda keeps events of failed invocations, as the role",
    },
    Written { action: "kms:Decrypt", checks: &[], reason: "SNS, DynamoDB and SQS use the key in the caller's name" },
    Written { action: "kms:GenerateDataKey", checks: &[], reason: "SNS and SQS use the key in the caller's name" },
    Written {
        action: "secretsmanager:GetSecretValue",
        checks: &[],
        reason: "Parameter Store reads what a reference names, in the caller's name",
    },
    Written { action: "ec2:CreateNetworkInterface", checks: IN_THE_NETWORK, reason: INTERFACES },
    Written { action: "ec2:DescribeNetworkInterfaces", checks: IN_THE_NETWORK, reason: INTERFACES },
    Written { action: "ec2:DescribeSubnets", checks: IN_THE_NETWORK, reason: INTERFACES },
    Written { action: "ec2:DeleteNetworkInterface", checks: IN_THE_NETWORK, reason: INTERFACES },
    Written { action: "ec2:AssignPrivateIpAddresses", checks: IN_THE_NETWORK, reason: INTERFACES },
    Written { action: "ec2:UnassignPrivateIpAddresses", checks: IN_THE_NETWORK, reason: INTERFACES },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_role_allows_what_its_runs_ask_for_and_what_is_written_and_no_more() {
    let allowed = allowed(&template());
    let faults = catalogue().unwrap();
    // With more at a time the emulator is slow to answer.
    let places = Arc::new(Semaphore::new(4));
    let mut running = JoinSet::new();
    for check in allowed.keys().cloned() {
        let fault = faults.iter().find(|spec| spec.check == check && opens_an_incident(spec));
        let fault =
            fault.unwrap_or_else(|| panic!("{check}: the catalogue has no fault that opens an incident")).clone();
        let places = places.clone();
        running.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let observed = observed(&check, &fault).await;
            (check, observed)
        });
    }
    let mut observed = BTreeMap::new();
    while let Some(ended) = running.join_next().await {
        let (check, actions) = ended.unwrap();
        observed.insert(check, actions);
    }
    let functions = fs::read_dir(repository().join("functions")).unwrap().map(|entry| entry.unwrap().path());
    let functions = functions.filter(|folder| folder.join("Cargo.toml").is_file()).count();
    assert_eq!(observed.len(), functions, "not every function was run: {observed:?}");
    let wrong: Vec<String> =
        observed.iter().flat_map(|(check, observed)| differences(check, &allowed[check], observed)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_role_that_allows_more_or_less_is_found() {
    let set = |actions: &[&str]| actions.iter().map(|&action| action.to_owned()).collect::<BTreeSet<String>>();
    let written: Vec<&str> = WRITTEN.iter().filter(|own| own.checks.is_empty()).map(|own| own.action).collect();
    let with = |more: &[&str]| set(&[&written[..], more].concat());
    let asked = set(&["sns:Publish"]);
    assert_eq!(differences("login", &with(&["sns:Publish"]), &asked), [""; 0]);
    for (what, allowed, observed, expected) in [
        ("more", with(&["sns:Publish", "sns:Subscribe"]), &asked, "its role allows sns:Subscribe"),
        (
            "another check's",
            with(&["sns:Publish", "ec2:DescribeSubnets"]),
            &asked,
            "its role allows ec2:DescribeSubnets",
        ),
        ("less", with(&[]), &asked, "its runs ask for sns:Publish"),
        (
            "a reason for nothing",
            set(&[&written[1..], &["sns:Publish"]].concat()),
            &asked,
            "logs:CreateLogStream is written",
        ),
        ("a reason without need", with(&[]), &set(&["kms:Decrypt"]), "kms:Decrypt is written"),
    ] {
        let found = differences("login", &allowed, observed);
        assert!(found.len() == 1 && found[0].contains(expected), "{what}: {found:?}");
    }
}

/// How the two differ, apart from what is written.
fn differences(check: &str, allowed: &BTreeSet<String>, observed: &BTreeSet<String>) -> Vec<String> {
    let written: BTreeMap<&str, &str> = WRITTEN
        .iter()
        .filter(|own| own.checks.is_empty() || own.checks.contains(&check))
        .map(|own| (own.action, own.reason))
        .collect();
    let mut differences = Vec::new();
    for action in allowed.difference(observed).filter(|action| !written.contains_key(action.as_str())) {
        differences.push(format!("{check}: its role allows {action}, which no run asks for: remove it, or write why"));
    }
    for action in observed.difference(allowed) {
        differences.push(format!("{check}: its runs ask for {action}, which its role does not allow"));
    }
    for (action, reason) in written {
        if !allowed.contains(action) || observed.contains(action) {
            differences.push(format!(
                "{check}: {action} is written, since \"{reason}\": expected the role to allow it and no run to ask for it"
            ));
        }
    }
    differences
}

fn opens_an_incident(spec: &FaultSpec) -> bool {
    matches!(spec.shows, Shows::Failures(_)) && spec.lingers == 0 && !spec.leaves_leftovers
}

/// What the function asks for: from its cold start through a healthy run, an incident, and its end.
async fn observed(check: &str, spec: &FaultSpec) -> BTreeSet<String> {
    let environment = format!("allowed-{check}");
    let mut world = World::new(&environment).await;
    // Its demo settings are the only ones without a secret.
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

/// The template with every option taken, so that nothing that a role may ever do is left out.
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
    assert!(off.is_empty(), "these options are not taken: {off:?}");
    template
}

/// What the role of each check's function allows, by the check's id.
fn allowed(template: &Template) -> BTreeMap<String, BTreeSet<String>> {
    let mut of_roles: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for resource in template.resources.iter().filter(|resource| resource.kind.starts_with("AWS::IAM::")) {
        match resource.kind.as_str() {
            "AWS::IAM::Role" => {
                assert!(
                    !resource.properties.contains_key("ManagedPolicyArns"),
                    "{}: what they allow is not read",
                    resource.id
                );
                for policy in resource.properties["Policies"].as_array().unwrap() {
                    of_roles.entry(&resource.id).or_default().extend(actions(&policy["PolicyDocument"]));
                }
            }
            "AWS::IAM::Policy" => {
                for role in resource.properties["Roles"].as_array().unwrap() {
                    let role = role.as_str().unwrap().trim_matches(['$', '{', '}']);
                    of_roles.entry(role).or_default().extend(actions(&resource.properties["PolicyDocument"]));
                }
            }
            other => panic!("{}: what {other} allows is not read", resource.id),
        }
    }
    let functions = template.resources_of_type("AWS::Serverless::Function").map(|function| {
        assert!(!function.properties.contains_key("Policies"), "{}: its role stands apart", function.id);
        let name = function.properties["FunctionName"].as_str().unwrap();
        let check = name.strip_prefix("just-driving-synthetics-production-").unwrap().to_owned();
        let role = function.properties["Role"].as_str().unwrap();
        let role = role.strip_prefix("${").and_then(|role| role.strip_suffix(".Arn}")).unwrap();
        (check, of_roles[role].clone())
    });
    functions.collect()
}

/// What the statements of a policy allow.
fn actions(policy: &Value) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap().iter().filter(|statement| statement["Effect"] == "Allow");
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}
