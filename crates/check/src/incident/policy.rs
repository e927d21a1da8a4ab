//! Rules for opening, closing and reporting incidents.

use std::time::Duration;

use jiff::SignedDuration;

use super::severity::Severity;
use crate::model::{Failure, FailureKind, Subject};

/// Rules for opening, closing and reporting incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failed runs in a row that open an incident; one confirmed run opens it at once. Default 2.
    pub open_after: u32,
    /// Passed runs in a row that close an incident. Default 2.
    pub close_after: u32,
    /// Inconclusive runs in a row after which monitoring counts as lost. Default 3.
    pub monitoring_lost_after: u32,
    /// Time between notifications of an incident that stays open. Default 4 h.
    pub remind_every: Duration,
    /// Time from the first notification until a warning becomes critical; `None` disables it. Default 24 h.
    pub escalate_after: Option<Duration>,
    /// Number of incidents of one subject within [`Policy::flap_window`] that counts as flapping. Default 3.
    pub flap_threshold: u32,
    /// Time window for [`Policy::flap_threshold`]. Default 1 h.
    pub flap_window: Duration,
    /// Time without a change after which a flapping subject counts as stable. Default 30 min.
    pub stable_after: Duration,
    /// Number of locations that must agree to open or close an incident, at most those that vote. `None` means a
    /// majority, and at least two where there are several.
    pub quorum: Option<u32>,
    /// Severity of incidents that no rule matches. Default critical.
    pub severity: Severity,
    /// Severity rules; the first match applies.
    pub severities: Vec<SeverityRule>,
    /// Severity of lost monitoring. Default warning, since no outage is known.
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

/// Severity of incidents with a given subject, failure kind, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeverityRule {
    /// Subject to match; `None` matches any.
    pub subject: Option<Subject>,
    /// Failure kind to match; `None` matches any.
    pub kind: Option<FailureKind>,
    /// Severity of matching incidents.
    pub severity: Severity,
}

impl Policy {
    /// Severity of a failure.
    #[must_use]
    pub fn severity_of(&self, failure: &Failure) -> Severity {
        let matches = |rule: &&SeverityRule| {
            rule.subject.as_ref().is_none_or(|subject| *subject == failure.subject)
                && rule.kind.is_none_or(|kind| kind == failure.kind)
        };
        self.severities.iter().find(matches).map_or(self.severity, |rule| rule.severity)
    }

    /// Number of locations that must agree, out of `locations` voters.
    pub(super) fn required_votes(&self, locations: usize) -> usize {
        let majority = if locations < 2 { 1 } else { (locations / 2 + 1).max(2) };
        self.quorum.map_or(majority, |quorum| usize::try_from(quorum).unwrap_or(usize::MAX)).min(locations).max(1)
    }
}

/// Converts a duration of the policy, for comparison with differences of timestamps.
pub(super) fn span(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mismatch, NoSecrets};

    #[test]
    fn first_matching_rule_decides_the_severity() {
        use FailureKind::{Status, Timeout};
        use Severity::{Critical, Warning};
        let subject = |name: &str| Subject::new(name).unwrap();
        let rule = |name: Option<&str>, kind| SeverityRule { subject: name.map(subject), kind, severity: Warning };
        let severity = |rules: &[SeverityRule], name: &str, kind| {
            let mismatch = Mismatch::new(kind, "status 200", "status 500");
            let failure = Failure::new(subject(name), "response", mismatch, &NoSecrets);
            Policy { severities: rules.to_vec(), ..Policy::default() }.severity_of(&failure)
        };
        let (by_subject, by_kind) = (rule(Some("web"), None), rule(None, Some(Timeout)));
        let by_both = rule(Some("web"), Some(Timeout));
        let any = SeverityRule { severity: Critical, ..rule(None, None) };
        for (case, rules, expected) in [
            ("no rule", vec![], [Critical, Critical, Critical, Critical]),
            ("a subject", vec![by_subject.clone()], [Warning, Warning, Critical, Critical]),
            ("a kind", vec![by_kind.clone()], [Critical, Warning, Critical, Warning]),
            ("both", vec![by_both.clone()], [Critical, Warning, Critical, Critical]),
            ("a first rule for all", vec![any.clone(), by_subject], [Critical, Critical, Critical, Critical]),
            ("a last rule for all", vec![by_kind, any], [Critical, Warning, Critical, Warning]),
        ] {
            let found = [("web", Status), ("web", Timeout), ("api", Status), ("api", Timeout)]
                .map(|(name, kind)| severity(&rules, name, kind));
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn majority_of_locations_must_agree() {
        let required = |quorum| {
            let policy = Policy { quorum, ..Policy::default() };
            [0, 1, 2, 3, 4, 5, 6, 7, 20].map(|locations| policy.required_votes(locations))
        };
        assert_eq!(required(None), [1, 1, 2, 2, 3, 3, 4, 4, 11]);
        assert_eq!(required(Some(0)), [1; 9]);
        assert_eq!(required(Some(1)), [1; 9]);
        assert_eq!(required(Some(3)), [1, 1, 2, 3, 3, 3, 3, 3, 3]);
        assert_eq!(required(Some(u32::MAX)), [1, 1, 2, 3, 4, 5, 6, 7, 20]);
    }
}
