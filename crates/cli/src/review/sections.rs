//! Sections of a review for people, independent of the format.

use check::message::span;
use check::text::utc;
use review::words::{counted, minute, minutes, number, signed_minutes};
use review::{
    AlarmReview, Behaviour, Change, CheckReview, Gap, Headroom, Kind, RecordedFirings, Review, ReviewedIncident,
    SeenBy, Tally, Verdict, WhatIfResult,
};

use super::section::{Row, Section, header, row};
use super::trend_sections;

/// Most incidents, alarms and gaps in a sentence.
const LISTED: usize = 5;
/// Most alarms of a short table of headroom.
const NEAREST: usize = 12;

/// Amount of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// For a terminal: the rows that matter most.
    Short,
    /// For a document: all rows.
    Full,
}

/// All sections, in the order of reading.
pub(super) fn sections(review: &Review, detail: Detail) -> Vec<Section> {
    let mut sections = vec![summary(review), fired(review, detail), headroom(review, detail)];
    sections.extend([proposals(review), undecided(review), what_if(review), incidents(review), checks(review)]);
    sections.extend(trend_sections::sections(&review.trends));
    sections.retain(|section| !section.rows.is_empty() || !section.lines.is_empty() || section.diff.is_some());
    sections
}

fn summary(review: &Review) -> Section {
    let days = usize::try_from(review.until.duration_since(review.from).as_hours() / 24).unwrap_or_default();
    let total =
        |count: fn(&Behaviour) -> usize| review.alarms.iter().map(|alarm| count(&alarm.behaviour)).sum::<usize>();
    let (firings, unmatched) = (total(|own| own.firings.len()), total(|own| own.unmatched));
    let mut lines = vec![
        format!("{} to {}, {}", utc(review.from), utc(review.until), counted(days, "day")),
        format!(
            "{} of {} fired, {}; {} no incident.",
            review.fired().count(),
            counted(review.alarms.len(), "replayed alarm"),
            counted(firings, "time"),
            if unmatched == 1 { "1 firing matches".to_owned() } else { format!("{unmatched} firings match") },
        ),
        match review.incidents.len() {
            0 => "No incident.".to_owned(),
            count => format!("{}; {}.", counted(count, "incident"), seen(review)),
        },
    ];
    let proposals: Vec<&str> = review.proposals().map(|(alarm, _)| alarm.alarm.as_str()).collect();
    if !proposals.is_empty() {
        lines.push(format!("Proposals: {}.", listed(&proposals)));
    }
    let spent = |check: &CheckReview| Some(format!("{} {:.0} %", check.check, check.budget_spent? * 100.0));
    let budgets: Vec<String> = review.checks.iter().filter_map(spent).collect();
    if !budgets.is_empty() {
        lines.push(format!("Spent error budgets: {}.", listed(&budgets)));
    }
    if !review.without_runs.is_empty() {
        lines.push(format!("Checks without a run: {}.", review.without_runs.join(", ")));
    }
    if !review.marks.is_empty() {
        let marks: Vec<String> =
            review.marks.iter().map(|mark| format!("{} at {}", mark.text, minute(mark.at))).collect();
        lines.push(format!("Marks: {}.", listed(&marks)));
    }
    Section { title: format!("Review of {}", review.environment), lines, ..Section::default() }
}

/// The incidents that no alarm saw, and those of which this is unknown.
fn seen(review: &Review) -> String {
    let unseen: Vec<&str> = review.unseen().map(|incident| incident.id.as_str()).collect();
    let unknown: Vec<&str> = review.not_replayed().map(|incident| incident.id.as_str()).collect();
    let not_replayed = || format!("not replayed: {}", listed(&unknown));
    match (unseen.is_empty(), unknown.is_empty()) {
        (true, true) => "an alarm fired for each".to_owned(),
        (true, false) if unknown.len() == review.incidents.len() => not_replayed(),
        (true, false) => format!("an alarm fired for every other one; {}", not_replayed()),
        (false, true) => format!("no alarm fired for {}", listed(&unseen)),
        (false, false) => format!("no alarm fired for {}; {}", listed(&unseen), not_replayed()),
    }
}

/// Alarms that fired, and the times and changes that are unknown of all.
fn fired(review: &Review, detail: Detail) -> Section {
    let mut lines: Vec<String> = later_starts(review, detail);
    let (unknown, partly) = review.unknown_changes();
    if unknown > 0 {
        let alarms = counted(unknown, "alarm");
        lines.push(format!("Recorded changes are unknown for {alarms}, so that firings are those of the replay."));
    }
    let kept = review.alarms.iter().find_map(|alarm| match alarm.recorded {
        RecordedFirings::Partly { from, .. } => Some(from),
        RecordedFirings::Known { .. } | RecordedFirings::Unknown => None,
    });
    if let Some(from) = kept {
        let alarms = counted(partly, "alarm");
        lines.push(format!("Recorded changes from before {} are unknown for {alarms}.", minute(from)));
    }
    Section {
        title: "Alarms that fired".to_owned(),
        lines,
        header: header(["ALARM", "FIRED", "UNMATCHED", "IN ALARM", "SHORTEST", "LONGEST", "FLAPS", "DETECTED"]),
        rows: review.fired().map(behaviour_row).collect(),
        ..Section::default()
    }
}

