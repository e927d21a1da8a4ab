//! What people read: the e-mail, its subject line, the SMS.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::notification::{Event, Notification, StepLine, SubjectReport};
use crate::Subject;
use crate::text::{ascii, cut, gsm7};

/// The longest subject line: SNS takes fewer than 100 characters.
const MAX_SUBJECT_LINE: usize = 99;
/// The longest SMS. One part holds 160 GSM-7 characters, and SNS puts the topic's display name before ours.
const MAX_SMS: usize = 140;

/// The subject line of the e-mail: ASCII, fewer than 100 characters, no line breaks.
#[must_use]
pub fn subject_line(notification: &Notification) -> String {
    let line = format!(
        "[{}] {}: {} {}",
        notification.severity.as_str(),
        notification.environment,
        notification.check,
        headline(notification)
    );
    cut_ascii(&ascii(&line), MAX_SUBJECT_LINE)
}

/// The e-mail, and what any other protocol without a text of its own gets.
#[must_use]
pub fn email(notification: &Notification) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail, so the results are dropped.
    let n = notification;
    let _ = writeln!(text, "{} {} in {}", n.check, headline(n), n.environment);
    for alike in failed_alike(&n.subjects) {
        let _ = writeln!(text);
        paragraph(&mut text, n.event, &alike);
    }
    if n.more_subjects > 0 {
        let _ = writeln!(text, "\n… and {} more: see the logs of this run.", n.more_subjects);
    }
    let _ = writeln!(text);
    if let Some(good) = &n.last_good {
        let _ = writeln!(text, "Last good run  {} ({})", minute(good.at), good.run_id);
    } else {
        let _ = writeln!(text, "Last good run  none is known");
    }
    let _ = writeln!(text, "Seen from      {}", n.location);
    let _ = writeln!(text, "\n{}", if n.event == Event::Recovered { "To look back" } else { "What to do first" });
    let _ = writeln!(text, "  Runbook    {}", n.links.runbook);
    let optional = [("Logs", &n.links.logs), ("Dashboard", &n.links.dashboard), ("Trace", &n.links.trace)];
    for (label, link) in optional {
        if let Some(link) = link {
            let _ = writeln!(text, "  {label:<9}  {link}");
        }
    }
    let _ = writeln!(text, "Whom to call\n  {}, {}", n.contact.name, n.contact.reach);
    let table = step_table(&n.steps);
    if !table.is_empty() {
        let _ = writeln!(text, "\nThis run, step by step\n{table}");
    }
    let _ = writeln!(text, "\nRun {}, trace {}", n.run_id, n.trace_id);
    let _ = write!(text, "Notification {}", n.notification_id);
    text
}

/// The SMS: at most 140 characters of the GSM 7-bit alphabet, without those that take two.
#[must_use]
pub fn sms(notification: &Notification) -> String {
    let n = notification;
    let detail = match (n.event, n.subjects.first()) {
        (Event::Recovered, Some(subject)) => {
            format!("down for {}", span(subject.downtime_seconds.unwrap_or_default()))
        }
        (_, Some(subject)) => {
            // What was seen comes last: it is what may be cut.
            format!(
                "{} since {}. Call {}. {}",
                subject.failure.kind,
                clock(subject.since),
                n.contact.reach,
                subject.failure.seen
            )
        }
        (_, None) => String::new(),
    };
    cut_ascii(&gsm7(&format!("{} {} {}: {detail}", n.environment, n.check, headline(n))), MAX_SMS)
}

