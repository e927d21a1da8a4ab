//! State on DynamoDB: one item per check, and one per incident.
//!
//! | attribute | type | content |
//! |---|---|---|
//! | `pk`, `sk` | S | `CHECK#<id>`, `STATE` |
//! | `version` | N | increases with every commit |
//! | `last_run` | M | by slot: `at` (N, Unix milliseconds), `run` (S, its id), `release` and `settings` (S, its code and the digest of its settings) |
//! | `state` | S | the incidents, JSON |
//! | `memory` | S | memory of the check, JSON with its version; missing while it is empty |
//! | `outbox` | M | by delivery: the delivery, JSON |
//!
//! An incident's item also has `pk` `CHECK#<id>`, and is kept 400 days from its last change: see `record.rs`. A run
//! that opens, closes or reports an incident writes both items in one transaction.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update as Write};
use check::incident::CheckState;
use jiff::Timestamp;
use runtime::{Commit, CommitError, Delivery, LastRun, PortError, Provenance, StateItem, StateStore};

use crate::item::{Item, item_key, json, number, unreadable};
use crate::record;

/// The state table.
pub struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl Table {
    /// Creates the store on the table of this name. Calls no service.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }
}

pub(crate) fn state_key(check: &str) -> Item {
    item_key(check, "STATE")
}

impl Table {
    /// One conditional write of the state.
    pub(crate) async fn update(&self, check: &str, update: Update, operation: &str) -> Result<(), CommitError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(state_key(check)))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values));
        call.send().await.map(|_| ()).map_err(|error| match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => CommitError::Moved,
            _ => CommitError::Store(crate::clients::port_error(operation, error)),
        })
    }

    /// Writes the state and the incident records, all or nothing. The client sends a token with the transaction, so a
    /// retry has no further effect.
    async fn transact(&self, commit: &Commit, update: Update, operation: &str) -> Result<(), CommitError> {
        let broken = |error: &dyn std::fmt::Display| CommitError::Store(PortError::new(operation, error.to_string()));
        let write = Write::builder()
            .table_name(&self.name)
            .set_key(Some(state_key(&commit.check)))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .build()
            .map_err(|error| broken(&error))?;
        let mut items = vec![TransactWriteItem::builder().update(write).build()];
        for change in &commit.changes {
            let write = record::write(&self.name, change).map_err(|error| broken(&error))?;
            items.push(TransactWriteItem::builder().update(write).build());
        }
        let call = self.client.transact_write_items().set_transact_items(Some(items));
        call.send().await.map(|_| ()).map_err(|error| match error.as_service_error() {
            // Refused by its condition, or by a write at the same moment: in both cases another run was faster.
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if cancelled
                    .cancellation_reasons()
                    .iter()
                    .any(|reason| matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))) =>
            {
                CommitError::Moved
            }
            _ => CommitError::Store(crate::clients::port_error(operation, error)),
        })
    }
}

#[async_trait]
impl StateStore for Table {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        let operation = format!("read the state of {check}");
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(state_key(check)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| crate::clients::port_error(&operation, error))?;
        match answer.item {
            None => Ok(StateItem::default()),
            Some(item) => {
                read(&item).map_err(|detail| PortError::new(operation, unreadable(&self.name, &item, &detail)))
            }
        }
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let operation = format!("write the state of {}", commit.check);
        let update = Update::new(commit).map_err(|error| PortError::new(&operation, error.to_string()))?;
        if commit.changes.is_empty() {
            self.update(&commit.check, update, &operation).await
        } else {
            self.transact(commit, update, &operation).await
        }
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        let names: HashMap<String, String> =
            delivered.iter().enumerate().map(|(index, key)| (format!("#d{index}"), key.clone())).collect();
        let paths: Vec<String> = (0..delivered.len()).map(|index| format!("outbox.#d{index}")).collect();
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(state_key(check)))
            .update_expression(format!("REMOVE {}", paths.join(", ")))
            .condition_expression("attribute_exists(pk)")
            .set_expression_attribute_names(Some(names))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| crate::clients::port_error(format!("clear the outbox of {check}"), error))
    }
}

/// One conditional write, as DynamoDB expressions.
pub(crate) struct Update {
    pub(crate) expression: String,
    pub(crate) condition: String,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Item,
}

