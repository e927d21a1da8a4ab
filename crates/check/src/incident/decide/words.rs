//! The words of the decision: what a run found, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incident::{CheckState, Incident, IncidentChange, Leftovers, Severity, Silence};
use crate::message::Event;
use crate::{Blindness, Failure, LeftBehind, RunKey, Subject};

/// What a run says about one subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Vote {
    /// It was as it should be.
    Healthy,
    /// It was wrong.
    Failing {
        /// How.
        failure: Failure,
        /// Whether two attempts of the run agree.
        confirmed: bool,
    },
    /// It could not be told.
    Blind(Blindness),
    /// The platform is down on purpose.
    Maintenance,
}

/// What a run did to a subject, and whether people are told. Not telling has a name too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Told: an incident opened.
    Opened,
    /// Told: it is still open.
    Reminded,
    /// Told: it is more severe than people know.
    Escalated,
    /// Told: it is over.
    Recovered,
    /// Told: incidents come and go, and are not told one by one from now on.
    Flapping,
    /// Told: incidents no longer come and go.
    Settled,
    /// Told: it cannot be judged.
    Blind,
    /// Told: it can be judged again.
    SeeingAgain,
    /// Not told: the failure is not confirmed yet.
    NotConfirmed,
    /// Not told: not enough locations agree.
    Outvoted,
    /// Not told: a failure that was not confirmed did not come again.
    PassedAgain,
    /// Not told: people know, and it is too early to remind them.
    KnownAlready,
    /// Not told: it passed, but not often enough to be over.
    NotYetRecovered,
    /// Not told: people know that it is flapping, and it has not stayed as it is for long enough.
    NotYetSettled,
    /// Not told: it could not be judged, but not often enough to say so.
    NotYetBlind,
    /// Not told: somebody muted it.
    Muted,
    /// Not told: it is down on purpose, by its own word or by the settings.
    InMaintenance,
    /// Not told: it is over, and nobody was told that it had begun.
    NeverTold,
    /// Not told yet: more changed than one run can write.
    Postponed,
    /// Not told: there was no room for one more subject.
    NotStored,
    /// Not told: the check no longer has this subject.
    Dropped,
}

impl Told {
    /// What the message says; none when people are not told.
    #[must_use]
    pub const fn event(self) -> Option<Event> {
        Some(match self {
            Self::Opened => Event::Opened,
            Self::Reminded => Event::Reminded,
            Self::Escalated => Event::Escalated,
            Self::Recovered => Event::Recovered,
            Self::Flapping => Event::Flapping,
            Self::Settled => Event::Settled,
            Self::Blind => Event::Blind,
            Self::SeeingAgain => Event::SeeingAgain,
            _ => return None,
        })
    }
}

/// What a run did to one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Which subject.
    pub subject: Subject,
    /// What was done, and whether people are told.
    pub told: Told,
    /// The scheduled time of the first failed run, or of the first that could not judge.
    pub since: Timestamp,
    /// How severe the message is; of something that is not told, how severe it would be.
    pub severity: Severity,
    /// The subject's latest failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it cannot, or could not, be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blindness: Option<Blindness>,
    /// The incident, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// How many incidents opened within the flap window.
    #[serde(default)]
    pub openings: u32,
}

/// The state after a run, and what was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// To be stored.
    pub next: CheckState,
    /// At least one per subject that is, or was until now, unhealthy and was examined.
    pub reasons: Vec<Reason>,
    /// What people are told that runs left behind.
    pub left_behind: Option<Leftovers>,
    /// To be recorded.
    pub changes: Vec<IncidentChange>,
}

/// What a run found.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Which run it is.
    pub run: &'a RunKey,
    /// Its id.
    pub run_id: &'a str,
    /// What it says about each subject that it examined.
    pub votes: &'a BTreeMap<Subject, Vote>,
    /// All subjects that the check has, when they are known.
    pub subjects: Option<&'a BTreeSet<Subject>>,
    /// What it created and could not remove.
    pub left_behind: &'a [LeftBehind],
    /// The maintenance windows of the settings that are about this check.
    pub windows: &'a [Silence],
}
