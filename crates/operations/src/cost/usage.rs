//! Monthly usage, counted from the templates and the settings. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use alarm::template::Resource;
use alarm::{Alarm, Inputs, Numbers, Template};
use anyhow::{Context, anyhow, bail};
use check::incident::IncidentRecord;
use check::metric::{CATALOGUE, Channel, Dimensions, Metric, OLDEST_UNSENT_NOTIFICATION};
use serde_json::Value;
use settings::unknown;
use toml::Table;

use super::assumed::{
    ADDRESSES, ALARM_MESSAGES_PER_INCIDENT, CACHE_SECONDS, ENDPOINT_KB, FAILED_INVOCATIONS, KEY_REQUESTS_PER_MESSAGE,
    LAMBDA_LINES_KB, MESSAGES_PER_INCIDENT, MONTH_DAYS, MONTH_SECONDS, RECORD_KB,
};
use super::bill::{Kind, Tariff, UsageItem};
use super::prices::Good;
use super::running::{Plan, Running, Sources, parameters, running, scheduled, select, series};
use crate::checks;

/// KB of 1,000 bytes in a GB.
const KB_IN_GB: f64 = 1_000_000.0;
/// Retention of incident records in the state table. **Units:** months.
const RECORD_MONTHS: f64 = IncidentRecord::KEPT.as_hours() as f64 / 24.0 / MONTH_DAYS as f64;

/// The monthly usage of a plan.
pub struct Usage {
    pub(super) items: Vec<UsageItem>,
    /// The checks that run, in the order of the template.
    pub running: Vec<Running>,
    /// Resource types that may cost money but have no price here, with the number of resources.
    pub unpriced: BTreeMap<String, usize>,
    /// True when a key is rotated. AWS bills each of its versions.
    pub has_rotating_key: bool,
    /// Running checks without settings, whose secrets and canaries are therefore unknown.
    pub without_settings: Vec<&'static str>,
}

/// Counts the monthly usage of a plan.
///
/// # Errors
/// When a template is invalid, a check is unknown, or the billing mode of a resource is not supported.
pub(super) fn usage(plan: &Plan, sources: &Sources<'_>) -> anyhow::Result<Usage> {
    let read = |file: &str, text: &str, inputs: &Inputs| {
        Template::read(text, inputs).map_err(|error| anyhow!("{file}: {error}"))
    };
    let inputs = |parameters: &BTreeMap<String, String>| {
        let inputs = Inputs { parameters: parameters.clone(), ..Inputs::default() };
        inputs.with("Environment", &plan.environment)
    };
    let mut function_inputs = inputs(&plan.parameters);
    function_inputs.parameters.remove("Checks");
    let plain = read("template.yaml", sources.functions, &function_inputs)?;
    let scheduled = scheduled(&plain)?;
    let selected = select(&scheduled, &plan.checks)?;
    let names: Vec<&str> = selected.iter().map(|check| check.name.as_str()).collect();
    let names = names.join(",");
    let functions = read("template.yaml", sources.functions, &function_inputs.with("Checks", &names))?;
    let alarm_inputs = Inputs { imports: functions.exports(), ..inputs(&plan.alarm_parameters) };
    let alarms = read("alarms.yaml", sources.alarms, &alarm_inputs.with("Checks", &names))?;

    for id in plan.cadences.keys().chain(plan.seconds.keys()) {
        if !selected.iter().any(|check| check.id == id) {
            let known: Vec<&str> = selected.iter().map(|check| check.id).collect();
            bail!("{}", unknown("running check", id, &known, checks::LIST));
        }
    }
    let running: anyhow::Result<Vec<Running>> =
        selected.iter().map(|check| running(plan, &functions, check, sources.settings)).collect();
    let mut counter = Counter { plan, running: running?, items: Vec::new() };
    counter.shared(&functions, &[&functions, &alarms]);
    counter.add_runs();
    counter.metrics();
    counter.alarms(&[&functions, &alarms])?;
    counter.state(&functions)?;
    counter.secrets(sources.settings);
    counter.canaries(sources.settings)?;
    let Counter { running, items, .. } = counter;
    let without_settings =
        selected.iter().map(|check| check.id).filter(|id| !sources.settings.contains_key(*id)).collect();
    let mut keys = [&functions, &alarms].into_iter().flat_map(|template| template.resources_of_type("AWS::KMS::Key"));
    let has_rotating_key = keys.any(|key| key.properties.get("EnableKeyRotation") == Some(&true.into()));
    Ok(Usage { items, running, has_rotating_key, unpriced: unpriced(&[&functions, &alarms]), without_settings })
}

