//! An isolated environment for one test: a platform, a clock, settings, and a table, topics and queues in the shared
//! emulator.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, DimensionFilter, StandardUnit, Statistic};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use demo_platform::{DemoPlatform, Options, Running};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use settings::replaced;

use crate::calls::Calls;
use crate::emulator::{Emulator, REGION, target};
use crate::runtime_api::{Clock, Function, Invoked, own_file, remove};

/// The isolated environment of one test. No other test uses its environment name.
pub struct World {
    /// Environment name in settings, metrics and messages.
    pub environment: String,
    /// The monitored platform.
    pub platform: Running,
    /// Clock of the functions. It starts at a full minute of the last hour, because AWS only accepts recent datapoints.
    pub clock: Arc<Clock>,
    /// Calls from the functions to AWS.
    pub calls: Calls,
    /// Messages of the topic `oncall`.
    pub on_call: Queue,
    /// Messages of the topic `warnings`.
    pub warnings: Queue,
    /// Messages of the topic `events`.
    pub events: Queue,
    /// Access to the emulator.
    pub sdk: SdkConfig,
    /// Envelopes of all messages that were received.
    envelopes: Mutex<String>,
    settings: String,
    variables: BTreeMap<String, String>,
}

/// Values of one metric in one minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Datapoint {
    /// Name of the metric.
    pub metric: String,
    /// Dimensions as `Name=value`, sorted.
    pub dimensions: Vec<String>,
    /// Start of the minute.
    pub at: Timestamp,
    /// Number of values.
    pub count: f64,
    /// Smallest value.
    pub minimum: f64,
    /// Largest value.
    pub maximum: f64,
    /// Unit of the values.
    pub unit: StandardUnit,
}

impl Datapoint {
    /// Name of the metric, with the channel if it has one: `NotificationQueue.email`.
    fn name(&self) -> String {
        match self.dimensions.iter().find_map(|dimension| dimension.strip_prefix("Channel=")) {
            Some(channel) => format!("{}.{channel}", self.metric),
            None => self.metric.clone(),
        }
    }
}

/// A message as a subscriber receives it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Subject line of a message for people.
    pub subject: Option<String>,
    /// Text for people, or JSON for programs.
    pub body: String,
    /// Message attributes, which filter policies match on.
    pub attributes: BTreeMap<String, String>,
    /// SNS envelope as it arrived.
    pub envelope: String,
}

impl Message {
    /// Parses the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

impl World {
    /// Creates a world with the demo settings and the default platform.
    pub async fn new(environment: &str) -> Self {
        Self::with_options(environment, Options::default()).await
    }

    /// Creates a world whose platform has these options. The platform runs on the clock of the test.
    pub async fn with_options(environment: &str, options: Options) -> Self {
        Self::starting_ago(SignedDuration::from_mins(30), environment, options, Emulator::shared()).await
    }

    /// Creates a world whose clock starts in the past, for a test that simulates at most this much time.
    pub async fn starting_ago(ago: SignedDuration, environment: &str, options: Options, emulator: &Emulator) -> Self {
        let now = Timestamp::now().as_second();
        let clock = Clock::at(Timestamp::from_second(now - now.rem_euclid(60)).unwrap() - ago);
        let platform_clock = clock.clone();
        let platform = DemoPlatform::start(Options { clock: Arc::new(move || platform_clock.now()), ..options });
        let platform = platform.await.unwrap();
        let sdk = emulator.sdk().await;
        let calls = Calls::to(sdk.endpoint_url().unwrap()).await;
        let table = format!("state-{environment}");
        create_table(&sdk, &table).await;
        let mut variables = BTreeMap::from([
            ("AWS_ENDPOINT_URL".to_owned(), calls.url().to_owned()),
            ("STATE_TABLE".to_owned(), table),
        ]);
        let on_call = Queue::for_topic(&sdk, environment, "oncall", &mut variables).await;
        let warnings = Queue::for_topic(&sdk, environment, "warnings", &mut variables).await;
        let events = Queue::for_topic(&sdk, environment, "events", &mut variables).await;
        let mut world = Self {
            environment: environment.to_owned(),
            platform,
            clock,
            calls,
            on_call,
            warnings,
            events,
            sdk,
            envelopes: Mutex::default(),
            settings: shipped_settings(),
            variables,
        };
        world.replace("environment = \"demo\"", &format!("environment = {environment:?}"));
        for (key, value) in world.platform.addresses() {
            world.settings = replaced(&world.settings, key, &value);
        }
        // The demo platform draws random credentials; the settings refer to them by these names.
        world.replace("ssm:/just-driving/demo/", &format!("ssm:/just-driving/{environment}/"));
        for (path, value) in world.platform.credentials() {
            world.put_parameter(&format!("/just-driving/{environment}/{path}"), &value).await;
        }
        world
    }

