//! Timeline: what runs, people and alarms did.

use alarm::State;
use check::incident::{IncidentRecord, Mark, SilenceKind};
use check::message::span;
use check::printable;
use check::text::{cut, utc};
use history::{AlarmChange, Notified};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::gathered::{Gathered, Observed, name};
use super::seen::{attempts, last_passed};
use crate::names::short_name;

/// Most changes of alarms around an incident.
pub const MAX_CHANGES: usize = 200;
/// Longest reason of a change. **Units:** characters.
const MAX_REASON: usize = 120;
/// Longest line of a log. **Units:** characters.
const MAX_LINE: usize = 300;

/// Event of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entry {
    /// Time.
    pub at: Timestamp,
    /// Kind of event.
    pub kind: EntryKind,
    /// Check, and its subject, or alarm; empty for a mark.
    pub what: String,
    /// What happened.
    pub words: String,
}

/// Kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A person noted something.
    Mark,
    /// A log of the platform has a line about an error.
    PlatformLog,
    /// The last run before the incident passed.
    LastPassed,
    /// The first run, or its first attempt, failed.
    Failed,
    /// A second attempt of the same run failed too.
    Confirmed,
    /// The log line of a run that did not pass.
    Run,
    /// The incident opened.
    Opened,
    /// A notification was accepted, delivered or refused.
    Notified,
    /// An alarm changed its state.
    Alarm,
    /// A mute or a maintenance window began, or a needed check failed, and messages were suppressed.
    Silenced,
    /// A person acknowledged the incident.
    Acknowledged,
    /// The severity rose.
    Escalated,
    /// The incident closed.
    Closed,
}

/// Lists what happened, oldest first.
#[must_use]
pub fn timeline(gathered: &Gathered) -> Vec<Entry> {
    let mut entries = Vec::new();
    for observed in &gathered.incidents {
        let incident = Incident { observed, name: name(&observed.record.check, &observed.record.subject) };
        entries.extend(incident.entries());
        entries.extend(gathered.logged.runs(&observed.record).map(|(report, result)| {
            incident.entry(report.ended, EntryKind::Run, format!("run {} {result}", report.run_id))
        }));
    }
    let mark = |Mark { at, text, by }: &Mark| Entry {
        at: *at,
        kind: EntryKind::Mark,
        what: String::new(),
        words: format!("mark: {text} ({by})"),
    };
    entries.extend(gathered.marks.iter().map(mark));
    entries.extend(gathered.changes.iter().flatten().filter(|change| is_news(change)).map(|change| {
        let AlarmChange { now, previous } = change;
        let reason = cut(now.reason.lines().next().unwrap_or_default(), MAX_REASON);
        let from = previous.map_or_else(String::new, |state| format!("{} to ", state.as_str()));
        let what = short_name(&now.alarm, &gathered.environment).to_owned();
        let words = format!("alarm {what}: {from}{} ({reason})", now.state.as_str());
        Entry { at: now.since, kind: EntryKind::Alarm, what, words }
    }));
    for (log, lines) in &gathered.logged.platform {
        entries.extend(lines.iter().map(|line| {
            // A log may have lines of any text and length.
            let words = cut(&printable(line.text.lines().next().unwrap_or_default()), MAX_LINE);
            Entry { at: line.at, kind: EntryKind::PlatformLog, what: log.clone(), words: format!("{log}: {words}") }
        }));
    }
    // What people and CloudWatch did has whole seconds.
    entries.sort_by_key(|entry| (entry.at.as_second(), entry.kind, entry.at));
    entries
}

/// A new alarm that finds everything in order is no news.
fn is_news(change: &AlarmChange) -> bool {
    change.now.state == State::Alarm || change.previous == Some(State::Alarm)
}

struct Incident<'a> {
    observed: &'a Observed,
    name: String,
}

