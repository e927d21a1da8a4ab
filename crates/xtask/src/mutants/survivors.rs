//! Comparison of the mutants that survived with those that are accepted.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::outcomes::{Outcomes, Survivor};

/// Accepted mutants, by part.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Accepted(BTreeMap<String, Vec<Mutant>>);

/// Mutant that no test can catch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Path of the file.
    pub file: String,
    /// Change, with the name of the function, as cargo-mutants prints it. A change that occurs several times in a function
    /// has several entries.
    pub change: String,
    /// Reason why it is accepted.
    pub reason: String,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.change)
    }
}

impl Accepted {
    /// Reads the list.
    ///
    /// # Errors
    /// When it is not a valid list, or an entry has no reason.
    pub fn read(text: &str) -> Result<Self> {
        let accepted: Self = toml::from_str(text).context("failed to read the list of accepted mutants")?;
        for mutant in accepted.0.values().flatten() {
            ensure!(!mutant.reason.trim().is_empty(), "expected a reason, found none\n  {mutant}");
        }
        Ok(accepted)
    }

    /// Accepted mutants of a part.
    pub fn in_part(&self, name: &str) -> &[Mutant] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Names of the parts in the list.
    #[cfg(test)]
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Compares the survivors of a part with its accepted mutants. Line numbers do not matter. `is_whole` is true when all mutants
/// of the part were tested, so that an accepted one must be among them.
pub fn problems(outcomes: &Outcomes, accepted: &[Mutant], is_whole: bool) -> Vec<String> {
    let mut by_name: BTreeMap<(&str, &str), (Vec<&Survivor>, usize)> = BTreeMap::new();
    for survivor in &outcomes.survivors {
        by_name.entry((&survivor.file, &survivor.change)).or_default().0.push(survivor);
    }
    for mutant in accepted {
        by_name.entry((&mutant.file, &mutant.change)).or_default().1 += 1;
    }
    let mut problems = Vec::new();
    if is_whole && outcomes.total() == 0 {
        problems.push("expected mutants, found none".to_owned());
    }
    for ((file, change), (survivors, accepted)) in by_name {
        if survivors.len() > accepted {
            let count = if accepted > 0 { format!(", {accepted} of them accepted") } else { String::new() };
            problems.extend(survivors.iter().map(|survivor| format!("survived{count}: {survivor}")));
        } else if is_whole && survivors.len() < accepted {
            let count = accepted - survivors.len();
            problems.push(format!("accepted, but caught or gone ({count}): {file}: {change}"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survivor(line: u32, change: &str) -> Survivor {
        Survivor { file: "src/a.rs".to_owned(), position: format!("{line}:9"), change: change.to_owned() }
    }

    fn mutant(change: &str) -> Mutant {
        Mutant { file: "src/a.rs".to_owned(), change: change.to_owned(), reason: "equal".to_owned() }
    }

    fn compare(survivors: &[(u32, &str)], accepted: &[&str], is_whole: bool) -> Vec<String> {
        let survivors = survivors.iter().map(|(line, change)| survivor(*line, change)).collect();
        let outcomes = Outcomes { survivors, caught: 1, unviable: 0 };
        let accepted: Vec<_> = accepted.iter().map(|change| mutant(change)).collect();
        problems(&outcomes, &accepted, is_whole)
    }

    #[test]
    fn survivors_and_accepted_mutants_must_be_the_same() {
        for (case, survivors, accepted, expected) in [
            ("all are caught", &[][..], &[][..], &[][..]),
            ("on another line", &[(3, "< <=")], &["< <="], &[]),
            (
                "not accepted",
                &[(3, "< <=")],
                &["< =="],
                &["survived: src/a.rs:3:9: < <=", "accepted, but caught or gone (1): src/a.rs: < =="],
            ),
            ("caught", &[], &["< <="], &["accepted, but caught or gone (1): src/a.rs: < <="]),
            ("twice", &[(3, "< <="), (5, "< <=")], &["< <=", "< <="], &[]),
            (
                "twice, accepted once",
                &[(3, "< <="), (5, "< <=")],
                &["< <="],
                &[
                    "survived, 1 of them accepted: src/a.rs:3:9: < <=",
                    "survived, 1 of them accepted: src/a.rs:5:9: < <=",
                ],
            ),
            (
                "once, accepted twice",
                &[(3, "< <=")],
                &["< <=", "< <="],
                &["accepted, but caught or gone (1): src/a.rs: < <="],
            ),
        ] {
            assert_eq!(compare(survivors, accepted, true), expected, "{case}");
        }
    }

    #[test]
    fn selected_mutants_need_not_include_accepted_ones() {
        assert_eq!(compare(&[], &["< <="], false), [""; 0]);
        assert_eq!(compare(&[(3, "< <=")], &[], false), ["survived: src/a.rs:3:9: < <="]);
    }

    #[test]
    fn part_without_mutants_is_a_problem() {
        assert_eq!(problems(&Outcomes::default(), &[], true), ["expected mutants, found none"]);
        assert_eq!(problems(&Outcomes::default(), &[], false), [""; 0]);
    }

    #[test]
    fn every_accepted_mutant_needs_a_reason() {
        let entry = "[[gate]]\nfile = \"src/a.rs\"\nchange = \"< <=\"\n";
        let accepted = Accepted::read(&format!("{entry}reason = \"equal\"")).unwrap();
        assert_eq!((accepted.in_part("gate").len(), accepted.in_part("egress").len()), (1, 0));
        let error = Accepted::read(&format!("{entry}reason = \" \"")).unwrap_err().to_string();
        assert_eq!(error, "expected a reason, found none\n  src/a.rs: < <=");
        assert!(Accepted::read(entry).is_err());
    }
}
