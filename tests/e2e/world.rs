//! All that a function meets in a test, apart from every other test: a platform, a clock, settings, and its own table,
//! topics and queues in the shared emulator.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, DimensionFilter, StandardUnit, Statistic};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use demo_platform::{DemoPlatform, Options, Running};
use jiff::{SignedDuration, Timestamp};
use runtime::settings::replaced;
use serde_json::{Value, json};

use crate::calls::Calls;
use crate::emulator::{Emulator, REGION, target};
use crate::runtime_api::{Clock, Function, Invoked, own_file, remove};

/// One test's own world. Its environment's name keeps it apart.
pub struct World {
    /// The environment of settings, metrics and messages.
    pub environment: String,
    /// What is monitored.
    pub platform: Running,
    /// The function's clock. It begins at a full minute of the last hour, since AWS takes numbers of about now only.
    pub clock: Arc<Clock>,
    /// What functions ask of AWS.
    pub calls: Calls,
    /// What people are told.
    pub on_call: Queue,
    /// What people are told that can wait.
    pub warnings: Queue,
    /// What programs are told.
    pub events: Queue,
    sdk: SdkConfig,
    settings: String,
    variables: BTreeMap<String, String>,
}

/// One metric's values of one minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Datapoint {
    /// The metric.
    pub metric: String,
    /// Its dimensions, as `Name=value`, sorted.
    pub dimensions: Vec<String>,
    /// The minute.
    pub at: Timestamp,
    /// How many values there are.
    pub count: f64,
    /// The least.
    pub minimum: f64,
    /// The greatest.
    pub maximum: f64,
    /// The unit.
    pub unit: StandardUnit,
}

impl Datapoint {
    /// The metric's name; of one that is split by channel as `NotificationQueue.email`.
    fn name(&self) -> String {
        match self.dimensions.iter().find_map(|dimension| dimension.strip_prefix("Channel=")) {
            Some(channel) => format!("{}.{channel}", self.metric),
            None => self.metric.clone(),
        }
    }
}

/// A message as a subscriber gets it.
#[derive(Clone, Debug)]
pub struct Message {
    /// The subject line, for people.
    pub subject: Option<String>,
    /// The text, or the JSON for programs.
    pub body: String,
    /// What filter policies see.
    pub attributes: BTreeMap<String, String>,
    /// The whole envelope as it came.
    pub envelope: String,
}

impl Message {
    /// What programs read of it.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

impl World {
    /// A world with the demo's settings.
    pub async fn new(environment: &str) -> Self {
        Self::with(environment, Options::default()).await
    }

    /// A world with another platform; its clock is the test's.
    pub async fn with(environment: &str, options: Options) -> Self {
        Self::since(SignedDuration::from_mins(30), environment, options, Emulator::shared()).await
    }

    /// A world that begins so long ago, and lasts until now at most.
    pub async fn since(ago: SignedDuration, environment: &str, options: Options, emulator: &Emulator) -> Self {
        let now = Timestamp::now().as_second();
        let clock = Clock::at(Timestamp::from_second(now - now.rem_euclid(60)).unwrap() - ago);
        let platform_clock = clock.clone();
        let platform = DemoPlatform::start(Options { clock: Arc::new(move || platform_clock.now()), ..options });
        let platform = platform.await.unwrap();
        let sdk = emulator.sdk().await;
        let calls = Calls::to(sdk.endpoint_url().unwrap()).await;
        let table = format!("state-{environment}");
        make_table(&sdk, &table).await;
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
            settings: shipped_settings(),
            variables,
        };
        world.replace("environment = \"demo\"", &format!("environment = {environment:?}"));
        for (key, value) in world.platform.addresses() {
            world.settings = replaced(&world.settings, key, &value);
        }
        // What the stand-in drew for itself, where the settings refer to it.
        world.replace("ssm:/just-driving/demo/", &format!("ssm:/just-driving/{environment}/"));
        for (path, value) in world.platform.credentials() {
            world.put_parameter(&format!("/just-driving/{environment}/{path}"), &value).await;
        }
        world
    }