impl Incident<'_> {
    fn entries(&self) -> Vec<Entry> {
        use EntryKind::{Acknowledged, Closed, Confirmed, Escalated, Failed, LastPassed, Opened, Silenced};
        let record = &self.observed.record;
        let attempts = attempts(self.observed);
        let failure = &record.first;
        let what = format!("step {}, expected {}, actual {}", failure.step, failure.expected, failure.actual);
        let mut entries = Vec::new();
        entries.extend(last_passed(self.observed).map(|at| self.entry(at, LastPassed, "last passed run")));
        match attempts.first {
            Some(at) => entries.push(self.entry(at, Failed, format!("first failed attempt: {what}"))),
            None => entries.push(self.entry(record.since, Failed, format!("first failed run: {what}"))),
        }
        let confirmed = attempts.confirmed.map(|at| self.entry(at, Confirmed, "second attempt failed too"));
        entries.extend(confirmed);
        entries.push(self.entry(
            self.ended(record.opened_at),
            Opened,
            format!("incident opened, {}", record.severity.as_str()),
        ));
        let needed = record.dependency.iter();
        entries.extend(needed.map(|check| {
            let words = format!("not notified while {check} failed: the failed step needs it");
            self.entry(self.ended(record.opened_at), Silenced, words)
        }));
        entries.extend(self.notifications());
        entries.extend(record.silences.iter().map(|silence| {
            let kind = match silence.kind {
                SilenceKind::Mute => "muted",
                SilenceKind::Maintenance => "maintenance window",
            };
            let words = format!("{kind} until {} by {}: {}", utc(silence.until), silence.by, silence.reason);
            self.entry(silence.from, Silenced, words)
        }));
        entries.extend(record.acknowledged.iter().map(|given| {
            self.entry(given.at, Acknowledged, format!("acknowledged by {}: {}", given.by, given.reason))
        }));
        entries.extend(record.escalated_at.map(|at| self.entry(at, Escalated, "escalated")));
        entries.extend(record.closed_at.map(|at| self.entry(at, Closed, closed(record, at))));
        entries
    }

    /// Records name the scheduled time of a run. The first failed run acted when it ended, if that is known.
    fn ended(&self, at: Timestamp) -> Timestamp {
        match &self.observed.first {
            Some(report) if at == report.key.scheduled_time => report.ended.max(at),
            _ => at,
        }
    }

    fn entry(&self, at: Timestamp, kind: EntryKind, words: impl Into<String>) -> Entry {
        Entry { at, kind, what: self.name.clone(), words: words.into() }
    }

    /// What was sent, and the end of each delivery.
    fn notifications(&self) -> Vec<Entry> {
        let sent = self.observed.notified.iter().flatten();
        let sent: Vec<(&str, &Notified)> = sent.map(|own| (own.notification.notification_id.as_str(), own)).collect();
        let mut entries = Vec::new();
        for entry in &self.observed.record.notifications {
            let own = sent.iter().find(|(id, _)| *id == entry.notification_id).map(|(_, own)| *own);
            let topics: Vec<&str> = own.into_iter().flat_map(|own| &own.topics).map(|topic| topic.as_str()).collect();
            let to = if topics.is_empty() { String::new() } else { format!(" to {}", topics.join(", ")) };
            let words = format!("notified: {}{to} ({})", entry.event.as_str(), entry.notification_id);
            entries.push(self.entry(self.ended(entry.at), EntryKind::Notified, words));
            entries.extend(own.into_iter().flat_map(|own| &own.deliveries).filter_map(|delivery| {
                let words = match (delivery.delivered_at, &delivery.error) {
                    (Some(_), _) => format!("{} delivered to {}", entry.event.as_str(), delivery.destination),
                    (None, Some(error)) => {
                        let attempts = delivery.attempts;
                        let event = entry.event.as_str();
                        format!("{event} NOT delivered to {} in {attempts} attempts: {error}", delivery.destination)
                    }
                    (None, None) => return None,
                };
                Some(self.entry(
                    delivery.delivered_at.unwrap_or_else(|| self.ended(entry.at)),
                    EntryKind::Notified,
                    words,
                ))
            }));
        }
        entries
    }
}

fn closed(record: &IncidentRecord, at: Timestamp) -> String {
    format!("recovered; the incident closed after {}", span(at.duration_since(record.since).as_secs()))
}
