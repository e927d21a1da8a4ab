//! The stack of alarms, deployed beside that of the functions: what the emulator makes of it is what the alarm crate reads.

use std::collections::BTreeMap;
use std::fs;

use alarm::{Alarm, Inputs, Source, Template};
use aws_sdk_cloudwatch::types::MetricAlarm;

use crate::emulator::{Emulator, target};
use crate::world::repository;

const ENVIRONMENT: &str = "alarms";
const CHECKS: &str =
    "Availability,Login,Queues,Application,Backend,Booking,PaymentWebhook,Integrations,Notifications,Reconciliation";

#[tokio::test(flavor = "multi_thread")]
async fn the_alarms_that_are_deployed_are_those_that_are_judged() {
    let emulator = Emulator::shared();
    let functions = emulator.deploy(ENVIRONMENT, &[]);
    let text = without_what_is_refused(&fs::read_to_string(repository().join("infra/alarms.yaml")).unwrap());
    let template = target().join("tmp/alarms.yaml");
    fs::write(&template, &text).unwrap();
    emulator.deploy_alarms(ENVIRONMENT, &template, CHECKS);

    let client = aws_sdk_cloudwatch::Client::new(&emulator.sdk().await);
    let prefix = format!("just-driving-synthetics-{ENVIRONMENT}-");
    let mut deployed = BTreeMap::new();
    let mut pages = client.describe_alarms().alarm_name_prefix(&prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        for alarm in page.unwrap().metric_alarms.unwrap_or_default() {
            deployed.insert(alarm.alarm_name.clone().unwrap(), alarm);
        }
    }

    let imports = functions.outputs.iter();
    let imports = imports.map(|(name, value)| (format!("{prefix}{name}"), value.as_str().into())).collect();
    let inputs = Inputs { imports, ..Inputs::default() }.with("Environment", ENVIRONMENT).with("Checks", CHECKS);
    let read = alarm::alarms(&Template::read(&text, &inputs).unwrap()).unwrap();
    assert!(read.len() > 60, "{} alarms", read.len());
    let names: Vec<&str> = read.iter().map(Alarm::name).collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !deployed.contains_key(**name)).collect();
    assert!(missing.is_empty() && deployed.len() == names.len(), "{missing:?} of {}: {deployed:?}", names.len());
    for alarm in &read {
        let Alarm::Metric(alarm) = alarm else { panic!("{alarm:?}") };
        compare(alarm, &deployed[&alarm.name]);
    }
}

fn compare(read: &alarm::MetricAlarm, deployed: &MetricAlarm) {
    let name = &read.name;
    let Source::Metric { metric, statistic } = &read.source else { panic!("{name}: {:?}", read.source) };
    let dimensions: BTreeMap<String, String> = deployed
        .dimensions()
        .iter()
        .map(|own| (own.name().unwrap_or_default().to_owned(), own.value().unwrap_or_default().to_owned()))
        .collect();
    assert_eq!(dimensions, metric.dimensions, "{name}");
    assert_eq!(
        (deployed.namespace(), deployed.metric_name()),
        (Some(metric.namespace.as_str()), Some(metric.name.as_str())),
        "{name}"
    );
    assert_eq!(deployed.statistic().map(|own| own.as_str()), Some(statistic.as_str()), "{name}");
    assert_eq!(deployed.period().map(i64::from), i64::try_from(read.period.as_secs()).ok(), "{name}");
    assert_eq!(deployed.threshold(), Some(read.threshold), "{name}");
    assert_eq!(deployed.comparison_operator().map(|own| own.as_str()), Some(read.comparison.as_str()), "{name}");
    let count = |count: usize| i32::try_from(count).ok();
    assert_eq!(deployed.evaluation_periods(), count(read.evaluation_periods), "{name}");
    assert_eq!(deployed.datapoints_to_alarm(), count(read.datapoints_to_alarm), "{name}");
    assert_eq!(deployed.treat_missing_data(), Some(read.missing.as_str()), "{name}");
    assert_eq!(deployed.alarm_actions(), read.actions.alarm, "{name}");
    assert_eq!(deployed.ok_actions(), read.actions.ok, "{name}");
    assert_eq!(deployed.alarm_description(), Some(read.description.as_str()), "{name}");
}

/// The emulator refuses composite alarms and saved queries.
fn without_what_is_refused(text: &str) -> String {
    let cut = |text: &str, from: &str, to: &str| {
        let begin = text.find(from).unwrap_or_else(|| panic!("{from:?}"));
        let end = text[begin..].find(to).map_or(text.len(), |length| begin + length);
        format!("{}{}", &text[..begin], &text[end..])
    };
    // It holds the list against them as if it were one value.
    let text = cut(text, "\n    AllowedValues:\n      - Availability", "\n  Runbooks:");
    let text = cut(&text, "\n  PlatformDown:\n    Type", "\n# =====");
    let text = cut(&text, "\nOutputs:\n", "\u{0}");
    cut(&text, "\n  # It needs both", "\n# =====")
}
