//! The deployed template: schedule, function, state, metrics, topics and failure queue.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use demo_platform::{DemoPlatform, Fault, Options};
use serde_json::{Value, json};

use crate::emulator::{Emulator, target};

/// A rule first fires at the full minute after its creation.
const RULE_FIRES_WITHIN: Duration = Duration::from_secs(90);
const NOTIFIED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn schedule_notifies_outage_and_recovery() {
    let platform = DemoPlatform::start(Options::default()).await.unwrap();
    let environment = "outage";
    let settings = settings_for(environment, platform.base_url());
    let emulator = Emulator::shared();
    let stack = emulator.deploy(environment, &[("SettingsFile", settings.to_str().unwrap())]);
    let sdk = emulator.sdk().await;
    let events = Queue::for_topic(&sdk, "outage-events", &stack.outputs["EventsTopic"]).await;
    let on_call = Queue::for_topic(&sdk, "outage-on-call", &stack.outputs["OnCallTopic"]).await;
    let failures = Queue::existing(&sdk, &stack.outputs["FunctionFailuresUrl"]);

    // Broken before the first scheduled run, which confirms the failure with its second attempt and notifies.
    platform.faults().activate(Fault::ServerError);
    let opened = events.next(RULE_FIRES_WITHIN).await;
    let message: Value = serde_json::from_str(opened["Message"].as_str().unwrap()).unwrap();
    assert_eq!(message["event"], "opened", "{message:#}");
    assert_eq!(message["check"], "availability");
    assert_eq!(message["environment"], environment);
    for (name, value) in [("check", "availability"), ("event", "opened"), ("environment", environment)] {
        assert_eq!(opened["MessageAttributes"][name]["Value"], value, "filter policies need the attribute {name}");
    }
    let received = on_call.next(NOTIFIED_WITHIN).await;
    let sms_type = &received["MessageAttributes"]["AWS.SNS.SMS.SMSType"]["Value"];
    assert_eq!(sms_type, "Transactional", "SMS of other types may arrive late or not at all");
    assert!(received["Subject"].as_str().unwrap().contains("availability"), "{received:#}");

    // Two passed runs close the incident.
    platform.faults().clear(Fault::ServerError);
    for _ in 0..2 {
        let report = emulator.invoke(&stack, "availability", &json!({})).await.unwrap();
        assert_eq!(report["run"]["check"], "availability", "{report:#}");
    }
    let recovered = events.next(NOTIFIED_WITHIN).await;
    let message: Value = serde_json::from_str(recovered["Message"].as_str().unwrap()).unwrap();
    assert_eq!(message["event"], "recovered", "{message:#}");

    // The metric has 0 for the failed run and 1 for later ones, with exactly the documented dimensions.
    let lowest = values(&sdk, "Success", "Minimum", environment).await;
    let highest = values(&sdk, "Success", "Maximum", environment).await;
    assert!(lowest.contains(&0.0) && highest.contains(&1.0), "found {lowest:?} to {highest:?} per minute");
    assert!(values(&sdk, "Duration", "Minimum", environment).await.iter().all(|milliseconds| *milliseconds > 0.0));
    assert_eq!(dimensions(&sdk, "Success", environment).await, ["Check=availability", "Environment=outage"]);

    // The log group of the check holds one line per run.
    let lines = emulator.log_lines(&stack, "availability").await;
    let is_run = |line: &&String| serde_json::from_str::<Value>(line).is_ok_and(|line| line["run_id"].is_string());
    assert!(lines.iter().filter(is_run).count() >= 3, "{lines:#?}");

    // A malformed event fails the invocation and ends up in the failure queue.
    emulator.invoke_later(&stack, "availability", &json!({ "scheduled_time": "yesterday" })).await;
    let failure = failures.next(NOTIFIED_WITHIN).await;
    assert_eq!(failure["requestPayload"]["scheduled_time"], "yesterday", "{failure:#}");
}

