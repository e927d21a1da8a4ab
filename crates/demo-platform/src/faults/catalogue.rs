//! Reader for `faults.toml`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use check::{Cause, FailureKind};
use serde::{Deserialize, Serialize};

use super::Fault;

/// A fault, its description, and the result that a check must report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// The fault.
    #[serde(rename = "name")]
    pub fault: Fault,
    /// A description in one line.
    pub description: String,
    /// The id of the check that must detect it.
    pub check: String,
    /// The result that a run of this check must report.
    pub shows: Shows,
    /// Number of runs until the fault shows.
    pub runs: NonZeroU32,
    /// Interval between these runs, such as `"1m"`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub every: Duration,
    /// Number of runs that still show the fault after it is cleared, because data was lost. Default 0.
    #[serde(default)]
    pub lingers: u32,
    /// Ids of other checks that may fail as well.
    pub also_fails: Vec<String>,
    /// Ids of other checks that are inconclusive while the fault is active.
    #[serde(default)]
    pub also_inconclusive: Vec<String>,
    /// Additional alarms of the check, as resources in `infra/alarms.yaml`. Implied alarms are not listed: a failure raises
    /// `Failing<Check>`, and `<Check>Objective` if it lasts; an inconclusive run raises `MonitoringLost<Check>`.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// Time until a number passes the threshold of such an alarm, such as `"10m"`. Default none.
    #[serde(default, with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub builds_up: Duration,
    /// The check cannot undo its changes: it reports leftovers, and removes them once the fault is cleared.
    #[serde(default)]
    pub leaves_leftovers: bool,
}

/// The result that a run must report while the fault is active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Shows {
    /// The outcome is `Failed`, with exactly these failures.
    Failures(Vec<ExpectedFailure>),
    /// The outcome is `Passed`, and a metric passes a bound.
    Metric {
        /// The metric's name, with the channel if it is split by channel: `NotificationQueue.email`.
        name: String,
        /// The bound that its value must pass.
        bound: Bound,
    },
    /// The outcome is `Passed`, and this metric is not published.
    Missing(String),
    /// The outcome is `Inconclusive` with this cause, since the run cannot blame the platform.
    Inconclusive(Cause),
    /// The outcome is `Maintenance`.
    Maintenance,
}

/// A failure that the run must report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFailure {
    /// The subject that failed.
    pub subject: String,
    /// The step that failed.
    pub step: String,
    /// The kind of failure.
    pub kind: FailureKind,
}

/// A bound for a metric's value, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// At least this value.
    AtLeast(f64),
    /// At most this value.
    AtMost(f64),
}

impl Bound {
    /// Returns true if a value passes the bound.
    #[must_use]
    pub fn is_passed_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// An error in `faults.toml`.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Invalid TOML, an unknown fault, or a key that is unknown, missing or of the wrong type.
    #[error("read faults.toml: {0}")]
    Malformed(#[from] toml::de::Error),
    /// A fault is listed twice.
    #[error("read faults.toml: expected `{0}` once, found it twice")]
    Twice(Fault),
    /// A fault has an empty list of failures.
    #[error("read faults.toml: expected `{0}` to show at least one failure, found an empty list")]
    ShowsNothing(Fault),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fault: Vec<FaultSpec>,
}

/// Reads the faults of `faults.toml`, in the order of the file. The file is compiled into the program.
///
/// # Errors
/// If the file is invalid, which a test of this crate rules out.
pub fn catalogue() -> Result<Vec<FaultSpec>, CatalogueError> {
    parse(include_str!("../../faults.toml"))
}

fn parse(text: &str) -> Result<Vec<FaultSpec>, CatalogueError> {
    let File { fault: specs } = toml::from_str(text)?;
    let mut listed = BTreeSet::new();
    for spec in &specs {
        if !listed.insert(spec.fault) {
            return Err(CatalogueError::Twice(spec.fault));
        }
        if matches!(&spec.shows, Shows::Failures(failures) if failures.is_empty()) {
            return Err(CatalogueError::ShowsNothing(spec.fault));
        }
    }
    Ok(specs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        [[fault]]
        name = "slow"
        description = "late"
        check = "availability"
        shows.metric = { name = "Duration", bound = { at_least = 2000 } }
        runs = 2
        every = "1m 30s"
        also_fails = ["login"]
        also_inconclusive = ["booking"]
        alarms = ["SlowAvailability"]
        builds_up = "10m"
    "#;

    #[test]
    fn the_file_and_the_enum_list_the_same_faults() {
        let listed: Vec<_> = catalogue().unwrap().into_iter().map(|spec| spec.fault).collect();
        assert_eq!(listed, Fault::ALL);
    }

    #[test]
    fn descriptions_fit_one_line_and_failures_are_unique() {
        for FaultSpec { fault, description, shows, .. } in catalogue().unwrap() {
            assert!((10..=110).contains(&description.len()) && !description.contains('\n'), "{fault}: {description}");
            if let Shows::Failures(failures) = shows {
                assert_eq!(failures.iter().collect::<BTreeSet<_>>().len(), failures.len(), "{fault}");
            }
        }
    }

    #[test]
    fn every_field_is_read() {
        let specs = parse(SOUND).unwrap();
        let expected = FaultSpec {
            fault: Fault::Slow,
            description: "late".to_owned(),
            check: "availability".to_owned(),
            shows: Shows::Metric { name: "Duration".to_owned(), bound: Bound::AtLeast(2000.0) },
            runs: NonZeroU32::new(2).unwrap(),
            every: Duration::from_secs(90),
            lingers: 0,
            also_fails: vec!["login".to_owned()],
            also_inconclusive: vec!["booking".to_owned()],
            alarms: vec!["SlowAvailability".to_owned()],
            builds_up: Duration::from_secs(600),
            leaves_leftovers: false,
        };
        assert_eq!(specs, [expected]);
    }

    #[test]
    fn mistakes_are_named() {
        let failures = |list: &str| {
            SOUND
                .replace("metric = { name = \"Duration\", bound = { at_least = 2000 } }", &format!("failures = {list}"))
        };
        let cases = [
            ("an unknown fault", SOUND.replace("\"slow\"", "\"lightning\""), "unknown variant `lightning`"),
            ("an unknown key", format!("{SOUND}colour = 1"), "unknown field `colour`"),
            ("no runs", SOUND.replace("runs = 2", "runs = 0"), "nonzero"),
            ("an unknown kind", failures("[{ subject = 'a', step = 'b', kind = 'sad' }]"), "unknown variant `sad`"),
            ("two bounds", SOUND.replace("at_least = 2000", "at_least = 1, at_most = 2"), "bound"),
            ("no failures", failures("[]"), "expected `slow` to show at least one failure"),
            ("the same twice", SOUND.repeat(2), "expected `slow` once"),
        ];
        for (case, text, expected) in cases {
            let actual = parse(&text).unwrap_err().to_string();
            assert!(actual.contains(expected), "{case}: {actual}");
        }
    }

    #[test]
    fn bounds_include_their_value() {
        assert!(Bound::AtLeast(2.0).is_passed_by(2.0) && !Bound::AtLeast(2.0).is_passed_by(1.9));
        assert!(Bound::AtMost(2.0).is_passed_by(2.0) && !Bound::AtMost(2.0).is_passed_by(2.1));
    }
}
