//! Arguments of the commands by which people add to what runs record.

use clap::Args;

use super::deployment::Deployment;

#[derive(Debug, Args)]
pub(crate) struct AckOptions {
    /// Check whose open incidents are meant, or one of its subjects.
    #[arg(value_name = "CHECK[/SUBJECT]")]
    pub(crate) scope: String,
    /// What is being done; shown to on-call.
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: String,
    /// Name of the person who works on it, shown to others.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "unknown")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct MarkOptions {
    /// The event, such as `release 42`: at most 200 characters.
    pub(crate) text: String,
    /// Name of the person or pipeline, shown to others.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "unknown")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}
