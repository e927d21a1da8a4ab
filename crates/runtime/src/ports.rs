//! What a run needs from the world, each as narrow as it can be. AWS, one machine and tests are peers.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use check::Journey;
use check::incident::{CheckState, IncidentChange, IncidentRecord};
use check::message::{Notification, Topic};
use check::metric::{Channel, Dimensions, Metric, Unit};
use probe::Redactor;

use crate::Clock;
use crate::settings::SecretRef;

/// A port that could not do its work.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("failed to {operation}: {detail}")]
pub struct PortError {
    /// What was to be done, as a fragment: `read the state for_environment availability`.
    pub operation: String,
    /// What came back, redacted.
    pub detail: String,
    /// Whether the same call may work later: throttled, timed out, a 5xx.
    pub retryable: bool,
}

impl PortError {
    /// A failure that will not go away by itself.
    #[must_use]
    pub fn new(operation: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { operation: operation.into(), detail: detail.into(), retryable: false }
    }

    /// Whether the same call may work later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.retryable
    }
}

/// The last run of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The time it was meant for.
    pub at: Timestamp,
    /// Its id, by which a run knows its own write whose answer was lost.
    pub run_id: String,
}

/// One notification on its way to one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where to.
    pub topic: Topic,
    /// What.
    pub notification: Notification,
    /// When the run that sends it put it there. Other runs leave it alone for a while: it is being sent.
    #[serde(default)]
    pub queued_at: Timestamp,
}

impl Delivery {
    /// Its name in the outbox.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.topic.as_str(), self.notification.notification_id)
    }
}

/// All that is stored of a check between runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateItem {
    /// Goes up with every write of state. 0: nothing is stored yet.
    pub version: u64,
    /// The last run of each slot (location and shard).
    pub last_run: BTreeMap<String, LastRun>,
    /// The incidents.
    pub state: CheckState,
    /// What the check remembers, as JSON.
    pub memory: Option<String>,
    /// What its topic has not taken yet.
    pub outbox: Vec<Delivery>,
}

/// One write after a run: all of it, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The check's id.
    pub check: String,
    /// The version that was read; the write fails when another run has written since.
    pub expected_version: u64,
    /// Which slot the run is of.
    pub slot: String,
    /// The run.
    pub last_run: LastRun,
    /// The incidents after it.
    pub state: CheckState,
    /// What the check remembers after it.
    pub memory: Option<String>,
    /// What is put in the outbox, and sent by this run: its own messages, and those that it takes over from runs that did
    /// not deliver them.
    pub enqueue: Vec<Delivery>,
    /// What is taken out of it unsent, since there is no room for more.
    pub discard: Vec<String>,
    /// What is written to the record of incidents.
    pub changes: Vec<IncidentChange>,
}

/// Why a write was not done.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommitError {
    /// Another run, or a person, has written since it was read.
    #[error("the state was changed by another run")]
    Moved,
    /// The store could not be written.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// Keeps the state of checks.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Reads all that is stored of a check; a new item when nothing is.
    ///
    /// # Errors
    /// When the store cannot be read, or holds what cannot be understood.
    async fn load(&self, check: &str) -> Result<StateItem, PortError>;

    /// Writes state, memory, new messages and the record of incidents in one conditional write: all of it, or nothing.
    ///
    /// # Errors
    /// [`CommitError::Moved`] when the version is not the expected one, or the slot's last run is not before this one.
    async fn commit(&self, commit: &Commit) -> Result<(), CommitError>;

    /// Takes what was sent out of the outbox. Unconditional, and no change of version.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError>;
}

/// What people do with the state of checks, beside the runs.
#[async_trait]
pub trait OperatorStore: StateStore {
    /// Writes the state of a check in the place of the one that was read with this version.
    ///
    /// # Errors
    /// [`CommitError::Moved`] when a run, or somebody else, has written since.
    async fn amend(&self, check: &str, expected_version: u64, state: &CheckState) -> Result<(), CommitError>;

    /// The records of a check's incidents that began after a time, newest first.
    ///
    /// # Errors
    /// When the store cannot be read, or holds what cannot be understood.
    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError>;
}

/// One number at one time, ready to be published.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Datum {
    /// The metric's name.
    pub metric: String,
    /// Its unit.
    pub unit: Unit,
    /// The value; finite.
    pub value: f64,
    /// The scheduled time of the run.
    pub at: Timestamp,
    /// Names and values.
    pub dimensions: Vec<(&'static str, String)>,
}

impl Datum {
    /// A value of a metric of the catalogue, under its dimensions.
    #[must_use]
    pub fn for_environment(
        metric: &Metric,
        value: f64,
        environment: &str,
        check: &str,
        channel: Option<Channel>,
        at: Timestamp,
    ) -> Self {
        let mut dimensions = vec![("Environment", environment.to_owned())];
        match metric.dimensions {
            Dimensions::Environment => {}
            Dimensions::EnvironmentAndCheck | Dimensions::EnvironmentCheckAndChannel => {
                dimensions.push(("Check", check.to_owned()));
            }
        }
        if let (Dimensions::EnvironmentCheckAndChannel, Some(channel)) = (metric.dimensions, channel) {
            dimensions.push(("Channel", channel.as_str().to_owned()));
        }
        Self { metric: metric.name.to_owned(), unit: metric.unit, value, at, dimensions }
    }
}

/// Publishes metrics.
#[async_trait]
pub trait MetricSink: Send + Sync {
    /// Publishes all numbers of a run in one call.
    ///
    /// # Errors
    /// When they were not taken. A retried call can count twice, so alarms use average, minimum and maximum only.
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError>;
}

/// Tells people and programs.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Whether there is such a topic. What no topic takes is not put in the outbox.
    fn has(&self, topic: Topic) -> bool;

    /// Sends one message to one topic. **May wake a person.**
    ///
    /// # Errors
    /// When the topic did not take it, or the answer was lost; it may then be delivered twice, with the same id.
    async fn send(&self, delivery: &Delivery) -> Result<(), PortError>;
}

/// Resolves references to secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret.
    ///
    /// # Errors
    /// When it does not exist or is denied. The message names the reference, never a value.
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, PortError>;
}

/// All that a run needs from the world.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// State.
    pub state: Arc<dyn StateStore>,
    /// Metrics.
    pub metrics: Arc<dyn MetricSink>,
    /// Messages.
    pub notifier: Arc<dyn Notifier>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Knows every secret that was resolved.
    pub redactor: Redactor,
    /// Where runs run from.
    pub location: String,
    /// Starts the record of an attempt: [`Journey::new`], but in tests that prove that a test can fail.
    pub recorder: Arc<dyn Fn(Timestamp) -> Journey + Send + Sync>,
}
