//! Arguments of the commands by which people add to what runs record.

use clap::Args;

use super::deployment::{By, Deployment};

#[derive(Debug, Args)]
pub(crate) struct AckOptions {
    /// Check whose open incidents are meant, or one of its subjects.
    #[arg(value_name = "CHECK[/SUBJECT]")]
    pub(crate) scope: String,
    /// What is being done; shown to on-call.
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct MarkOptions {
    /// The event, such as `release 42`: at most 200 characters.
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}