fn headline(notification: &Notification) -> String {
    let verb = match notification.event {
        Event::Opened => "failing",
        Event::Reminded => "still failing",
        Event::Recovered => "recovered",
    };
    let named: Vec<&str> = notification
        .subjects
        .iter()
        .map(|s| &s.failure.subject)
        .filter(|s| !s.is_whole())
        .take(3)
        .map(Subject::as_str)
        .collect();
    let more = notification.subjects.len() + notification.more_subjects as usize - named.len();
    match (named.is_empty(), more) {
        // A flow has one subject, and its step says what no longer works.
        (true, _) => match notification.subjects.first() {
            Some(flow) if notification.event != Event::Recovered => format!("{verb} at {}", flow.failure.step),
            _ => verb.to_owned(),
        },
        (false, 0) => format!("{verb}: {}", named.join(", ")),
        (false, more) => format!("{verb}: {} and {more} more", named.join(", ")),
    }
}

/// Subjects that failed in the same way at the same time, in the order of their first: one cause mostly, and one
/// paragraph to read. What each answered may differ in its words, so evidence does not part them.
fn failed_alike(subjects: &[SubjectReport]) -> Vec<Vec<&SubjectReport>> {
    let mut groups: Vec<Vec<&SubjectReport>> = Vec::new();
    for subject in subjects {
        let alike = |other: &SubjectReport| {
            let (one, two) = (&subject.failure, &other.failure);
            (&one.step, one.kind, &one.expected, &one.seen, subject.since)
                == (&two.step, two.kind, &two.expected, &two.seen, other.since)
        };
        match groups.iter_mut().find(|group| alike(group[0])) {
            Some(group) => group.push(subject),
            None => groups.push(vec![subject]),
        }
    }
    groups
}

/// One paragraph of an e-mail; the group is not empty.
fn paragraph(text: &mut String, event: Event, alike: &[&SubjectReport]) {
    let first = alike[0];
    let over = event == Event::Recovered;
    let name = |s: &&SubjectReport| match &s.failure.subject {
        whole if whole.is_whole() => "the flow".to_owned(),
        named => named.to_string(),
    };
    let names = alike.iter().map(name).collect::<Vec<_>>().join(", ");
    let tense = if over { "had failed" } else { "failed" };
    let _ = writeln!(text, "{names} {tense} at step {} ({})", first.failure.step, first.failure.kind);
    let _ = writeln!(text, "  Expected   {}", first.failure.expected);
    let _ = writeln!(text, "  Seen       {}", first.failure.seen);
    if let (Some(evidence), false) = (&first.failure.evidence, over) {
        let mut lines = evidence.lines();
        let _ = writeln!(text, "  Evidence   {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "             {line}");
        }
    }
    let _ = writeln!(text, "  Since      {}", minute(first.since));
    if let (Some(closed), Some(seconds)) = (first.closed_at, first.downtime_seconds) {
        let _ = writeln!(text, "  Until      {}, down for {}", minute(closed), span(seconds));
    }
    let incidents = alike.iter().map(|s| s.incident_id.as_str()).collect::<Vec<_>>().join("\n             ");
    let _ = writeln!(text, "  Incident   {incidents}");
}

/// A line per step, with what each attempt made of it.
fn step_table(steps: &[StepLine]) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for step in steps {
        let name = if step.subject.is_whole() { step.step.clone() } else { format!("{} {}", step.subject, step.step) };
        let ended = format!("{:<12} {:>6.0} ms", step.result, step.duration_ms);
        match lines.iter_mut().find(|(other, _)| *other == name) {
            Some((_, attempts)) => {
                attempts.push_str("   again ");
                attempts.push_str(&ended);
            }
            None => lines.push((name, ended)),
        }
    }
    lines.iter().map(|(name, attempts)| format!("  {name:<32} {attempts}")).collect::<Vec<_>>().join("\n")
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// `2 d 3 h`, `1 h 5 min`, `12 min`, `30 s`: the two largest units.
fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds.max(0);
    let mut parts = Vec::new();
    for (size, name) in units {
        let count = left / size;
        left %= size;
        if count > 0 || (size == 1 && parts.is_empty()) {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

/// Cuts with three full stops: `…` is neither ASCII nor GSM 7-bit.
fn cut_ascii(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    cut(text, max - 2).replace('…', "...")
}

#[cfg(test)]
mod tests;
