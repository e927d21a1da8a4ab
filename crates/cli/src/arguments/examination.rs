//! Arguments of `doctor deployment` and `notify test`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::deployment::{By, Region};

#[derive(Debug, Args)]
pub(crate) struct ExamineOptions {
    /// Deployed environment, such as production.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: String,
    /// Settings file of the environment. [default: infra/layer/settings/NAME.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) region: Region,
    /// Print JSON; docs/doctor.schema.json describes it.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send a test message through the topics of a deployment, and list the confirmed subscribers of each.
    ///
    /// The message says that it is a test and that nothing is wrong; programs recognize it by its event, `test`. It is sent
    /// at once, also to people on call, and each SMS costs money.
    #[command(after_help = "\
Examples:
  synthetics notify test --environment production
  synthetics notify test --environment staging --topic warnings")]
    Test(NotifyTestOptions),
}

#[derive(Debug, Args)]
pub(crate) struct NotifyTestOptions {
    /// Deployed environment, such as production.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: String,
    /// Topic to test; repeatable. [default: all topics of the deployment]
    #[arg(long = "topic", value_name = "TOPIC", value_enum)]
    pub(crate) topics: Vec<TopicName>,
    #[command(flatten)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) region: Region,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TopicName {
    /// People who act at once.
    #[value(name = "oncall", alias = "on-call")]
    OnCall,
    /// People who act in working hours.
    Warnings,
    /// Programs.
    Events,
    /// A chat.
    Chat,
}
