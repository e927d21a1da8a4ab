//! Outbox: messages that were decided and not yet accepted by their topics.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use check::message::Notification;
use check::text::cut;

use crate::{Delivery, Ports};

/// Time for which a run leaves another run's messages in the outbox alone: that run is still sending them, unless it
/// was killed.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// Maximum size of the outbox. With state and memory it stays below the table's limit for an item.
const MAX_OUTBOX: usize = 116_000;
/// Maximum number of messages in the outbox. The table takes 4 KB for the expression of a write, which names each.
const MAX_MESSAGES: usize = 70;

/// Changes that shorten the copies in the outbox of the messages that a run sends; what it sends itself is whole. They are
/// made in this order, each on top of the earlier ones, until the outbox fits:
///
/// 1. evidence is left out;
/// 2. the table of steps;
/// 3. texts are cut to 60 characters;
/// 4. five subjects and leftovers are kept, and the others counted;
/// 5. one is kept, with the link to the runbook and short names; affected checks are left out.
///
/// Then the oldest messages of other runs are discarded, and at last messages are sent without a copy: those to the chat
/// first, those to programs next, and of each topic the oldest.
const STAGES: [fn(&mut Notification); 5] = [
    |copy| copy.subjects.iter_mut().for_each(|subject| subject.failure.evidence = None),
    |copy| copy.steps.clear(),
    cut_texts,
    |copy| keep(copy, 5),
    shortest,
];

/// Changes to the outbox by one run.
pub(crate) struct OutboxChanges {
    /// Messages that this run sends: those taken over from other runs, then its own.
    pub(crate) send: Vec<Delivery>,
    /// Their copies for the outbox.
    pub(crate) enqueue: Vec<Delivery>,
    /// Keys of messages sent without a copy, because the outbox is full.
    pub(crate) without_copy: BTreeSet<String>,
    /// Keys of messages removed unsent, because the outbox is full.
    pub(crate) discard: Vec<String>,
    /// Time of the oldest message taken over.
    pub(crate) oldest_unsent: Option<Timestamp>,
}

impl OutboxChanges {
    /// Decides on the outbox as read at `read_at`.
    pub(crate) fn new(outbox: &[Delivery], read_at: Timestamp, notifications: &[Notification], ports: &Ports) -> Self {
        let now = ports.clock.now();
        let mut send = overdue_deliveries(outbox, read_at, now);
        let oldest_unsent = send.iter().map(|delivery| delivery.notification.at).min();
        send.extend(new_deliveries(notifications, ports, now));
        Self::fitted(outbox, send, oldest_unsent)
    }

    /// Makes room for the messages that the run sends.
    fn fitted(outbox: &[Delivery], send: Vec<Delivery>, oldest_unsent: Option<Timestamp>) -> Self {
        let sent: BTreeSet<String> = send.iter().map(Delivery::key).collect();
        let mut others: Vec<&Delivery> = outbox.iter().filter(|delivery| !sent.contains(&delivery.key())).collect();
        others.sort_by_key(|delivery| Reverse(delivery.queued_at));
        let of_others: usize = others.iter().map(|delivery| delivery.bytes()).sum();
        let mut enqueue = send.clone();
        for stage in STAGES {
            if of_others + total(&enqueue) <= MAX_OUTBOX {
                break;
            }
            enqueue.iter_mut().for_each(|delivery| stage(&mut delivery.notification));
        }
        let mut free = MAX_OUTBOX;
        let mut slots = MAX_MESSAGES;
        let mut takes = |delivery: &Delivery| {
            let bytes = delivery.bytes();
            let fits = bytes <= free && slots > 0;
            if fits {
                free -= bytes;
                slots -= 1;
            }
            fits
        };
        let mut by_importance: Vec<&Delivery> = enqueue.iter().collect();
        by_importance.sort_by_key(|delivery| (delivery.topic, Reverse(delivery.notification.at)));
        let without_copy: BTreeSet<String> =
            by_importance.into_iter().filter(|delivery| !takes(delivery)).map(Delivery::key).collect();
        let discard: Vec<String> = others.into_iter().filter(|delivery| !takes(delivery)).map(Delivery::key).collect();
        enqueue.retain(|delivery| !without_copy.contains(&delivery.key()));
        Self { send, enqueue, without_copy, discard, oldest_unsent }
    }

    /// Keys to remove from the outbox as it was read: also those of messages taken over that no longer fit.
    pub(crate) fn removed(&self, outbox: &[Delivery]) -> Vec<String> {
        let taken_over = outbox.iter().map(Delivery::key).filter(|key| self.without_copy.contains(key));
        self.discard.iter().cloned().chain(taken_over).collect()
    }
}

fn total(deliveries: &[Delivery]) -> usize {
    deliveries.iter().map(Delivery::bytes).sum()
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

/// Maximum length of a cut text, in characters.
const SHORT: usize = 60;

fn cut_texts(copy: &mut Notification) {
    for failure in copy.subjects.iter_mut().map(|subject| &mut subject.failure) {
        failure.step = cut(&failure.step, SHORT);
        failure.expected.cut(SHORT);
        failure.actual.cut(SHORT);
    }
    copy.inconclusive.iter_mut().for_each(|subject| subject.detail.cut(SHORT));
    for leftover in &mut copy.leftovers {
        leftover.compensation = cut(&leftover.compensation, SHORT);
        leftover.detail.cut(SHORT);
        leftover.instructions = leftover.instructions.as_ref().map(|text| cut(text, SHORT));
    }
}

fn keep(copy: &mut Notification, most: usize) {
    let listed = |copy: &Notification| copy.subjects.len() + copy.inconclusive.len() + copy.leftovers.len();
    let before = listed(copy);
    copy.subjects.truncate(most);
    copy.inconclusive.truncate(most);
    copy.leftovers.truncate(most);
    let left_out = u32::try_from(before - listed(copy)).unwrap_or(u32::MAX);
    copy.more_subjects = copy.more_subjects.saturating_add(left_out);
}

fn shortest(copy: &mut Notification) {
    keep(copy, 1);
    copy.affected.clear();
    let in_subjects = copy.subjects.iter_mut().map(|subject| &mut subject.owner);
    for owner in in_subjects.chain(copy.inconclusive.iter_mut().map(|subject| &mut subject.owner)).flatten() {
        owner.name = cut(&owner.name, SHORT);
        owner.contact = None;
    }
    copy.contact.name = cut(&copy.contact.name, SHORT);
    copy.contact.details = cut(&copy.contact.details, SHORT);
    (copy.links.dashboard, copy.links.logs, copy.links.trace) = (None, None, None);
}

#[cfg(test)]
mod tests;
