//! Rules for opening, closing and repeating incidents, for all checks or for one.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use check::incident::{Policy, Severity, SeverityRule};
use check::{FailureKind, Subject};

use crate::section::{Section, optional};
use crate::values::{RawDuration, written_duration};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Value that disables a duration.
const NEVER: &str = "never";

/// Rules for opening, closing and repeating incidents. Keys missing in a check's section fall back to the shared rules.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawIncidents {
    /// Failed runs in a row that open an incident: 1 to 10. A failure confirmed by a second attempt of the same run
    /// opens it at once. Default 2.
    open_after: Option<u32>,
    /// Passed runs in a row that close an incident: 1 to 10. Default 2.
    close_after: Option<u32>,
    /// Inconclusive runs in a row after which lost monitoring is reported: 1 to 100. Default 3.
    monitoring_lost_after: Option<u32>,
    /// Time from the last notification to a reminder of an open incident: 1m to 168h. Default 4h.
    remind_every: Option<RawDuration>,
    /// Time from the first notification of a warning to its escalation to the topic `oncall`: 1m to 168h. Default 24h.
    #[schemars(extend("x-type" = "duration or `\"never\"`"))]
    escalate_after: Option<String>,
    /// Number of incidents of one subject within the window that counts as flapping: 2 to 20. Default 3.
    flap_threshold: Option<u32>,
    /// Window for counting flapping incidents: 1m to 24h. Default 1h.
    flap_window: Option<RawDuration>,
    /// Time without a change after which a flapping subject is stabilized: 1m to 24h. Default 30m.
    stable_after: Option<RawDuration>,
    /// Number of locations that must agree to open or close an incident, capped at the number of locations able to
    /// vote: 1 to 20. Default: a majority, and at least two where there are several.
    quorum: Option<u32>,
    /// Severity of lost monitoring. Default warning.
    monitoring_lost_severity: Option<Severity>,
    /// Severities of incidents by subject, by kind of failure, or by both. The first match applies. Default none.
    severities: Option<Vec<RawSeverity>>,
}

/// Severity of incidents of one subject, one kind of failure, or both.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawSeverity {
    /// Subject to match. Default: any.
    subject: Option<String>,
    /// Kind of failure to match. Default: any.
    kind: Option<FailureKind>,
    /// Severity of these incidents. Required.
    severity: Option<Severity>,
}

impl RawIncidents {
    /// Validates the rules; missing keys take the values of `default`. Inherited severities appear in the effective settings
    /// where they were written.
    pub(crate) fn validate(self, section: &Section<'_>, default: &Policy) -> Option<Policy> {
        let open_after = section.number("open_after", self.open_after, default.open_after, 1..=10);
        let close_after = section.number("close_after", self.close_after, default.close_after, 1..=10);
        let monitoring_lost_after =
            section.number("monitoring_lost_after", self.monitoring_lost_after, default.monitoring_lost_after, 1..=100);
        let remind_every = section.duration("remind_every", self.remind_every, default.remind_every, MINUTE..=DAY * 7);
        let never_or = default.escalate_after.map_or_else(|| NEVER.to_owned(), written_duration);
        let escalate_after = match section.or_default("escalate_after", self.escalate_after, never_or) {
            never if never == NEVER => Some(None),
            after => section.duration("escalate_after", Some(RawDuration(after)), DAY, MINUTE..=DAY * 7).map(Some),
        };
        let flap_threshold = section.number("flap_threshold", self.flap_threshold, default.flap_threshold, 2..=20);
        let flap_window = section.duration("flap_window", self.flap_window, default.flap_window, MINUTE..=DAY);
        let stable_after = section.duration("stable_after", self.stable_after, default.stable_after, MINUTE..=DAY);
        let quorum = match self.quorum {
            None => Some(default.quorum),
            Some(quorum) => section.number("quorum", Some(quorum), quorum, 1..=20).map(Some),
        };
        let severities = match self.severities {
            None => Some(default.severities.clone()),
            Some(rules) => rules
                .into_iter()
                .enumerate()
                .map(|(index, rule)| rule.validate(&section.item("severities", index)))
                // Collected first, so that the problems of every rule are reported.
                .collect::<Vec<_>>()
                .into_iter()
                .collect(),
        };
        Some(Policy {
            open_after: open_after?,
            close_after: close_after?,
            monitoring_lost_after: monitoring_lost_after?,
            remind_every: remind_every?,
            escalate_after: escalate_after?,
            flap_threshold: flap_threshold?,
            flap_window: flap_window?,
            stable_after: stable_after?,
            quorum: quorum?,
            severity: default.severity,
            severities: severities?,
            monitoring_lost_severity: section.or_default(
                "monitoring_lost_severity",
                self.monitoring_lost_severity,
                default.monitoring_lost_severity,
            ),
        })
    }
}

impl RawSeverity {
    fn validate(self, section: &Section<'_>) -> Option<SeverityRule> {
        let subject = optional(self.subject, |subject| section.parsed("subject", Subject::new(subject)));
        if self.kind.is_none() && subject == Some(None) && !section.is_unreadable("kind") {
            section
                .problem("", "expected a subject, a kind, or both: `severity` in the check's section applies to all");
            return None;
        }
        let severity = section.required("severity", self.severity);
        Some(SeverityRule { subject: subject?, kind: self.kind, severity: severity? })
    }
}
