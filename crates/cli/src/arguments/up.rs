//! Arguments of `synthetics up`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::duration;
use crate::offered::CHECKS;

#[derive(Debug, Args)]
pub(crate) struct UpOptions {
    /// Checks to run, by id. [default: all checks in the settings]
    #[arg(value_name = "CHECK", value_parser = CHECKS)]
    pub(crate) checks: Vec<String>,
    /// Settings file. It is read again when it changes, and on SIGHUP.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: PathBuf,
    /// Interval between runs of each check. [default: each check's cadence on AWS]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) every: Option<Duration>,
    /// Stop after this time; without it, run until Ctrl-C or SIGTERM.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// File that keeps incidents, canaries and results, or `memory` to keep nothing. [default: ENVIRONMENT.db in the user's folder for
    /// data]
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Create nothing: checks that create something on the platform, such as a log-in or a lesson, are skipped and named, and
    /// so are targets with a method such as POST.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Address of the console, /metrics and /healthz, or `none`. Another address than this machine's needs a token in SYNTHETICS_TOKEN.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8490")]
    pub(crate) listen: String,
    /// Let the console mute, acknowledge, mark and start runs; without it, the console only shows.
    #[arg(long)]
    pub(crate) allow_actions: bool,
    /// Also print what programs get: the JSON of each notification.
    #[arg(long)]
    pub(crate) show_json: bool,
}