/// Collects the usage items of a plan.
struct Counter<'a> {
    plan: &'a Plan,
    running: Vec<Running>,
    items: Vec<UsageItem>,
}

impl Counter<'_> {
    fn add(&mut self, kind: Kind, check: Option<&'static str>, good: Good, quantity: f64) {
        self.items.push(UsageItem { kind, check, tariff: Tariff::Listed(good), quantity });
    }

    /// Adds the usage that grows with the number of runs.
    fn add_runs(&mut self) {
        for running in self.running.clone() {
            let Running { typical, runs, .. } = running;
            let check = Some(typical.check);
            self.add(Kind::Calls, check, Good::MetricCall, runs);
            self.add(Kind::Functions, check, Good::FunctionRequest, runs);
            // Lambda's GB has 1,024 MB.
            self.add(Kind::Functions, check, running.time, runs * typical.seconds * running.memory_mb / 1_024.0);
            self.add(Kind::Rules, check, Good::Schedule, runs);
            let written = runs * (typical.line_kb + LAMBDA_LINES_KB) / KB_IN_GB;
            self.add(Kind::Logs, check, Good::LogWritten, written);
            self.add(Kind::Logs, check, Good::LogKept, written * running.retention_days / MONTH_DAYS as f64);
            if running.is_in_network {
                self.add(Kind::Endpoints, check, Good::EndpointData, runs * ENDPOINT_KB / KB_IN_GB);
            }
        }
    }

    /// Adds every metric that the checks may publish. AWS does not bill a metric in a month without data.
    fn metrics(&mut self) {
        for running in self.running.clone() {
            self.add(Kind::Metrics, Some(running.typical.check), Good::Metric, running.metrics as f64);
        }
        let creates = self.running.iter().any(|running| checks::creates(running.typical.check));
        let is_published = |metric: &&Metric| {
            metric.dimensions == Dimensions::Environment && (creates || metric.name == OLDEST_UNSENT_NOTIFICATION.name)
        };
        let shared: usize = CATALOGUE.iter().filter(is_published).map(series).sum();
        self.add(Kind::Metrics, None, Good::Metric, shared as f64);
    }

    /// Adds the alarms. AWS bills each metric that an alarm reads.
    fn alarms(&mut self, templates: &[&Template]) -> anyhow::Result<()> {
        for template in templates {
            for alarm in alarm::alarms(template).map_err(|error| anyhow!("alarms.yaml: {error}"))? {
                let Some(numbers) = alarm.numbers() else {
                    self.add(Kind::Composites, None, Good::Composite, 1.0);
                    continue;
                };
                let metrics = billed_metrics(&alarm, &numbers);
                if numbers.metrics.is_empty() {
                    self.add(Kind::Alarms, None, Good::Alarm, metrics);
                }
                for watched in &numbers.metrics {
                    let id = watched.metric.dimensions.get("Check");
                    let running =
                        self.running.iter_mut().find(|running| Some(running.typical.check) == id.map(String::as_str));
                    let check = running.map(|running| {
                        running.alarms += 1;
                        running.typical.check
                    });
                    self.add(Kind::Alarms, check, Good::Alarm, metrics);
                }
            }
        }
        Ok(())
    }

    /// Adds the state table. Each run reads and writes the check's item. A change of an incident writes the item and
    /// the incident record in a transaction, at twice the price, and writes the item again after the notification.
    fn state(&mut self, functions: &Template) -> anyhow::Result<()> {
        let Some(table) = functions.resources_of_type("AWS::DynamoDB::Table").next() else { return Ok(()) };
        let mode = table.properties.get("BillingMode").and_then(Value::as_str).unwrap_or("PROVISIONED");
        if mode != "PAY_PER_REQUEST" {
            bail!(
                "{}: expected the BillingMode PAY_PER_REQUEST, found {mode}: this program has no price for it",
                table.path()
            );
        }
        let is_encrypted_by_key = table.properties.get("SSESpecification").is_some_and(|sse| sse["SSEEnabled"] == true);
        let mut stored_kb = 0.0;
        for running in self.running.clone() {
            let Running { typical, runs, every_seconds, .. } = running;
            let check = Some(typical.check);
            self.add(Kind::State, check, Good::TableRead, runs * (typical.item_kb / 4.0).ceil());
            self.add(Kind::State, check, Good::TableWrite, runs * typical.item_kb.ceil());
            stored_kb += typical.item_kb;
            if is_encrypted_by_key {
                self.add(Kind::Keys, check, Good::KeyRequest, cached_reads(every_seconds));
            }
        }
        let item_kb = self.running.iter().map(|running| running.typical.item_kb).fold(0.0, f64::max);
        let changes = self.plan.incidents * MESSAGES_PER_INCIDENT;
        self.add(Kind::State, None, Good::TableWrite, changes * ((item_kb + RECORD_KB) * 2.0 + item_kb));
        stored_kb += self.plan.incidents * RECORD_MONTHS * RECORD_KB;
        let stored = stored_kb / KB_IN_GB;
        self.add(Kind::State, None, Good::TableStorage, stored);
        let backed_up = table.properties.get("PointInTimeRecoverySpecification");
        if backed_up.is_some_and(|backup| backup["PointInTimeRecoveryEnabled"] == true) {
            self.add(Kind::State, None, Good::TableBackup, stored);
        }
        Ok(())
    }

    /// Adds the reads of secrets. A function reads and decrypts each secret again after five minutes.
    fn secrets(&mut self, settings: &BTreeMap<String, Table>) {
        for running in self.running.clone() {
            let check = running.typical.check;
            let Some(section) = settings.get(check) else { continue };
            let reads = cached_reads(running.every_seconds);
            for reference in parameters(section) {
                self.add(Kind::Keys, Some(check), Good::KeyRequest, reads);
                if reference.starts_with("/aws/reference/secretsmanager/") {
                    self.add(Kind::Secrets, Some(check), Good::Secret, 1.0);
                    self.add(Kind::Secrets, Some(check), Good::SecretCall, reads);
                } else {
                    self.add(Kind::Secrets, Some(check), Good::ParameterCall, reads);
                }
            }
        }
    }

    /// Adds the resources that all checks share.
    fn shared(&mut self, functions: &Template, templates: &[&Template]) {
        let count = |kind: &str| {
            templates.iter().map(|template| template.resources_of_type(kind).count()).sum::<usize>() as f64
        };
        let keys = count("AWS::KMS::Key");
        for dashboard in templates.iter().flat_map(|template| template.resources_of_type("AWS::CloudWatch::Dashboard"))
        {
            let is_small = metrics_shown(dashboard) <= FREE_DASHBOARD_METRICS;
            let tariff =
                if is_small { Tariff::Listed(Good::Dashboard) } else { Tariff::WithoutAllowance(Good::Dashboard) };
            self.items.push(UsageItem { kind: Kind::Dashboards, check: None, tariff, quantity: 1.0 });
        }
        self.add(Kind::Keys, None, Good::Key, keys);
        let has_chat = functions.conditions.get("HasChatTopic").is_some_and(|has| *has);
        let topics = if has_chat { 3.0 } else { 2.0 };
        let incidents = self.plan.incidents;
        let messages = incidents * (MESSAGES_PER_INCIDENT * topics + ALARM_MESSAGES_PER_INCIDENT);
        self.add(Kind::Topics, None, Good::Publish, messages);
        self.add(
            Kind::Topics,
            None,
            Good::Email,
            incidents * (MESSAGES_PER_INCIDENT + ALARM_MESSAGES_PER_INCIDENT) * ADDRESSES,
        );
        if functions.resources_of_type("AWS::SNS::Topic").any(|topic| topic.properties.contains_key("KmsMasterKeyId")) {
            self.add(Kind::Keys, None, Good::KeyRequest, messages * KEY_REQUESTS_PER_MESSAGE);
        }
        if functions
            .resources_of_type("AWS::SNS::Subscription")
            .any(|subscription| subscription.properties.get("Protocol") == Some(&"sms".into()))
        {
            let tariff = Tariff::Settings { unit: "SMS to people", usd: None };
            self.items.push(UsageItem {
                kind: Kind::Topics,
                check: None,
                tariff,
                quantity: incidents * (MESSAGES_PER_INCIDENT + ALARM_MESSAGES_PER_INCIDENT),
            });
        }
        if functions.resources_of_type("AWS::SQS::Queue").next().is_some() {
            self.add(Kind::Failures, None, Good::QueueRequest, FAILED_INVOCATIONS);
        }
        let zones =
            |endpoint: &Resource| endpoint.properties.get("SubnetIds").and_then(Value::as_array).map_or(0, Vec::len);
        let is_paid = |endpoint: &&Resource| endpoint.properties.get("VpcEndpointType") == Some(&"Interface".into());
        let in_zones: usize = functions.resources_of_type("AWS::EC2::VPCEndpoint").filter(is_paid).map(zones).sum();
        self.add(Kind::Endpoints, None, Good::EndpointHour, (in_zones as u64 * MONTH_SECONDS / 3_600) as f64);
    }

    /// Adds canary e-mails and SMS, at the provider's price.
    fn canaries(&mut self, settings: &BTreeMap<String, Table>) -> anyhow::Result<()> {
        const CHECK: &str = "notifications";
        let Some(running) = self.running.iter().find(|running| running.typical.check == CHECK) else { return Ok(()) };
        let Some(section) = settings.get(CHECK) else { return Ok(()) };
        let runs_every = running.every_seconds;
        for channel in Channel::ALL {
            let Some(canary) = section.get(channel.as_str()).and_then(toml::Value::as_table) else { continue };
            let every = canary.get("every").and_then(toml::Value::as_str).unwrap_or_default();
            let every: jiff::SignedDuration =
                every.parse().with_context(|| format!("check.{CHECK}.{}.every", channel.as_str()))?;
            // The first run after a canary is due sends it.
            let every = every.as_secs().max(1).unsigned_abs().next_multiple_of(runs_every);
            let unit = match channel {
                Channel::Email => "e-mails",
                Channel::Sms => "SMS",
            };
            let usd =
                canary.get("price_usd").and_then(|price| price.as_float().or(price.as_integer().map(|usd| usd as f64)));
            let tariff = Tariff::Settings { unit, usd };
            let quantity = (MONTH_SECONDS / every) as f64;
            self.items.push(UsageItem { kind: Kind::Canaries, check: Some(CHECK), tariff, quantity });
        }
        Ok(())
    }
}

