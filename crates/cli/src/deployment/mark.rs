//! `synthetics mark`.

use check::text::utc;
use jiff::Timestamp;
use operations::amendment;

use crate::arguments::MarkOptions;
use crate::deployment::access;
use crate::exit::Exit;

/// Notes an event on the platform.
pub(crate) async fn mark(options: &MarkOptions) -> anyhow::Result<Exit> {
    let mark = amendment::new_mark(&options.text, &options.by.name, Timestamp::now())?;
    access::state(&options.deployment).await?.add_mark(&mark).await?;
    println!("marked at {}: {}", utc(mark.at), mark.text);
    Ok(Exit::Passed)
}
