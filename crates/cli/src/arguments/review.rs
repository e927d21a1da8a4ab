//! Arguments of `synthetics review`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::deployment::Region;

#[derive(Debug, Args)]
pub(crate) struct ReviewOptions {
    /// Length of the window in days.
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub(crate) days: u16,
    /// End of the window, such as 2026-11-01T00:00:00Z. [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
    /// Deployed environment, such as production.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["store", "settings"])]
    pub(crate) environment: Option<String>,
    /// Store on this machine, instead of a deployment; `synthetics run` names the one it uses.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["environment", "table", "region"])]
    pub(crate) store: Option<PathBuf>,
    /// Settings file. Without a store and an environment, it names the store in the user's folder for data.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// State table, if it is not named after the environment.
    #[arg(long, value_name = "NAME", requires = "environment")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) region: Region,
    /// Folder with the deployed alarms.yaml. [default: the one in this program]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) templates: Option<PathBuf>,
    /// Other numbers of an alarm, repeatable: a threshold such as SlowLogin=6000, or M of N such as LoginFailureRate=7of10.
    #[arg(long, value_name = "ALARM=NUMBERS")]
    pub(crate) what_if: Vec<String>,
    /// Search the log lines of a deployment for durations of steps and success of subjects. The price is shown first. A store needs no search.
    #[arg(long)]
    pub(crate) logs: bool,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ReviewFormat::Table)]
    pub(crate) format: ReviewFormat,
    /// File to write, instead of printing. It is replaced at once.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewFormat {
    /// Tables for people.
    Table,
    /// JSON for programs; docs/review.schema.json describes it.
    Json,
    /// Markdown for a report.
    Markdown,
    /// One HTML page with charts, without scripts and without anything from elsewhere; it prints on A4.
    Html,
}
