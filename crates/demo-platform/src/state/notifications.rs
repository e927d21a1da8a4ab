//! E-mails and SMS, with their delivery states.
//!
//! Assumed: a message is sent one second after it was accepted, and delivered three seconds later.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::faults::{Fault, Faults};

/// Time from accepting a message to sending it.
pub(crate) const SENT_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// Time from accepting a message to its delivery.
const DELIVERED_AFTER: SignedDuration = SignedDuration::from_secs(4);
/// Limit of messages that are kept and listed.
const KEPT: usize = 200;

/// Medium of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Email,
    Sms,
}

/// The delivery state of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryState {
    /// Waiting to be sent.
    Queued,
    /// Sent; the delivery is unknown.
    Sent,
    Delivered(Timestamp),
    /// Not delivered: the status and the reason.
    Lost(&'static str, String),
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u32,
    pub(crate) channel: Channel,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) created_at: Timestamp,
    state: DeliveryState,
    /// A real mail server decides the state, not the clock.
    is_real: bool,
}

impl Notification {
    /// The provider's id.
    pub(crate) fn provider_id(&self) -> String {
        match self.channel {
            Channel::Email => format!("{:018}", self.id),
            Channel::Sms => format!("SM{:032x}", self.id),
        }
    }
}

/// All messages, oldest first.
#[derive(Default)]
pub(crate) struct Notifications {
    kept: Mutex<Vec<Notification>>,
}

impl Notifications {
    fn lock(&self) -> MutexGuard<'_, Vec<Notification>> {
        // Every change is a single entry, so the data is consistent even after a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the state that a real mail server decided.
    pub(crate) fn set_state(&self, id: u32, state: DeliveryState) {
        if let Some(kept) = self.lock().iter_mut().find(|kept| kept.id == id) {
            kept.state = state;
        }
    }

    /// Queues a message. A real mail server decides its state if `is_real` is true, and the clock otherwise.
    pub(crate) fn queue(
        &self,
        channel: Channel,
        to: String,
        text: String,
        now: Timestamp,
        is_real: bool,
    ) -> Notification {
        let mut kept = self.lock();
        let id = kept.last().map_or(8000, |last| last.id) + 1;
        let (state, created_at) = (DeliveryState::Queued, now);
        let message = Notification { id, channel, to, text, created_at, state, is_real };
        kept.push(message.clone());
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        message
    }

    /// Updates every message to the current time, and returns each with the state known to its provider.
    pub(crate) fn current_states(
        &self,
        faults: &Faults,
        late_by: SignedDuration,
        now: Timestamp,
    ) -> Vec<(Notification, DeliveryState)> {
        let mut kept = self.lock();
        for message in kept.iter_mut().filter(|message| !message.is_real) {
            let stuck = match message.channel {
                Channel::Email => Fault::EmailStuck,
                Channel::Sms => Fault::SmsStuck,
            };
            let is_final = matches!(message.state, DeliveryState::Delivered(_) | DeliveryState::Lost(..));
            if is_final || (message.state == DeliveryState::Queued && faults.is_active(stuck)) {
                continue;
            }
            let delivered_at = message.created_at + delivery_time(message.channel, faults, late_by);
            if now >= delivered_at {
                message.state = match message.channel {
                    Channel::Email if faults.is_active(Fault::EmailBounced) => DeliveryState::Lost(
                        "bounced",
                        "550 5.1.1 The email account that you tried to reach does not exist".to_owned(),
                    ),
                    Channel::Sms if faults.is_active(Fault::SmsFailed) => {
                        DeliveryState::Lost("failed", "30003 Unreachable destination handset".to_owned())
                    }
                    _ => DeliveryState::Delivered(delivered_at),
                };
            } else if now >= message.created_at + SENT_AFTER {
                message.state = DeliveryState::Sent;
            }
        }
        kept.iter().map(|message| (message.clone(), message.state.clone())).collect()
    }
}

/// Delivery time of a message.
fn delivery_time(channel: Channel, faults: &Faults, late_by: SignedDuration) -> SignedDuration {
    let late = match channel {
        Channel::Email => Fault::EmailLate,
        Channel::Sms => Fault::SmsLate,
    };
    if faults.is_active(late) { late_by } else { DELIVERED_AFTER }
}
