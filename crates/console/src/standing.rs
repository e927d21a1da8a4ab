//! The standing of a check, from its records.

use check::budget::{DayRuns, ErrorBudget, Objective, RunCounts, utc_day};
use check::incident::{IncidentRecord, Silence};
use history::{Day, History, RunOutcome, RunSummary, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

/// Window of the runs.
pub(crate) const RUNS: SignedDuration = SignedDuration::from_hours(24);
/// Most runs of that window, one a minute and a few by hand.
const MAX_RUNS: usize = 1_500;
/// Age of the oldest incidents. An older one shows in the last run while it is open.
const INCIDENTS: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Records of a check.
pub(crate) struct Recorded {
    /// Runs of the last 24 hours, newest first.
    pub(crate) runs: Vec<RunSummary>,
    /// Open incidents, the critical first, then the newest.
    pub(crate) open: Vec<IncidentRecord>,
    /// End of the last incident.
    recovered: Option<Timestamp>,
    /// Mutes in force.
    pub(crate) mutes: Vec<Silence>,
    /// Days of the objective.
    pub(crate) days: Vec<Day>,
}

impl Recorded {
    /// Reads the records of a check.
    pub(crate) async fn read(history: &dyn History, check: &str, now: Timestamp) -> Result<Self, PortError> {
        // Runs have their scheduled time, never a later one.
        let until = now + SignedDuration::from_secs(1);
        let days = SignedDuration::from_hours(24 * (i64::from(Objective::DAYS) - 1));
        let (runs, incidents, mutes, days) = futures::try_join!(
            history.runs(check, Window::new(now - RUNS, until), MAX_RUNS),
            history.incidents(check, now - INCIDENTS),
            history.mutes(check),
            history.daily(check, Window::new(now - days, until)),
        )?;
        let recovered = incidents.iter().filter_map(|incident| incident.closed_at).max();
        Ok(Self {
            runs: runs.runs,
            open: ordered(incidents.into_iter().filter(|incident| incident.closed_at.is_none()).collect()),
            recovered,
            mutes: mutes.into_iter().filter(|mute| mute.holds_at(now)).collect(),
            days,
        })
    }

    /// The newest run with an outcome. A refused one says nothing.
    pub(crate) fn last(&self) -> Option<&RunSummary> {
        self.runs.iter().find(|run| run.outcome != RunOutcome::Refused)
    }

    /// Standing of the check. `late`: its runs do not take place.
    pub(crate) fn standing(&self, late: bool) -> Standing {
        if !self.open.is_empty() {
            return Standing::Failing;
        }
        match self.last().map(|run| run.outcome) {
            Some(RunOutcome::Failed) => Standing::Unconfirmed,
            _ if late => Standing::Late,
            Some(RunOutcome::Inconclusive) => Standing::Inconclusive,
            Some(RunOutcome::Maintenance) => Standing::Maintenance,
            Some(RunOutcome::Passed | RunOutcome::Refused) => Standing::Healthy,
            None => Standing::Waiting,
        }
    }

    /// Start of this standing. `None`: before the first known run.
    pub(crate) fn since(&self, standing: Standing) -> Option<Timestamp> {
        if standing == Standing::Failing {
            return self.open.iter().map(|incident| incident.since).min();
        }
        let outcome = self.last()?.outcome;
        let is_other = |run: &&RunSummary| run.outcome != outcome && run.outcome != RunOutcome::Refused;
        let streak = match self.runs.iter().position(|run| is_other(&run)) {
            Some(end) => self.runs[..end].iter().rfind(|run| run.outcome == outcome).map(|run| run.at),
            None => None,
        };
        if standing == Standing::Healthy { streak.max(self.recovered) } else { streak }
    }

    /// Success over the days of the objective; `None` without a verdict.
    pub(crate) fn success(&self) -> Option<f64> {
        let (passed, failed) =
            self.days.iter().fold((0, 0), |(passed, failed), day| (passed + day.runs.passed, failed + day.runs.failed));
        let runs = passed + failed;
        (runs > 0).then(|| passed as f64 / runs as f64)
    }

    /// Error budget, as notifications have it.
    pub(crate) fn error_budget(&self, objective: Objective, now: Timestamp) -> ErrorBudget {
        let runs = |day: &Day| DayRuns { passed: day.runs.passed, failed: day.runs.failed };
        let counts: RunCounts = self.days.iter().map(|day| (utc_day(day.at), runs(day))).collect();
        ErrorBudget::new(objective, &counts, now)
    }
}

/// Orders open incidents alike, whatever their source.
fn ordered(mut open: Vec<IncidentRecord>) -> Vec<IncidentRecord> {
    open.sort_by(|one, other| {
        let by_time = other.severity.cmp(&one.severity).then(other.since.cmp(&one.since));
        by_time.then_with(|| one.subject.cmp(&other.subject))
    });
    open
}

/// How a check stands, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Healthy,
    Waiting,
    Maintenance,
    Inconclusive,
    Late,
    Unconfirmed,
    Failing,
}

