//! Silences: mutes, which people set, and maintenance windows, which settings define.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Subject;

/// Origin of a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SilenceKind {
    /// A person muted the check or subject.
    Mute,
    /// A maintenance window of the settings applies.
    Maintenance,
}

/// Period in which notifications about a check, or one of its subjects, are suppressed. Runs and metrics continue.
/// Incidents still open at the end are reported then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Silence {
    /// Unique within the check.
    pub id: String,
    /// Origin of the silence.
    pub kind: SilenceKind,
    /// Silenced subject; `None` silences the whole check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Start.
    pub from: Timestamp,
    /// End, exclusive.
    pub until: Timestamp,
    /// Author.
    pub by: String,
    /// Reason, shown to on-call.
    pub reason: String,
}

impl Silence {
    /// Maximum length of `by` and `reason`, in characters.
    pub const MAX_TEXT: usize = 200;

    /// True until the end is reached. The start is not compared: a mute applies as soon as it is stored, even when the
    /// clock of its author and that of the run differ.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// True when this silence applies to the subject. A check with a single flow has the subject [`Subject::whole`].
    #[must_use]
    pub fn covers(&self, subject: &Subject) -> bool {
        self.subject.as_ref().is_none_or(|own| own == subject)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    #[test]
    fn silence_holds_until_its_end() {
        let until: Timestamp = "2026-05-28T20:27:00Z".parse().unwrap();
        let silence = Silence {
            id: "m1".to_owned(),
            kind: SilenceKind::Mute,
            subject: None,
            from: until - 1.hour(),
            until,
            by: "anna".to_owned(),
            reason: "deploy".to_owned(),
        };
        let holds =
            [until - 2.hours(), until - 1.nanosecond(), until, until + 1.nanosecond()].map(|now| silence.holds_at(now));
        assert_eq!(holds, [true, true, false, false]);
        assert!(silence.covers(&Subject::whole()) && silence.covers(&Subject::own("web")));
        let web = Silence { subject: Some(Subject::own("web")), ..silence };
        assert!(
            !web.covers(&Subject::whole()) && web.covers(&Subject::own("web")) && !web.covers(&Subject::own("api"))
        );
    }
}
