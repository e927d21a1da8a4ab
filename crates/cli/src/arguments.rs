//! Command line arguments.

mod amendment;
pub(crate) mod deployment;
#[cfg(test)]
mod documented;
pub(crate) mod examination;
pub(crate) mod import;
pub(crate) mod review;
pub(crate) mod status_page;
pub(crate) mod up;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgGroup, Args, ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use settings::near;

pub(crate) use self::amendment::{AckOptions, MarkOptions};
pub(crate) use self::deployment::{
    CheckSecretsOptions, ClearMemoryOptions, ConsoleOptions, IncidentOptions, IncidentsOptions, MaintenanceOptions,
    MuteOptions, MutesOptions, SetSecretOptions, UnmuteOptions,
};
use self::examination::{ExamineOptions, NotifyCommand};
use self::import::ImportOptions;
use self::review::ReviewOptions;
use self::status_page::StatusPageOptions;
use self::up::UpOptions;
use self::values::{duration, usd};
use crate::offered::{CHECKS, FAULTS, FILES};

/// Version of the program, with the commit and the date of the commit if the build knows them.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("SYNTHETICS_BUILD"));

/// Exit codes, part of the program's contract. A line break is where the help page breaks the line.
pub(crate) const EXIT_CODES: [(u8, &str); 8] = [
    (0, "passed (maintenance counts as passed and is reported)"),
    (
        1,
        "a check failed, leftovers remain, doctor has findings,\n\
         cost exceeds --max, alarms could not be muted as requested,\n\
         or an import left something out",
    ),
    (2, "nothing ran: wrong usage or settings, unknown name, port in use,\nno access to AWS, AWS call failed"),
    (3, "none failed, but one was inconclusive, or the store was unusable"),
    (129, "its terminal was closed (SIGHUP)"),
    (130, "interrupted by Ctrl-C (SIGINT)"),
    (141, "the reader of the output left, as in `synthetics demo | head`"),
    (143, "ended by SIGTERM"),
];

pub(crate) const EXAMPLES: &str = "\
Examples:
  synthetics demo         # everything on this machine, without an AWS account
  synthetics run --demo   # one run of each check
  synthetics run --settings staging.toml
";

fn after_help() -> String {
    let codes =
        EXIT_CODES.iter().map(|(code, meaning)| format!("\n  {code:>3}  {}", meaning.replace('\n', "\n       ")));
    format!("{EXAMPLES}\nExit codes:{}", codes.collect::<String>())
}

/// Synthetic monitoring of the Just Driving platform: exercises its critical flows as a user would.
#[derive(Debug, Parser)]
#[command(name = "synthetics", version = VERSION, max_term_width = 80, after_help = after_help())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) view: View,
}

