//! Exit codes: part of the program's contract, see README.

use std::process::ExitCode;

use check::{Outcome, Report};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything passed; maintenance too, and it is said.
    Passed = 0,
    /// At least one check failed, something was left behind, or alarms are not muted as they should be.
    Failed = 1,
    /// Nothing was run: usage, settings, an unknown check or fault, a port taken.
    NothingRun = 2,
    /// No check failed, but at least one could not judge.
    Inconclusive = 3,
}

impl Exit {
    /// The exit of these runs together: a failure outweighs what could not be judged.
    pub(crate) fn from_reports<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Self {
        let mut exit = Self::Passed;
        for report in reports {
            match &report.outcome {
                Outcome::Failed { .. } => return Self::Failed,
                _ if !report.leftovers.is_empty() => return Self::Failed,
                Outcome::Inconclusive { .. } => exit = Self::Inconclusive,
                Outcome::Passed | Outcome::Maintenance { .. } | Outcome::Refused { .. } => {}
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
