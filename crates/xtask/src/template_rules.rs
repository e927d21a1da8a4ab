//! Project-specific rules for `infra/template.yaml`, tested on its text.

use std::collections::BTreeSet;
use std::path::Path;

use crate::functions::pascal_case;

#[test]
fn every_function_is_in_the_template() {
    let names: BTreeSet<String> = function_ids().iter().map(|id| pascal_case(id)).collect();
    assert!(!names.is_empty(), "no functions found");

    for id in function_ids() {
        let name = pascal_case(&id);
        for (part, text) in [
            ("an entry of the mapping Checks", format!("\n    {name}: {{ Id: {id}, Schedule: ")),
            ("a resource", format!("\n  {name}Function:\n    Type: AWS::Serverless::Function\n")),
            ("its own code", format!("\n      CodeUri: ../functions/{id}/\n")),
            ("its own name", format!("-synthetics-${{Environment}}-{id}\n")),
            ("its own role", format!("\n      Role: !GetAtt {name}Role.Arn\n")),
            ("its own log group", format!("\n        LogGroup: !Ref {name}LogGroup\n")),
        ] {
            assert!(TEMPLATE.contains(&text), "expected {part} for the function {id}: {text:?}");
        }
    }

    let loops: Vec<&str> = after_each("# FUNCTIONS\n");
    assert_eq!(loops.len(), 2, "expected two loops, for log groups and roles");
    for list in loops {
        let list: BTreeSet<String> =
            list.trim().trim_matches(['-', ' ', '[', ']']).split(", ").map(Into::into).collect();
        assert_eq!(list, names, "each loop must contain all functions");
    }
    let allowed: BTreeSet<String> = block("  Checks:\n", "    AllowedValues:\n").map(Into::into).collect();
    assert_eq!(allowed, names, "the parameter Checks must allow all functions");
}

#[test]
fn checks_with_different_cadence_start_in_different_minutes() {
    let mut five = BTreeSet::<u32>::new();
    let mut fifteen = BTreeSet::new();
    for schedule in after_each("Schedule: \"cron(") {
        let minutes = schedule.split(' ').next().unwrap_or_default();
        match minutes.split_once('/') {
            None => assert_eq!(minutes, "*", "unknown cadence"),
            Some((first, "5")) => {
                let minute = first.parse::<u32>().unwrap() % 5;
                assert!(five.insert(minute), "two checks start in minute {minute} of every five");
            }
            Some((first, "15")) => {
                fifteen.insert(first.parse::<u32>().unwrap() % 5);
            }
            Some(_) => panic!("unknown cadence: cron({minutes}"),
        }
    }
    assert!(!five.is_empty() && !fifteen.is_empty(), "no schedules found");
    assert!(five.is_disjoint(&fifteen), "these minutes of every five overlap: {five:?} and {fifteen:?}");
}

/// Actions that Lambda needs for a function in a private network.
const INTERFACES: [&str; 6] = [
    "- ec2:CreateNetworkInterface",
    "- ec2:DescribeNetworkInterfaces",
    "- ec2:DescribeSubnets",
    "- ec2:DeleteNetworkInterface",
    "- ec2:AssignPrivateIpAddresses",
    "- ec2:UnassignPrivateIpAddresses",
];