/// Options of every command about its output for people.
#[derive(Debug, Args)]
pub(crate) struct View {
    /// Use colours. NO_COLOR and CLICOLOR_FORCE decide when this option does not.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// Print each line whole, however long, instead of fitting it to the terminal or to COLUMNS.
    #[arg(long, global = true)]
    pub(crate) wide: bool,
    /// Show more: every HTTP exchange of a run with the time of each phase, and what was tried to find AWS credentials.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: demo platform, checks, notifications. Needs no AWS account.
    #[command(after_help = "\
Examples:
  synthetics demo
  synthetics demo login booking
  synthetics demo --for 60s --fault 500   # inject a fault, then recover")]
    Demo(DemoOptions),
    /// Run every check at its cadence on this machine, until it is stopped: the shipped alarms too, without AWS.
    ///
    /// Canaries are sent to the addresses, numbers and queues in the settings.
    #[command(after_help = "\
Examples:
  synthetics up --settings staging.toml
  synthetics up --settings staging.toml --every 5m availability login
  systemctl reload synthetics   # reads the settings again")]
    Up(UpOptions),
    /// Show the state and the past of every check in a browser, from a store or a deployment.
    #[command(after_help = "\
Examples:
  synthetics console --store staging.db
  synthetics console --environment production")]
    Console(ConsoleOptions),
    /// Write the public status page into a folder, to be published: a page without scripts, JSON, a badge and a feed.
    ///
    /// It has the names and states of the services in the section [status_page] of the settings, and nothing else.
    #[command(after_help = "\
Examples:
  synthetics status-page --settings staging.toml --out out
  synthetics status-page --settings staging.toml --out out --environment staging")]
    StatusPage(StatusPageOptions),
    /// Replay the shipped alarms over the last weeks, propose thresholds where the data supports it, and show trends by week.
    ///
    /// A firing is false if it matches no incident. A proposal removes false firings, keeps every incident that the alarm saw, and shows
    /// its effect on the same data. On a deployment, alarms with periods under 5 minutes are replayed over the last 15 days only.
    #[command(after_help = "\
Examples:
  synthetics review --environment production
  synthetics review --store staging.db --days 14 --what-if SlowLogin=6000
  synthetics review --environment production --what-if LoginFailureRate=7of10
  synthetics review --environment staging --logs --format html --out review.html")]
    Review(ReviewOptions),
    /// Run checks once and print the result.
    #[command(after_help = "\
Examples:
  synthetics run --demo
  synthetics run login booking --settings staging.toml
  synthetics run --demo login -v   # with every HTTP exchange
  synthetics run --settings staging.toml --wait-until-healthy 5m
  synthetics run --settings staging.toml --also junit=results.xml
  synthetics run --settings staging.toml --format html > report.html")]
    Run(RunOptions),
    /// List test data that earlier runs could not remove, or remove it.
    #[command(after_help = "\
Examples:
  synthetics cleanup --settings production.toml   # list leftovers
  synthetics cleanup booking --settings production.toml --yes
  synthetics cleanup --demo   # on a demo platform that holds a leftover")]
    Cleanup(CleanupOptions),
    /// Silence notifications and alarms of a check, or notifications of one subject, for a while.
    ///
    /// The check keeps running and publishing metrics. Incidents that are still open when the mute ends are reported then.
    #[command(after_help = "\
Examples:
  synthetics mute booking --environment production --for 2h --reason deploy
  synthetics mute queues/emails --environment staging --for 1d --reason tests")]
    Mute(MuteOptions),
    /// End a mute early.
    #[command(after_help = "\
Example:
  synthetics unmute booking --environment production")]
    Unmute(UnmuteOptions),
    /// List active mutes: what, until when, by whom and why.
    #[command(after_help = "\
Example:
  synthetics mutes --environment production")]
    Mutes(MutesOptions),
    /// Say that you work on open incidents: reminders stop until recovery. A rise in severity still notifies.
    #[command(after_help = "\
Examples:
  synthetics ack login --environment production --reason \"rolling back\"
  synthetics ack availability/status-api --store staging.db --reason \"known\"")]
    Ack(AckOptions),
    /// Note an event on the platform, such as a release. `incidents` lists it among the incidents.
    #[command(after_help = "\
Example:
  synthetics mark \"release 42\" --environment production")]
    Mark(MarkOptions),
    /// Show maintenance windows and sync them to CloudWatch alarm mute rules.
    #[command(
        subcommand,
        after_help = "\
Example:
  synthetics maintenance list --settings production.toml"
    )]
    Maintenance(MaintenanceCommand),
    /// Clear a check's stored memory when its runs are inconclusive with cause `state`.
    #[command(
        subcommand,
        after_help = "\
Example:
  synthetics memory clear queues --environment production"
    )]
    Memory(MemoryCommand),
    /// Store the secrets of a deployment, and check those that settings refer to.
    #[command(
        subcommand,
        after_help = "\
Examples:
  synthetics secrets set login/password --environment production
  synthetics secrets check --settings production.toml"
    )]
    Secrets(SecretsCommand),
    /// List incidents of a deployment, up to 400 days back.
    #[command(after_help = "\
Examples:
  synthetics incidents --environment production
  synthetics incidents login --environment production --since 90d --open")]
    Incidents(IncidentsOptions),
    /// Show what happened in an incident, or draft its review: what monitoring saw and missed, and what it cost.
    #[command(after_help = "\