/// Number of metrics up to which a dashboard counts towards the free ones.
const FREE_DASHBOARD_METRICS: usize = 50;

/// Counts the metrics in the widgets of a dashboard, without expressions.
fn metrics_shown(dashboard: &Resource) -> usize {
    let body = dashboard.properties.get("DashboardBody").and_then(Value::as_str).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let widgets = body["widgets"].as_array().into_iter().flatten();
    let metrics = widgets.filter_map(|widget| widget["properties"]["metrics"].as_array()).flatten();
    metrics.filter(|metric| metric[0].is_string()).count()
}

/// Returns the number of reads in a month, given that a value is cached for five minutes.
fn cached_reads(every_seconds: u64) -> f64 {
    (MONTH_SECONDS / every_seconds.max(CACHE_SECONDS)) as f64
}

/// Resource types that cost nothing by themselves or are counted above.
/// Standard metrics that AWS bills for each metric of an alarm: three for the metric and the two bounds of an anomaly band,
/// and the price of three for periods below a minute.
fn billed_metrics(alarm: &Alarm, numbers: &Numbers) -> f64 {
    let has_band = match alarm {
        Alarm::Unreplayed(alarm) => alarm.not_replayed.iter().any(|part| part.property == "ThresholdMetricId"),
        Alarm::Metric(_) | Alarm::Composite(_) => false,
    };
    let is_short = numbers.period.is_some_and(|period| period < Duration::from_secs(60));
    [has_band, is_short].into_iter().filter(|applies| *applies).fold(1.0, |metrics, _| metrics * 3.0)
}

const KNOWN: [&str; 19] = [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::AlarmMuteRule",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::VPCEndpoint",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::Serverless::Function",
];

/// Counts the resources of types outside [`KNOWN`].
fn unpriced(templates: &[&Template]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for resource in templates.iter().flat_map(|template| &template.resources) {
        if !KNOWN.contains(&resource.kind.as_str()) && resource.kind != "AWS::Serverless::LayerVersion" {
            *found.entry(resource.kind.clone()).or_default() += 1;
        }
    }
    found
}
