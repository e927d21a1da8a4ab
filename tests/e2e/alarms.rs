//! Deploys the alarm stacks next to the function stack and compares the alarms with those that the crate `alarm` reads.

use std::collections::BTreeMap;
use std::fs;

use alarm::{Alarm, Inputs, Source, Template};
use aws_sdk_cloudwatch::types::MetricAlarm;
use serde_json::Value;

use crate::emulator::{Emulator, target};
use crate::world::repository;

const ENVIRONMENT: &str = "alarms";
const CHECKS: &str =
    "Availability,Login,Queues,Application,Backend,Booking,PaymentWebhook,Integrations,Notifications,Reconciliation";

/// Parameters of `infra/platform.yaml`.
pub const PLATFORM: [(&str, &str); 6] = [
    ("LoadBalancer", "app/web/50dc6c495c0c9188"),
    ("TargetGroup", "targetgroup/web/73e2d6bc24d8a067"),
    ("Database", "just-driving"),
    ("Cache", "just-driving-001"),
    ("Servers", "i-0a1b2c3d4e5f60718,i-18f6e5d4c3b2a1070"),
    // Log groups that exist in this test.
    ("PlatformLogGroups", "/just-driving/alarms/synthetics/login,/just-driving/alarms/synthetics/booking"),
];

#[tokio::test(flavor = "multi_thread")]
async fn deployed_alarms_equal_the_evaluated_ones() {
    let emulator = &Emulator::start(&[]);
    let functions = emulator.deploy(ENVIRONMENT, &[]);
    let prefix = format!("just-driving-synthetics-{ENVIRONMENT}-");
    let imports = functions.outputs.iter();
    let imports = imports.map(|(name, value)| (format!("{prefix}{name}"), value.as_str().into())).collect();
    let environment = Inputs { imports, ..Inputs::default() }.with("Environment", ENVIRONMENT);
    let given = PLATFORM.iter().fold(environment, |inputs, (name, value)| inputs.with(name, value));
    let mut read = Vec::new();
    for stack in ["platform", "alarms"] {
        let file = format!("{stack}.yaml");
        let text = fs::read_to_string(repository().join("infra").join(&file)).unwrap();
        let (text, inputs) = match stack {
            "alarms" => (without_unsupported_resources(&text), given.clone().with("Checks", CHECKS)),
            _ => (without_queries(&text), given.clone()),
        };
        let path = target().join("tmp").join(&file);
        fs::write(&path, &text).unwrap();
        emulator.deploy_alarms(ENVIRONMENT, stack, &path, &inputs.parameters);
        let template = Template::read(&text, &inputs).unwrap();
        read.extend(alarm::alarms(&template).unwrap());
        for dashboard in template.resources_of_type("AWS::CloudWatch::Dashboard") {
            compare_dashboard(emulator, &dashboard.properties).await;
        }
    }

    let client = aws_sdk_cloudwatch::Client::new(&emulator.sdk().await);
    let mut deployed = BTreeMap::new();
    let mut pages = client.describe_alarms().alarm_name_prefix(&prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        for alarm in page.unwrap().metric_alarms.unwrap_or_default() {
            deployed.insert(alarm.alarm_name.clone().unwrap(), alarm);
        }
    }
    assert!(read.len() > 80, "{} alarms", read.len());
    let names: Vec<&str> = read.iter().map(Alarm::name).collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !deployed.contains_key(**name)).collect();
    assert!(missing.is_empty() && deployed.len() == names.len(), "{missing:?} of {}: {deployed:?}", names.len());
    for alarm in &read {
        let Alarm::Metric(alarm) = alarm else { panic!("{alarm:?}") };
        compare(alarm, &deployed[&alarm.name]);
    }
}

/// Compares a dashboard, apart from the account number, which differs in the emulator.
async fn compare_dashboard(emulator: &Emulator, read: &serde_json::Map<String, Value>) {
    let client = aws_sdk_cloudwatch::Client::new(&emulator.sdk().await);
    let name = read["DashboardName"].as_str().unwrap();
    let deployed = client.get_dashboard().dashboard_name(name).send().await.unwrap();
    let deployed: Value = serde_json::from_str(deployed.dashboard_body().unwrap()).unwrap();
    let read = read["DashboardBody"].as_str().unwrap().replace(&Inputs::default().account, "000000000000");
    assert_eq!(deployed, serde_json::from_str::<Value>(&read).unwrap());
}

fn compare(read: &alarm::MetricAlarm, deployed: &MetricAlarm) {
    let name = &read.name;
    let Source::Metric { metric, statistic } = &read.source else { panic!("{name}: {:?}", read.source) };
    let dimensions: BTreeMap<String, String> = deployed
        .dimensions()
        .iter()
        .map(|value| (value.name().unwrap_or_default().to_owned(), value.value().unwrap_or_default().to_owned()))
        .collect();
    assert_eq!(dimensions, metric.dimensions, "{name}");
    assert_eq!(
        (deployed.namespace(), deployed.metric_name()),
        (Some(metric.namespace.as_str()), Some(metric.name.as_str())),
        "{name}"
    );
    assert_eq!(deployed.statistic().map(|value| value.as_str()), Some(statistic.as_str()), "{name}");
    assert_eq!(deployed.period().map(i64::from), i64::try_from(read.period.as_secs()).ok(), "{name}");
    assert_eq!(deployed.threshold(), Some(read.threshold), "{name}");
    assert_eq!(deployed.comparison_operator().map(|value| value.as_str()), Some(read.comparison.as_str()), "{name}");
    let count = |count: usize| i32::try_from(count).ok();
    assert_eq!(deployed.evaluation_periods(), count(read.evaluation_periods), "{name}");
    assert_eq!(deployed.datapoints_to_alarm(), count(read.datapoints_to_alarm), "{name}");
    assert_eq!(deployed.treat_missing_data(), Some(read.missing.as_str()), "{name}");
    assert_eq!(deployed.alarm_actions(), read.actions.alarm, "{name}");
    assert_eq!(deployed.ok_actions(), read.actions.ok, "{name}");
    assert_eq!(deployed.alarm_description(), Some(read.description.as_str()), "{name}");
}

/// Removes composite alarms, saved queries and a list parameter, which the emulator does not support.
pub fn without_unsupported_resources(text: &str) -> String {
    // The emulator compares the whole list with each allowed value.
    let text = cut(text, "\n    AllowedValues:\n      - Availability", "\n  Runbooks:");
    let text = cut(&text, "\n  PlatformDown:\n    Type", "\n  # --- The dashboard");
    cut(&text, "\n  PlatformDown:\n    Condition", "\n  DashboardUrl:")
}

fn without_queries(text: &str) -> String {
    cut(text, "\n  PlatformLogsQuery:", "\n# =====")
}

fn cut(text: &str, from: &str, to: &str) -> String {
    let begin = text.find(from).unwrap_or_else(|| panic!("{from:?}"));
    let end = text[begin..].find(to).map_or(text.len(), |length| begin + length);
    format!("{}{}", &text[..begin], &text[end..])
}
