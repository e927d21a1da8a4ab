//! Proposals and answers to questions, with what they would have done on the same data.

use review::words::{exact, minutes, signed_minutes};
use review::{Change, Review, Tally, WhatIfResult};

/// Another threshold, or another M of N, and its effect.
pub(crate) struct ChangeRow {
    pub(crate) alarm: String,
    pub(crate) change: String,
    /// Numbers as they are and with the change, by name; empty without values.
    pub(crate) effects: Vec<Effect>,
    pub(crate) words: String,
}

/// A number as it is, and with the change.
pub(crate) struct Effect {
    pub(crate) name: &'static str,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Effect {
    pub(crate) fn is_change(&self) -> bool {
        self.before != self.after
    }
}

/// Line of a unified diff.
pub(crate) struct DiffLine {
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

/// The change in words: `threshold 5000 ms → 6000 ms`.
pub(super) fn change(change: Change, unit: Option<&str>) -> String {
    match change {
        Change::Threshold { from, to } => format!("threshold {} → {}", exact(from, unit), exact(to, unit)),
        Change::Datapoints { from, to } => format!("{from} → {to}"),
    }
}

/// Proposals.
pub(super) fn proposals(review: &Review) -> Vec<ChangeRow> {
    let row = |(alarm, proposal): (&review::AlarmReview, &review::Proposal)| ChangeRow {
        alarm: alarm.alarm.clone(),
        change: change(proposal.change, alarm.unit.as_deref()),
        effects: effects(&proposal.before, &proposal.after),
        words: format!("The change {}.", proposal.reason),
    };
    review.proposals().map(row).collect()
}

/// Answers to questions.
pub(super) fn answers(review: &Review) -> Vec<ChangeRow> {
    let unit = |id: &str| review.alarms.iter().find(|alarm| alarm.alarm == id)?.unit.as_deref();
    let row = |answer: &WhatIfResult| {
        let (effects, words) = match (&answer.before, &answer.after) {
            (Some(before), Some(after)) => (effects(before, after), incidents(answer)),
            _ => (Vec::new(), "no values to replay".to_owned()),
        };
        ChangeRow { alarm: answer.alarm.clone(), change: change(answer.change, unit(&answer.alarm)), effects, words }
    };
    review.what_if.iter().map(row).collect()
}

/// Incidents that the alarm would see or not see in addition.
fn incidents(answer: &WhatIfResult) -> String {
    let mut parts = Vec::new();
    if !answer.lost_incidents.is_empty() {
        parts.push(format!("No longer sees {}.", answer.lost_incidents.join(", ")));
    }
    if !answer.gained_incidents.is_empty() {
        parts.push(format!("Also sees {}.", answer.gained_incidents.join(", ")));
    }
    parts.join(" ")
}

fn effects(before: &Tally, after: &Tally) -> Vec<Effect> {
    let effect = |name, value: fn(&Tally) -> String| Effect { name, before: value(before), after: value(after) };
    vec![
        effect("firings", |tally| tally.firings.to_string()),
        effect("without an incident", |tally| tally.unmatched.to_string()),
        effect("in ALARM", |tally| minutes(tally.minutes_in_alarm)),
        effect("incidents seen", |tally| tally.incidents_seen.to_string()),
        effect("median detection", |tally| {
            tally.detection.map_or_else(|| "none".to_owned(), |delay| signed_minutes(delay.median_minutes))
        }),
    ]
}

/// Lines of a diff, with a class each.
pub(super) fn diff_lines(diff: Option<&str>) -> Vec<DiffLine> {
    let class = |line: &str| match line.as_bytes() {
        [b'+', b'+', ..] | [b'-', b'-', ..] | [b'@', ..] => "place",
        [b'+', ..] => "added",
        [b'-', ..] => "removed",
        _ => "same",
    };
    diff.unwrap_or_default().lines().map(|line| DiffLine { class: class(line), text: line.to_owned() }).collect()
}
