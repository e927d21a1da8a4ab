//! Reads the record of one incident. `crate::record` documents its attributes.

use aws_sdk_dynamodb::types::AttributeValue;
use check::Subject;
use check::incident::{Acknowledgement, Incident, IncidentRecord};
use serde::de::DeserializeOwned;

use crate::item::Item;

/// Sort key after the records of all times.
pub(crate) const LAST_SORT_KEY: &str = "INCIDENT#~";

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
        dependency: incident.dependency,
        acknowledged: incident.acknowledged.map(Acknowledgement::recorded),
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
