//! A hostile behavior at one answer of a flow.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::behavior::Behavior;

/// An answer that a flow gets: the n-th of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Method and path of a request, such as `GET /login`, or position of an answer within a connection to a store.
    pub request: String,
    /// Number among the answers of this kind, from 0.
    pub number: usize,
}

impl Place {
    /// True for a request to an API of a partner.
    pub fn is_partners(&self) -> bool {
        self.request.contains(" /_partners/")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.request, self.number + 1)
    }
}

/// An answer of a run, and the behaviors that can replace it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arrived {
    pub place: Place,
    pub behaviors: Vec<String>,
}

/// Answers so far.
#[derive(Default)]
pub struct Record {
    counts: BTreeMap<String, usize>,
    /// Answers in their order.
    pub arrived: Vec<Arrived>,
}

impl Record {
    /// Counts an answer of this kind.
    pub fn next(&mut self, request: String) -> Place {
        let count = self.counts.entry(request.clone()).or_default();
        *count += 1;
        Place { number: *count - 1, request }
    }
}

/// Answers that a behavior replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One answer; the platform is healthy again afterwards.
    Once,
    /// One answer and all later ones of its kind, so that a second attempt meets them too.
    Lasting,
}

impl Extent {
    pub const ALL: [Self; 2] = [Self::Lasting, Self::Once];

    /// Name, as an argument.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Lasting => "lasting",
        }
    }
}

/// A hostile behavior, and the answers that it replaces.
#[derive(Clone, Debug)]
pub struct Attack {
    pub behavior: Behavior,
    pub from: Place,
    pub extent: Extent,
}

impl Attack {
    /// True when the platform is in maintenance mode at this request, which comes after the recorded ones. Its partners stay up.
    pub fn is_down(&self, place: &Place, record: &Record) -> bool {
        let is_begun = || *place == self.from || record.arrived.iter().any(|arrived| arrived.place == self.from);
        self.behavior.is_planned() && !place.is_partners() && is_begun()
    }

    /// True when the behavior replaces this answer.
    pub fn hits(&self, place: &Place) -> bool {
        let is_reached = match self.extent {
            Extent::Once => self.from.number == place.number,
            Extent::Lasting => self.from.number <= place.number,
        };
        is_reached && self.from.request == place.request
    }
}
