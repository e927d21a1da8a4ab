//! Log lines around incidents.

use std::collections::BTreeMap;

use check::incident::IncidentRecord;
use check::{Failure, Outcome, Report};
use history::LogLine;
use jiff::Timestamp;

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Logged {
    /// Reports of the runs of each check that did not pass, oldest first.
    pub runs: BTreeMap<String, Vec<Report>>,
    /// Lines about errors, by the name of their log, oldest first.
    pub platform: BTreeMap<String, Vec<LogLine>>,
}

impl Logged {
    /// Reports of runs during an incident, in which its subject failed or got no result.
    pub(super) fn runs<'l>(&'l self, record: &'l IncidentRecord) -> impl Iterator<Item = (&'l Report, String)> {
        let end = record.closed_at.unwrap_or(Timestamp::MAX);
        self.runs.get(&record.check).into_iter().flatten().filter_map(move |report| {
            let is_during = (record.since..=end).contains(&report.key.scheduled_time);
            Some((report, result(report, record)?)).filter(|_| is_during)
        })
    }

    /// Report of the first failed run of an incident.
    pub(super) fn first_of<'l>(&'l self, record: &'l IncidentRecord) -> Option<&'l Report> {
        let mut reports = self.runs(record).map(|(report, _)| report);
        reports.find(|report| {
            report.key.scheduled_time == record.since && matches!(report.outcome, Outcome::Failed { .. })
        })
    }
}

/// What happened to the subject of an incident, in words. `None`: nothing that concerns it.
fn result(report: &Report, record: &IncidentRecord) -> Option<String> {
    match &report.outcome {
        Outcome::Failed { failures } => {
            let failure = failures.iter().find(|failure| failure.subject == record.subject)?;
            let Failure { step, expected, actual, .. } = failure;
            Some(format!("failed: step {step}, expected {expected}, actual {actual}"))
        }
        Outcome::Inconclusive { inconclusive } => Some(format!("inconclusive: {}", inconclusive.detail)),
        Outcome::Maintenance { .. } => Some("in maintenance".to_owned()),
        // A stale or repeated event is no run of the check.
        Outcome::Refused { .. } | Outcome::Passed => None,
    }
}
