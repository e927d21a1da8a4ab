//! When incidents open, close and are told.

use std::time::Duration;

use super::Severity;
use crate::{Failure, FailureKind, Subject};

/// When incidents open, close and are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failed runs in a row that open an incident; a run confirmed by a second attempt opens it at once. Default 2.
    pub open_after: u32,
    /// Passed runs in a row that close it. Default 2.
    pub close_after: u32,
    /// Runs in a row that could not judge, after which people are told. Default 3.
    pub monitoring_lost_after: u32,
    /// How long after the last word people are reminded of an open incident. Default 4 h.
    pub remind_every: Duration,
    /// How long after the first word an incident of severity warning goes to those who act now; `None`: never. Default 24 h.
    pub escalate_after: Option<Duration>,
    /// So many incidents of one subject within [`Policy::flap_window`] are flapping. Default 3.
    pub flap_threshold: u32,
    /// See [`Policy::flap_threshold`]. Default 1 h.
    pub flap_window: Duration,
    /// How long a flapping subject must stay as it is to have settled. Default 30 min.
    pub stable_after: Duration,
    /// How many locations must agree, to open as to close; never more than can see. `None`: a majority, and at least two
    /// where there are several.
    pub quorum: Option<u32>,
    /// How severe incidents are that no rule is about. Default critical.
    pub severity: Severity,
    /// How severe some incidents are; the first that fits counts.
    pub severities: Vec<SeverityRule>,
    /// How severe it is that a check cannot judge. Default warning: nothing is known to be broken.
    pub monitoring_lost_severity: Severity,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            open_after: 2,
            close_after: 2,
            monitoring_lost_after: 3,
            remind_every: Duration::from_secs(4 * 60 * 60),
            escalate_after: Some(Duration::from_secs(24 * 60 * 60)),
            flap_threshold: 3,
            flap_window: Duration::from_secs(60 * 60),
            stable_after: Duration::from_secs(30 * 60),
            quorum: None,
            severity: Severity::Critical,
            severities: Vec::new(),
            monitoring_lost_severity: Severity::Warning,
        }
    }
}

/// How severe incidents of a subject, of a kind, or of both are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeverityRule {
    /// Which subject; any when none is named.
    pub subject: Option<Subject>,
    /// Which kind of failure; any when none is named.
    pub kind: Option<FailureKind>,
    /// How severe.
    pub severity: Severity,
}

impl Policy {
    /// How severe a failure is.
    #[must_use]
    pub fn severity_of(&self, failure: &Failure) -> Severity {
        let fits = |rule: &&SeverityRule| {
            rule.subject.as_ref().is_none_or(|subject| *subject == failure.subject)
                && rule.kind.is_none_or(|kind| kind == failure.kind)
        };
        self.severities.iter().find(fits).map_or(self.severity, |rule| rule.severity)
    }

    /// How many of so many locations must agree.
    pub(super) fn required_votes(&self, locations: usize) -> usize {
        let majority = if locations < 2 { 1 } else { (locations / 2 + 1).max(2) };
        self.quorum.map_or(majority, |quorum| usize::try_from(quorum).unwrap_or(usize::MAX)).min(locations).max(1)
    }
}
