//! Values of metrics, and messages.

use std::collections::BTreeMap;

use async_trait::async_trait;
use check::message::Topic;
use jiff::Timestamp;
use runtime::{Datum, Delivery, MetricSink, Notifier, PortError};
use rusqlite::params;

use super::Store;
use super::state::execute;

#[async_trait]
impl MetricSink for Store {
    async fn publish(&self, data: &[Datum]) -> Result<(), PortError> {
        self.write_history("store the values", |store| {
            let mut named =
                store.prepare_cached("INSERT OR IGNORE INTO series (metric, dimensions, unit) VALUES (?, ?, ?)")?;
            let sql = "INSERT INTO points (series, at, value)
                       SELECT id, ?4, ?5 FROM series WHERE (metric, dimensions, unit) = (?1, ?2, ?3)";
            let mut insert = store.prepare_cached(sql)?;
            for Datum { metric, unit, value, at, dimensions } in data {
                let dimensions: BTreeMap<_, _> = dimensions.iter().cloned().collect();
                let dimensions = serde_json::to_string(&dimensions)?;
                let unit = unit.as_str();
                named.execute(params![metric, dimensions, unit])?;
                insert.execute(params![metric, dimensions, unit, at.as_millisecond(), value])?;
            }
            Ok(())
        })
    }
}

impl Store {
    /// Reads the values of a metric at times from `from` to `until`, both inclusive, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn values(
        &self,
        metric: &str,
        dimensions: &BTreeMap<String, String>,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, f64)>, PortError> {
        self.read(format!("read the values of {metric}"), |store| {
            let sql = "SELECT at, value FROM metric_values WHERE metric = ? AND dimensions = ? AND at BETWEEN ? AND ?
                       ORDER BY at";
            let mut select = store.prepare_cached(sql)?;
            let dimensions = serde_json::to_string(dimensions)?;
            let between = params![metric, dimensions, from.as_millisecond(), until.as_millisecond()];
            let values = select.query_map(between, |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
            let mut read = Vec::new();
            for value in values {
                let (at, value) = value?;
                read.push((Timestamp::from_millisecond(at).unwrap_or_default(), value));
            }
            Ok(read)
        })
    }
}

/// Newest value of a metric with its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    /// Name of the metric.
    pub metric: String,
    /// Names and values of the dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// Unit, by its name in CloudWatch.
    pub unit: String,
    /// Scheduled time of the run.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
}

impl Store {
    /// Reads the newest value of each metric that has one after a time.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn newest_values(&self, after: Timestamp) -> Result<Vec<Newest>, PortError> {
        self.read("read the newest values", |store| {
            // SQLite takes the other columns from the row with the maximum.
            let sql = "SELECT metric, dimensions, unit, max(at), value FROM metric_values WHERE at > ?
                       GROUP BY metric, dimensions ORDER BY metric, dimensions";
            let mut select = store.prepare_cached(sql)?;
            let mut rows = select.query([after.as_millisecond()])?;
            let mut newest = Vec::new();
            while let Some(row) = rows.next()? {
                newest.push(Newest {
                    metric: row.get(0)?,
                    dimensions: serde_json::from_str(&row.get::<_, String>(1)?)?,
                    unit: row.get(2)?,
                    at: Timestamp::from_millisecond(row.get(3)?).unwrap_or_default(),
                    value: row.get(4)?,
                });
            }
            Ok(newest)
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
            execute(
                store,
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
