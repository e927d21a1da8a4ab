//! Messages on their way to people: into the store, and to each destination of the settings.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use check::message::Topic;
use check::{Phrase, foreign, ours, phrase};
use futures::future::join_all;
use local::Store;
use probe::{Method, Request};
use runtime::{Delivery, Notifier, PortError, Ports, identity, send_to_secret_url};
use serde_json::{Value, json};
use settings::{Destination, DestinationKind, Network};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::AlarmChange;

/// Longest time for a destination to take a message.
const DEADLINE: Duration = Duration::from_secs(10);
/// Messages that may wait to be shown.
const MAX_WAITING: usize = 1_000;
/// Maximum length of a reason, in characters.
const MAX_REASON: usize = 300;
/// Variables of the environment that a command gets. The others may be secrets of the platform.
const KEPT: [&str; 4] = ["HOME", "LANG", "PATH", "TZ"];

/// Sends messages to topics of Amazon SNS.
#[async_trait]
pub trait Sns: Send + Sync {
    /// Sends a notification in the form of its topic.
    ///
    /// # Errors
    /// When the topic did not accept it.
    async fn notify(&self, arn: &str, delivery: &Delivery) -> Result<(), PortError>;

    /// Sends a text.
    ///
    /// # Errors
    /// When the topic did not accept it.
    async fn say(&self, arn: &str, subject: &str, text: &str) -> Result<(), PortError>;
}

/// Notifier of `up`. A message is sent once every destination has it; until then it stays in the outbox.
pub struct Deliveries {
    /// Secrets, redactor and clock.
    ports: Ports,
    store: Arc<Store>,
    shown: mpsc::Sender<Delivery>,
    rules: RwLock<Rules>,
    /// Keys of messages that were shown and are not sent yet.
    unsent: Mutex<BTreeSet<String>>,
}

/// Where messages go, from the settings.
pub struct Rules {
    /// Destinations.
    pub destinations: Vec<Destination>,
    /// Network of webhooks.
    pub network: Network,
    /// Topics of Amazon SNS; `None` if no destination is one.
    pub sns: Option<Arc<dyn Sns>>,
}

impl Deliveries {
    /// Stores messages, and sends them to destinations. The receiver gets each once.
    #[must_use]
    pub fn new(ports: Ports, store: Arc<Store>, rules: Rules) -> (Self, mpsc::Receiver<Delivery>) {
        let (shown, received) = mpsc::channel(MAX_WAITING);
        (Self { ports, store, shown, rules: RwLock::new(rules), unsent: Mutex::default() }, received)
    }

