//! Ports of a run, each as narrow as possible. AWS, one machine and tests are peers.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use check::incident::{CheckState, IncidentChange, IncidentRecord, Mark};
use check::message::{Machine, Notification, Topic};
use check::metric::{Channel, Dimensions, Metric, Unit};
use check::{Journey, Phrase, Redact, foreign, ours, phrase};
use probe::Redactor;
use settings::SecretRef;

use crate::Clock;
use crate::secret_value::{self, Alphabet};

/// Failure of a port.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("failed to {operation}: {detail}")]
pub struct PortError {
    /// Operation that failed, as a fragment: `read the state of availability`.
    pub operation: String,
    /// Answer of the service, redacted.
    pub detail: String,
    /// True if the same call may succeed later: throttled, timed out, a 5xx.
    pub retryable: bool,
}

impl PortError {
    /// Creates an error that a retry does not fix.
    #[must_use]
    pub fn new(operation: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { operation: operation.into(), detail: detail.into(), retryable: false }
    }

    /// Describes the error. The answer of the service is foreign text; its lines stay apart, because the second one is a hint.
    #[must_use]
    pub fn describe(&self) -> Phrase {
        let lines = self.detail.lines().take(MAX_LINES).map(|line| foreign(line).into());
        phrase!("failed to {}: {}", ours(&self.operation), Phrase::list(lines, "\n"))
    }

    /// Returns true if the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.retryable
    }
}

/// Maximum number of lines in the description of an error.
const MAX_LINES: usize = 3;

/// Last run of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Scheduled time.
    pub at: Timestamp,
    /// Id, by which a run recognizes its own write when the answer was lost.
    pub run_id: String,
    /// What it ran with; unknown for runs of old releases.
    #[serde(default)]
    pub provenance: Option<Provenance>,
}

/// Code and settings of a run, by which the runs of a deployment are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Release of the code, such as `0.1.0+3fed3e6`.
    pub release: String,
    /// Digest of the settings: [`settings::Document::digest`].
    pub settings: String,
}

impl Provenance {
    /// Size in the state item, as DynamoDB counts it: names and values.
    fn bytes(&self) -> usize {
        2 + "releasesettings".len() + self.release.len() + self.settings.len()
    }
}

/// One notification to be sent to one topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Topic.
    pub topic: Topic,
    /// Notification.
    pub notification: Notification,
    /// Time at which the sending run queued it. Other runs leave it alone for a while, because it is being sent.
    #[serde(default)]
    pub queued_at: Timestamp,
}

impl Delivery {
    /// Key in the outbox.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.topic.as_str(), self.notification.notification_id)
    }

    /// Size in the outbox: key, JSON, and one byte for the entry.
    #[must_use]
    pub fn bytes(&self) -> usize {
        1 + self.key().len() + serde_json::to_string(self).map_or(0, |text| text.len())
    }
}

/// Everything stored about a check between runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateItem {
    /// Number of state writes. 0: nothing is stored yet.
    pub version: u64,
    /// Last run of each slot (location and shard).
    pub last_run: BTreeMap<String, LastRun>,
    /// Incidents.
    pub state: CheckState,
    /// Memory of the check in its stored form, which only the engine reads.
    pub memory: Option<String>,
    /// Messages not yet accepted by their topics.
    pub outbox: Vec<Delivery>,
}

impl StateItem {
    /// Maximum size of an item: slightly less than the table's 400 KB, in case it counts differently.
    pub const MAX_BYTES: usize = 390_000;

    /// Size of the stored item of a check, as DynamoDB counts it: names and texts in bytes of UTF-8, 21 bytes for a number,
    /// 3 for a map, and 1 for each entry of a map.
    #[must_use]
    pub fn bytes(&self, check: &str) -> usize {
        const NUMBER: usize = 21;
        const MAP: usize = 3;
        let key = "pkCHECK#skSTATE".len() + check.len();
        let names = "versionlast_runstatememoryoutbox".len();
        let run = |(slot, last): (&String, &LastRun)| {
            let provenance = last.provenance.as_ref().map_or(0, Provenance::bytes);
            1 + slot.len() + MAP + 2 + "atrun".len() + NUMBER + last.run_id.len() + provenance
        };
        let last_run: usize = self.last_run.iter().map(run).sum();
        let outbox: usize = self.outbox.iter().map(Delivery::bytes).sum();
        let memory = self.memory.as_ref().map_or(0, String::len);
        key + names + NUMBER + MAP + last_run + self.state.bytes() + memory + MAP + outbox
    }
}

/// One write after a run: all of it, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// Id of the check.
    pub check: String,
    /// Version at the time of reading; the write fails if another run has written since.
    pub expected_version: u64,
    /// Slot of the run.
    pub slot: String,
    /// The run.
    pub last_run: LastRun,
    /// Slots to remove, because no run used them for a long time.
    pub forget: Vec<String>,
    /// Incidents after the run.
    pub state: CheckState,
    /// Memory of the check after the run, in its stored form. `None` removes it.
    pub memory: Option<String>,
    /// Messages to put in the outbox, sent by this run: its own, and those taken over from runs that did not deliver
    /// them.
    pub enqueue: Vec<Delivery>,
    /// Keys of messages removed unsent, because the outbox is full.
    pub discard: Vec<String>,
    /// Changes to incident records.
    pub changes: Vec<IncidentChange>,
}

