//! What people read: the e-mail, its subject line, the SMS.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::notification::{Event, InconclusiveReport, Notification, Owner, StepLine, SubjectReport};
use super::owners::{first_to_call, named, subjects, whom_to_call, whose};
use crate::Subject;
use crate::text::{ascii, cut, gsm7, utc};

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
    for line in whose(n).into_iter().chain(explanation(n)) {
        let _ = writeln!(text, "{line}");
    }
    for line in lines_about(n) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text);
    if let Some(good) = &n.last_good {
        let _ = writeln!(text, "Last good run  {} ({})", utc(good.at), good.run_id);
    } else {
        let _ = writeln!(text, "Last good run  none is known");
    }
    let _ = writeln!(text, "Seen from      {}", n.location);
    if let Some(word) = next_word(n) {
        let _ = writeln!(text, "Next word      {word}");
    }
    let is_over = !n.is_ongoing() && n.event != Event::Leftovers;
    let _ = writeln!(text, "\n{}", if is_over { "To look back" } else { "What to do first" });
    let _ = writeln!(text, "  Runbook    {}", n.links.runbook);
    let optional = [("Logs", &n.links.logs), ("Dashboard", &n.links.dashboard), ("Trace", &n.links.trace)];
    for (label, link) in optional {
        if let Some(link) = link {
            let _ = writeln!(text, "  {label:<9}  {link}");
        }
    }
    if let Some(command) = command(n) {
        let _ = writeln!(text, "  {command}");
    }
    let _ = writeln!(text, "Whom to call");
    for (name, details) in whom_to_call(n) {
        let _ = writeln!(text, "  {name}, {details}");
    }
    let table = step_table(&n.steps);
    if !table.is_empty() {
        let _ = writeln!(text, "\nThis run, step by step\n{table}");
    }
    let _ = writeln!(text, "\nRun {}, trace {}", n.run_id, n.trace_id);
    let _ = write!(text, "Notification {}", n.notification_id);
    text
}

/// What an event means, where its name does not say it.
fn explanation(n: &Notification) -> Vec<String> {
    let words = match n.event {
        Event::Escalated => {
            "Until now this was a warning. It goes to those who act now, because it became worse or is not mended."
        }
        Event::Flapping => {
            "It fails, recovers and fails again. From now on you are not told of each change, only when it settles."
        }
        Event::Stabilized if n.is_ongoing() => "It no longer comes and goes: it stays down.",
        Event::Stabilized => "It no longer comes and goes: it has stayed well.",
        Event::MonitoringLost => {
            "Nothing is known to be broken, and nothing is known to work: users may be affected, and nobody would see it."
        }
        Event::Leftovers => "Synthetic data stays at the platform until somebody removes it. Users are not affected.",
        Event::Opened | Event::Reminded | Event::Recovered | Event::MonitoringRestored => return Vec::new(),
    };
    vec![words.to_owned()]
}

/// The paragraphs on what the message is about, each after an empty line.
pub(super) fn lines_about(n: &Notification) -> Vec<String> {
    let mut text = String::new();
    for alike in failed_alike(&n.subjects) {
        let _ = writeln!(text);
        paragraph(&mut text, n.event, &alike);
    }
    for report in &n.inconclusive {
        let _ = writeln!(text);
        inconclusive_paragraph(&mut text, n.event, report);
    }
    if !n.leftovers.is_empty() {
        let _ = writeln!(text);
        for left in &n.leftovers {
            let _ = writeln!(text, "  {}: {}", left.compensation, left.detail);
        }
    }
    if n.more_subjects > 0 {
        let _ = writeln!(text, "\n… and {} more: see the logs of this run.", n.more_subjects);
    }
    text.lines().map(str::to_owned).collect()
}

/// When people hear of it again.
pub(super) fn next_word(n: &Notification) -> Option<String> {
    let after = span(i64::try_from(n.reminds_after_seconds?).unwrap_or(i64::MAX));
    let or_when = match n.event {
        Event::Flapping => "when it has settled",
        Event::MonitoringLost => "when it can be judged again",
        _ => "when it is over",
    };
    Some(format!("{or_when}; in {after} if it is not"))
}

/// The command that helps.
fn command(n: &Notification) -> Option<String> {
    if n.event == Event::Leftovers {
        return Some(format!("Remove     synthetics cleanup {} --settings FILE --yes", n.check));
    }
    if !n.is_ongoing() {
        return None;
    }
    let named: Vec<&Subject> = subjects(n).map(|(subject, _)| subject).collect();
    let what = match &named[..] {
        [only] if !only.is_whole() => format!("{}/{only}", n.check),
        _ => n.check.clone(),
    };
    Some(format!("Mute       synthetics mute {what} --environment {} --for 1h --reason WHY", n.environment))
}

