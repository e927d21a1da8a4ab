//! The record of one incident on DynamoDB.
//!
//! | attribute | type | content |
//! |---|---|---|
//! | `pk`, `sk` | S | `CHECK#<id>`, `INCIDENT#<time of the first failed run>#<subject>` |
//! | `schema_version` | N | version of this format |
//! | `subject`, `since` | S | subject of the incident, and time of its first failed run |
//! | `incident` | S | current state of the incident, JSON |
//! | `first`, `latest` | S | failure that opened it, and failure at its last change, JSON |
//! | `notifications`, `silences` | L | notifications sent, and silences during the incident, each JSON |
//! | `expires_at` | N | time from which the table may remove it, Unix seconds |

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use check::Subject;
use check::incident::{Incident, IncidentChange, IncidentRecord};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::state::{Item, item_key, json, number};

/// Sort key after the records of all times.
pub(crate) const LAST_SORT_KEY: &str = "INCIDENT#~";

/// Error while writing a change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// First sort key of incidents whose first failed run was at this time or later.
pub(crate) fn sort_key_from(since: Timestamp) -> String {
    format!("INCIDENT#{}", since.strftime("%Y%m%dT%H%M%SZ"))
}

/// Builds the write that creates or updates a record. It is part of the transaction of the state, so each change is
/// written once.
pub(crate) fn write(table: &str, change: &IncidentChange) -> Result<Update, WriteError> {
    let list = |item: Option<Result<AttributeValue, serde_json::Error>>| -> Result<_, serde_json::Error> {
        Ok(AttributeValue::L(item.transpose()?.into_iter().collect()))
    };
    let expires_at = change.at + IncidentRecord::KEPT;
    let values = HashMap::from([
        (":schema_version".to_owned(), number(IncidentRecord::SCHEMA_VERSION)),
        (":subject".to_owned(), AttributeValue::S(change.subject.to_string())),
        (":since".to_owned(), AttributeValue::S(change.since.to_string())),
        (":incident".to_owned(), json(&change.incident)?),
        (":failure".to_owned(), json(&change.failure)?),
        (":notifications".to_owned(), list(change.notification.as_ref().map(json))?),
        (":silence".to_owned(), list(change.silence.as_ref().map(json))?),
        (":none_yet".to_owned(), AttributeValue::L(Vec::new())),
        (":no_silences".to_owned(), AttributeValue::L(Vec::new())),
        (":expires_at".to_owned(), number(expires_at.as_second())),
    ]);
    let expression = "SET schema_version = :schema_version, subject = :subject, since = :since, incident = :incident, \
                      #first = if_not_exists(#first, :failure), latest = :failure, \
                      notifications = list_append(if_not_exists(notifications, :none_yet), :notifications), \
                      silences = list_append(if_not_exists(silences, :no_silences), :silence), expires_at = :expires_at";
    let sort_key = format!("{}#{}", sort_key_from(change.since), change.subject);
    Ok(Update::builder()
        .table_name(table)
        .set_key(Some(item_key(&change.check, &sort_key)))
        .update_expression(expression)
        .expression_attribute_names("#first", "first")
        .set_expression_attribute_values(Some(values))
        .build()?)
}

/// Reads a record. Malformed contents are an error that names the attribute.
pub(crate) fn read(check: &str, item: &Item) -> Result<IncidentRecord, String> {
    let version = item.get("schema_version").and_then(|value| value.as_n().ok()).map_or("none", String::as_str);
    if version != IncidentRecord::SCHEMA_VERSION.to_string() {
        return Err(format!("expected schema_version {}, found {version}", IncidentRecord::SCHEMA_VERSION));
    }
    let incident: Incident = parsed(item.get("incident"), "incident")?;
    let subject = item.get("subject").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let since = item.get("since").and_then(|value| value.as_s().ok()).and_then(|text| text.parse().ok());
    Ok(IncidentRecord {
        schema_version: IncidentRecord::SCHEMA_VERSION,
        id: incident.id,
        check: check.to_owned(),
        subject: Subject::new(subject).map_err(|error| format!("attribute subject: {error}"))?,
        since: since.ok_or("attribute since: expected a time")?,
        opened_at: incident.opened_at,
        severity: incident.severity,
        escalated_at: incident.escalated_at,
        first: parsed(item.get("first"), "first")?,
        latest: parsed(item.get("latest"), "latest")?,
        notifications: list(item, "notifications")?,
        silences: list(item, "silences")?,
        closed_at: incident.closed_at,
    })
}

fn list<T: DeserializeOwned>(item: &Item, name: &str) -> Result<Vec<T>, String> {
    let list = item.get(name).and_then(|value| value.as_l().ok());
    list.ok_or_else(|| format!("attribute {name}: expected a list"))?
        .iter()
        .map(|value| parsed(Some(value), name))
        .collect()
}

fn parsed<T: DeserializeOwned>(value: Option<&AttributeValue>, name: &str) -> Result<T, String> {
    let text =
        value.and_then(|value| value.as_s().ok()).ok_or_else(|| format!("attribute {name}: expected a string"))?;
    serde_json::from_str(text).map_err(|error| format!("attribute {name}: {error}"))
}
