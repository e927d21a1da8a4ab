//! `synthetics ack`.

use jiff::Timestamp;
use operations::amendment::{self, Author};
use operations::names;

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