/// Writes the demo settings for a platform at this address and returns the path.
fn settings_for(environment: &str, base_url: &str) -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/layer/settings/demo.toml");
    let shipped = fs::read_to_string(shipped).unwrap();
    let lines: Vec<String> = shipped
        .lines()
        .map(|line| match line.split(" = ").next() {
            Some("environment") => format!("environment = {environment:?}"),
            Some("base_url") => format!("base_url = {base_url:?}"),
            _ => line.to_owned(),
        })
        .collect();
    let path = target().join(format!("tmp/settings-{environment}.toml"));
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

/// An SQS queue that the test reads.
struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    fn existing(sdk: &SdkConfig, url: &str) -> Self {
        Self { client: aws_sdk_sqs::Client::new(sdk), url: url.to_owned() }
    }

    /// Creates a queue subscribed to the topic.
    async fn for_topic(sdk: &SdkConfig, name: &str, topic: &str) -> Self {
        use aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let client = aws_sdk_sqs::Client::new(sdk);
        let url = client.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
        let attributes = client.get_queue_attributes().queue_url(&url).attribute_names(QueueArn).send().await.unwrap();
        let arn = attributes.attributes.unwrap()[&QueueArn].clone();
        let sns = aws_sdk_sns::Client::new(sdk);
        sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn).send().await.unwrap();
        Self { client, url }
    }

    /// Takes the next message from the queue.
    async fn next(&self, within: Duration) -> Value {
        let start = Instant::now();
        while start.elapsed() < within {
            let call = self.client.receive_message().queue_url(&self.url).wait_time_seconds(2);
            let messages = call.send().await.unwrap().messages.unwrap_or_default();
            if let Some(message) = messages.into_iter().next() {
                let handle = message.receipt_handle.unwrap();
                self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await.unwrap();
                return serde_json::from_str(&message.body.unwrap()).unwrap();
            }
        }
        panic!("expected a message in {} within {within:?}, found none", self.url);
    }
}

/// Values of a statistic of a metric, per minute over the last hour.
async fn values(sdk: &SdkConfig, metric: &str, statistic: &str, environment: &str) -> Vec<f64> {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace(check::metric::NAMESPACE)
        .metric_name(metric)
        .dimensions(dimension("Environment", environment))
        .dimensions(dimension("Check", "availability"))
        .build();
    let statistic = MetricStat::builder().metric(metric).period(60).stat(statistic).build();
    let now = jiff::Timestamp::now().as_second();
    let answer = aws_sdk_cloudwatch::Client::new(sdk)
        .get_metric_data()
        .metric_data_queries(MetricDataQuery::builder().id("m").metric_stat(statistic).build())
        .start_time(DateTime::from_secs(now - 3600))
        .end_time(DateTime::from_secs(now + 60))
        .send()
        .await
        .unwrap();
    let result = answer.metric_data_results.unwrap_or_default().pop().expect("one answer per query");
    let values = result.values.unwrap_or_default();
    assert!(!values.is_empty(), "the metric has no data");
    values
}

async fn dimensions(sdk: &SdkConfig, metric: &str, environment: &str) -> Vec<String> {
    let client = aws_sdk_cloudwatch::Client::new(sdk);
    let answer = client.list_metrics().namespace(check::metric::NAMESPACE).metric_name(metric).send().await.unwrap();
    let sets = answer.metrics.unwrap_or_default().into_iter().map(|metric| {
        let text =
            |dimension: &Dimension| format!("{}={}", dimension.name().unwrap_or(""), dimension.value().unwrap_or(""));
        let mut set: Vec<String> = metric.dimensions().iter().map(text).collect();
        set.sort();
        set
    });
    let mut sets: Vec<Vec<String>> = sets.filter(|set| set.contains(&format!("Environment={environment}"))).collect();
    assert_eq!(sets.len(), 1, "expected one set of dimensions, found {sets:?}");
    sets.remove(0)
}