    /// Replaces every occurrence of a text in the settings.
    pub fn replace(&mut self, text: &str, with: &str) {
        assert!(self.settings.contains(text), "the settings do not contain {text:?}");
        self.settings = self.settings.replace(text, with);
    }

    /// Appends a text to the settings.
    pub fn append(&mut self, text: &str) {
        self.settings.push_str(text);
    }

    /// Configures a chat topic of another region and returns the queue behind it.
    pub async fn chat(&mut self) -> Queue {
        let elsewhere = self.sdk.to_builder().region(Region::new("eu-west-1")).build();
        Queue::for_topic(&elsewhere, &self.environment, "chat", &mut self.variables).await
    }

    /// Runs the `synthetics` program against the state table and environment of this world.
    pub fn synthetics(&self, arguments: &[&str]) -> std::process::Output {
        let deployment = ["--table", &self.variables["STATE_TABLE"], "--environment", &self.environment];
        self.program(&[arguments, &deployment].concat())
    }

    /// Runs the `synthetics` program with these arguments only.
    pub fn program(&self, arguments: &[&str]) -> std::process::Output {
        self.program_with(arguments, &BTreeMap::new())
    }

    /// Runs the `synthetics` program with these arguments and this standard input.
    pub fn program_with_input(&self, arguments: &[&str], input: &str) -> std::process::Output {
        let path = own_file(&format!("input-{}", self.environment));
        fs::write(&path, input).unwrap();
        let mut program = self.command(arguments);
        program.stdin(fs::File::open(&path).unwrap());
        let output = tokio::task::block_in_place(|| program.output()).unwrap();
        remove(&path);
        output
    }

    /// ARN of the topic `oncall` or `warnings`.
    pub fn topic(&self, name: &str) -> &str {
        &self.variables[&format!("TOPIC_{}", name.to_uppercase())]
    }

    /// Reads a parameter.
    pub async fn parameter(&self, name: &str) -> String {
        let client = aws_sdk_ssm::Client::new(&self.sdk);
        let answer = client.get_parameter().name(name).with_decryption(true).send().await.unwrap();
        answer.parameter.unwrap().value.unwrap()
    }

    /// Runs checks with the `synthetics` program, which reads secrets from the environment instead of SSM: by path, such as
    /// `login/password`.
    pub fn run_locally(&self, arguments: &[&str], secrets: &BTreeMap<String, String>) -> std::process::Output {
        let variable = |path: &str| path.to_uppercase().replace(['/', '-'], "_");
        let reference = |path: &str| format!("ssm:/just-driving/{}/{path}\"", self.environment);
        let settings = secrets.keys().fold(self.settings.clone(), |settings, path| {
            settings.replace(&reference(path), &format!("env:{}\"", variable(path)))
        });
        let path = own_file(&format!("local-{}.toml", self.environment));
        fs::write(&path, settings).unwrap();
        let variables = secrets.iter().map(|(path, value)| (variable(path), value.clone())).collect();
        let settings = ["--settings", path.to_str().unwrap()];
        let output = self.program_with(&[&["run"], arguments, &settings].concat(), &variables);
        remove(&path);
        output
    }

    fn program_with(&self, arguments: &[&str], variables: &BTreeMap<String, String>) -> std::process::Output {
        // Its calls go through a server in this process, which must keep running meanwhile.
        tokio::task::block_in_place(|| self.command(arguments).envs(variables).output()).unwrap()
    }

    /// The `synthetics` program with these arguments.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let binary = target().join("debug/synthetics");
        assert!(binary.is_file(), "{} is missing\n  build it: cargo xtask test build", binary.display());
        let mut program = std::process::Command::new(binary);
        program
            .args(arguments)
            .env("AWS_ENDPOINT_URL", self.calls.url())
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("USER", "anna")
            // Runs by hand keep nothing on this machine.
            .env("CI", "true")
            // So that a test finds a text in one line.
            .env("COLUMNS", "1000");
        program
    }

