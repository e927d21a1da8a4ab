//! Success of subjects by week.

use std::collections::{BTreeMap, BTreeSet};

use history::{Day, SubjectCounts};
use schemars::JsonSchema;
use serde::Serialize;

use crate::week::{MAX_ROWS, Week, days_of};

/// Subject of a check that is a single flow. The check itself has its weeks.
const WHOLE: &str = "-";

/// Success of subjects, such as targets, queues and partners.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum SubjectTrends {
    /// Read from the source.
    Known {
        /// The subjects.
        subjects: Vec<SubjectTrend>,
    },
    /// Only log lines have them, and they were not asked for.
    NotAsked,
}

/// Weeks of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SubjectTrend {
    /// Id of the check.
    pub check: String,
    /// Subject.
    pub subject: String,
    /// Numbers of each week; `None` without a run that judged it.
    pub weeks: Vec<Option<SubjectWeek>>,
}

/// Runs that judged a subject in a week. Days that the window cuts count as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SubjectWeek {
    /// Runs in which it passed.
    pub passed: u64,
    /// Runs in which it failed.
    pub failed: u64,
    /// Passed part.
    pub success: f64,
}

impl SubjectTrends {
    /// The subjects that failed most in one week, and the number of the others; `None` if they were not asked for.
    #[must_use]
    pub fn worst(&self) -> Option<(Vec<&SubjectTrend>, usize)> {
        let Self::Known { subjects } = self else { return None };
        let worst = |trend: &SubjectTrend| trend.weeks.iter().flatten().map(|week| week.success).fold(1.0, f64::min);
        let mut sorted: Vec<&SubjectTrend> = subjects.iter().collect();
        sorted.sort_by(|one, other| worst(one).total_cmp(&worst(other)));
        sorted.truncate(MAX_ROWS);
        let others = subjects.len() - sorted.len();
        Some((sorted, others))
    }
}

/// Sums up the subjects of the days of each check.
pub(crate) fn subject_trends(days: &BTreeMap<String, Vec<Day>>, weeks: &[Week]) -> SubjectTrends {
    if days.values().flatten().any(|day| day.subjects.is_none()) {
        return SubjectTrends::NotAsked;
    }
    let mut subjects = Vec::new();
    for (check, days) in days {
        let all = days.iter().filter_map(|day| day.subjects.as_ref());
        let names: BTreeSet<&String> = all.flat_map(BTreeMap::keys).filter(|name| *name != WHOLE).collect();
        for name in names {
            let week = |week: &Week| week_of(days_of(days, *week, weeks), name);
            let weeks = weeks.iter().map(week).collect();
            subjects.push(SubjectTrend { check: check.clone(), subject: name.clone(), weeks });
        }
    }
    SubjectTrends::Known { subjects }
}

fn week_of<'d>(days: impl Iterator<Item = &'d Day>, subject: &str) -> Option<SubjectWeek> {
    let own = days.filter_map(|day| day.subjects.as_ref()?.get(subject).copied());
    let SubjectCounts { passed, failed } = own
        .reduce(|one, other| SubjectCounts { passed: one.passed + other.passed, failed: one.failed + other.failed })?;
    let judged = passed + failed;
    (judged > 0).then(|| SubjectWeek { passed, failed, success: passed as f64 / judged as f64 })
}