Examples:
  synthetics incident login.20261123T045000Z --environment production
  synthetics incident login.20261123T045000Z --format markdown --store own.db
  synthetics incident --window 2026-11-23T04:00Z..2026-11-23T09:00Z --store a.db")]
    Incident(IncidentOptions),
    /// List the faults that the demo platform can inject, and the failures each must cause.
    #[command(after_help = "\
Example:
  synthetics faults --json")]
    Faults {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Find misconfigurations: in templates those that linters miss, and in a deployment.
    #[command(
        subcommand,
        after_help = "\
Examples:
  synthetics doctor templates
  synthetics doctor deployment --environment production"
    )]
    Doctor(DoctorCommand),
    /// Test the delivery of notifications.
    #[command(
        subcommand,
        after_help = "\
Example:
  synthetics notify test --environment staging"
    )]
    Notify(NotifyCommand),
    /// Estimate the monthly AWS cost from the templates, at list price and after the free tier.
    #[command(after_help = "\
Examples:
  synthetics cost
  synthetics cost --what-if cadence.booking=1m --what-if memory=256
  synthetics cost --max 40   # exit 1 if the list price is higher")]
    Cost(CostOptions),
    /// Check, show and describe settings files.
    #[command(
        subcommand,
        after_help = "\
Example:
  synthetics settings check staging.toml production.toml"
    )]
    Settings(SettingsCommand),
    /// Print targets for a settings file from requests that exist elsewhere: curl commands, an OpenAPI document, or a HAR file.
    ///
    /// Secrets become references, and comments say what to set. A comment with the reason replaces what could not be carried
    /// over; the exit code is 1 then.
    #[command(after_help = "\
Examples:
  synthetics import requests.sh --base-url https://app.example
  synthetics import openapi.yaml --out imported.toml
  pbpaste | synthetics import -   # a request that a browser copied as cURL")]
    Import(ImportOptions),
    /// Print completions for a shell: commands and options; names of checks and faults as well, where the shell can.
    ///
    /// Bash and zsh complete both, fish completes faults. Elvish and PowerShell complete neither: `synthetics run --help` and
    /// `synthetics faults` list them.
    #[command(after_help = "\