    /// Replaces a text of the settings, wherever it stands.
    pub fn replace(&mut self, text: &str, with: &str) {
        assert!(self.settings.contains(text), "the settings hold no {text:?}");
        self.settings = self.settings.replace(text, with);
    }

    /// Adds to the settings.
    pub fn append(&mut self, text: &str) {
        self.settings.push_str(text);
    }

    /// Gives the functions a chat, and what it is told.
    pub async fn chat(&mut self) -> Queue {
        Queue::for_topic(&self.sdk, &self.environment, "chat", &mut self.variables).await
    }

    /// The program, as an operator of this world's deployment would start it; its last arguments name that.
    pub fn synthetics(&self, arguments: &[&str]) -> std::process::Output {
        let deployment = ["--table", &self.variables["STATE_TABLE"], "--environment", &self.environment];
        self.program(&[arguments, &deployment].concat())
    }

    /// The program, with these arguments alone.
    pub fn program(&self, arguments: &[&str]) -> std::process::Output {
        let binary = target().join("debug/synthetics");
        assert!(binary.is_file(), "{} is missing\n  build it: cargo xtask test build", binary.display());
        let mut program = std::process::Command::new(binary);
        program
            .args(arguments)
            .env("AWS_ENDPOINT_URL", self.calls.url())
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("USER", "anna");
        // What it asks goes through a server of this very process.
        tokio::task::block_in_place(|| program.output()).unwrap()
    }