    /// Runs [`Self::synthetics`], expects success and returns its standard output.
    pub fn printed(&self, arguments: &[&str]) -> String {
        let output = self.synthetics(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Creates placeholder alarms with the names of the shipped ones. `checks` is the parameter `Checks` of the template.
    pub async fn deploy_alarms(&self, checks: &str) {
        use aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold;
        let template = operations::thresholds::template(&self.environment, Some(checks)).unwrap();
        let alarms = alarm::alarms(&template).unwrap();
        let client = aws_sdk_cloudwatch::Client::new(&self.sdk);
        let on_metrics = alarms.iter().filter(|alarm| matches!(alarm, alarm::Alarm::Metric(_)));
        for name in on_metrics.map(alarm::Alarm::name) {
            client
                .put_metric_alarm()
                .alarm_name(name)
                .namespace(check::metric::NAMESPACE)
                .metric_name("Success")
                .statistic(Statistic::Average)
                .period(60)
                .evaluation_periods(1)
                .threshold(1.0)
                .comparison_operator(GreaterThanThreshold)
                .send()
                .await
                .unwrap();
        }
    }

    /// Sets an environment variable of the functions.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Writes the settings file and returns the environment variables of a function.
    pub fn variables(&self) -> Vec<(String, String)> {
        let path = self.write_settings();
        let mut variables = self.variables.clone();
        variables.entry("SETTINGS".to_owned()).or_insert_with(|| path.to_str().unwrap().to_owned());
        variables.into_iter().collect()
    }

    /// Writes the settings to their file, and returns its path.
    pub fn write_settings(&self) -> PathBuf {
        let path = self.settings_file();
        // A function started earlier may be reading the file.
        if fs::read_to_string(&path).ok().as_ref() != Some(&self.settings) {
            fs::write(&path, &self.settings).unwrap();
        }
        path
    }

    fn settings_file(&self) -> PathBuf {
        own_file(&format!("settings-{}.toml", self.environment))
    }

    /// Starts the function of a check.
    pub async fn start(&self, check: &str) -> Function {
        Function::start(check, &self.variables(), &self.clock).await
    }

    /// Current minute of the clock.
    pub fn minute(&self) -> Timestamp {
        let now = self.clock.now().as_second();
        Timestamp::from_second(now - now.rem_euclid(60)).unwrap()
    }

    /// Moves the clock forward and invokes the function as its schedule would.
    pub async fn run_after(&self, function: &Function, time: Duration) -> Invoked {
        function.invoke(&scheduled(self.forward(time))).await
    }

    /// Moves the clock forward to a full minute, so that the real duration of runs does not add up, and returns it.
    pub fn forward(&self, time: Duration) -> Timestamp {
        let due = self.minute() + time;
        self.clock.set(due);
        self.minute()
    }

    /// Invokes the function one minute later.
    pub async fn run(&self, function: &Function) -> Invoked {
        self.run_after(function, Duration::from_secs(60)).await
    }

    /// Takes the messages that have arrived since the last call.
    pub async fn received(&self) -> Received {
        let received = Received {
            on_call: self.on_call.take().await,
            warnings: self.warnings.take().await,
            events: self.events.take().await,
        };
        let messages = [&received.on_call, &received.warnings, &received.events].into_iter().flatten();
        let envelopes: String = messages.map(|message| message.envelope.as_str()).collect();
        self.envelopes.lock().unwrap_or_else(PoisonError::into_inner).push_str(&envelopes);
        received
    }

    /// Envelopes of all messages that [`Self::received`] has taken.
    pub fn envelopes(&self) -> String {
        self.envelopes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads all published metrics back, per metric and minute.
    pub async fn metrics(&self) -> Vec<Datapoint> {
        let client = aws_sdk_cloudwatch::Client::new(&self.sdk);
        let filter = DimensionFilter::builder().name("Environment").value(&self.environment).build();
        let listed = client.list_metrics().namespace(check::metric::NAMESPACE).dimensions(filter).send().await.unwrap();
        let mut datapoints = Vec::new();
        for metric in listed.metrics.unwrap_or_default() {
            let name = metric.metric_name.unwrap();
            let dimensions = metric.dimensions.unwrap_or_default();
            let answer = client
                .get_metric_statistics()
                .namespace(check::metric::NAMESPACE)
                .metric_name(&name)
                .set_dimensions(Some(dimensions.clone()))
                .start_time(DateTime::from_secs(self.minute().as_second() - 24 * 3600))
                .end_time(DateTime::from_secs(self.minute().as_second() + 24 * 3600))
                .period(60)
                .set_statistics(Some(vec![Statistic::SampleCount, Statistic::Minimum, Statistic::Maximum]))
                .send()
                .await
                .unwrap();
            let text = |d: &Dimension| format!("{}={}", d.name().unwrap_or_default(), d.value().unwrap_or_default());
            let mut dimensions: Vec<String> = dimensions.iter().map(text).collect();
            dimensions.sort();
            for point in answer.datapoints.unwrap_or_default() {
                datapoints.push(Datapoint {
                    metric: name.clone(),
                    dimensions: dimensions.clone(),
                    at: Timestamp::from_second(point.timestamp.unwrap().secs()).unwrap(),
                    count: point.sample_count.unwrap(),
                    minimum: point.minimum.unwrap(),
                    maximum: point.maximum.unwrap(),
                    unit: point.unit.unwrap(),
                });
            }
        }
        datapoints.sort_by(|one, other| (one.at, &one.metric).cmp(&(other.at, &other.metric)));
        datapoints
    }

    /// Metrics that the run of this minute published, by name. Panics when one was published twice.
    pub async fn metrics_at(&self, minute: Timestamp) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        for point in self.metrics().await.into_iter().filter(|point| point.at == minute) {
            assert_eq!(point.count, 1.0, "expected one value, found {point:?}");
            assert_eq!(metrics.insert(point.name(), point.maximum), None, "published twice: {point:?}");
        }
        metrics
    }

    /// Name of the state table.
    pub fn table(&self) -> &str {
        &self.variables["STATE_TABLE"]
    }

    /// Stores a secret in Parameter Store.
    pub async fn put_parameter(&self, name: &str, value: &str) {
        use aws_sdk_ssm::types::ParameterType::SecureString;
        let client = aws_sdk_ssm::Client::new(&self.sdk);
        client.put_parameter().name(name).value(value).r#type(SecureString).send().await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        remove(&self.settings_file());
    }
}

/// Messages received since the last call of [`World::received`].
pub struct Received {
    /// Messages of the topic `oncall`.
    pub on_call: Vec<Message>,
    /// Messages of the topic `warnings`.
    pub warnings: Vec<Message>,
    /// Messages of the topic `events`.
    pub events: Vec<Message>,
}

impl Received {
    /// Reports whether no message arrived at any topic.
    pub fn is_empty(&self) -> bool {
        self.on_call.is_empty() && self.warnings.is_empty() && self.events.is_empty()
    }

    /// Notification ids of the messages for programs, in order.
    pub fn ids(&self) -> Vec<String> {
        self.events.iter().map(|message| message.json()["notification_id"].as_str().unwrap().to_owned()).collect()
    }
}

impl std::fmt::Display for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (queue, messages) in [("oncall", &self.on_call), ("warnings", &self.warnings), ("events", &self.events)] {
            for message in messages {
                writeln!(f, "{queue}: {} {}", message.subject.as_deref().unwrap_or("-"), message.body)?;
            }
        }
        Ok(())
    }
}

