//! The reader of `faults.toml`: what each fault must show.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use check::{Cause, FailureKind};
use serde::{Deserialize, Serialize};

use super::Fault;

/// One fault, what it is, and what it must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// Which one.
    #[serde(rename = "name")]
    pub fault: Fault,
    /// One line for people.
    pub description: String,
    /// The id of the check that must see it.
    pub check: String,
    /// What that check's run must show.
    pub shows: Shows,
    /// How many runs it takes.
    pub runs: NonZeroU32,
    /// How far apart these runs are; written `"1m"`.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub every: Duration,
    /// How many runs still show it once it is cleared: what was lost by then stays lost.
    #[serde(default)]
    pub lingers: u32,
    /// The ids of other checks that may fail with it.
    pub also_fails: Vec<String>,
    /// The ids of other checks that cannot judge while it is there.
    #[serde(default)]
    pub also_inconclusive: Vec<String>,
    /// The alarms of its check that it raises beside those that follow from what it shows, by their resources in
    /// `infra/alarms.yaml`. A failure raises `Failing<Check>` and, where the check has one, `<Check>Objective`; a run that
    /// could not judge raises `MonitoringGap<Check>`.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// How long it takes until a number is beyond the threshold of such an alarm; written `"10m"`.
    #[serde(default, with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub builds_up: Duration,
    /// Whether it keeps the check from undoing what it made: then that is reported, and removed when it is over.
    #[serde(default)]
    pub leaves_leftovers: bool,
}

/// What the run of the check must show while the fault is active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Shows {
    /// The outcome is `Failed`, with exactly these.
    Failures(Vec<ExpectedFailure>),
    /// The outcome stays `Passed`, and a metric passes a bound.
    Metric {
        /// The metric's name; of one that is split by channel as `NotificationQueue.email`.
        name: String,
        /// What its value must pass.
        bound: Bound,
    },
    /// The outcome stays `Passed`, and this metric is not published.
    Missing(String),
    /// The outcome is `Inconclusive`, with this cause: it is not the platform's fault, as far as can be told.
    Inconclusive(Cause),
    /// The outcome is `Maintenance`.
    Maintenance,
}

/// One failure that the run must have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFailure {
    /// What in the check failed.
    pub subject: String,
    /// The step that failed.
    pub step: String,
    /// How.
    pub kind: FailureKind,
}

/// What a metric's value must pass, in the metric's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Bound {
    /// Whether a value passes it.
    #[must_use]
    pub fn is_passed_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// Why `faults.toml` is not a catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is not TOML, names an unknown fault, or has a key too many, too few, or of the wrong type.
    #[error("read faults.toml: {0}")]
    Malformed(#[from] toml::de::Error),
    /// A fault stands there twice.
    #[error("read faults.toml: expected `{0}` once, found it twice")]
    Twice(Fault),
    /// A fault stands there that shows nothing.
    #[error("read faults.toml: expected `{0}` to show at least one failure, found an empty list")]
    ShowsNothing(Fault),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fault: Vec<FaultSpec>,
}

/// The faults of `faults.toml`, in its order. The file is part of the program.
///
/// # Errors
/// When the file is wrong, which a test of this crate rules out.
pub fn catalogue() -> Result<Vec<FaultSpec>, CatalogueError> {
    parse(include_str!("../../faults.toml"))
}

fn parse(text: &str) -> Result<Vec<FaultSpec>, CatalogueError> {
    let File { fault: specs } = toml::from_str(text)?;
    let mut actual = BTreeSet::new();
    for spec in &specs {
        if !actual.insert(spec.fault) {
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
    fn the_file_and_the_enum_name_the_same_faults_in_the_same_order() {
        let listed: Vec<_> = catalogue().unwrap().into_iter().map(|spec| spec.fault).collect();
        assert_eq!(listed, Fault::ALL);
    }

    #[test]
    fn the_file_has_one_line_descriptions_and_no_failure_twice() {
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
