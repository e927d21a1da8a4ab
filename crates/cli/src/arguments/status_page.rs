//! Arguments of `synthetics status-page`.

use std::path::PathBuf;

use clap::Args;

use super::deployment::Region;

#[derive(Debug, Args)]
pub(crate) struct StatusPageOptions {
    /// Settings file; its section [status_page] says what to show.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: PathBuf,
    /// Folder for the files; it is created if needed.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Store on this machine. [default: ENVIRONMENT.db in the user's folder for data, as `synthetics run` and `up` use it]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["environment", "table", "region"])]
    pub(crate) store: Option<PathBuf>,
    /// Deployed environment, instead of a store; it is that of the settings.
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// State table, if it is not named after the environment.
    #[arg(long, value_name = "NAME", requires = "environment")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) region: Region,
}
