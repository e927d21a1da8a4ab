//! Messages on their way to people: into the store, and to each destination of the settings.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use check::Phrase;
use check::message::Topic;
use futures::future::join_all;
use local::Store;
use probe::{Method, Request};
use runtime::{Delivery, Notifier, PortError, Ports, identity, send_to_secret_url};
use serde_json::Value;
use settings::{Destination, DestinationKind, Network};
use tokio::sync::mpsc;

use crate::{AlarmChange, alarm_text, command};

/// Longest time for a destination to take a message.
const DEADLINE: Duration = Duration::from_secs(10);
/// Messages that may wait to be shown.
const MAX_WAITING: usize = 1_000;
/// Maximum length of a reason, in characters.
const MAX_REASON: usize = 300;

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
        self.distribute(topic, &Message::Alarm(change)).await
    }

    /// Sends a message to the destinations of a topic that do not have it. Returns what failed.
    async fn distribute(&self, topic: Topic, message: &Message<'_>) -> Vec<PortError> {
        let Rules { destinations, network, sns } = self.for_topic(topic);
        let id = message.id();
        let attempts = destinations.iter().map(|destination| {
            let send = async {
                match (&destination.kind, &sns) {
                    (DestinationKind::Sns(arn), Some(sns)) => message.to_topic(&**sns, arn).await,
                    (kind, _) => self.pass_on(kind, &network, &message.as_json()).await,
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
            DestinationKind::Command(command) => command::run(command, message, DEADLINE).await,
            DestinationKind::Sns(_) => Err("not connected to Amazon SNS".into()),
        }
    }

    fn unsent(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What destinations get.
enum Message<'a> {
    Notification(&'a Delivery),
    Alarm(&'a AlarmChange),
}

impl Message<'_> {
    /// Id that stays the same when the message is sent again.
    fn id(&self) -> String {
        match self {
            Self::Notification(delivery) => delivery.notification.notification_id.clone(),
            Self::Alarm(change) => format!("{}/{}", change.alarm.name, change.at),
        }
    }

    async fn to_topic(&self, sns: &dyn Sns, arn: &str) -> Result<(), Phrase> {
        let sent = match self {
            Self::Notification(delivery) => sns.notify(arn, delivery).await,
            Self::Alarm(change) => sns.say(arn, &alarm_text::subject(change), &alarm_text::text(change)).await,
        };
        sent.map_err(|error| error.describe())
    }

    fn as_json(&self) -> Value {
        match self {
            Self::Notification(delivery) => serde_json::to_value(&delivery.notification).unwrap_or_default(),
            Self::Alarm(change) => alarm_text::as_json(change),
        }
    }
}

#[async_trait]
impl Notifier for Deliveries {
    fn has(&self, topic: Topic) -> bool {
        self.store.has(topic)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        self.store.send(delivery).await?;
        if self.unsent().insert(delivery.key()) {
            // A terminal that is stopped holds up no message.
            let _ = self.shown.try_send(delivery.clone());
        }
        if let Some(error) = self.distribute(delivery.topic, &Message::Notification(delivery)).await.into_iter().next()
        {
            return Err(error);
        }
        self.unsent().remove(&delivery.key());
        Ok(())
    }
}
