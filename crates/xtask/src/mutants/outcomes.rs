//! Results of cargo-mutants, from its `outcomes.json`.

use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Results of all mutants of one part.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Mutants that passed the tests.
    pub survivors: Vec<Survivor>,
    /// Number of mutants that failed the tests, or did not end in time.
    pub caught: usize,
    /// Number of mutants that do not compile.
    pub unviable: usize,
}

/// Mutant that passed the tests.
#[derive(Clone, Debug, PartialEq)]
pub struct Survivor {
    /// Path of the file.
    pub file: String,
    /// Line and column.
    pub position: String,
    /// Change, with the name of the function.
    pub change: String,
}

impl fmt::Display for Survivor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.position, self.change)
    }
}

#[derive(Deserialize)]
struct File {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: Summary,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant { name: String },
}

#[derive(Deserialize)]
enum Summary {
    Success,
    CaughtMutant,
    MissedMutant,
    Unviable,
    Failure,
    Timeout,
}

impl Outcomes {
    /// Reads the file.
    ///
    /// # Errors
    /// When it has another format, or a result that says nothing about the tests.
    pub fn read(text: &str) -> Result<Self> {
        let file: File = serde_json::from_str(text).context("failed to read the outcomes of cargo-mutants")?;
        let mut outcomes = Self::default();
        for Outcome { scenario, summary } in file.outcomes {
            let Scenario::Mutant { name } = scenario else { continue };
            match summary {
                Summary::CaughtMutant | Summary::Timeout => outcomes.caught += 1,
                Summary::Unviable => outcomes.unviable += 1,
                Summary::MissedMutant => {
                    let parts = name.split_once(": ").and_then(|(place, change)| {
                        let (file, position) = place.split_once(':')?;
                        Some([file, position, change].map(str::to_owned))
                    });
                    let [file, position, change] = parts.with_context(|| {
                        format!("expected `FILE:LINE:COLUMN: CHANGE` from cargo-mutants, found {name}")
                    })?;
                    outcomes.survivors.push(Survivor { file, position, change });
                }
                Summary::Success | Summary::Failure => anyhow::bail!("cargo-mutants did not finish {name}"),
            }
        }
        Ok(outcomes)
    }

    /// Number of mutants.
    pub fn total(&self) -> usize {
        self.survivors.len() + self.caught + self.unviable
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (caught, survived) = (self.caught, self.survivors.len());
        write!(f, "{} mutants: {caught} caught, {survived} survived, {} do not compile", self.total(), self.unviable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shortened output of cargo-mutants 27.1.
    const OUTCOMES: &str = r#"{"outcomes": [
        {"scenario": "Baseline", "summary": "Success", "log_path": "log/baseline.log"},
        {"scenario": {"Mutant": {"name": "src/a.rs:4:9: replace < with <= in f", "genre": "BinaryOperator"}}, "summary": "MissedMutant"},
        {"scenario": {"Mutant": {"name": "src/a.rs:4:9: replace < with == in f"}}, "summary": "CaughtMutant"},
        {"scenario": {"Mutant": {"name": "src/a.rs:7:1: replace g -> u8 with 0"}}, "summary": "Timeout"},
        {"scenario": {"Mutant": {"name": "src/a.rs:7:1: replace g -> u8 with 1"}}, "summary": "Unviable"}
    ], "total_mutants": 4, "cargo_mutants_version": "27.1.0"}"#;

    #[test]
    fn outcomes_of_cargo_mutants_are_read() {
        let outcomes = Outcomes::read(OUTCOMES).unwrap();
        assert_eq!(outcomes.to_string(), "4 mutants: 2 caught, 1 survived, 1 do not compile");
        assert_eq!(outcomes.survivors[0].to_string(), "src/a.rs:4:9: replace < with <= in f");
        assert_eq!(outcomes.survivors[0].change, "replace < with <= in f");
    }

    #[test]
    fn unknown_outcomes_are_errors() {
        for (outcome, expected) in [
            (
                OUTCOMES.replace("MissedMutant", "Failure"),
                "cargo-mutants did not finish src/a.rs:4:9: replace < with <=",
            ),
            (OUTCOMES.replace("MissedMutant", "Forgotten"), "failed to read the outcomes"),
            (OUTCOMES.replace("src/a.rs:4:9: replace < with <=", "a <="), "expected `FILE:LINE:COLUMN: CHANGE`"),
        ] {
            let error = Outcomes::read(&outcome).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