impl Commit {
    /// Makes the write on an item.
    pub fn apply_to(&self, item: &mut StateItem) {
        item.version += 1;
        item.last_run.retain(|slot, _| !self.forget.contains(slot));
        item.last_run.insert(self.slot.clone(), self.last_run.clone());
        item.state = self.state.clone();
        item.memory.clone_from(&self.memory);
        let replaced: Vec<String> = self.enqueue.iter().map(Delivery::key).collect();
        item.outbox.retain(|delivery| {
            let key = delivery.key();
            !self.discard.contains(&key) && !replaced.contains(&key)
        });
        item.outbox.extend(self.enqueue.iter().cloned());
    }
}

/// Reason why a write was not done.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommitError {
    /// Another run or a person has written since the state was read.
    #[error("the state was changed by another run")]
    Moved,
    /// The store could not be written.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// Stores the state of checks.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Reads everything stored about a check; returns a new item when nothing is stored.
    ///
    /// # Errors
    /// When the store cannot be read, or its contents are malformed.
    async fn load(&self, check: &str) -> Result<StateItem, PortError>;

    /// Writes state, memory, new messages and the record of incidents in one conditional write: all of it, or nothing.
    ///
    /// # Errors
    /// [`CommitError::Moved`] when the version is not the expected one, or the slot's last run is not before this one.
    async fn commit(&self, commit: &Commit) -> Result<(), CommitError>;

    /// Removes sent messages from the outbox. Unconditional; the version stays the same.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError>;
}

/// Operations of people on the state of checks, outside runs.
#[async_trait]
pub trait OperatorStore: StateStore {
    /// Replaces the state of a check if its version is still the expected one.
    ///
    /// # Errors
    /// [`CommitError::Moved`] when a run or another person has written since.
    async fn amend(&self, check: &str, expected_version: u64, state: &CheckState) -> Result<(), CommitError>;

    /// Removes the memory of a check. Its next run starts with an empty one; a run in progress merges its own into that.
    ///
    /// # Errors
    /// When nothing is stored about the check, or the store cannot be written.
    async fn clear_memory(&self, check: &str) -> Result<(), PortError>;

    /// Reads the records of a check's incidents that began at a time or later, newest first.
    ///
    /// # Errors
    /// When the store cannot be read, or its contents are malformed.
    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError>;

    /// Stores a mark.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn add_mark(&self, mark: &Mark) -> Result<(), PortError>;

    /// Reads the marks of a time or later, newest first.
    ///
    /// # Errors
    /// When the store cannot be read, or its contents are malformed.
    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError>;
}

/// One value of a metric at one time, ready to publish.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Datum {
    /// Name of the metric.
    pub metric: String,
    /// Unit.
    pub unit: Unit,
    /// The value; finite.
    pub value: f64,
    /// Scheduled time of the run.
    pub at: Timestamp,
    /// Names and values of the dimensions.
    pub dimensions: Vec<(&'static str, String)>,
}

impl Datum {
    /// Creates the value of a catalogue metric with its dimensions.
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
    /// Publishes all data of a run in one call.
    ///
    /// # Errors
    /// When they were not accepted. A retried call can count twice, so alarms use average, minimum and maximum only.
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError>;
}

/// Notifies people and programs.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Returns true if the topic exists. Messages to missing topics are not put in the outbox.
    fn has(&self, topic: Topic) -> bool;

    /// Sends one message to one topic. **May wake a person.**
    ///
    /// # Errors
    /// When the topic did not accept it, or the answer was lost; it may then be delivered twice, with the same id.
    async fn send(&self, delivery: &Delivery) -> Result<(), PortError>;
}

/// Resolves references to secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// Returns the secret.
    ///
    /// # Errors
    /// When it does not exist or access is denied. The message names the reference, never a value.
    async fn resolve(&self, reference: &SecretRef) -> Result<SecretString, PortError>;
}

/// All ports of a run.
#[derive(Clone)]
pub struct Ports {
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// State store.
    pub state: Arc<dyn StateStore>,
    /// Metric sink.
    pub metrics: Arc<dyn MetricSink>,
    /// Notifier.
    pub notifier: Arc<dyn Notifier>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Redactor that knows every resolved secret.
    pub redactor: Redactor,
    /// Location of the runs.
    pub location: String,
    /// AWS region of the deployment; none on one machine.
    pub region: Option<String>,
    /// Files that commands in messages name; none in a deployment.
    pub machine: Option<Machine>,
    /// Release of the running code, such as `0.1.0+3fed3e6`.
    pub release: String,
    /// Cancelled when the process is asked to stop. A run in progress then undoes what it has created, and ends.
    pub interrupt: CancellationToken,
    /// Creates the record of an attempt: [`Journey::new`], except in tests that prove that a test can fail.
    pub recorder: Arc<dyn Fn(Timestamp, Arc<dyn Redact>) -> Journey + Send + Sync>,
}

impl Ports {
    /// Resolves a reference to a secret of this alphabet.
    pub(crate) async fn resolve(&self, reference: &SecretRef, alphabet: Alphabet) -> Result<SecretString, PortError> {
        secret_value::read(self.secrets.resolve(reference).await?, alphabet)
            .map_err(|mistake| PortError::new(format!("use {reference}"), mistake))
    }
}
