//! The result of a review.

use check::incident::Mark;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::check_review::CheckReview;
use crate::headroom::{Headroom, Values};
use crate::incident::ReviewedIncident;
use crate::kind::Kind;
use crate::proposal::{Change, Datapoints, Proposal, Tally, Verdict};
use crate::trend::Trends;

/// Time after the start of the window from which a replay is late. The first periods of an alarm never matter.
const LATE: SignedDuration = SignedDuration::from_hours(24);

/// Review of a window.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Review {
    /// Version of this format.
    pub schema_version: u32,
    /// Environment.
    pub environment: String,
    /// Start of the window.
    pub from: Timestamp,
    /// End of the window.
    pub until: Timestamp,
    /// Incidents that overlap the window, oldest first.
    pub incidents: Vec<ReviewedIncident>,
    /// Marks of the window, oldest first.
    pub marks: Vec<ReviewedMark>,
    /// Alarms with values, in the order of the template.
    pub alarms: Vec<AlarmReview>,
    /// Alarms that were not replayed, with the reason.
    pub without_values: Vec<WithoutValues>,
    /// Answers to `--what-if`, in the order of the questions.
    pub what_if: Vec<WhatIfResult>,
    /// All proposals as a unified diff of the template. `None`: there are none.
    pub diff: Option<String>,
    /// Checks with runs.
    pub checks: Vec<CheckReview>,
    /// Checks without a run in the window.
    pub without_runs: Vec<String>,
    /// Trends by week.
    pub trends: Trends,
    /// What could not be read, and is left out.
    pub warnings: Vec<String>,
}

impl Review {
    /// Version of this format.
    pub const SCHEMA_VERSION: u32 = 1;

    /// Incidents for which no alarm fired in the replay.
    pub fn unseen(&self) -> impl Iterator<Item = &ReviewedIncident> {
        self.incidents.iter().filter(|incident| incident.seen_by.is_empty() && incident.replayed)
    }

    /// Incidents without a replay, so that it is unknown whether an alarm fired.
    pub fn not_replayed(&self) -> impl Iterator<Item = &ReviewedIncident> {
        self.incidents.iter().filter(|incident| incident.seen_by.is_empty() && !incident.replayed)
    }

    /// Alarms that fired.
    pub fn fired(&self) -> impl Iterator<Item = &AlarmReview> {
        self.alarms.iter().filter(|alarm| !alarm.behaviour.firings.is_empty())
    }

    /// Number of firings of alarms on what users notice that match no incident.
    #[must_use]
    pub fn false_firings(&self) -> usize {
        self.alarms.iter().map(AlarmReview::false_firings).sum()
    }

    /// Reason for a replay that begins much later than the window; `None` for any other.
    #[must_use]
    pub fn late_start<'a>(&self, alarm: &'a AlarmReview) -> Option<&'a str> {
        let is_late = alarm.replayed_from.duration_since(self.from) > LATE;
        alarm.replayed_from_reason.as_deref().filter(|_| is_late)
    }

    /// Number of alarms without any recorded change, and of those without the older ones.
    #[must_use]
    pub fn unknown_changes(&self) -> (usize, usize) {
        let count = |is_wanted: fn(&RecordedFirings) -> bool| {
            self.alarms.iter().filter(|alarm| is_wanted(&alarm.recorded)).count()
        };
        (
            count(|recorded| matches!(recorded, RecordedFirings::Unknown)),
            count(|recorded| matches!(recorded, RecordedFirings::Partly { .. })),
        )
    }

    /// Alarms with a proposal.
    pub fn proposals(&self) -> impl Iterator<Item = (&AlarmReview, &Proposal)> {
        self.alarms.iter().filter_map(|alarm| match &alarm.verdict {
            Verdict::Change(proposal) => Some((alarm, proposal)),
            Verdict::Keep { .. } | Verdict::TooLittleData { .. } => None,
        })
    }
}

/// Mark, such as a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReviewedMark {
    /// Time.
    pub at: Timestamp,
    /// Description.
    pub text: String,
    /// Author.
    pub by: String,
}

