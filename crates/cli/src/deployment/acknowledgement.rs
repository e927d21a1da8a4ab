//! `synthetics ack`.

use std::cell::RefCell;

use anyhow::{bail, ensure};
use check::Subject;
use check::incident::{Acknowledgement, CheckState, IncidentRecord};
use history::recorded;
use jiff::Timestamp;
use operations::{checks, names};
use runtime::OperatorStore;

use crate::arguments::AckOptions;
use crate::deployment::access;
use crate::exit::Exit;

/// Acknowledges the open incidents of a check, or of one subject. A second acknowledgement replaces the first.
pub(crate) async fn acknowledge(options: &AckOptions) -> anyhow::Result<Exit> {
    let (check, subject) = names::parse_scope(&options.scope)?;
    ensure!(
        !options.reason.trim().is_empty(),
        "expected a --reason, found a blank one; on-call reads what is being done"
    );
    let store = access::state(&options.deployment).await?;
    let is_meant = |own: &Subject| subject.as_ref().is_none_or(|subject| subject == own);
    if !open(&store.load(check).await?.state).iter().any(|(own, _)| is_meant(own)) {
        bail!("no incident of {} is open{}", options.scope, others(&*store).await?);
    }
    let given = Acknowledgement::new(Timestamp::now(), &options.by.name, &options.reason);
    let acknowledged = RefCell::new(Vec::new());
    access::amend(&*store, check, |state| {
        acknowledged.borrow_mut().clear();
        for (_, state) in state.subjects.iter_mut().filter(|(own, _)| is_meant(own)) {
            if let Some(incident) = state.incident.as_mut().filter(|incident| incident.is_open()) {
                incident.acknowledged = Some(given.clone());
                acknowledged.borrow_mut().push(incident.id.clone());
            }
        }
        ensure!(!acknowledged.borrow().is_empty(), "no incident of {} is open any more", options.scope);
        Ok(())
    })
    .await?;
    for id in acknowledged.into_inner() {
        println!("{id} is acknowledged");
    }
    println!("no reminders are sent until recovery; a rise in severity still notifies");
    Ok(Exit::Passed)
}

/// Subjects with an open incident, and its id.
fn open(state: &CheckState) -> Vec<(&Subject, &str)> {
    let incidents = state.subjects.iter().filter_map(|(subject, state)| Some((subject, state.incident.as_ref()?)));
    incidents
        .filter(|(_, incident)| incident.is_open())
        .map(|(subject, incident)| (subject, incident.id.as_str()))
        .collect()
}

/// Names the open incidents of all checks, for an error.
async fn others(store: &dyn OperatorStore) -> anyhow::Result<String> {
    let mut scopes = Vec::new();
    for check in checks::ids(&[])? {
        let state = store.load(check).await?.state;
        let scope = |subject: &Subject| names::format_scope(check, Some(subject).filter(|subject| !subject.is_whole()));
        scopes.extend(open(&state).into_iter().map(|(subject, _)| scope(subject)));
    }
    Ok(if scopes.is_empty() { ", nor of another check".to_owned() } else { format!("\n  open: {}", scopes.join(", ")) })
}

/// Adds acknowledgements to the records of a check's open incidents. The records are of use without them, too.
pub(super) async fn complete(store: &dyn OperatorStore, check: &str, records: &mut [IncidentRecord]) {
    if let Err(error) = recorded::add_acknowledgements(store, check, records).await {
        eprintln!("warning: an acknowledgement of {check} may be missing: {error}");
    }
}