impl Standing {
    /// Word for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Waiting => "no run yet",
            Self::Maintenance => "maintenance",
            Self::Inconclusive => "inconclusive",
            Self::Late => "late",
            Self::Unconfirmed => "failed once",
            Self::Failing => "failing",
        }
    }

    /// Class in the style sheet, and name of the icon.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Healthy => "good",
            Self::Waiting => "none",
            Self::Maintenance => "calm",
            Self::Inconclusive | Self::Late | Self::Unconfirmed => "unsure",
            Self::Failing => "bad",
        }
    }

    /// True if a person should look.
    pub(crate) fn is_unhealthy(self) -> bool {
        self > Self::Maintenance
    }
}

/// Class of an outcome in the style sheet.
pub(crate) const fn class(outcome: Option<RunOutcome>) -> &'static str {
    match outcome {
        Some(RunOutcome::Passed) => "good",
        Some(RunOutcome::Failed) => "bad",
        Some(RunOutcome::Inconclusive) => "unsure",
        Some(RunOutcome::Maintenance) => "calm",
        Some(RunOutcome::Refused) | None => "none",
    }
}

#[cfg(test)]
mod tests {
    use history::Counts;

    use super::*;

    fn run(now: Timestamp, minutes_ago: i64, outcome: RunOutcome) -> RunSummary {
        let at = now - SignedDuration::from_mins(minutes_ago);
        RunSummary { at, run_id: None, has_report: false, outcome, duration_ms: None }
    }

    fn recorded(runs: Vec<RunSummary>) -> Recorded {
        Recorded { runs, open: Vec::new(), recovered: None, mutes: Vec::new(), days: Vec::new() }
    }

    #[test]
    fn last_outcome_decides_without_an_incident() {
        let now: Timestamp = "2026-11-23T04:50:00Z".parse().unwrap();
        for (outcomes, late, expected, minutes) in [
            (vec![], false, Standing::Waiting, None),
            (vec![RunOutcome::Passed, RunOutcome::Passed], false, Standing::Healthy, None),
            (vec![RunOutcome::Passed, RunOutcome::Failed], false, Standing::Healthy, Some(0)),
            (vec![RunOutcome::Failed, RunOutcome::Passed], false, Standing::Unconfirmed, Some(0)),
            (vec![RunOutcome::Passed], true, Standing::Late, None),
            // A verdict is not hidden by what came later.
            (vec![RunOutcome::Failed], true, Standing::Unconfirmed, None),
            (
                vec![RunOutcome::Refused, RunOutcome::Inconclusive, RunOutcome::Passed],
                false,
                Standing::Inconclusive,
                Some(1),
            ),
            (vec![RunOutcome::Maintenance], false, Standing::Maintenance, None),
        ] {
            let runs = outcomes.iter().zip(0..).map(|(outcome, minutes)| run(now, minutes, *outcome)).collect();
            let recorded = recorded(runs);
            let standing = recorded.standing(late);
            assert_eq!(standing, expected, "{outcomes:?}");
            let since = recorded.since(standing).map(|since| now.duration_since(since).as_mins());
            assert_eq!(since, minutes, "{outcomes:?}");
        }
    }

    #[test]
    fn budget_has_the_runs_of_each_day() {
        let now: Timestamp = "2026-11-23T04:50:00Z".parse().unwrap();
        let day = |days_ago: i64, passed, failed| Day {
            at: "2026-11-23T00:00:00Z".parse::<Timestamp>().unwrap() - SignedDuration::from_hours(24 * days_ago),
            runs: Counts { passed, failed, inconclusive: 7, maintenance: 3 },
            durations: None,
            subjects: None,
        };
        let objective = Objective::new(0.98).unwrap();
        let mut recorded = recorded(Vec::new());
        assert_eq!((recorded.success(), recorded.error_budget(objective, now).spent), (None, None));
        recorded.days = vec![day(0, 100, 0), day(1, 190, 10)];
        assert_eq!(recorded.error_budget(objective, now).spent, None, "perhaps less than a day");
        recorded.days.extend([day(2, 400, 0), day(29, 300, 0)]);
        let budget = recorded.error_budget(objective, now);
        assert_eq!((budget.days, budget.spent, recorded.success()), (30, Some(0.5), Some(0.99)));
    }
}
