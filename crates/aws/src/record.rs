//! The record of one incident on DynamoDB. Runs write it; only operators read it (`operator/record.rs`).
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
use check::incident::{IncidentChange, IncidentRecord};
use jiff::Timestamp;

use crate::item::{item_key, json, number};

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