#[test]
fn every_check_has_the_cadence_of_alarms_and_costs() {
    let schedules = after_each("Id: ").into_iter().filter_map(|rest| {
        let (id, rest) = rest.split_once(", Schedule: \"cron(")?;
        let minutes = rest.split(' ').next()?;
        let every = minutes.split_once('/').map_or(1, |(_, every)| every.parse::<u32>().unwrap());
        Some((id, every))
    });
    let expected = [
        ("availability", 1),
        ("login", 1),
        ("queues", 1),
        ("application", 1),
        ("backend", 1),
        ("notifications", 5),
        ("booking", 5),
        ("payment-webhook", 5),
        ("integrations", 5),
        ("reconciliation", 15),
    ];
    assert_eq!(schedules.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
}

/// CloudFormation's language extensions take a body that begins with `Condition` for the function of that name.
#[test]
fn no_body_of_a_loop_begins_with_a_condition() {
    let mut bodies = 0;
    for (file, text) in TEMPLATES {
        for (number, (name, first)) in text.lines().zip(text.lines().skip(1)).enumerate() {
            let key = name.trim_start_matches([' ', '-']);
            if !(["${", "&{"].iter().any(|place| key.contains(place)) && key.ends_with(':') && !key.contains(' ')) {
                continue;
            }
            bodies += 1;
            let first = first.trim_start();
            assert!(!first.starts_with("Condition:"), "infra/{file}:{}: move Condition below Type", number + 2);
        }
    }
    assert!(bodies > 8, "the rule matches {bodies} bodies");
}

#[test]
fn deployer_may_use_every_service_of_the_templates() {
    let policy = include_str!("../../../docs/deploy/deployer-policy.json");
    let types =
        TEMPLATES.iter().flat_map(|(_, text)| text.lines()).filter_map(|line| line.trim().strip_prefix("Type: AWS::"));
    let services: BTreeSet<String> = types
        .filter_map(|name| name.split("::").next())
        // Resources of SAM become functions, layers and permissions.
        .map(|service| service.to_ascii_lowercase().replace("serverless", "lambda"))
        .filter(|service| !service.contains('<'))
        .collect();
    assert!(services.len() >= 9, "{services:?}");
    for service in services {
        assert!(
            policy.contains(&format!("\"{service}:")),
            "docs/deploy/deployer-policy.json allows nothing of {service}"
        );
    }
}

#[test]
fn no_role_allows_everything() {
    let wildcards: Vec<usize> = lines_with("Resource: \"*\"");
    for line in &wildcards {
        // Allowed wildcards: the policy of the key, which applies to that key only; PutMetricData, which has no resources;
        // deny statements; and the network interfaces that Lambda needs to attach a function to a network.
        let before = TEMPLATE.lines().take(*line).collect::<Vec<_>>();
        let in_key_policy =
            before.iter().rev().find(|line| line.contains("PolicyDocument:") || line.contains("KeyPolicy:"));
        let puts_metrics = before.iter().rev().take(4).any(|line| line.contains("cloudwatch:PutMetricData"));
        let statement = before.iter().rev().take_while(|line| !line.contains("Sid:")).map(|line| line.trim());
        let (forbids, actions): (Vec<&str>, Vec<&str>) = statement
            .filter(|line| *line == "Effect: Deny" || line.starts_with("- "))
            .partition(|line| *line == "Effect: Deny");
        let makes_interfaces = !actions.is_empty() && actions.iter().all(|action| INTERFACES.contains(action));
        assert!(
            puts_metrics
                || !forbids.is_empty()
                || makes_interfaces
                || in_key_policy.is_some_and(|line| line.contains("KeyPolicy:")),
            "infra/template.yaml:{}: a role allows an action on every resource",
            line + 1
        );
    }
    assert!(!wildcards.is_empty(), "the rule matches nothing");
    assert_eq!(lines_with("Action: \"*\""), [0; 0]);
    assert_eq!(lines_with("ManagedPolicyArns"), [0; 0], "managed policies allow every log group");
    assert_eq!(lines_with("cloudwatch:namespace: JustDriving/Synthetics").len(), 1);
}

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");
const TEMPLATES: [(&str, &str); 3] = [
    ("template.yaml", TEMPLATE),
    ("alarms.yaml", include_str!("../../../infra/alarms.yaml")),
    ("platform.yaml", include_str!("../../../infra/platform.yaml")),
];

fn function_ids() -> Vec<String> {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    let folders = functions.read_dir().unwrap().map(|entry| entry.unwrap());
    folders
        .filter(|folder| folder.path().join("Cargo.toml").is_file())
        .map(|folder| folder.file_name().into_string().unwrap())
        .filter(|id| !crate::workspace::ON_ONE_MACHINE.contains(&id.as_str()))
        .collect()
}

/// Rest of the line after each occurrence of a text.
fn after_each(start: &str) -> Vec<&'static str> {
    TEMPLATE.split(start).skip(1).map(|rest| rest.lines().next().unwrap_or_default()).collect()
}

/// List below a key of a parameter.
fn block(parameter: &str, key: &str) -> impl Iterator<Item = &'static str> {
    let below = TEMPLATE.split(parameter).nth(1).and_then(|rest| rest.split(key).nth(1)).unwrap_or_default();
    below.lines().map_while(|line| line.trim().strip_prefix("- "))
}

/// Indexes of the lines that contain the text, from 0.
fn lines_with(text: &str) -> Vec<usize> {
    TEMPLATE.lines().enumerate().filter(|(_, line)| line.contains(text)).map(|(number, _)| number).collect()
}
