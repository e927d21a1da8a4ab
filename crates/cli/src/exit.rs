//! Exit codes, part of the program's contract.

use std::process::ExitCode;

use check::{Outcome, Report};

/// Exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything passed; maintenance counts as passed and is reported.
    Passed = 0,
    /// A check failed, a leftover remains, there is a finding, or alarms are not muted as requested.
    Failed = 1,
    /// Nothing was run: wrong usage or settings, unknown name, port in use.
    NothingRun = 2,
    /// No check failed, but at least one was inconclusive or refused, or what runs keep could not be read or written.
    Inconclusive = 3,
    /// Ended early because its terminal was closed (SIGHUP), as shells report it.
    HungUp = 129,
    /// Ended early by Ctrl-C (SIGINT), as shells report it.
    Interrupted = 130,
    /// The reader of standard output left before its end. A shell reports the same of programs that SIGPIPE ends.
    ReaderLeft = 141,
    /// Ended early by SIGTERM, as shells report it.
    Terminated = 143,
}

impl Exit {
    /// Combines the results of several runs: a failure outweighs an inconclusive run.
    pub(crate) fn from_reports<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Self {
        let mut exit = Self::Passed;
        for report in reports {
            match &report.outcome {
                Outcome::Failed { .. } => return Self::Failed,
                _ if !report.leftovers.is_empty() => return Self::Failed,
                Outcome::Inconclusive { .. } | Outcome::Refused { .. } => exit = Self::Inconclusive,
                Outcome::Passed | Outcome::Maintenance { .. } => {}
            }
        }
        exit
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