Examples:
  source <(synthetics completions bash)
  synthetics completions zsh > ~/.zfunc/_synthetics
  synthetics completions fish > ~/.config/fish/completions/synthetics.fish")]
    Completions {
        /// Shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page, or write a page for each command to a folder.
    #[command(after_help = "\
Examples:
  synthetics man | man -l -
  synthetics man ~/.local/share/man/man1")]
    Man {
        /// Folder for the pages of all commands; it is created if it does not exist.
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// List the maintenance windows of a settings file, with the alarm mute rule of each.
    #[command(after_help = "\
Example:
  synthetics maintenance list --settings production.toml")]
    List(MaintenanceOptions),
    /// Sync the maintenance windows of a settings file to CloudWatch: create missing mute rules, expire obsolete ones.
    #[command(after_help = "\
Example:
  synthetics maintenance sync --settings production.toml")]
    Sync(MaintenanceOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    /// Remove a check's memory (the data it keeps between runs) and print it. The next run starts without it.
    #[command(after_help = "\
Example:
  synthetics memory clear queues --environment production")]
    Clear(ClearMemoryOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Store a secret in Parameter Store, from a prompt or standard input.
    ///
    /// The value appears in no argument, shell history or output. One line break at its end is removed; a value that could not be
    /// sent, such as one with a line break within, is refused.
    #[command(after_help = "\
Examples:
  synthetics secrets set login/password --environment production
  cat password.txt | synthetics secrets set login/password --environment staging")]
    Set(SetSecretOptions),
    /// Resolve every secret that a settings file refers to, and list those that are missing. Shows no secret.
    #[command(after_help = "\
Example:
  synthetics secrets check --settings production.toml")]
    Check(CheckSecretsOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DoctorCommand {
    /// Find alarm misconfigurations that linters miss.
    ///
    /// Examples are an alarm without a working action, a threshold that no value can reach, a metric that nothing publishes, and
    /// a runbook link to a heading that does not exist.
    ///
    /// A part of an alarm that is not replayed, such as a percentile, is a note; notes leave the exit code at 0.
    #[command(after_help = "\
Examples:
  synthetics doctor templates
  synthetics doctor templates --templates ../other/infra --json
  synthetics doctor templates --settings production.toml")]
    Templates(DoctorOptions),
    /// Examine a deployment without changing it: stacks, schedules, secrets, topics, alarms and limits.
    ///
    /// Each finding says what to do and how to check again. The report also names what was looked at, and what could not be:
    /// that counts as neither healthy nor broken. docs/deploy/operator-policy.json has the rights that the command needs.
    #[command(after_help = "\
Examples:
  synthetics doctor deployment --environment production
  synthetics doctor deployment --environment staging --json")]
    Deployment(ExamineOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Report every problem in settings files, with line, key and rule.
    #[command(after_help = "\
Example:
  synthetics settings check staging.toml production.toml")]
    Check {
        /// Settings files.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the effective settings: every default filled in, secrets as references.
    #[command(after_help = "\
Example:
  synthetics settings show production.toml --format json")]
    Show {
        /// Settings file.
        file: PathBuf,
        /// Output format.
        #[arg(long, value_enum, default_value_t = SettingsFormat::Toml)]
        format: SettingsFormat,
    },
    /// Print the JSON Schema of settings files, for editors.
    #[command(after_help = "\
Example:
  synthetics settings schema > settings.schema.json")]
    Schema,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SettingsFormat {
    /// A settings file.
    Toml,
    /// JSON for programs.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// Checks to run, by id. [default: all]
    #[arg(value_name = "CHECK", value_parser = CHECKS)]
    pub(crate) checks: Vec<String>,
    /// Stop after this time; without it, run until Ctrl-C.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Inject this fault after a few healthy runs; with --for, clear it again before the end. `synthetics faults` lists all.
    #[arg(long, value_name = "NAME", value_parser = FAULTS, hide_possible_values = true)]
    pub(crate) fault: Option<String>,
    /// Interval between runs of each check.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) every: Duration,
    /// Also print what programs get: the JSON of each notification.
    #[arg(long)]
    pub(crate) show_json: bool,
    /// Port of the demo platform; 0 picks a free one. [default: 8480]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// File that keeps incidents and results after the demo. [default: none]
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Address of the console, or `none`. [default: 127.0.0.1:8490, or a free port if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["settings", "demo"]))]
pub(crate) struct RunOptions {
    /// Checks to run, by id. [default: all checks in the settings]
    #[arg(value_name = "CHECK", value_parser = CHECKS)]
    pub(crate) checks: Vec<String>,
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Run against a demo platform that is started for this run.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Inject this fault, and repeat the run until a check reports it. The time between the runs is skipped: the clock of the
    /// platform and the checks starts in the past. Requires --demo. `synthetics faults` lists all.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "settings",
        value_parser = FAULTS,
        hide_possible_values = true
    )]
    pub(crate) fault: Option<String>,
    /// Send the canaries (test e-mails, SMS and jobs) that are due, to the addresses, numbers and queues in the settings.
    /// Without this option, the run only checks canaries sent earlier.
    #[arg(long, conflicts_with = "demo")]
    pub(crate) send_canaries: bool,
    /// File that keeps incidents, canaries and results for later runs, or `memory` to keep nothing. [default: ENVIRONMENT.db in the
    /// user's folder for data; memory with --demo or --wait-until-healthy, and where CI=true]
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    pub(crate) store: Option<PathBuf>,
    /// Run only the targets with this tag in the settings, and no other check.
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Run only this journey, whatever its `every` says, and print on standard error what each of its steps sends, expects and takes
    /// from the answer. Secrets are masked.
    #[arg(long, value_name = "CHECK/JOURNEY", conflicts_with_all = ["checks", "demo", "tag", "read_only", "wait_until_healthy"])]
    pub(crate) explain: Option<String>,
    /// Create nothing: checks that create something on the platform, such as a log-in or a lesson, are skipped and named, and
    /// so are targets with a method such as POST.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Repeat the checks that have not passed until all have, at most this long; the last runs begin when the time is up. The
    /// results are those of the last runs. Not with --demo, whose faults stay.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "demo")]
    pub(crate) wait_until_healthy: Option<Duration>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Also write the results to a file, in another format; repeatable.
    #[arg(
        long,
        value_name = "FORMAT=FILE",
        value_parser = FILES.try_map(|text| file(&text)),
        hide_possible_values = true
    )]
    pub(crate) also: Vec<(Format, PathBuf)>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true).args(["settings", "demo"]))]
pub(crate) struct CleanupOptions {
    /// Checks whose leftovers to list or remove, by id. [default: all checks in the settings]
    #[arg(value_name = "CHECK", value_parser = CHECKS)]
    pub(crate) checks: Vec<String>,
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Clean up a demo platform that is started for this command, and that holds a booking of an earlier run.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Remove the leftovers that are found; without this option, only list them.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Folder of your own templates. [default: those embedded in this program]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) templates: Option<PathBuf>,
    /// Folder of your own runbooks. [default: those embedded in this program]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) runbooks: Option<PathBuf>,
    /// Settings file with the objectives of its environment, repeatable. [default: the default objectives]
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CostOptions {
    /// Settings file. [default: the environment's file among the templates, or the example among them]
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Folder of your own templates. [default: those embedded in this program]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) templates: Option<PathBuf>,
    /// Environment. [default: the one in the settings file, else production]
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Checks that run, by id and separated by commas; `all` counts every check, deployed or not.
    #[arg(long, value_name = "CHECKS", default_value = "all")]
    pub(crate) checks: String,
    /// Assumption to change, repeatable: cadence.CHECK=5m, seconds.CHECK=2.5 (run time), memory=1024 (MB), architecture=x86_64, retention=90 (days),
    /// checks=ID,ID, zones=2 (of the private network), incidents=30 (a month).
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) what_if: Vec<String>,
    /// Exit with 1 if the monthly list price exceeds this amount.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// JSON reports for programs.
    Json,
    /// JSON for programs, one report per line, as soon as each check ends.
    Ndjson,
    /// JUnit XML for pipelines, one test case per step.
    Junit,
    /// A page for people, in one file: failures first, and the time of each phase of each exchange.
    Html,
}

