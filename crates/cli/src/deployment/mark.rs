//! `synthetics mark`.

use anyhow::ensure;
use check::incident::Mark;
use check::text::utc;
use jiff::Timestamp;

use crate::arguments::MarkOptions;
use crate::deployment::access;
use crate::exit::Exit;

/// Notes an event on the platform.
pub(crate) async fn mark(options: &MarkOptions) -> anyhow::Result<Exit> {
    ensure!(!options.text.trim().is_empty(), "expected a text such as \"release 42\", found a blank one");
    let mark = Mark::new(Timestamp::now(), &options.text, &options.by.name);
    access::state(&options.deployment).await?.add_mark(&mark).await?;
    println!("marked at {}: {}", utc(mark.at), mark.text);
    Ok(Exit::Passed)
}
