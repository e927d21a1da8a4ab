//! Outbox: messages that were decided and not yet accepted by their topics.

use jiff::{SignedDuration, Timestamp};

use check::message::Notification;

use crate::{Delivery, Ports};

/// Time for which a run leaves another run's messages in the outbox alone: that run is still sending them, unless it
/// was killed.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// Maximum size of the outbox, in bytes of JSON. With state and memory it stays below the table's limit for an item.
const MAX_OUTBOX: usize = 130_000;

/// Changes to the outbox by one run.
pub(crate) struct OutboxChanges {
    /// Messages that this run sends: those taken over from other runs, then its own.
    pub(crate) enqueue: Vec<Delivery>,
    /// Keys of messages removed unsent, because the outbox is full.
    pub(crate) discard: Vec<String>,
    /// Time of the oldest message taken over.
    pub(crate) oldest_unsent: Option<Timestamp>,
}

impl OutboxChanges {
    /// Decides on the outbox as read at `read_at`.
    pub(crate) fn new(outbox: &[Delivery], read_at: Timestamp, notifications: &[Notification], ports: &Ports) -> Self {
        let now = ports.clock.now();
        let mut enqueue = overdue_deliveries(outbox, read_at, now);
        let oldest_unsent = enqueue.iter().map(|delivery| delivery.notification.at).min();
        enqueue.extend(new_deliveries(notifications, ports, now));
        let discard = deliveries_to_discard(outbox, &enqueue);
        Self { enqueue, discard, oldest_unsent }
    }
}

/// Messages that no run delivered within the lease, as of reading the outbox. This run takes them over; the same
/// conditional write records that, so no other run sends them too.
fn overdue_deliveries(outbox: &[Delivery], read_at: Timestamp, now: Timestamp) -> Vec<Delivery> {
    let is_due = |delivery: &&Delivery| read_at.duration_since(delivery.queued_at) >= LEASE;
    outbox.iter().filter(is_due).map(|delivery| Delivery { queued_at: now, ..delivery.clone() }).collect()
}

/// Creates one delivery per message and topic.
fn new_deliveries(notifications: &[Notification], ports: &Ports, queued_at: Timestamp) -> Vec<Delivery> {
    notifications
        .iter()
        .flat_map(|notification| {
            let topics = notification.topics().into_iter().filter(|topic| ports.notifier.has(*topic));
            topics.map(|topic| Delivery { topic, notification: notification.clone(), queued_at })
        })
        .collect()
}

/// Keys of the oldest unsent messages to discard for new ones. By then the metric `OldestUnsentNotification` has long
/// reported their topic.
fn deliveries_to_discard(outbox: &[Delivery], enqueue: &[Delivery]) -> Vec<String> {
    let size = |delivery: &Delivery| serde_json::to_string(delivery).map_or(0, |text| text.len());
    let is_sent_now = |delivery: &Delivery| enqueue.iter().any(|other| other.key() == delivery.key());
    let mut oldest: Vec<&Delivery> = outbox.iter().filter(|delivery| !is_sent_now(delivery)).collect();
    oldest.sort_by_key(|delivery| delivery.queued_at);
    let mut bytes: usize = oldest.iter().copied().chain(enqueue).map(size).sum();
    let exceeds_limit = |delivery: &&&Delivery| {
        let is_full = bytes > MAX_OUTBOX;
        bytes = bytes.saturating_sub(size(delivery));
        is_full
    };
    oldest.iter().take_while(exceeds_limit).map(|delivery| delivery.key()).collect()
}
