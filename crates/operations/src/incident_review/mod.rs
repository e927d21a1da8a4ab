//! Review of incidents: what happened, what monitoring saw and missed, and what it cost the error budget.
//!
//! [`gather`] reads a history; [`review`] judges what was read.

mod asked;
mod cause;
mod gather;
mod gathered;
mod logged;
mod logs;
mod markdown;
mod result;
mod seen;
mod timeline;

use check::incident::IncidentRecord;

pub use asked::{Asked, LogSearch};
pub use cause::{Cause, Together};
pub use gather::gather;
pub use gathered::{Gathered, Observed};
pub use logged::Logged;
pub use logs::price;
pub use markdown::markdown;
pub use result::{IncidentReview, Reviewed};
pub use seen::{AlarmSeen, Attempts, Gap, Impact, Seen, SeenRuns};
pub use timeline::{Entry, EntryKind, timeline};

/// Judges what was read.
#[must_use]
pub fn review(gathered: &Gathered) -> IncidentReview {
    let records: Vec<&IncidentRecord> = gathered.incidents.iter().map(|own| &own.record).collect();
    let reviewed = |own: &Observed| Reviewed {
        record: own.record.clone(),
        seen: seen::seen(own, gathered.changes.as_deref(), &gathered.environment, gathered.now),
        impact: seen::impact(own, gathered.now),
    };
    IncidentReview {
        schema_version: IncidentReview::SCHEMA_VERSION,
        environment: gathered.environment.clone(),
        from: gathered.window.from,
        until: gathered.window.until,
        incidents: gathered.incidents.iter().map(reviewed).collect(),
        timeline: timeline(gathered),
        cause: cause::cause(&records, gathered),
        unknown: gathered.unknown.clone(),
    }
}

/// JSON Schema of a review (draft 2020-12).
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(IncidentReview).to_value();
    schema["title"] = "Review of incidents".into();
    schema["description"] = "Output of `synthetics incident --format json`.".into();
    schema
}

#[cfg(test)]
mod tests;
