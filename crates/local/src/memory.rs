//! State, metrics and messages in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use runtime::{Commit, CommitError, Datum, Delivery, MetricSink, Notifier, PortError, StateItem, StateStore};

/// All that runs wrote, for as long as the process lives.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<BTreeMap<String, StateItem>>,
    data: Mutex<Vec<Datum>>,
    sent: Mutex<Vec<Delivery>>,
}

impl Memory {
    /// All numbers published so far, oldest first.
    #[must_use]
    pub fn data(&self) -> Vec<Datum> {
        lock(&self.data).clone()
    }

    /// What a check remembers.
    #[must_use]
    pub fn memory_of(&self, check: &str) -> Option<String> {
        lock(&self.state).get(check)?.memory.clone()
    }

    /// Has a check remember something else.
    pub fn set_memory(&self, check: &str, memory: &str) {
        lock(&self.state).entry(check.to_owned()).or_default().memory = Some(memory.to_owned());
    }

    /// Takes the messages that were sent since it was last asked.
    #[must_use]
    pub fn take_sent(&self) -> Vec<Delivery> {
        std::mem::take(&mut *lock(&self.sent))
    }
}

#[async_trait]
impl StateStore for Memory {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        Ok(lock(&self.state).get(check).cloned().unwrap_or_default())
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut state = lock(&self.state);
        let item = state.entry(commit.check.clone()).or_default();
        let is_later = item.last_run.get(&commit.slot).is_none_or(|last| last.at < commit.last_run.at);
        if item.version != commit.expected_version || !is_later {
            return Err(CommitError::Moved);
        }
        item.version += 1;
        item.last_run.insert(commit.slot.clone(), commit.last_run.clone());
        item.state = commit.state.clone();
        item.memory.clone_from(&commit.memory);
        item.outbox.extend(commit.enqueue.iter().cloned());
        Ok(())
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        if let Some(item) = lock(&self.state).get_mut(check) {
            item.outbox.retain(|delivery| !delivered.contains(&delivery.key()));
        }
        Ok(())
    }
}

#[async_trait]
impl MetricSink for Memory {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        lock(&self.data).extend_from_slice(data);
        Ok(())
    }
}

#[async_trait]
impl Notifier for Memory {
    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        lock(&self.sent).push(delivery.clone());
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
