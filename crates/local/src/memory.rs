//! State, metrics and messages in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use check::incident::{CheckState, IncidentRecord, Mark};
use check::message::Topic;
use jiff::Timestamp;
use runtime::{
    Commit, CommitError, Datum, Delivery, MetricSink, Notifier, OperatorStore, PortError, StateItem, StateStore,
};

/// Stored data of a check, written together or not at all.
#[derive(Clone, Debug, Default)]
struct Stored {
    item: StateItem,
    records: BTreeMap<String, IncidentRecord>,
}

/// Everything written by runs, for the life of the process.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<BTreeMap<String, Stored>>,
    data: Mutex<Vec<Datum>>,
    sent: Mutex<Vec<Delivery>>,
    marks: Mutex<Vec<Mark>>,
}

impl Clone for Memory {
    /// Copies the current contents. The copy is independent from then on.
    fn clone(&self) -> Self {
        let copied = |state: &BTreeMap<String, Stored>| Mutex::new(state.clone());
        Self {
            state: copied(&lock(&self.state)),
            data: Mutex::new(lock(&self.data).clone()),
            sent: Mutex::new(lock(&self.sent).clone()),
            marks: Mutex::new(lock(&self.marks).clone()),
        }
    }
}

impl Memory {
    /// All metric values published so far, oldest first.
    #[must_use]
    pub fn data(&self) -> Vec<Datum> {
        lock(&self.data).clone()
    }

    /// Memory of a check.
    #[must_use]
    pub fn memory_of(&self, check: &str) -> Option<String> {
        lock(&self.state).get(check)?.item.memory.clone()
    }

    /// Replaces the memory of a check.
    pub fn set_memory(&self, check: &str, memory: &str) {
        lock(&self.state).entry(check.to_owned()).or_default().item.memory = Some(memory.to_owned());
    }

    /// Takes the messages sent since the last call.
    #[must_use]
    pub fn take_sent(&self) -> Vec<Delivery> {
        std::mem::take(&mut *lock(&self.sent))
    }
}

#[async_trait]
impl StateStore for Memory {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        Ok(lock(&self.state).get(check).map(|stored| stored.item.clone()).unwrap_or_default())
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut state = lock(&self.state);
        let Stored { item, records } = state.entry(commit.check.clone()).or_default();
        let is_later = item.last_run.get(&commit.slot).is_none_or(|last| last.at < commit.last_run.at);
        if item.version != commit.expected_version || !is_later {
            return Err(CommitError::Moved);
        }
        commit.apply_to(item);
        for change in &commit.changes {
            let earlier = records.remove(&change.incident.id);
            records.insert(change.incident.id.clone(), IncidentRecord::after(earlier, change));
        }
        Ok(())
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        if let Some(stored) = lock(&self.state).get_mut(check) {
            stored.item.outbox.retain(|delivery| !delivered.contains(&delivery.key()));
        }
        Ok(())
    }
}

#[async_trait]
impl OperatorStore for Memory {
    async fn amend(&self, check: &str, expected_version: u64, next: &CheckState) -> Result<(), CommitError> {
        let mut state = lock(&self.state);
        let item = &mut state.entry(check.to_owned()).or_default().item;
        if item.version != expected_version {
            return Err(CommitError::Moved);
        }
        item.version += 1;
        item.state = next.clone();
        Ok(())
    }

    async fn clear_memory(&self, check: &str) -> Result<(), PortError> {
        let mut state = lock(&self.state);
        let stored = state
            .get_mut(check)
            .ok_or_else(|| PortError::new(format!("clear the memory of {check}"), "nothing is stored about it"))?;
        stored.item.version += 1;
        stored.item.memory = None;
        Ok(())
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        let state = lock(&self.state);
        let records = state.get(check).into_iter().flat_map(|stored| stored.records.values());
        let mut records: Vec<_> = records.filter(|record| record.since >= after).cloned().collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.since));
        Ok(records)
    }

    async fn add_mark(&self, mark: &Mark) -> Result<(), PortError> {
        lock(&self.marks).push(mark.clone());
        Ok(())
    }

    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError> {
        let mut marks: Vec<_> = lock(&self.marks).iter().filter(|mark| mark.at >= after).cloned().collect();
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.at));
        Ok(marks)
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
    fn has(&self, topic: Topic) -> bool {
        // There is no chat on one machine.
        topic != Topic::Chat
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        lock(&self.sent).push(delivery.clone());
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
