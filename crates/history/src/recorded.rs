//! Incidents and mutes, as every state store keeps them.

use check::incident::{Acknowledgement, IncidentRecord, Silence};
use jiff::Timestamp;
use runtime::{OperatorStore, PortError};

/// Reads the incidents of a check that began at a time or later, newest first. A run copies the acknowledgement of an open incident
/// into its record; until then it is only in the state.
///
/// # Errors
/// When the store cannot be read, or its contents are malformed.
pub async fn incidents(
    store: &dyn OperatorStore,
    check: &str,
    after: Timestamp,
) -> Result<Vec<IncidentRecord>, PortError> {
    let mut records = store.incidents(check, after).await?;
    if records.iter().all(|record| record.closed_at.is_some()) {
        return Ok(records);
    }
    let state = store.load(check).await?.state;
    for record in records.iter_mut().filter(|record| record.closed_at.is_none()) {
        let incident = state.subjects.get(&record.subject).and_then(|state| state.incident.as_ref());
        if let Some(incident) = incident.filter(|incident| incident.id == record.id) {
            record.acknowledged = incident.acknowledged.clone().map(Acknowledgement::recorded);
        }
    }
    Ok(records)
}

/// Reads the stored mutes of a check.
///
/// # Errors
/// When the store cannot be read, or its contents are malformed.
pub async fn mutes(store: &dyn OperatorStore, check: &str) -> Result<Vec<Silence>, PortError> {
    Ok(store.load(check).await?.state.mutes)
}
