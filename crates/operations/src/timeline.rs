//! Timeline of an incident: what runs, people and alarms did.

use check::incident::{IncidentRecord, Mark, SilenceKind};
use check::message::span;
use check::text::{cut, utc};
use history::AlarmChange;
use jiff::{SignedDuration, Timestamp};

/// Time before the first failed run from which marks and changes of alarms count: a release comes before its incident.
pub const BEFORE: SignedDuration = SignedDuration::from_hours(1);
/// Most changes of alarms around an incident.
pub const MAX_CHANGES: usize = 50;
/// Longest reason of a change. **Units:** characters.
const MAX_REASON: usize = 120;

/// Event of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Time.
    pub at: Timestamp,
    /// What happened.
    pub words: String,
}

/// Lists what happened, oldest first. Marks and changes of alarms are those in the time of the incident.
#[must_use]
pub fn timeline(record: &IncidentRecord, marks: &[Mark], changes: &[AlarmChange]) -> Vec<Entry> {
    let mut events = vec![(record.since, "first failed run".to_owned()), (record.opened_at, "opened".to_owned())];
    events.extend(
        record
            .notifications
            .iter()
            .map(|entry| (entry.at, format!("notified: {} ({})", entry.event.as_str(), entry.notification_id))),
    );
    events.extend(
        record.dependency.iter().map(|needed| {
            (record.opened_at, format!("not notified while {needed} failed, which the failed step needs"))
        }),
    );
    events.extend(record.silences.iter().map(|silence| {
        let kind = match silence.kind {
            SilenceKind::Mute => "muted",
            SilenceKind::Maintenance => "maintenance window",
        };
        (silence.from, format!("{kind} until {} by {}: {}", utc(silence.until), silence.by, silence.reason))
    }));
    events.extend(
        record.acknowledged.iter().map(|given| (given.at, format!("acknowledged by {}: {}", given.by, given.reason))),
    );
    events.extend(record.escalated_at.map(|at| (at, "escalated".to_owned())));
    events.extend(
        record.closed_at.map(|at| (at, format!("closed after {}", span(at.duration_since(record.since).as_secs())))),
    );
    events.extend(marks.iter().map(|Mark { at, text, by }| (*at, format!("mark: {text} ({by})"))));
    // They are newest first.
    events.extend(changes.iter().rev().map(|AlarmChange { now, .. }| {
        let reason = cut(now.reason.lines().next().unwrap_or_default(), MAX_REASON);
        (now.since, format!("alarm {}: {} ({reason})", now.alarm, now.state.as_str()))
    }));
    // The sort is stable: simultaneous entries keep the order above.
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().map(|(at, words)| Entry { at, words }).collect()
}