impl From<&Mark> for ReviewedMark {
    fn from(mark: &Mark) -> Self {
        Self { at: mark.at, text: mark.text.clone(), by: mark.by.clone() }
    }
}

/// Review of an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AlarmReview {
    /// Logical id in the template.
    pub alarm: String,
    /// Name.
    pub name: String,
    /// Id of the check that publishes its metric; `None` if all do.
    pub check: Option<String>,
    /// Kind.
    pub kind: Kind,
    /// True if it notifies people.
    pub notifies: bool,
    /// Name of its metric, with its channel if it has one.
    pub metric: String,
    /// Unit of the metric, by its name in CloudWatch; `None` for metrics of AWS.
    pub unit: Option<String>,
    /// Threshold, in the unit of the metric.
    pub threshold: f64,
    /// True if values below the threshold breach.
    pub breaches_below: bool,
    /// True if values equal to the threshold breach too.
    pub breaches_equal: bool,
    /// M of N.
    pub datapoints: Datapoints,
    /// Length of a period.
    ///
    /// **Units:** seconds.
    pub period_seconds: u64,
    /// Start of the replay. Later than the window if the values before are missing, or too coarse for the periods of the alarm.
    pub replayed_from: Timestamp,
    /// Reason for a later start, as a clause; `None` if the whole window is replayed.
    pub replayed_from_reason: Option<String>,
    /// Behaviour in the replay.
    pub behaviour: Behaviour,
    /// Values outside the incidents of its check, compared with the threshold; `None` without any.
    pub headroom: Option<Headroom>,
    /// Presence of values.
    pub values: Values,
    /// Firings as they were recorded.
    pub recorded: RecordedFirings,
    /// Judgement on its numbers.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl AlarmReview {
    /// Comparison of breaching values with the threshold, as a sign.
    #[must_use]
    pub const fn sign(&self) -> &'static str {
        match (self.breaches_below, self.breaches_equal) {
            (false, false) => ">",
            (false, true) => "≥",
            (true, false) => "<",
            (true, true) => "≤",
        }
    }

    /// Number of firings that match no incident, if its kind makes them false ones.
    #[must_use]
    pub fn false_firings(&self) -> usize {
        if self.kind == Kind::Symptom { self.behaviour.unmatched } else { 0 }
    }

    /// Part of the way to the threshold that the 99th percentile has gone; `None` without values, or if the way has no length.
    #[must_use]
    pub fn threshold_used(&self) -> Option<f64> {
        let value = self.headroom?.p99;
        let used = if self.breaches_below { self.threshold / value } else { value / self.threshold };
        used.is_finite().then_some(used)
    }
}

/// Firings that CloudWatch, or this machine, recorded at the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum RecordedFirings {
    /// Changes of the whole window are kept.
    Known {
        /// Number of changes to `ALARM`.
        firings: usize,
    },
    /// Changes are kept from this time on; older ones are unknown.
    Partly {
        /// Start of the kept changes.
        from: Timestamp,
        /// Number of changes to `ALARM` since then.
        firings: usize,
    },
    /// Nothing evaluated the alarm where the history comes from, or it is not deployed.
    Unknown,
}

/// Alarm that was not replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WithoutValues {
    /// Logical id in the template.
    pub alarm: String,
    /// Reason, as a clause.
    pub reason: String,
}

/// Answer to a `--what-if`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct WhatIfResult {
    /// Logical id of the alarm.
    pub alarm: String,
    /// The change.
    pub change: Change,
    /// Behaviour as it is; `None` without values.
    pub before: Option<Tally>,
    /// Behaviour with the change; `None` without values.
    pub after: Option<Tally>,
    /// Incidents that the alarm would no longer see.
    pub lost_incidents: Vec<String>,
    /// Incidents that the alarm would see in addition.
    pub gained_incidents: Vec<String>,
    /// The change as a unified diff of the template; `None` if its number belongs to several alarms.
    pub diff: Option<String>,
}

/// Builds the JSON Schema (draft 2020-12) of a review.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Review).to_value();
    schema["title"] = json!("Review of alarms, thresholds and trends");
    schema["description"] = json!("Output of `synthetics review --format json`.");
    schema
}
