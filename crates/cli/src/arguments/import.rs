//! Arguments of `synthetics import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// File with the requests, of at most 10 MB; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Format of the file. [default: recognised by its text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<ImportFormat>,
    /// File to write instead of standard output. An existing file is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The `base_url` of the settings, to which paths are joined: requests to it are written with `path`, others with `url`.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
}

/// Format of requests.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ImportFormat {
    /// One or more curl commands, as for Bash.
    Curl,
    /// HTTP Archive, as browsers save it.
    Har,
    /// OpenAPI 3.0 or 3.1, in JSON or YAML.
    Openapi,
}
