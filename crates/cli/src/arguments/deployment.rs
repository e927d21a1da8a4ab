//! Arguments of the commands for a deployment.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use history::Window;
use jiff::SignedDuration;

use super::values::{days, window};
use crate::offered::CHECKS;

/// A deployment, or a store on this machine. Credentials come from the same places as the AWS CLI's: environment, profile, SSO.
#[derive(Debug, Args)]
pub(crate) struct Deployment {
    /// Deployed environment, such as production; required unless --table or --store is given.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["table", "store"])]
    pub(crate) environment: Option<String>,
    /// Store on this machine, instead of a deployment; `synthetics run` names the one it uses.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["environment", "table", "region"])]
    pub(crate) store: Option<PathBuf>,
    /// State table, if it is not named after the environment.
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) region: Region,
}

/// Region of a deployment.
#[derive(Clone, Debug, Args)]
pub(crate) struct Region {
    /// AWS region. [default: AWS_REGION, else the environment's in samconfig.toml, else the profile's]
    #[arg(long = "region", id = "region", value_name = "REGION")]
    pub(crate) given: Option<String>,
}

/// Who gives a command.
#[derive(Debug, Args)]
pub(crate) struct By {
    /// Name of the person or pipeline, shown to others.
    #[arg(
        long = "by",
        id = "by",
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "unknown"
    )]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConsoleOptions {
    #[command(flatten)]
    pub(crate) deployment: Deployment,
    /// Settings file, for the status page and the objectives. [default: no status page, default objectives]
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Address to listen on. Another address than this machine's needs a token in SYNTHETICS_TOKEN.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8491")]
    pub(crate) listen: String,
    /// Let the console mute, acknowledge and mark; without it, the console only shows.
    #[arg(long)]
    pub(crate) allow_actions: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MuteOptions {
    /// Check, or one of its subjects.
    #[arg(value_name = "CHECK[/SUBJECT]")]
    pub(crate) scope: String,
    /// Length of the mute: 1m to 7d.
    #[arg(long = "for", value_name = "TIME", value_parser = days)]
    pub(crate) duration: SignedDuration,
    /// Reason for the mute; shown to on-call.
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) by: By,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct UnmuteOptions {
    /// Check or subject, as it was muted.
    #[arg(value_name = "CHECK[/SUBJECT]")]
    pub(crate) scope: String,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct MutesOptions {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct MaintenanceOptions {
    /// The deployed settings file. The environment is taken from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: PathBuf,
    #[command(flatten)]
    pub(crate) region: Region,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ClearMemoryOptions {
    /// Id of the check, such as `booking`.
    #[arg(value_parser = CHECKS)]
    pub(crate) check: String,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct SetSecretOptions {
    /// Check that uses the secret, and its name, such as `login/password`.
    #[arg(value_name = "CHECK/NAME")]
    pub(crate) name: String,
    /// Environment whose functions use the secret.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) region: Region,
}

#[derive(Debug, Args)]
pub(crate) struct CheckSecretsOptions {
    /// Checks whose secrets to look at, by id. [default: all checks in the settings]
    #[arg(value_name = "CHECK", value_parser = CHECKS)]
    pub(crate) checks: Vec<String>,
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: PathBuf,
    #[command(flatten)]
    pub(crate) region: Region,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct IncidentsOptions {
    #[command(subcommand)]
    pub(crate) command: Option<IncidentsCommand>,
    /// Ids of checks, such as `booking`. [default: all]
    #[arg(value_name = "CHECK", value_parser = CHECKS)]
    pub(crate) checks: Vec<String>,
    /// How far back to look, such as 12h or 90d.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = days)]
    pub(crate) since: SignedDuration,
    /// List open incidents only.
    #[arg(long)]
    pub(crate) open: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

/// What to do with incidents but list them.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentsCommand {
    /// Write incidents for a spreadsheet or a program.
    #[command(after_help = "\
Example:
  synthetics incidents export --environment production > incidents.csv")]
    Export(ExportOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// Ids of checks, such as `booking`. [default: all]
    #[arg(value_name = "CHECK", value_parser = CHECKS)]
    pub(crate) checks: Vec<String>,
    /// How far back to look, up to 400 days.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = days)]
    pub(crate) since: SignedDuration,
    /// Form of the output. A record in JSON has its notifications, silences and evidence.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(crate) format: ExportFormat,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

/// Form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// A row for each incident, times in UTC.
    Csv,
    /// A list of records.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct IncidentOptions {
    /// Incident id, as shown in notifications and by `synthetics incidents`.
    #[arg(required_unless_present = "window")]
    pub(crate) id: Option<String>,
    /// Every incident of a time instead, such as 2026-12-01T08:00Z..2026-12-01T12:00Z.
    #[arg(long, value_name = "FROM..TO", value_parser = window, conflicts_with = "id")]
    pub(crate) window: Option<Window>,
    /// Settings file with the objectives of the checks. [default: the shipped objectives]
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Add the runs that did not pass, from the log lines of a deployment or from a store. The price of a search is shown first.
    #[arg(long)]
    pub(crate) logs: bool,
    /// Add lines about errors of a log group of the platform, repeatable. The price of the search is shown first.
    #[arg(long, value_name = "GROUP", conflicts_with = "store")]
    pub(crate) platform_log: Vec<String>,
    /// Form of the output: a timeline, the draft of a review, or all of it for programs.
    #[arg(long, value_enum, default_value_t = IncidentFormat::Text)]
    pub(crate) format: IncidentFormat,
    /// Same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

/// Form of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IncidentFormat {
    /// What happened, by time.
    Text,
    /// Draft of an incident review.
    Markdown,
    /// Everything, for programs.
    Json,
}