/// Adds the nearest commands to an error about an unknown one. clap knows none for `help` and for short names.
pub(crate) fn with_nearest(mut mistake: clap::Error, arguments: impl Iterator<Item = String>) -> clap::Error {
    let Some(ContextValue::String(unknown)) = mistake.get(ContextKind::InvalidSubcommand) else { return mistake };
    let root = Arguments::command();
    let mut around = &root;
    for argument in arguments.skip(1).filter(|argument| !argument.starts_with('-') && argument != "help") {
        let Some(inner) = around.find_subcommand(&argument) else { break };
        around = inner;
    }
    let known: Vec<&str> = around.get_subcommands().map(clap::Command::get_name).collect();
    let near: Vec<String> = near(unknown, &known).into_iter().map(str::to_owned).collect();
    if !near.is_empty() {
        mistake.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
    }
    mistake
}

/// Parses a format and a file, such as `junit=results.xml`.
fn file(text: &str) -> Result<(Format, PathBuf), String> {
    let formats = || Format::value_variants().iter().filter_map(Format::to_possible_value);
    let names = || formats().map(|format| format.get_name().to_owned()).collect::<Vec<_>>().join(", ");
    let expected = || format!("expected FORMAT=FILE, such as \"junit=results.xml\"; the formats are {}", names());
    let (format, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(expected)?;
    if file == "-" {
        return Err(format!("expected a file, found -; `--format {format}` prints to standard output"));
    }
    Ok((Format::from_str(format, false).map_err(|_| expected())?, file.into()))
}

#[cfg(test)]
mod tests;
