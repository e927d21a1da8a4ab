//! `synthetics ack`.

use check::incident::IncidentRecord;
use history::recorded;
use jiff::Timestamp;
use operations::amendment::{self, Author};
use operations::names;
use runtime::OperatorStore;

use crate::arguments::AckOptions;
use crate::deployment::access;
use crate::exit::Exit;

/// Acknowledges the open incidents of a check, or of one subject.
pub(crate) async fn acknowledge(options: &AckOptions) -> anyhow::Result<Exit> {
    let (check, subject) = names::parse_scope(&options.scope)?;
    let author = Author::new(&options.by.name, &options.reason)?;
    let store = access::state(&options.deployment).await?;
    for id in amendment::acknowledge(&*store, (check, subject.as_ref()), author, Timestamp::now()).await? {
        println!("{id} is acknowledged");
    }
    println!("no reminders are sent until recovery; a rise in severity still notifies");
    Ok(Exit::Passed)
}

/// Adds acknowledgements to the records of a check's open incidents. The records are of use without them, too.
pub(super) async fn complete(store: &dyn OperatorStore, check: &str, records: &mut [IncidentRecord]) {
    if let Err(error) = recorded::add_acknowledgements(store, check, records).await {
        eprintln!("warning: an acknowledgement of {check} may be missing: {error}");
    }
}