fn behaviour_row(alarm: &AlarmReview) -> Row {
    let Behaviour { firings, unmatched, minutes_in_alarm, flaps, shortest_minutes, longest_minutes, detection, .. } =
        &alarm.behaviour;
    let after = detection.map(|delay| format!("after {}", signed_minutes(delay.median_minutes)));
    [
        alarm.alarm.clone(),
        firings.len().to_string(),
        unmatched.to_string(),
        minutes(*minutes_in_alarm),
        shortest_minutes.map(minutes).unwrap_or_default(),
        longest_minutes.map(minutes).unwrap_or_default(),
        flaps.to_string(),
        after.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// Start of the replay of all alarms for which it is late.
fn later_starts(review: &Review, detail: Detail) -> Vec<String> {
    let mut starts: Vec<(String, &str, Vec<&str>)> = Vec::new();
    for alarm in &review.alarms {
        let Some(reason) = review.late_start(alarm) else { continue };
        // Alarms with longer periods begin some minutes later.
        let day = alarm.replayed_from.strftime("%Y-%m-%d").to_string();
        match starts.iter_mut().find(|(own, why, _)| *own == day && *why == reason) {
            Some((_, _, names)) => names.push(&alarm.alarm),
            None => starts.push((day, reason, vec![&alarm.alarm])),
        }
    }
    let line = |(day, reason, names): (String, &str, Vec<&str>)| {
        let names = if detail == Detail::Full { names.join(", ") } else { listed(&names) };
        format!("Replayed from {day} only, since {reason}: {names}.")
    };
    starts.into_iter().map(line).collect()
}

/// Distance of alarms from their thresholds, the nearest first in short.
fn headroom(review: &Review, detail: Detail) -> Section {
    let mut alarms: Vec<(&AlarmReview, &Headroom)> =
        review.alarms.iter().filter_map(|alarm| Some((alarm, alarm.headroom.as_ref()?))).collect();
    let all = alarms.len();
    if detail == Detail::Short {
        alarms.retain(|(alarm, _)| alarm.kind != Kind::State);
        let used = |alarm: &AlarmReview| alarm.threshold_used().unwrap_or_default();
        alarms.sort_by(|(one, _), (other, _)| used(other).total_cmp(&used(one)));
        alarms.truncate(NEAREST);
    }
    let mut lines = vec!["Values outside incidents, counted towards the limit.".to_owned()];
    if alarms.len() < all {
        lines.push(format!("The {} nearest of {all}; --format markdown has all.", alarms.len()));
    }
    lines.extend(without_values(review));
    let headroom_row = |(alarm, headroom): (&AlarmReview, &Headroom)| {
        let missing = 1.0 - alarm.values.coverage();
        [
            alarm.alarm.clone(),
            format!("{}{}", alarm.sign(), number(alarm.threshold)),
            alarm.datapoints.to_string(),
            number(headroom.p50),
            number(headroom.p95),
            number(headroom.p99),
            number(headroom.worst),
            if missing > 0.0 { format!("{:.1} %", missing * 100.0) } else { "-".to_owned() },
        ]
    };
    Section {
        title: "Headroom".to_owned(),
        lines,
        header: header(["ALARM", "LIMIT", "M OF N", "P50", "P95", "P99", "WORST", "MISSING"]),
        rows: alarms.into_iter().map(headroom_row).collect(),
        ..Section::default()
    }
}

/// Alarms that were not replayed, by reason.
fn without_values(review: &Review) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for without in &review.without_values {
        match reasons.iter_mut().find(|(reason, _)| *reason == without.reason) {
            Some((_, names)) => names.push(&without.alarm),
            None => reasons.push((&without.reason, vec![&without.alarm])),
        }
    }
    reasons.into_iter().map(|(reason, names)| format!("Not replayed, since {reason}: {}.", names.join(", "))).collect()
}

fn proposals(review: &Review) -> Section {
    let proposal_row = |alarm: &AlarmReview| {
        let Verdict::Change(proposal) = &alarm.verdict else { return None };
        Some(row([
            alarm.alarm.clone(),
            change(proposal.change),
            from_to(&proposal.before, &proposal.after, |tally| tally.unmatched.to_string()),
            from_to(&proposal.before, &proposal.after, |tally| minutes(tally.minutes_in_alarm)),
            from_to(&proposal.before, &proposal.after, |tally| tally.incidents_seen.to_string()),
            proposal.reason.clone(),
        ]))
    };
    Section {
        title: "Proposals".to_owned(),
        header: header(["ALARM", "CHANGE", "UNMATCHED", "IN ALARM", "SEEN", "REASON"]),
        rows: review.alarms.iter().filter_map(proposal_row).collect(),
        diff: review.diff.clone(),
        ..Section::default()
    }
}

/// Alarms with firings that match no incident, and without a proposal.
fn undecided(review: &Review) -> Section {
    let verdict_row = |alarm: &AlarmReview| {
        // Without an incident, a firing of another kind is not a false one.
        if alarm.kind != Kind::Symptom {
            return None;
        }
        let (verdict, reason) = match &alarm.verdict {
            Verdict::TooLittleData { reason } => ("too little data", reason),
            Verdict::Keep { reason } if alarm.behaviour.unmatched > 0 => ("keep", reason),
            Verdict::Keep { .. } | Verdict::Change(_) => return None,
        };
        Some(row([alarm.alarm.clone(), verdict.to_owned(), alarm.behaviour.unmatched.to_string(), reason.clone()]))
    };
    Section {
        title: "Firings without an incident, and without a proposal".to_owned(),
        header: header(["ALARM", "VERDICT", "UNMATCHED", "REASON"]),
        rows: review.alarms.iter().filter_map(verdict_row).collect(),
        ..Section::default()
    }
}

fn what_if(review: &Review) -> Section {
    let answer_row = |answer: &WhatIfResult| {
        let (Some(before), Some(after)) = (&answer.before, &answer.after) else {
            let none = "no values to replay".to_owned();
            return row([
                answer.alarm.clone(),
                change(answer.change),
                String::new(),
                String::new(),
                String::new(),
                none,
            ]);
        };
        let mut effects = Vec::new();
        if !answer.lost_incidents.is_empty() {
            effects.push(format!("no longer sees {}", listed(&answer.lost_incidents)));
        }
        if !answer.gained_incidents.is_empty() {
            effects.push(format!("also sees {}", listed(&answer.gained_incidents)));
        }
        row([
            answer.alarm.clone(),
            change(answer.change),
            from_to(before, after, |tally| tally.firings.to_string()),
            from_to(before, after, |tally| tally.unmatched.to_string()),
            from_to(before, after, |tally| minutes(tally.minutes_in_alarm)),
            effects.join("; "),
        ])
    };
    let diffs: Vec<&str> = review.what_if.iter().filter_map(|answer| answer.diff.as_deref()).collect();
    Section {
        title: "What if".to_owned(),
        header: header(["ALARM", "CHANGE", "FIRED", "UNMATCHED", "IN ALARM", "INCIDENTS"]),
        rows: review.what_if.iter().map(answer_row).collect(),
        diff: Some(diffs.concat()).filter(|diff| !diff.is_empty()),
        ..Section::default()
    }
}

fn incidents(review: &Review) -> Section {
    let incident_row = |incident: &ReviewedIncident| {
        let lasted = span(incident.until.unwrap_or(review.until).duration_since(incident.since).as_secs());
        let lasted = if incident.until.is_some() { lasted } else { format!("{lasted}, open") };
        let seen: Vec<String> = incident.seen_by.iter().map(SeenBy::words).collect();
        let seen = if seen.is_empty() { incident.without_alarm().to_owned() } else { listed(&seen) };
        row([incident.id.clone(), lasted, incident.step.clone(), seen, incident.marks.join(", ")])
    };
    Section {
        title: "Incidents".to_owned(),
        header: header(["INCIDENT", "LASTED", "STEP", "SEEN BY", "MARKS BEFORE"]),
        rows: review.incidents.iter().map(incident_row).collect(),
        ..Section::default()
    }
}

fn checks(review: &Review) -> Section {
    let check_row = |check: &CheckReview| {
        row([
            check.check.clone(),
            check.passed.to_string(),
            check.failed.to_string(),
            check.inconclusive.to_string(),
            check.gap_count.to_string(),
            check.sensitivity.words(),
        ])
    };
    let gap = |check: &CheckReview| {
        let longest = check.gaps.iter().max_by_key(|gap| gap.until.duration_since(gap.from))?;
        let Gap { from, until } = *longest;
        Some(format!(
            "Longest gap of {}: {} from {}.",
            check.check,
            span(until.duration_since(from).as_secs()),
            minute(from)
        ))
    };
    Section {
        title: "Checks".to_owned(),
        lines: review.checks.iter().filter_map(gap).collect(),
        header: header(["CHECK", "PASSED", "FAILED", "INCONCLUSIVE", "GAPS", "SENSITIVITY"]),
        rows: review.checks.iter().map(check_row).collect(),
        ..Section::default()
    }
}

/// Two numbers and an arrow, or one number if both are the same.
fn from_to(before: &Tally, after: &Tally, value: impl Fn(&Tally) -> String) -> String {
    let (before, after) = (value(before), value(after));
    if before == after { before } else { format!("{before} -> {after}") }
}

fn change(change: Change) -> String {
    match change {
        Change::Threshold { from, to } => format!("{from} -> {to}"),
        Change::Datapoints { from, to } => format!("{from} -> {to}"),
    }
}

/// The first of some names, and the number of the others.
fn listed(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
