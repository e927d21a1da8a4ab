//! Notifications, as they were sent.

use check::message::{Notification, Topic};
use jiff::Timestamp;

/// Notification that at least one topic has accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Notified {
    /// The notification.
    pub notification: Notification,
    /// Accepting topics.
    pub topics: Vec<Topic>,
    /// Attempts to deliver it to the destinations of this machine.
    pub deliveries: Vec<Delivered>,
}

/// Attempts to deliver a notification to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Topic.
    pub topic: Topic,
    /// Destination, without secrets.
    pub destination: String,
    /// Number of attempts.
    pub attempts: u32,
    /// Time of the delivery; `None` while it has not succeeded.
    pub delivered_at: Option<Timestamp>,
    /// Error of the last attempt; `None` if it succeeded.
    pub error: Option<String>,
}
