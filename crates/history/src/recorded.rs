//! Incidents and mutes, as every state store keeps them.

use check::incident::{Acknowledgement, IncidentRecord, Silence};
use jiff::Timestamp;
use runtime::{OperatorStore, PortError};

/// Reads the incidents of a check that began at a time or later, newest first, with acknowledgements.
///
/// # Errors
/// When the store cannot be read, or its contents are malformed.
pub async fn incidents(
    store: &dyn OperatorStore,
    check: &str,
    after: Timestamp,
) -> Result<Vec<IncidentRecord>, PortError> {
    let mut records = store.incidents(check, after).await?;
    add_acknowledgements(store, check, &mut records).await?;
    Ok(records)
}

/// Adds acknowledgements to the records of a check's open incidents. A run copies them there; until then they are only in the state.
///
/// # Errors
/// When the store cannot be read, or its contents are malformed.
pub async fn add_acknowledgements(
    store: &dyn OperatorStore,
    check: &str,
    records: &mut [IncidentRecord],
) -> Result<(), PortError> {
    if records.iter().all(|record| record.closed_at.is_some()) {
        return Ok(());
    }
    let state = store.load(check).await?.state;
    for record in records.iter_mut().filter(|record| record.closed_at.is_none()) {
        let incident = state.subjects.get(&record.subject).and_then(|state| state.incident.as_ref());
        if let Some(incident) = incident.filter(|incident| incident.id == record.id) {
            record.acknowledged = incident.acknowledged.clone().map(Acknowledgement::recorded);
        }
    }
    Ok(())
}

/// Reads the stored mutes of a check.
///
/// # Errors
/// When the store cannot be read, or its contents are malformed.
pub async fn mutes(store: &dyn OperatorStore, check: &str) -> Result<Vec<Silence>, PortError> {
    Ok(store.load(check).await?.state.mutes)
}