/// The SMS: at most 140 characters of the GSM 7-bit alphabet, without those that take two.
#[must_use]
pub fn sms(notification: &Notification) -> String {
    let n = notification;
    let call = first_to_call(n);
    let detail = match (n.event, n.subjects.first(), n.inconclusive.first(), n.leftovers.first()) {
        (Event::Stabilized, Some(subject), ..) if subject.closed_at.is_some() => {
            format!("well since {}", clock(subject.closed_at.unwrap_or(subject.since)))
        }
        (Event::Recovered, Some(subject), ..) => {
            format!("down for {}", span(subject.downtime_seconds.unwrap_or_default()))
        }
        // What was seen comes last: it is what may be cut.
        (Event::Flapping, Some(subject), ..) => {
            format!("{} times. Call {call}. {}", subject.openings.unwrap_or_default(), subject.failure.actual)
        }
        (_, Some(subject), ..) => {
            let (kind, since, actual) = (subject.failure.kind, clock(subject.since), &subject.failure.actual);
            format!("{kind} since {since}. Call {call}. {actual}")
        }
        (Event::MonitoringRestored, _, Some(inconclusive), _) => {
            format!("could not for {}", span(inconclusive.inconclusive_seconds.unwrap_or_default()))
        }
        (_, _, Some(inconclusive), _) => {
            format!("{} since {}. Call {call}. {}", inconclusive.cause, clock(inconclusive.since), inconclusive.detail)
        }
        (.., Some(left)) => format!("{}: {}", left.compensation, left.detail),
        (_, None, None, None) => String::new(),
    };
    cut_ascii(&gsm7(&format!("{} {} {}: {detail}", n.environment, n.check, headline(n))), MAX_SMS)
}

pub(super) fn headline(notification: &Notification) -> String {
    let n = notification;
    let verb = match n.event {
        Event::Opened => "failing",
        Event::Reminded => "still failing",
        Event::Escalated => "escalated, failing",
        Event::Recovered => "recovered",
        Event::Flapping => "flapping",
        Event::Stabilized if n.is_ongoing() => "settled as failing",
        Event::Stabilized => "settled as healthy",
        Event::MonitoringLost => "cannot be judged",
        Event::MonitoringRestored => "can be judged again",
        Event::Leftovers => return format!("left {} behind", counted(n.leftovers.len() + n.more_subjects as usize)),
    };
    let first = subjects(n).filter(|(subject, _)| !subject.is_whole()).take(3);
    let named: Vec<String> = first.map(|(subject, owner)| named(subject, owner)).collect();
    let more = n.subjects.len() + n.inconclusive.len() + n.more_subjects as usize - named.len();
    let is_over = matches!(n.event, Event::Recovered | Event::Stabilized);
    match (named.is_empty(), more) {
        // A flow has one subject, and its step says what no longer works.
        (true, _) => match n.subjects.first() {
            Some(flow) if !is_over => format!("{verb} at {}", flow.failure.step),
            _ => verb.to_owned(),
        },
        (false, 0) => format!("{verb}: {}", named.join(", ")),
        (false, more) => format!("{verb}: {} and {more} more", named.join(", ")),
    }
}

fn counted(things: usize) -> String {
    if things == 1 { "something".to_owned() } else { format!("{things} things") }
}

/// Subjects that failed in the same way at the same time, in the order of their first: one cause mostly, and one
/// paragraph to read. What each answered may differ in its words, so evidence does not part them.
fn failed_alike(subjects: &[SubjectReport]) -> Vec<Vec<&SubjectReport>> {
    let mut groups: Vec<Vec<&SubjectReport>> = Vec::new();
    for subject in subjects {
        let alike = |other: &SubjectReport| {
            let (one, two) = (&subject.failure, &other.failure);
            (&one.step, one.kind, &one.expected, &one.actual, subject.since)
                == (&two.step, two.kind, &two.expected, &two.actual, other.since)
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
    let over = first.closed_at.is_some();
    let names = alike.iter().map(|s| name(&s.failure.subject, s.owner.as_ref())).collect::<Vec<_>>().join(", ");
    let tense = if over { "had failed" } else { "failed" };
    let _ = writeln!(text, "{names} {tense} at step {} ({})", first.failure.step, first.failure.kind);
    let _ = writeln!(text, "  Expected   {}", first.failure.expected);
    let _ = writeln!(text, "  Seen       {}", first.failure.actual);
    if let (Some(evidence), false) = (&first.failure.evidence, over) {
        let mut lines = evidence.lines();
        let _ = writeln!(text, "  Evidence   {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "             {line}");
        }
    }
    let _ = writeln!(text, "  Since      {}", utc(first.since));
    if let (Some(closed), Some(seconds)) = (first.closed_at, first.downtime_seconds) {
        let _ = writeln!(text, "  Until      {}, down for {}", utc(closed), span(seconds));
    }
    if let (Some(openings), Event::Flapping | Event::Stabilized | Event::Reminded) = (first.openings, event) {
        let _ = writeln!(text, "  Incidents  {openings} lately");
    }
    if let (Some(escalated), false) = (first.escalated_at, over) {
        let _ = writeln!(text, "  Escalated  {}", utc(escalated));
    }
    let incidents = alike.iter().map(|s| s.incident_id.as_str()).collect::<Vec<_>>().join("\n             ");
    let _ = writeln!(text, "  Incident   {incidents}");
}

fn inconclusive_paragraph(text: &mut String, event: Event, report: &InconclusiveReport) {
    let over = event == Event::MonitoringRestored;
    let tense = if over { "could not be judged" } else { "cannot be judged" };
    let _ = writeln!(text, "{} {tense} ({})", name(&report.subject, report.owner.as_ref()), report.cause);
    let _ = writeln!(text, "  Why        {}", report.detail.lines().collect::<Vec<_>>().join("\n             "));
    let _ = writeln!(text, "  Since      {}", utc(report.since));
    if let Some(seconds) = report.inconclusive_seconds {
        let _ = writeln!(text, "  Lasted     {}", span(seconds));
    }
}

fn name(subject: &Subject, owner: Option<&Owner>) -> String {
    if subject.is_whole() { "the flow".to_owned() } else { named(subject, owner) }
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

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// A time in words, from seconds: `2 d 3 h`, `1 h 5 min`, `12 min`, `30 s`. The two largest units.
#[must_use]
pub fn span(seconds: i64) -> String {
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