    /// Replaces the destinations.
    pub fn replace(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// Sends the change of an alarm to the destinations of a topic that do not have it. Returns what failed.
    pub(crate) async fn alarm(&self, topic: Topic, change: &AlarmChange) -> Vec<PortError> {
        let Rules { destinations, network, sns } = self.for_topic(topic);
        let id = format!("{}/{}", change.alarm.name, change.at);
        let attempts = destinations.iter().map(|destination| {
            let send = async {
                match (&destination.kind, &sns) {
                    (DestinationKind::Sns(arn), Some(sns)) => {
                        sns.say(arn, &subject(change), &text(change)).await.map_err(|error| error.describe())
                    }
                    (kind, _) => self.pass_on(kind, &network, &as_json(change)).await,
                }
            };
            self.attempt(&id, topic, destination, send)
        });
        // A slow destination holds up no other.
        join_all(attempts).await.into_iter().filter_map(Result::err).collect()
    }

    /// Sends a message to a destination, unless it has it, and stores the result.
    async fn attempt(
        &self,
        id: &str,
        topic: Topic,
        destination: &Destination,
        send: impl Future<Output = Result<(), Phrase>>,
    ) -> Result<(), PortError> {
        let name = &destination.name;
        if self.store.delivered(id, topic, name)? {
            return Ok(());
        }
        let result = send.await.map_err(|why| why.admit(&self.ports.redactor, MAX_REASON).to_string());
        let stored = result.as_ref().copied().map_err(String::as_str);
        self.store.record_delivery(id, topic, name, self.ports.clock.now(), stored)?;
        result.map_err(|why| PortError { retryable: true, ..PortError::new(format!("send {id} to {name}"), why) })
    }

    fn for_topic(&self, topic: Topic) -> Rules {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = rules.destinations.iter().filter(|destination| destination.topics.contains(&topic));
        Rules { destinations: wanted.cloned().collect(), network: rules.network.clone(), sns: rules.sns.clone() }
    }

    async fn pass_on(&self, kind: &DestinationKind, network: &Network, message: &Value) -> Result<(), Phrase> {
        match kind {
            DestinationKind::Webhook(reference) => {
                let id = identity(self.ports.clock.now());
                let request = |url| Request::new(Method::POST, url).json(message).deadline(DEADLINE).max_redirects(0);
                send_to_secret_url(&self.ports, network, reference, id, request).await
            }
            DestinationKind::Command(command) => run(command, message).await,
            DestinationKind::Sns(_) => Err("not connected to Amazon SNS".into()),
        }
    }

    fn unsent(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notifier for Deliveries {
    fn has(&self, topic: Topic) -> bool {
        self.store.has(topic)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        let Rules { destinations, network, sns } = self.for_topic(delivery.topic);
        self.store.send(delivery).await?;
        if self.unsent().insert(delivery.key()) {
            // A terminal that is stopped holds up no message.
            let _ = self.shown.try_send(delivery.clone());
        }
        let id = &delivery.notification.notification_id;
        let attempts = destinations.iter().map(|destination| {
            let send = async {
                match (&destination.kind, &sns) {
                    (DestinationKind::Sns(arn), Some(sns)) => {
                        sns.notify(arn, delivery).await.map_err(|error| error.describe())
                    }
                    (kind, _) => {
                        let message = serde_json::to_value(&delivery.notification).unwrap_or_default();
                        self.pass_on(kind, &network, &message).await
                    }
                }
            };
            self.attempt(id, delivery.topic, destination, send)
        });
        // A slow destination holds up no other.
        if let Some(error) = join_all(attempts).await.into_iter().find_map(Result::err) {
            return Err(error);
        }
        self.unsent().remove(&delivery.key());
        Ok(())
    }
}

/// Starts a program with a message on its standard input.
async fn run(command: &[String], message: &Value) -> Result<(), Phrase> {
    let Some((program, arguments)) = command.split_first() else { return Err("no program".into()) };
    let kept = KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(kept)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| phrase!("{} cannot be started: {}", ours(program), ours(error)))?;
    let input = child.stdin.take();
    let message = format!("{message}\n");
    let done = timeout(DEADLINE, async {
        if let Some(mut input) = input {
            // A program that needs no message may have closed its input.
            let _ = input.write_all(message.as_bytes()).await;
        }
        child.wait_with_output().await
    });
    match done.await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            Err(phrase!("{} ended with {}: {}", ours(program), ours(output.status), foreign(last)))
        }
        Ok(Err(error)) => Err(phrase!("{} failed: {}", ours(program), ours(error))),
        Err(_) => Err(phrase!("{} did not end within {} s", ours(program), DEADLINE.as_secs())),
    }
}

fn subject(change: &AlarmChange) -> String {
    format!("{}: {}", change.to.as_str(), change.alarm.name)
}

fn text(change: &AlarmChange) -> String {
    let AlarmChange { alarm, from, to, at, reason, .. } = change;
    format!(
        "{} changed from {} to {} at {}\n\n{reason}\n\n{}\n",
        alarm.name,
        from.as_str(),
        to.as_str(),
        at.strftime("%Y-%m-%d %H:%M UTC"),
        alarm.description
    )
}

/// The change as CloudWatch writes it for programs ("Amazon SNS message format" in its user guide), as far as one machine knows it.
fn as_json(change: &AlarmChange) -> Value {
    let AlarmChange { alarm, from, to, at, reason, .. } = change;
    json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "NewStateValue": to.as_str(),
        "OldStateValue": from.as_str(),
        "NewStateReason": reason,
        "StateChangeTime": at.to_string(),
    })
}
