//! States in the words of the public.

use schemars::JsonSchema;
use serde::Serialize;

/// State of a service, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It works.
    Operational,
    /// Planned work is going on.
    Maintenance,
    /// There is no recent result.
    Unknown,
    /// A part of it fails.
    Degraded,
    /// It fails.
    Down,
}

impl State {
    /// All states.
    pub(super) const ALL: [Self; 5] = [Self::Operational, Self::Maintenance, Self::Unknown, Self::Degraded, Self::Down];

    /// Word for people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Operational => "Operational",
            Self::Maintenance => "Maintenance",
            Self::Unknown => "Unknown",
            Self::Degraded => "Degraded",
            Self::Down => "Down",
        }
    }

    /// Class in the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Operational => "o",
            Self::Maintenance => "m",
            Self::Unknown => "u",
            Self::Degraded => "g",
            Self::Down => "d",
        }
    }
}