impl Update {
    fn new(commit: &Commit) -> Result<Self, serde_json::Error> {
        let mut names = HashMap::from([("#state".to_owned(), "state".to_owned())]);
        let mut values = HashMap::from([
            (":version".to_owned(), number(commit.expected_version + 1)),
            (":state".to_owned(), json(&commit.state)?),
        ]);
        let mut sets = vec!["version = :version".to_owned(), "#state = :state".to_owned()];
        let is_new = commit.expected_version == 0;
        let run = last_run(&commit.last_run);
        let condition = if is_new {
            values.insert(":last_run".to_owned(), AttributeValue::M(HashMap::from([(commit.slot.clone(), run)])));
            let outbox: Result<Item, _> =
                commit.enqueue.iter().map(|delivery| Ok((delivery.key(), json(delivery)?))).collect();
            values.insert(":outbox".to_owned(), AttributeValue::M(outbox?));
            sets.extend(["last_run = :last_run".to_owned(), "outbox = :outbox".to_owned()]);
            "attribute_not_exists(pk)".to_owned()
        } else {
            names.insert("#slot".to_owned(), commit.slot.clone());
            names.insert("#at".to_owned(), "at".to_owned());
            values.insert(":run".to_owned(), run);
            values.insert(":at".to_owned(), number(commit.last_run.at.as_millisecond()));
            values.insert(":expected".to_owned(), number(commit.expected_version));
            sets.push("last_run.#slot = :run".to_owned());
            for (index, delivery) in commit.enqueue.iter().enumerate() {
                // Each delivery has its own path: a write never restores a delivery cleared by another run.
                names.insert(format!("#d{index}"), delivery.key());
                values.insert(format!(":d{index}"), json(delivery)?);
                sets.push(format!("outbox.#d{index} = :d{index}"));
            }
            "version = :expected AND (attribute_not_exists(last_run.#slot) OR last_run.#slot.#at < :at)".to_owned()
        };
        let mut removes = Vec::new();
        if let Some(memory) = &commit.memory {
            values.insert(":memory".to_owned(), AttributeValue::S(memory.clone()));
            sets.push("memory = :memory".to_owned());
        } else {
            removes.push("memory".to_owned());
        }
        for (index, key) in commit.discard.iter().enumerate() {
            names.insert(format!("#r{index}"), key.clone());
            removes.push(format!("outbox.#r{index}"));
        }
        for (index, slot) in commit.forget.iter().enumerate() {
            names.insert(format!("#f{index}"), slot.clone());
            removes.push(format!("last_run.#f{index}"));
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression.push_str(&format!(" REMOVE {}", removes.join(", ")));
        }
        Ok(Self { expression, condition, names, values })
    }
}

fn last_run(run: &LastRun) -> AttributeValue {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut attributes =
        HashMap::from([("at".to_owned(), number(run.at.as_millisecond())), ("run".to_owned(), text(&run.run_id))]);
    if let Some(Provenance { release, settings }) = &run.provenance {
        attributes.extend([("release".to_owned(), text(release)), ("settings".to_owned(), text(settings))]);
    }
    AttributeValue::M(attributes)
}

/// Reads the item. Malformed contents are an error that names the attribute: state is never guessed.
fn read(item: &Item) -> Result<StateItem, String> {
    let version = item
        .get("version")
        .and_then(|value| value.as_n().ok())
        .and_then(|number| number.parse().ok())
        .ok_or("attribute version: expected a number")?;
    let last_run = map(item, "last_run")?
        .iter()
        .map(|(slot, run)| {
            let read = || {
                let run = run.as_m().ok()?;
                let at = run.get("at")?.as_n().ok()?.parse().ok()?;
                let text = |name: &str| run.get(name)?.as_s().ok().cloned();
                let provenance = || Some(Provenance { release: text("release")?, settings: text("settings")? });
                let at = Timestamp::from_millisecond(at).ok()?;
                Some(LastRun { at, run_id: text("run")?, provenance: provenance() })
            };
            Ok((slot.clone(), read().ok_or_else(|| format!("attribute last_run.{slot}: expected `at` and `run`"))?))
        })
        .collect::<Result<_, String>>()?;
    let text = item.get("state").and_then(|value| value.as_s().ok()).ok_or("attribute state: expected a string")?;
    let state = CheckState::read(text).map_err(|error| format!("attribute state: {error}"))?;
    let outbox = outbox(item)?;
    let memory = match item.get("memory") {
        None => None,
        Some(value) => Some(value.as_s().map_err(|_| "attribute memory: expected a string")?.clone()),
    };
    Ok(StateItem { version, last_run, state, memory, outbox })
}

fn outbox(item: &Item) -> Result<Vec<Delivery>, String> {
    map(item, "outbox")?
        .iter()
        .map(|(key, delivery)| {
            let text = delivery.as_s().map_err(|_| format!("attribute outbox.{key}: expected a string"))?;
            serde_json::from_str::<Delivery>(text).map_err(|error| format!("attribute outbox.{key}: {error}"))
        })
        .collect()
}

fn map<'a>(item: &'a Item, name: &str) -> Result<&'a Item, String> {
    item.get(name).and_then(|value| value.as_m().ok()).ok_or_else(|| format!("attribute {name}: expected a map"))
}
