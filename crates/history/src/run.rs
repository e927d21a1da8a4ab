//! Runs as lists show them.

use jiff::Timestamp;

use crate::Period;

/// Outcome of a run, without its failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// Every expectation held.
    Passed,
    /// At least one subject failed.
    Failed,
    /// Nothing failed, but a subject got no result.
    Inconclusive,
    /// Every unhealthy subject was in planned maintenance.
    Maintenance,
    /// The event was stale or a duplicate.
    Refused,
}

impl RunOutcome {
    /// All outcomes.
    pub const ALL: [Self; 5] = [Self::Passed, Self::Failed, Self::Inconclusive, Self::Maintenance, Self::Refused];

    /// Name, as of [`check::Outcome::word`].
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Maintenance => "maintenance",
            Self::Refused => "refused",
        }
    }

    /// Reads a name; `None` when it is unknown.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Scheduled time, to the precision of [`Runs::precision`].
    pub at: Timestamp,
    /// Id; `None` when the source has only the numbers of the run.
    pub run_id: Option<String>,
    /// True if the source has kept the report. It may be elsewhere, such as in a log.
    pub has_report: bool,
    /// Outcome.
    pub outcome: RunOutcome,
    /// Duration of the last attempt; `None` without a verdict, and when the source does not know it. Several runs of one period may
    /// have their average.
    ///
    /// **Units:** milliseconds.
    pub duration_ms: Option<f64>,
}

/// Runs of a window, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// True if the window has more runs, older than these.
    pub has_more: bool,
    /// Period at whose start the oldest run is shown; `None` when times are exact.
    pub precision: Option<Period>,
}

/// Price of a search, estimated before it is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchCost {
    /// Bytes to search.
    pub bytes: u64,
    /// Price in USD.
    pub usd: f64,
}

impl SearchCost {
    /// A search without a price.
    pub const NONE: Self = Self { bytes: 0, usd: 0.0 };
}

#[cfg(test)]
mod tests {
    use check::{Cause, Inconclusive, NoSecrets, Outcome, Refusal, Text, ours};

    use super::*;

    #[test]
    fn outcomes_have_the_names_of_reports() {
        let inconclusive = Inconclusive::new(Cause::Internal, ours("x"), &NoSecrets);
        let outcomes = [
            Outcome::Passed,
            Outcome::Failed { failures: Vec::new() },
            Outcome::Inconclusive { inconclusive },
            Outcome::Maintenance { detail: Text::own("x") },
            Outcome::Refused { refusal: Refusal::Stale },
        ];
        assert_eq!(outcomes.map(|outcome| RunOutcome::read(outcome.word())), RunOutcome::ALL.map(Some));
        assert_eq!(RunOutcome::read("Passed"), None);
    }
}
