//! What is used in a month: counted in the templates and the settings; pure.

use std::collections::BTreeMap;

use alarm::template::Resource;
use alarm::{Alarm, Inputs, Template};
use anyhow::{Context, anyhow, bail};
use check::incident::IncidentRecord;
use check::metric::{CATALOGUE, Channel, Dimensions, Metric, OLDEST_UNSENT_NOTIFICATION};
use serde_json::Value;
use toml::Table;

use super::assumed::{
    ADDRESSES, ALARM_MESSAGES, ENDPOINT_KB, FAILED_INVOCATIONS, KEPT_SECONDS, KEY_REQUESTS_PER_MESSAGE,
    LAMBDA_LINES_KB, MESSAGES, MONTH_DAYS, MONTH_SECONDS, RECORD_KB,
};
use super::bill::{Kind, Tariff, Used};
use super::prices::Good;
use super::running::{Plan, Running, Sources, references, running, scheduled, series, wanted};
use crate::checks;

/// KB of 1,000 bytes in a GB.
const KB_IN_GB: f64 = 1_000_000.0;
/// For how long the table keeps the record of an incident. **Units:** months.
const RECORD_MONTHS: f64 = IncidentRecord::KEPT.as_hours() as f64 / 24.0 / MONTH_DAYS as f64;

/// What is used, and by whom.
pub(super) struct Usage {
    pub(super) used: Vec<Used>,
    /// In the order of the template.
    pub(super) running: Vec<Running>,
    /// Types of resources that may cost and are not known here, with how many there are.
    pub(super) not_reckoned: BTreeMap<String, usize>,
    /// Whether a key is rotated: each of its versions is billed.
    pub(super) has_rotating_key: bool,
    /// Checks that run and have no settings: their secrets and canaries are not known.
    pub(super) without_settings: Vec<&'static str>,
}

/// What is used by a plan.
///
/// # Errors
/// When a template cannot be read, a check is unknown, or something is billed in a way that is not known here.
pub(super) fn usage(plan: &Plan, sources: &Sources<'_>) -> anyhow::Result<Usage> {
    let read = |file: &str, text: &str, inputs: &Inputs| {
        Template::read(text, inputs).map_err(|error| anyhow!("{file}: {error}"))
    };
    let inputs = |parameters: &BTreeMap<String, String>| {
        let inputs = Inputs { parameters: parameters.clone(), ..Inputs::default() };
        inputs.with("Environment", &plan.environment)
    };
    let mut own = inputs(&plan.parameters);
    own.parameters.remove("Checks");
    let plain = read("template.yaml", sources.functions, &own)?;
    let scheduled = scheduled(&plain)?;
    let wanted = wanted(&scheduled, &plan.checks)?;
    let names: Vec<&str> = wanted.iter().map(|check| check.name.as_str()).collect();
    let names = names.join(",");
    let functions = read("template.yaml", sources.functions, &own.with("Checks", &names))?;
    let alarm_inputs = Inputs { imports: functions.exports(), ..inputs(&plan.alarm_parameters) };
    let alarms = read("alarms.yaml", sources.alarms, &alarm_inputs.with("Checks", &names))?;

    for id in plan.cadences.keys().chain(plan.seconds.keys()) {
        if !wanted.iter().any(|check| check.id == id) {
            let known: Vec<&str> = wanted.iter().map(|check| check.id).collect();
            bail!("no check `{id}` runs; there are {}", known.join(", "));
        }
    }
    let running: anyhow::Result<Vec<Running>> =
        wanted.iter().map(|check| running(plan, &functions, check, sources.settings)).collect();
    let mut counting = Counting { plan, running: running?, used: Vec::new() };
    counting.shared(&functions, &[&functions, &alarms]);
    counting.add_runs();
    counting.metrics();
    counting.alarms(&[&functions, &alarms])?;
    counting.state(&functions)?;
    counting.secrets(sources.settings);
    counting.canaries(sources.settings)?;
    let Counting { running, used, .. } = counting;
    let without_settings =
        wanted.iter().map(|check| check.id).filter(|id| !sources.settings.contains_key(*id)).collect();
    let mut keys = [&functions, &alarms].into_iter().flat_map(|template| template.resources_of_type("AWS::KMS::Key"));
    let has_rotating_key = keys.any(|key| key.properties.get("EnableKeyRotation") == Some(&true.into()));
    Ok(Usage { used, running, has_rotating_key, not_reckoned: not_reckoned(&[&functions, &alarms]), without_settings })
}

struct Counting<'a> {
    plan: &'a Plan,
    running: Vec<Running>,
    used: Vec<Used>,
}