/// The event that the input transformer of the rule creates.
pub fn scheduled(minute: Timestamp) -> Value {
    json!({ "scheduled_time": minute.to_string(), "shard": 0, "of": 1 })
}

/// The shipped demo settings.
fn shipped_settings() -> String {
    fs::read_to_string(repository().join("infra/layer/settings/demo.toml")).unwrap()
}

/// Root folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Creates a state table, with the keys of infra/template.yaml.
pub async fn create_table(sdk: &SdkConfig, name: &str) {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let text = |name: &str| {
        let kind = ScalarAttributeType::S;
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    aws_sdk_dynamodb::Client::new(sdk)
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(vec![text("pk"), text("sk")]))
        .set_key_schema(Some(vec![key("pk", KeyType::Hash), key("sk", KeyType::Range)]))
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}

/// A queue that is subscribed to a topic.
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// Creates a topic and a queue subscribed to it, and passes the ARN of the topic to the functions.
    async fn for_topic(
        sdk: &SdkConfig,
        environment: &str,
        topic: &str,
        variables: &mut BTreeMap<String, String>,
    ) -> Self {
        use aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let name = format!("{environment}-{topic}");
        let sns = aws_sdk_sns::Client::new(sdk);
        let arn = sns.create_topic().name(&name).send().await.unwrap().topic_arn.unwrap();
        variables.insert(format!("TOPIC_{}", topic.to_uppercase()), arn.clone());
        let client = aws_sdk_sqs::Client::new(sdk);
        let url = client.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let attributes = client.get_queue_attributes().queue_url(&url).attribute_names(QueueArn).send().await.unwrap();
        let queue = attributes.attributes.unwrap()[&QueueArn].clone();
        sns.subscribe().topic_arn(arn).protocol("sqs").endpoint(queue).send().await.unwrap();
        Self { client, url }
    }

    /// Takes all messages. The emulator delivers before it answers `Publish`, so none is still in transit.
    pub async fn take(&self) -> Vec<Message> {
        let mut taken = Vec::new();
        loop {
            let call = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
            let messages = call.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return taken;
            }
            for message in messages {
                let handle = message.receipt_handle.unwrap();
                self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await.unwrap();
                taken.push(read(message.body.unwrap()));
            }
        }
    }
}

fn read(envelope: String) -> Message {
    let fields: Value = serde_json::from_str(&envelope).unwrap();
    let attributes = fields["MessageAttributes"].as_object().cloned().unwrap_or_default();
    Message {
        subject: fields["Subject"].as_str().map(str::to_owned),
        body: fields["Message"].as_str().unwrap().to_owned(),
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name, value["Value"].as_str().unwrap().to_owned()))
            .collect(),
        envelope,
    }
}
