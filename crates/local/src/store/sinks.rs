//! Values of metrics, and messages.

use async_trait::async_trait;
use check::message::Topic;
use runtime::{Datum, Delivery, MetricSink, Notifier, PortError};
use rusqlite::params;

use super::Store;

#[async_trait]
impl MetricSink for Store {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        self.write("store the values", |store| {
            let sql = "INSERT INTO metric_values (metric, dimensions, at, value, unit) VALUES (?, ?, ?, ?, ?)";
            let mut insert = store.prepare(sql)?;
            for Datum { metric, unit, value, at, dimensions } in data {
                let dimensions: std::collections::BTreeMap<_, _> = dimensions.iter().cloned().collect();
                let dimensions = serde_json::to_string(&dimensions)?;
                insert.execute(params![metric, dimensions, at.as_millisecond(), value, unit.as_str()])?;
            }
            Ok(())
        })
    }
}

#[async_trait]
impl Notifier for Store {
    fn has(&self, topic: Topic) -> bool {
        // There is no chat on one machine.
        topic != Topic::Chat
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), PortError> {
        let Delivery { topic, notification, queued_at } = delivery;
        self.write("store the message", |store| {
            store.execute(
                "INSERT OR REPLACE INTO notifications (notification_id, topic, event, queued_at, notification)
                 VALUES (?, ?, ?, ?, ?)",
                params![
                    notification.notification_id,
                    topic.as_str(),
                    notification.event.as_str(),
                    queued_at.as_millisecond(),
                    serde_json::to_string(notification)?,
                ],
            )?;
            Ok(())
        })
    }
}
