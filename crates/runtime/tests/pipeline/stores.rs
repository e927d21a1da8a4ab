//! Stores that the histories are played on.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use check::incident::{CheckState, IncidentRecord, Mark};
use check::message::Topic;
use jiff::Timestamp;
use local::{Memory, Store};
use runtime::{
    Commit, CommitError, Datum, Delivery, MetricSink, Notifier, OperatorStore, PortError, StateItem, StateStore,
};

/// A store that a history begins with, and that can be copied.
pub trait Kept: OperatorStore + MetricSink + Notifier + Sized + 'static {
    /// Creates an empty one.
    fn empty() -> Arc<Self>;

    /// Copies the contents. The copy is independent from then on.
    fn copied(&self) -> Arc<Self>;
}

impl Kept for Memory {
    fn empty() -> Arc<Self> {
        Arc::default()
    }

    fn copied(&self) -> Arc<Self> {
        Arc::new(self.clone())
    }
}

/// The store in a file.
pub struct InFile {
    store: Store,
    folder: PathBuf,
}

impl InFile {
    fn in_new_folder(from: Option<&Path>) -> Arc<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        // In memory where there is such a file system: what a disk does is tested with the store.
        let shared = Path::new("/dev/shm");
        let parent = if shared.is_dir() { shared } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        let folder = parent.join(format!("histories-{}-{}", std::process::id(), NUMBER.fetch_add(1, SeqCst)));
        fs::create_dir_all(&folder).unwrap();
        if let Some(from) = from {
            for entry in fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                // The index of the log is of the process that made it.
                if entry.path().extension().is_some_and(|extension| extension != "db-shm") {
                    fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
                }
            }
        }
        Arc::new(Self { store: Store::open(&folder.join("a.db")).unwrap(), folder })
    }
}

impl Drop for InFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Kept for InFile {
    fn empty() -> Arc<Self> {
        Self::in_new_folder(None)
    }

    fn copied(&self) -> Arc<Self> {
        Self::in_new_folder(Some(&self.folder))
    }
}

#[async_trait]
impl StateStore for InFile {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        self.store.load(check).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.store.commit(commit).await
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        self.store.clear(check, delivered).await
    }
}

#[async_trait]
impl OperatorStore for InFile {
    async fn amend(&self, check: &str, expected_version: u64, state: &CheckState) -> Result<(), CommitError> {
        self.store.amend(check, expected_version, state).await
    }

    async fn clear_memory(&self, check: &str) -> Result<(), PortError> {
        self.store.clear_memory(check).await
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        self.store.incidents(check, after).await
    }

    async fn add_mark(&self, mark: &Mark) -> Result<(), PortError> {
        self.store.add_mark(mark).await
    }

    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError> {
        self.store.marks(after).await
    }
}

#[async_trait]
impl MetricSink for InFile {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        self.store.publish(data).await
    }
}

#[async_trait]
impl Notifier for InFile {
    fn has(&self, topic: Topic) -> bool {
        self.store.has(topic)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        self.store.send(delivery).await
    }
}
