//! Checks over a window: runs, gaps, and whether a fault would have been seen.

use std::time::Duration;

use check::budget::{DayRuns, Objective};
use history::Counts;
use schemars::JsonSchema;
use serde::Serialize;

use crate::headroom::{Gap, Values};

/// Failed runs in a row that open an incident, by default.
const RUNS_TO_OPEN: f64 = 2.0;
/// Minutes of a day.
const DAY_MINUTES: f64 = 1_440.0;

/// Runs of a check in the window.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CheckReview {
    /// Id.
    pub check: String,
    /// Interval between runs in the template.
    ///
    /// **Units:** seconds.
    pub cadence_seconds: u64,
    /// Passed runs.
    pub passed: u64,
    /// Failed runs.
    pub failed: u64,
    /// Inconclusive runs.
    pub inconclusive: u64,
    /// Runs in maintenance.
    pub maintenance: u64,
    /// Part of its runs that has to pass; `None` without an objective.
    pub objective: Option<f64>,
    /// Spent part of the error budget of the window, above 1 if it is overspent; `None` without an objective or a run with a verdict.
    pub budget_spent: Option<f64>,
    /// Times without runs, the longest ones.
    pub gaps: Vec<Gap>,
    /// Number of all times without at least three runs in a row.
    pub gap_count: usize,
    /// Judgement on its ability to fail.
    #[serde(flatten)]
    pub sensitivity: Sensitivity,
}

/// Ability of a check to fail.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "sensitivity", rename_all = "snake_case")]
pub enum Sensitivity {
    /// It failed in the window, so it can.
    HasFailed,
    /// It never failed in the window. A fault of this length would have been seen.
    NeverFailed {
        /// Shortest fault that opens an incident for certain.
        ///
        /// **Units:** minutes.
        shortest_fault_minutes: f64,
    },
    /// It never failed, and could not: no fault would have been seen.
    NeverCould {
        /// Reason, as a clause.
        reason: String,
    },
}

impl CheckReview {
    /// Judges the runs of a check. `runs` has the periods of its cadence; `days` is the length of the window.
    pub(crate) fn new(
        check: &str,
        cadence: Duration,
        counts: Counts,
        runs: Values,
        objective: Option<Objective>,
        days: f64,
    ) -> Self {
        Self {
            check: check.to_owned(),
            cadence_seconds: cadence.as_secs(),
            passed: counts.passed,
            failed: counts.failed,
            inconclusive: counts.inconclusive,
            maintenance: counts.maintenance,
            objective: objective.map(Objective::target),
            budget_spent: objective
                .and_then(|objective| objective.spent(DayRuns { passed: counts.passed, failed: counts.failed })),
            sensitivity: sensitivity(cadence, counts, objective, days),
            gaps: runs.gaps,
            gap_count: runs.gap_count,
        }
    }
}

fn sensitivity(cadence: Duration, counts: Counts, objective: Option<Objective>, days: f64) -> Sensitivity {
    let verdicts = (counts.passed + counts.failed) as f64;
    if counts.failed > 0 {
        return Sensitivity::HasFailed;
    }
    if verdicts == 0.0 {
        let reason = format!(
            "none of its runs had a verdict: {} inconclusive, {} in maintenance",
            counts.inconclusive, counts.maintenance
        );
        return Sensitivity::NeverCould { reason };
    }
    // A fault just after a run is seen by the next ones.
    let interval = (days * DAY_MINUTES / verdicts).max(cadence.as_secs_f64() / 60.0);
    let shortest = (RUNS_TO_OPEN + 1.0) * interval;
    let allowed = |objective: Objective| (1.0 - objective.target()) * f64::from(Objective::DAYS) * DAY_MINUTES;
    let budget = objective.map(allowed);
    match budget.filter(|budget| shortest > *budget) {
        Some(budget) => Sensitivity::NeverCould {
            reason: format!(
                "a fault is seen after up to {shortest:.0} min, at one verdict in {interval:.0} min, and the objective allows only \
                 {budget:.0} min in 30 days"
            ),
        },
        None => Sensitivity::NeverFailed { shortest_fault_minutes: shortest },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_spend_the_budget_and_lost_verdicts_do_not() {
        let spent = |passed, failed, target| {
            let counts = Counts { passed, failed, inconclusive: 500, maintenance: 9 };
            let values = Values::new(&[], jiff::SignedDuration::ZERO);
            let objective = Objective::new(target).ok();
            let review = CheckReview::new("login", Duration::from_secs(60), counts, values, objective, 30.0);
            review.budget_spent.map(|spent| (spent * 100.0).round())
        };
        assert_eq!(spent(990, 10, 0.98), Some(50.0));
        assert_eq!(spent(100, 0, 0.99), Some(0.0));
        assert_eq!(spent(90, 10, 0.99), Some(1_000.0));
        assert_eq!((spent(0, 0, 0.99), spent(9, 1, 1.0)), (None, None));
    }

    #[test]
    fn checks_that_cannot_fail_are_named() {
        let judge = |minutes: u64, passed, failed, inconclusive, target: Option<f64>| {
            let counts = Counts { passed, failed, inconclusive, maintenance: 0 };
            sensitivity(
                Duration::from_secs(minutes * 60),
                counts,
                target.and_then(|part| Objective::new(part).ok()),
                30.0,
            )
        };
        assert_eq!(judge(1, 43_000, 1, 0, Some(0.99)), Sensitivity::HasFailed);
        assert!(matches!(
            judge(5, 8_640, 0, 0, Some(0.98)),
            Sensitivity::NeverFailed { shortest_fault_minutes } if (shortest_fault_minutes - 15.0).abs() < 1e-9
        ));
        for (name, sensitivity) in [
            ("never judged", judge(1, 0, 0, 43_200, None)),
            ("hardly ever judged", judge(1, 100, 0, 43_100, Some(0.99))),
            ("too strict an objective", judge(15, 2_880, 0, 0, Some(0.9995))),
        ] {
            assert!(matches!(sensitivity, Sensitivity::NeverCould { .. }), "{name}: {sensitivity:?}");
        }
    }
}