impl Counting<'_> {
    fn add(&mut self, kind: Kind, check: Option<&'static str>, good: Good, quantity: f64) {
        self.used.push(Used { kind, check, tariff: Tariff::Listed(good), quantity });
    }

    /// What grows with the number of runs.
    fn add_runs(&mut self) {
        for running in self.running.clone() {
            let Running { usual, runs, .. } = running;
            let check = Some(usual.check);
            self.add(Kind::Calls, check, Good::MetricCall, runs);
            self.add(Kind::Functions, check, Good::FunctionRequest, runs);
            // Lambda's GB are of 1,024 MB.
            self.add(Kind::Functions, check, running.time, runs * usual.seconds * running.memory_mb / 1_024.0);
            self.add(Kind::Rules, check, Good::Schedule, runs);
            let written = runs * (usual.line_kb + LAMBDA_LINES_KB) / KB_IN_GB;
            self.add(Kind::Logs, check, Good::LogWritten, written);
            self.add(Kind::Logs, check, Good::LogKept, written * running.retention_days / MONTH_DAYS as f64);
            if running.is_in_network {
                self.add(Kind::Endpoints, check, Good::EndpointData, runs * ENDPOINT_KB / KB_IN_GB);
            }
        }
    }

    /// Every metric that may be published: one that is missing in a month costs nothing in it.
    fn metrics(&mut self) {
        for running in self.running.clone() {
            self.add(Kind::Metrics, Some(running.usual.check), Good::Metric, running.metrics as f64);
        }
        let creates = self.running.iter().any(|running| checks::creates(running.usual.check));
        let is_published = |metric: &&Metric| {
            metric.dimensions == Dimensions::Environment && (creates || metric.name == OLDEST_UNSENT_NOTIFICATION.name)
        };
        let of_all: usize = CATALOGUE.iter().filter(is_published).map(series).sum();
        self.add(Kind::Metrics, None, Good::Metric, of_all as f64);
    }

    /// An alarm costs for each metric that it reads.
    fn alarms(&mut self, templates: &[&Template]) -> anyhow::Result<()> {
        for template in templates {
            for alarm in alarm::alarms(template).map_err(|error| anyhow!("alarms.yaml: {error}"))? {
                let Alarm::Metric(alarm) = alarm else {
                    self.add(Kind::Composites, None, Good::Composite, 1.0);
                    continue;
                };
                for (metric, _) in alarm.source.metrics() {
                    let id = metric.dimensions.get("Check");
                    let running =
                        self.running.iter_mut().find(|running| Some(running.usual.check) == id.map(String::as_str));
                    let check = running.map(|running| {
                        running.alarms += 1;
                        running.usual.check
                    });
                    self.add(Kind::Alarms, check, Good::Alarm, 1.0);
                }
            }
        }
        Ok(())
    }

    /// A run reads the check's item and writes it. An incident's change is a transaction with its record, at twice the price,
    /// and another write when it is told.
    fn state(&mut self, functions: &Template) -> anyhow::Result<()> {
        let Some(table) = functions.resources_of_type("AWS::DynamoDB::Table").next() else { return Ok(()) };
        let mode = table.properties.get("BillingMode").and_then(Value::as_str).unwrap_or("PROVISIONED");
        if mode != "PAY_PER_REQUEST" {
            bail!(
                "{}: expected the BillingMode PAY_PER_REQUEST, found {mode}: what it costs is not known here",
                table.path()
            );
        }
        let is_encrypted_by_key = table.properties.get("SSESpecification").is_some_and(|sse| sse["SSEEnabled"] == true);
        let mut stored_kb = 0.0;
        for running in self.running.clone() {
            let Running { usual, runs, every_seconds, .. } = running;
            let check = Some(usual.check);
            self.add(Kind::State, check, Good::TableRead, runs * (usual.item_kb / 4.0).ceil());
            self.add(Kind::State, check, Good::TableWrite, runs * usual.item_kb.ceil());
            stored_kb += usual.item_kb;
            if is_encrypted_by_key {
                self.add(Kind::Keys, check, Good::KeyRequest, after(every_seconds));
            }
        }
        let item_kb = self.running.iter().map(|running| running.usual.item_kb).fold(0.0, f64::max);
        let changes = self.plan.incidents * MESSAGES;
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

    /// Each secret is read again after five minutes, and decrypted each time.
    fn secrets(&mut self, settings: &BTreeMap<String, Table>) {
        for running in self.running.clone() {
            let check = running.usual.check;
            let Some(section) = settings.get(check) else { continue };
            let reads = after(running.every_seconds);
            for reference in references(section) {
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

    /// What is there once for all checks.
    fn shared(&mut self, functions: &Template, templates: &[&Template]) {
        let count = |kind: &str| {
            templates.iter().map(|template| template.resources_of_type(kind).count()).sum::<usize>() as f64
        };
        let keys = count("AWS::KMS::Key");
        for dashboard in templates.iter().flat_map(|template| template.resources_of_type("AWS::CloudWatch::Dashboard"))
        {
            let is_small = metrics_shown(dashboard) <= FREE_DASHBOARD_METRICS;
            let tariff = if is_small { Tariff::Listed(Good::Dashboard) } else { Tariff::Unfree(Good::Dashboard) };
            self.used.push(Used { kind: Kind::Dashboards, check: None, tariff, quantity: 1.0 });
        }
        self.add(Kind::Keys, None, Good::Key, keys);
        let has_chat = functions.conditions.get("HasChatTopic").is_some_and(|has| *has);
        let topics = if has_chat { 3.0 } else { 2.0 };
        let incidents = self.plan.incidents;
        let messages = incidents * (MESSAGES * topics + ALARM_MESSAGES);
        self.add(Kind::Topics, None, Good::Publish, messages);
        self.add(Kind::Topics, None, Good::Email, incidents * (MESSAGES + ALARM_MESSAGES) * ADDRESSES);
        if functions.resources_of_type("AWS::SNS::Topic").any(|topic| topic.properties.contains_key("KmsMasterKeyId")) {
            self.add(Kind::Keys, None, Good::KeyRequest, messages * KEY_REQUESTS_PER_MESSAGE);
        }
        if functions
            .resources_of_type("AWS::SNS::Subscription")
            .any(|own| own.properties.get("Protocol") == Some(&"sms".into()))
        {
            let tariff = Tariff::Settings { unit: "SMS to people", usd: None };
            self.used.push(Used {
                kind: Kind::Topics,
                check: None,
                tariff,
                quantity: incidents * (MESSAGES + ALARM_MESSAGES),
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

    /// What is sent to mailboxes and phones, at the provider's price.
    fn canaries(&mut self, settings: &BTreeMap<String, Table>) -> anyhow::Result<()> {
        const CHECK: &str = "notifications";
        let Some(running) = self.running.iter().find(|running| running.usual.check == CHECK) else { return Ok(()) };
        let Some(section) = settings.get(CHECK) else { return Ok(()) };
        let runs_every = running.every_seconds;
        for channel in Channel::ALL {
            let Some(canary) = section.get(channel.as_str()).and_then(toml::Value::as_table) else { continue };
            let every = canary.get("every").and_then(toml::Value::as_str).unwrap_or_default();
            let every: jiff::SignedDuration =
                every.parse().with_context(|| format!("check.{CHECK}.{}.every", channel.as_str()))?;
            // One goes out with a run: with the first that is due.
            let every = every.as_secs().max(1).unsigned_abs().next_multiple_of(runs_every);
            let unit = match channel {
                Channel::Email => "e-mails",
                Channel::Sms => "SMS",
            };
            let usd =
                canary.get("price_usd").and_then(|price| price.as_float().or(price.as_integer().map(|usd| usd as f64)));
            let tariff = Tariff::Settings { unit, usd };
            let quantity = (MONTH_SECONDS / every) as f64;
            self.used.push(Used { kind: Kind::Canaries, check: Some(CHECK), tariff, quantity });
        }
        Ok(())
    }
}

/// Metrics that a dashboard may show to be one of those that are free.
const FREE_DASHBOARD_METRICS: usize = 50;

/// Metrics that the widgets of a dashboard name; expressions are none.
fn metrics_shown(dashboard: &Resource) -> usize {
    let body = dashboard.properties.get("DashboardBody").and_then(Value::as_str).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let widgets = body["widgets"].as_array().into_iter().flatten();
    let metrics = widgets.filter_map(|widget| widget["properties"]["metrics"].as_array()).flatten();
    metrics.filter(|metric| metric[0].is_string()).count()
}

/// How often in a month something is read that is kept for five minutes.
fn after(every_seconds: u64) -> f64 {
    (MONTH_SECONDS / every_seconds.max(KEPT_SECONDS)) as f64
}

/// What costs nothing by itself, or is counted above.
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

fn not_reckoned(templates: &[&Template]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for resource in templates.iter().flat_map(|template| &template.resources) {
        if !KNOWN.contains(&resource.kind.as_str()) && resource.kind != "AWS::Serverless::LayerVersion" {
            *found.entry(resource.kind.clone()).or_default() += 1;
        }
    }
    found
}