    /// What such a program prints, when it ends well.
    pub fn printed(&self, arguments: &[&str]) -> String {
        let output = self.synthetics(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Deploys the shipped alarms, as far as tests ask for them: their names. `checks` as the template's parameter has them.
    pub async fn deploy_alarms(&self, checks: &str) {
        use aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold;
        let text = fs::read_to_string(repository().join("infra/alarms.yaml")).unwrap();
        let inputs = alarm::Inputs::default().with("Environment", &self.environment).with("Checks", checks);
        let alarms = alarm::alarms(&alarm::Template::read(&text, &inputs).unwrap()).unwrap();
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

    /// Sets a variable of the function's environment.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// The function's environment, its settings written down.
    pub fn variables(&self) -> Vec<(String, String)> {
        let path = self.settings_file();
        // A function that was started before may be reading it.
        if fs::read_to_string(&path).ok().as_ref() != Some(&self.settings) {
            fs::write(&path, &self.settings).unwrap();
        }
        let mut variables = self.variables.clone();
        variables.entry("SETTINGS".to_owned()).or_insert_with(|| path.to_str().unwrap().to_owned());
        variables.into_iter().collect()
    }

    fn settings_file(&self) -> PathBuf {
        own_file(&format!("settings-of-{}.toml", self.environment))
    }

    /// Starts a check's function.
    pub async fn start(&self, check: &str) -> Function {
        Function::start(check, &self.variables(), &self.clock).await
    }

    /// The minute that the clock shows.
    pub fn minute(&self) -> Timestamp {
        let now = self.clock.now().as_second();
        Timestamp::from_second(now - now.rem_euclid(60)).unwrap()
    }

    /// Lets time pass, and the schedule start a run.
    pub async fn run_after(&self, function: &Function, time: Duration) -> Invoked {
        function.invoke(&scheduled(self.forward(time))).await
    }

    /// Lets time pass, and begin at a full minute: what tests need of real time must not add up.
    pub fn forward(&self, time: Duration) -> Timestamp {
        let due = self.minute() + time;
        self.clock.set(due);
        self.minute()
    }

    /// The run of the next minute.
    pub async fn run(&self, function: &Function) -> Invoked {
        self.run_after(function, Duration::from_secs(60)).await
    }

    /// Takes the messages that wait: of people who act now, of those who may wait, and of programs.
    pub async fn received(&self) -> Received {
        Received {
            on_call: self.on_call.take().await,
            warnings: self.warnings.take().await,
            events: self.events.take().await,
        }
    }

    /// All that was published, per metric and minute, read back.
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

    /// What the run of this minute published, by metric. Each value once.
    pub async fn metrics_of(&self, minute: Timestamp) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        for point in self.metrics().await.into_iter().filter(|point| point.at == minute) {
            assert_eq!(point.count, 1.0, "expected one value, found {point:?}");
            assert_eq!(metrics.insert(point.name(), point.maximum), None, "published twice: {point:?}");
        }
        metrics
    }

    /// All items of the state table, as text.
    pub async fn state(&self) -> String {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let items = client.scan().table_name(&self.variables["STATE_TABLE"]).send().await.unwrap().items.unwrap();
        assert!(!items.is_empty(), "nothing is stored");
        items.iter().map(map_text).collect::<Vec<_>>().join("\n")
    }

    /// Stores an item of the check as if an earlier run had, with this as its state.
    pub async fn put_state(&self, check: &str, state: &str) {
        use aws_sdk_dynamodb::types::AttributeValue::{M, N, S};
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let item = [
            ("pk", S(format!("CHECK#{check}"))),
            ("sk", S("STATE".to_owned())),
            ("version", N("1".to_owned())),
            ("last_run", M(HashMap::new())),
            ("state", S(state.to_owned())),
            ("outbox", M(HashMap::new())),
        ];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        client.put_item().table_name(&self.variables["STATE_TABLE"]).set_item(Some(item)).send().await.unwrap();
    }

    /// When the table may remove the record of an incident. **Units:** Unix seconds.
    pub async fn kept_until(&self, check: &str, incident: &str) -> i64 {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let call = client.query().table_name(&self.variables["STATE_TABLE"]);
        let call =
            call.key_condition_expression("pk = :pk").expression_attribute_values(":pk", S(format!("CHECK#{check}")));
        let items = call.send().await.unwrap().items.unwrap();
        let item = items.iter().find(|item| {
            item.get("incident").and_then(|value| value.as_s().ok()).is_some_and(|text| text.contains(incident))
        });
        item.unwrap()["expires_at"].as_n().unwrap().parse().unwrap()
    }

    /// Stores a secret where the settings' references point.
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

/// What was told since it was last asked.
pub struct Received {
    /// To people who act now.
    pub on_call: Vec<Message>,
    /// To people who may wait.
    pub warnings: Vec<Message>,
    /// To programs.
    pub events: Vec<Message>,
}

impl Received {
    /// Nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.on_call.is_empty() && self.warnings.is_empty() && self.events.is_empty()
    }

    /// The ids of what programs were told, in order.
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

/// The event that the rule's transformer makes.
pub fn scheduled(minute: Timestamp) -> Value {
    json!({ "scheduled_time": minute.to_string(), "shard": 0, "of": 1 })
}

/// The demo's settings as they are shipped.
fn shipped_settings() -> String {
    fs::read_to_string(repository().join("infra/layer/settings/demo.toml")).unwrap()
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

async fn make_table(sdk: &SdkConfig, name: &str) {
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

fn text_of(value: &aws_sdk_dynamodb::types::AttributeValue) -> String {
    use aws_sdk_dynamodb::types::AttributeValue::{L, M, N, S};
    match value {
        S(text) | N(text) => text.clone(),
        M(map) => map_text(map),
        L(list) => list.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        other => panic!("the table holds {other:?}, which nothing here writes"),
    }
}

/// In the order of the names.
fn map_text(map: &HashMap<String, aws_sdk_dynamodb::types::AttributeValue>) -> String {
    let sorted: BTreeMap<_, _> = map.iter().collect();
    sorted.into_iter().map(|(name, value)| format!("{name} {}\n", text_of(value))).collect()
}

/// A queue that gets what a topic is told.
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// A new topic, named in the function's environment, and a queue behind it.
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

    /// Takes all messages. The emulator hands a message on before it answers who published it, so none is on its way.
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
