//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Synthetic monitoring of Just Driving: probes its critical flows as a user would.
///
/// Exit codes: 0 passed, 1 a check failed, 2 nothing was run, 3 a check could not judge.
#[derive(Debug, Parser)]
#[command(name = "synthetics", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole system on this machine, with no account: a stand-in of the platform, checks, messages.
    Demo(DemoOptions),
    /// Run checks once.
    Run(RunOptions),
    /// What earlier runs created at the platform and could not remove: lists it, or removes it.
    Cleanup(CleanupOptions),
    /// Tell nobody of a check, or of one of its subjects, for a while; a check's alarms are muted with it. It runs and publishes
    /// all the same; what is still open at the end is told then.
    Mute(MuteOptions),
    /// End a mute.
    Unmute(UnmuteOptions),
    /// What is muted: until when, by whom, and why.
    Mutes(MutesOptions),
    /// The maintenance windows of a settings file for the alarms: lists the alarm mute rule of each, or brings CloudWatch's rules
    /// to them.
    Windows(WindowsOptions),
    /// The incidents of the last weeks.
    Incidents(IncidentsOptions),
    /// One incident: what was seen first and last, who was told what and when, and when nobody was told.
    Incident(IncidentOptions),
    /// What the demo platform can be made to get wrong, and what each must show.
    Faults {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// What would keep an alarm from firing, or people from hearing of it, and linters do not see.
    Doctor(DoctorOptions),
    /// What a deployment costs in a month, at list price and less what is always free.
    Cost(CostOptions),
    /// Settings files.
    #[command(subcommand)]
    Settings(SettingsCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Say everything that is wrong with a settings file.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print the settings as they are in effect: every default in its place, secrets by reference.
    Show {
        /// The file.
        file: PathBuf,
        /// How to print them.
        #[arg(long, value_enum, default_value_t = Written::Toml)]
        format: Written,
    },
    /// Print the JSON Schema of a settings file, for editors.
    Schema,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Written {
    /// A settings file.
    Toml,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// How long; until Ctrl-C when it is not given.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// A fault to show: it comes after some healthy runs, and with --for it goes again. `synthetics faults` lists them.
    #[arg(long, value_name = "NAME")]
    pub(crate) fault: Option<String>,
    /// How often each check runs.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) every: Duration,
    /// The port of the stand-in, in the place of the settings' own; 0 takes a free one.
    #[arg(long)]
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Which checks; all that the settings have when none is named.
    pub(crate) checks: Vec<String>,
    /// The settings file.
    #[arg(long, value_name = "FILE", required_unless_present = "demo", conflicts_with = "demo")]
    pub(crate) settings: Option<PathBuf>,
    /// Against the stand-in of the platform, started for this run.
    #[arg(long)]
    pub(crate) demo: bool,
    /// With this fault, as often and as far apart as it takes to show.
    #[arg(long, value_name = "NAME", requires = "demo", conflicts_with = "settings")]
    pub(crate) fault: Option<String>,
    /// Send the canaries that are due, to the addresses and numbers of the settings. Without it only what was sent before is
    /// judged.
    #[arg(long, conflicts_with = "demo")]
    pub(crate) send: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CleanupOptions {
    /// Which checks; all that the settings have and that create something when none is named.
    pub(crate) checks: Vec<String>,
    /// The settings file.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: PathBuf,
    /// Remove what is found.
    #[arg(long)]
    pub(crate) yes: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which deployment. Credentials are taken as the AWS CLI takes them: environment, profile, SSO.
#[derive(Debug, Args)]
pub(crate) struct Deployment {
    /// The environment that was deployed; its table and its alarms are named after it.
    #[arg(long, value_name = "NAME", required_unless_present = "table")]
    pub(crate) environment: Option<String>,
    /// The state table, where it has another name.
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The region; that of the profile when it is not given.
    #[arg(long)]
    pub(crate) region: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MuteOptions {
    /// CHECK, or CHECK/SUBJECT.
    pub(crate) what: String,
    /// For how long: 1m to 7d.
    #[arg(long = "for", value_name = "DURATION", value_parser = days)]
    pub(crate) duration: SignedDuration,
    /// Why: whoever is surprised by the silence reads it.
    #[arg(long)]
    pub(crate) reason: String,
    /// Who you are; your user name when it is not given.
    #[arg(long, env = "USER", default_value = "unknown")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct UnmuteOptions {
    /// CHECK, or CHECK/SUBJECT, as it was muted.
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct MutesOptions {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct WindowsOptions {
    /// The settings file, as it is deployed; it says which environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: PathBuf,
    /// The region; that of the profile when it is not given.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Put the rules, and end those of windows that are gone.
    #[arg(long)]
    pub(crate) yes: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IncidentsOptions {
    /// Which checks; all when none is named.
    pub(crate) checks: Vec<String>,
    /// How far back, such as "12h" or "90d".
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = days)]
    pub(crate) since: SignedDuration,
    /// Only what is not over.
    #[arg(long)]
    pub(crate) open: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct IncidentOptions {
    /// Its id, as messages and `synthetics incidents` have it.
    pub(crate) id: String,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// The folder of the templates.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_value = "infra", default_missing_value = "infra")]
    pub(crate) templates: PathBuf,
    /// The folder of the runbooks.
    #[arg(long, value_name = "FOLDER", default_value = "docs/runbooks")]
    pub(crate) runbooks: PathBuf,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CostOptions {
    /// The settings file; that of the environment in the folder of the templates, else the shipped example, when it is not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// The folder of the templates.
    #[arg(long, value_name = "FOLDER", default_value = "infra")]
    pub(crate) templates: PathBuf,
    /// The environment; that of the settings file, else production, when it is not given.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Which checks run, by their ids, separated by commas; or all that have a function, deployed or not.
    #[arg(long, value_name = "CHECKS", default_value = "all")]
    pub(crate) checks: String,
    /// What it would be otherwise, as often as you like: cadence.CHECK=5m, seconds.CHECK=2.5, memory=1024,
    /// architecture=x86_64, retention=90, checks=ID,ID, zones=2 (of the private network), incidents=30.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) what_if: Vec<String>,
    /// The most it may cost at list price: more ends with exit code 1.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max: Option<f64>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// The reports, for programs.
    Json,
    /// A test case for each step, for pipelines.
    Junit,
}

/// A day is 24 hours here.
fn days(text: &str) -> Result<SignedDuration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .filter(|duration| *duration >= SignedDuration::from_mins(1))
        .ok_or_else(|| "expected a duration of at least one minute, such as \"30m\", \"2h\" or \"7d\"".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| *duration >= Duration::from_secs(1))
        .ok_or_else(|| "expected a duration of at least one second, such as \"30s\" or \"5m\"".to_owned())
}

fn usd(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|usd| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "expected an amount in USD, such as 40 or 39.99".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
