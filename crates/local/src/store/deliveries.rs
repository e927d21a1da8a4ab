//! Attempts to send messages to the destinations of a topic.

use check::message::Topic;
use jiff::Timestamp;
use runtime::PortError;
use rusqlite::{OptionalExtension as _, params};

use super::Store;

impl Store {
    /// Returns true if a message of a topic has reached a destination.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn delivered(&self, notification_id: &str, topic: Topic, destination: &str) -> Result<bool, PortError> {
        self.read("read the deliveries", |store| {
            let sql = "SELECT 1 FROM deliveries
                       WHERE notification_id = ? AND topic = ? AND destination = ? AND delivered_at IS NOT NULL";
            let key = params![notification_id, topic.as_str(), destination];
            let found: Option<i64> = store.query_row(sql, key, |row| row.get(0)).optional()?;
            Ok(found.is_some())
        })
    }

    /// Adds an attempt to deliver a message of a topic to a destination. A delivered message stays delivered. An error must not
    /// hold secrets, such as those in the URL of a webhook.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_delivery(
        &self,
        notification_id: &str,
        topic: Topic,
        destination: &str,
        at: Timestamp,
        result: Result<(), &str>,
    ) -> Result<(), PortError> {
        self.write("store the delivery", |store| {
            let at = at.as_millisecond();
            let (delivered_at, error) = (result.is_ok().then_some(at), result.err());
            store.execute(
                "INSERT INTO deliveries
                     (notification_id, topic, destination, attempts, attempted_at, delivered_at, error)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)
                 ON CONFLICT (notification_id, topic, destination) DO UPDATE SET attempts = attempts + 1,
                     attempted_at = ?4, delivered_at = coalesce(delivered_at, ?5), error = ?6",
                params![notification_id, topic.as_str(), destination, at, delivered_at, error],
            )?;
            Ok(())
        })
    }
}
