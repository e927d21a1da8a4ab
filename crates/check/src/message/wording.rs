//! Texts for people: the e-mail, its subject line, the SMS.
//!
//! All follow one order: what happened, since when, expected and actual, what to do, who to contact. What helps later comes last.

use jiff::Timestamp;

use super::lines::Line;
use super::notification::{InconclusiveReport, Machine, Notification, Owner, StepLine, SubjectReport};
use super::owners::{contacts, display_name, first_contact, ownership, subjects};
use crate::budget::{ErrorBudget, Objective, percent};
use crate::incident::AffectedCheck;
use crate::incident::event::Event;
use crate::model::text::{ascii, cut, gsm7, utc};
use crate::model::{Failure, FailureKind, Subject};

/// Longest subject line, in characters: SNS takes fewer than 100.
const MAX_SUBJECT_LINE: usize = 99;
/// Longest SMS, in characters. One part holds 160 GSM-7 characters, and SNS puts the topic's display name before the text.
const MAX_SMS: usize = 140;

/// Renders the subject line of the e-mail: ASCII, fewer than 100 characters, no line breaks.
#[must_use]
pub fn subject_line(notification: &Notification) -> String {
    let line = format!(
        "[{}] {}: {} {}",
        notification.tag(),
        notification.environment,
        notification.check,
        headline(notification)
    );
    cut_ascii(&ascii(&line), MAX_SUBJECT_LINE)
}

/// Renders the e-mail; protocols without a text of their own get it too.
#[must_use]
pub fn email(notification: &Notification) -> String {
    let n = notification;
    let mut lines = vec![Line::sentence(format_args!("{}: {} {}", n.environment, n.check, headline(n)))];
    lines.extend(ownership(n).map(Line::sentence));
    lines.extend(explanation(n).map(Line::sentence));
    lines.extend(details(n));
    lines.push(Line::Empty);
    lines.push(Line::sentence(if n.is_over() { "For review" } else { "First steps" }));
    lines.extend(first_steps(n).into_iter().map(|(label, step)| Line::field(label, step)));
    lines.push(Line::sentence("Who to contact"));
    lines.extend(contacts(n).into_iter().map(|(name, details)| Line::sentence(format_args!("  {name}, {details}"))));
    lines.push(Line::Empty);
    lines.extend(next_update(n).map(|next| Line::sentence(format_args!("Next update          {next}"))));
    // After a recovery, the time of an earlier success would read as if it still failed. A test is not about runs.
    if !n.is_over() && n.event != Event::Test {
        let last = n.last_successful_run.as_ref().map(|run| format!("{} ({})", utc(run.at), run.run_id));
        lines.push(Line::sentence(format_args!("Last successful run  {}", last.as_deref().unwrap_or("unknown"))));
    }
    lines.extend(budget(n).map(|budget| Line::sentence(format_args!("Error budget         {budget}"))));
    lines.push(Line::sentence(format_args!("Location             {}", n.location)));
    lines.extend(step_table(n));
    lines.push(Line::Empty);
    if n.event != Event::Test {
        lines.push(Line::sentence(format_args!("Run id {}, trace id {}", n.run_id, n.trace_id)));
    }
    lines.push(Line::sentence(format_args!("Notification {}", n.notification_id)));
    lines.iter().map(Line::in_mail).collect::<Vec<_>>().join("\n")
}

/// Explains the event where its name alone is not clear.
pub(super) fn explanation(n: &Notification) -> Option<&'static str> {
    let breaks_invariant = n.subjects.iter().any(|subject| subject.failure.kind == FailureKind::Invariant);
    Some(match n.event {
        Event::Opened | Event::Reminded if breaks_invariant => {
            "The platform broke a rule that must always hold: see Expected and Actual. If accounts, personal data or payments \
             are involved, treat this as a security incident."
        }
        Event::Escalated => {
            "It was a warning and is now critical, because the failure got worse or was not fixed in time."
        }
        Event::Flapping => {
            "It keeps failing and recovering. Until it is stable, you will get periodic reminders only, not a message for each \
             failure and recovery."
        }
        Event::Stabilized if n.is_ongoing() => "It has stopped flapping and is still failing.",
        Event::Stabilized => "It has stopped flapping and is healthy.",
        Event::MonitoringLost => {
            "Recent runs could not check what is listed below. Users may be unaffected, but an outage would go undetected."
        }
        Event::MonitoringRestored => "The check is producing results again.",
        Event::Leftovers => "Test data or sessions could not be removed from the platform. Users are not affected.",
        Event::Test => {
            "This is a test of the way from the monitor to you. Nothing is wrong, and you need not do anything."
        }
        Event::Opened | Event::Reminded | Event::Recovered => return None,
    })
}

/// Renders the subjects of the message, a group of lines each, after an empty line.
pub(super) fn details(n: &Notification) -> Vec<Line> {
    let mut lines = Vec::new();
    for alike in failed_alike(&n.subjects) {
        lines.push(Line::Empty);
        lines.extend(failure_lines(n, &alike));
    }
    if !n.affected.is_empty() {
        lines.push(Line::Empty);
        lines.push(Line::sentence(format_args!("Other checks fail in a step that needs {}", n.check)));
        let affected =
            |other: &AffectedCheck| Line::sentence(format_args!("  {}, since {}", other.check, utc(other.since)));
        lines.extend(n.affected.iter().map(affected));
    }
    for report in &n.inconclusive {
        lines.push(Line::Empty);
        lines.extend(inconclusive_lines(n, report));
    }
    if !n.leftovers.is_empty() {
        lines.push(Line::Empty);
    }
    for left in &n.leftovers {
        lines.push(Line::sentence(format_args!("  {:<9}  {}", left.compensation, left.detail)));
        lines.extend(left.instructions.as_ref().map(Line::more));
    }
    if n.more_subjects > 0 {
        let more = n.more_subjects;
        lines.push(Line::Empty);
        let where_to_look = match &n.machine {
            None => ": run the saved query `run by id` with the run id below",
            Some(_) => "",
        };
        lines.push(Line::sentence(format_args!("… and {more} more{where_to_look}.")));
    }
    lines
}

/// Says when the next notification comes; none when nothing goes on.
pub(super) fn next_update(n: &Notification) -> Option<String> {
    let after = span(i64::try_from(n.reminds_after_seconds?).unwrap_or(i64::MAX));
    let change = match n.event {
        Event::Flapping => "when it stops flapping",
        Event::MonitoringLost => "when monitoring is restored",
        _ => "on recovery",
    };
    Some(format!("{change}, or in {after}"))
}

/// Renders the error budget; none without an objective.
pub(super) fn budget(n: &Notification) -> Option<String> {
    n.error_budget.as_ref().map(budget_text)
}

/// Renders an error budget: the rest, the spent part, and how long the rest lasts.
#[must_use]
pub fn budget_text(budget: &ErrorBudget) -> String {
    let objective = Objective::new(budget.objective).map_or_else(|_| percent(budget.objective), |own| own.to_string());
    let days = match budget.days {
        Objective::DAYS => String::new(),
        1 => ", 1 day so far".to_owned(),
        days => format!(", {days} days so far"),
    };
    let objective = format!("objective {objective} in {} days{days}", Objective::DAYS);
    let (Some(spent), Some(left)) = (budget.spent, budget.left) else {
        return format!("unknown until the runs cover a whole day ({objective})");
    };
    if budget.is_gone() {
        return format!("none left, {} spent ({objective})", percent(spent));
    }
    let outlook = match budget.gone_in_seconds {
        Some(seconds) => format!("gone in {} at the rate since yesterday", span(seconds)),
        None => "it lasts at the rate since yesterday".to_owned(),
    };
    format!("{} left, {} spent ({objective}); {outlook}", percent(left), percent(spent))
}

/// Lists what to do first: links and commands, each with its label.
fn first_steps(n: &Notification) -> Vec<(&'static str, String)> {
    let links = &n.links;
    let optional = [("Logs", &links.logs), ("Dashboard", &links.dashboard), ("Trace", &links.trace)];
    let mut steps = vec![("Runbook", links.runbook.clone())];
    steps.extend(optional.into_iter().filter_map(|(label, link)| Some((label, link.clone()?))));
    steps.extend(look_up(n));
    steps.extend(commands(n));
    steps
}

/// Command that shows the incident, or the open ones if the notification is about several.
fn look_up(n: &Notification) -> Option<(&'static str, String)> {
    let place = place(n)?;
    let details = match &n.subjects[..] {
        [] => return None,
        [only] => format!("synthetics incident {} {place}", only.incident_id),
        _ => format!("synthetics incidents {} {place}", n.check),
    };
    Some(("Details", details))
}

/// Commands that help: one removes leftovers, others acknowledge or mute what goes on.
fn commands(n: &Notification) -> Vec<(&'static str, String)> {
    if n.leftovers.iter().any(|left| left.instructions.is_none()) {
        return vec![("Clean up", format!("synthetics cleanup {} {} --yes", n.check, settings(n)))];
    }
    let Some(place) = place(n).filter(|_| n.is_ongoing()) else { return Vec::new() };
    let named: Vec<&Subject> = subjects(n).map(|(subject, _)| subject).collect();
    let scope = match &named[..] {
        [only] if !only.is_whole() => format!("{}/{only}", n.check),
        _ => n.check.clone(),
    };
    // Without an open incident, there is nothing to acknowledge.
    let is_open = n.subjects.iter().any(|subject| subject.closed_at.is_none());
    let acknowledge = is_open.then(|| ("Ack", format!("synthetics ack {scope} {place} --reason \"WHY\"")));
    let mute = ("Mute", format!("synthetics mute {scope} {place} --for 1h --reason \"WHY\""));
    acknowledge.into_iter().chain([mute]).collect()
}

/// Options that name the deployment, so that a command works whatever region the reader's profile has; or the store of one machine.
/// `None`: the store ends with the program, so that no command finds it.
fn place(n: &Notification) -> Option<String> {
    if let Some(machine) = &n.machine {
        return machine.store_option();
    }
    let region = n.region.as_ref().map(|region| format!(" --region {region}"));
    Some(format!("--environment {}{}", n.environment, region.unwrap_or_default()))
}

/// The option with the settings file of the checks.
fn settings(n: &Notification) -> String {
    let on_machine = n.machine.as_ref().and_then(Machine::settings_option);
    on_machine.unwrap_or_else(|| format!("--settings infra/layer/settings/{}.toml", n.environment))
}

/// Renders the SMS: at most 140 characters of the GSM 7-bit alphabet, without those that take two.
///
/// Only the actual result or the cause is shortened to fit; the contact at the end stays whole as long as there is room
/// for it.
#[must_use]
pub fn sms(notification: &Notification) -> String {
    let n = notification;
    let (intro, needs_action) = sms_intro(n);
    let start = gsm7(&format!("{}: {} {}{intro}", n.environment, n.check, headline(n)));
    let contact = if needs_action { gsm7(&format!(". Contact {}", first_contact(n))) } else { String::new() };
    let room = MAX_SMS.saturating_sub(start.chars().count() + contact.chars().count());
    let detail = match (n.subjects.first(), n.inconclusive.first()) {
        (Some(subject), _) if needs_action => difference(&subject.failure, room),
        (None, Some(report)) if needs_action => report.cause.phrase().to_owned(),
        _ => String::new(),
    };
    let detail = cut_ascii(&gsm7(&detail), room);
    // The budget is left out where it does not fit.
    let whole = sentences([&start, &detail, &sms_budget(n).unwrap_or_default(), &contact]);
    if whole.chars().count() <= MAX_SMS { whole } else { cut_ascii(&sentences([&start, &detail, &contact]), MAX_SMS) }
}

/// Joins texts, the later ones of which may begin with a full stop. One after another is left out: three are enough.
fn sentences<const N: usize>(texts: [&str; N]) -> String {
    texts.into_iter().fold(String::new(), |joined, text| {
        let is_ended = joined.ends_with('.');
        joined + text.strip_prefix('.').filter(|_| is_ended).unwrap_or(text)
    })
}

/// Sentence of an SMS on the error budget; none while it is unknown.
fn sms_budget(n: &Notification) -> Option<String> {
    let budget = n.error_budget.as_ref()?;
    let left = if budget.is_gone() { "gone".to_owned() } else { format!("{} left", percent(budget.left?)) };
    Some(gsm7(&format!(". Error budget {left}")))
}

/// Introduces the detail of an SMS, or replaces it where nothing is to be done. The second value is true if something is.
fn sms_intro(n: &Notification) -> (String, bool) {
    match (n.subjects.first(), n.inconclusive.first()) {
        (Some(subject), _) => match (n.event, subject.closed_at) {
            (Event::Stabilized, Some(closed)) => (format!(", healthy since {}", clock(closed)), false),
            (Event::Recovered, _) => {
                (format!(", down for {}", span(subject.downtime_seconds.unwrap_or_default())), false)
            }
            (Event::Flapping, _) => {
                let openings = subject.openings.unwrap_or_default();
                (format!(", {openings} incidents, last at {}: ", clock(subject.since)), true)
            }
            _ => (format!(", since {}: ", clock(subject.since)), true),
        },
        (_, Some(report)) if n.event == Event::MonitoringRestored => {
            (format!(", not checked for {}", span(report.inconclusive_seconds.unwrap_or_default())), false)
        }
        (_, Some(report)) => (format!(", since {}: ", clock(report.since)), true),
        (None, None) => (". Users are not affected.".to_owned(), false),
    }
}

/// Renders a failure within `room` characters: both sides if they fit, else the side that says more.
fn difference(failure: &Failure, room: usize) -> String {
    let both = format!("expected {}, actual {}", failure.expected, failure.actual);
    if gsm7(&both).chars().count() <= room {
        both
    } else if failure.kind == FailureKind::Invariant {
        // The answer alone looks right; the broken rule says what is wrong.
        format!("expected {}", failure.expected)
    } else {
        failure.actual.to_string()
    }
}

/// Says in a few words what happened: `failing: status-api`.
pub(super) fn headline(notification: &Notification) -> String {
    let n = notification;
    let verb = match n.event {
        Event::Opened => "failing",
        Event::Reminded => "still failing",
        Event::Escalated => "escalated to critical",
        Event::Recovered => "recovered",
        Event::Flapping => "flapping",
        Event::Stabilized if n.is_ongoing() => "stopped flapping, still failing",
        Event::Stabilized => "stable again",
        Event::MonitoringLost => "monitoring lost",
        Event::MonitoringRestored => "monitoring restored",
        Event::Test => "test message, nothing is wrong",
        Event::Leftovers => {
            let count = n.leftovers.len() + n.more_subjects as usize;
            return format!("could not remove {count} {} of test data", if count == 1 { "item" } else { "items" });
        }
    };
    let first = subjects(n).filter(|(subject, _)| !subject.is_whole()).take(3);
    let named: Vec<String> = first.map(|(subject, owner)| display_name(subject, owner)).collect();
    let more = n.subjects.len() + n.inconclusive.len() + n.more_subjects as usize - named.len();
    let is_over = matches!(n.event, Event::Recovered | Event::Stabilized);
    match (named.is_empty(), more) {
        // A single flow has one subject, and the step says what no longer works.
        (true, _) => match n.subjects.first() {
            Some(flow) if !is_over => format!("{verb} at {}", flow.failure.step),
            _ => verb.to_owned(),
        },
        (false, 0) => format!("{verb}: {}", named.join(", ")),
        (false, more) => format!("{verb}: {} and {more} more", named.join(", ")),
    }
}

/// Groups subjects that failed in the same way at the same time, in the order of their first: they mostly share a cause, and
/// one paragraph is enough. Evidence is not compared, since the wording of answers may differ.
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

/// Renders one group of subjects; the group is not empty.
fn failure_lines(n: &Notification, alike: &[&SubjectReport]) -> Vec<Line> {
    let first = alike[0];
    let over = first.closed_at.is_some();
    let failure = &first.failure;
    let names = alike.iter().map(|s| name(n, &s.failure.subject, s.owner.as_ref())).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        Line::sentence(format_args!("{names} failed at step {} ({})", failure.step, failure.kind)),
        Line::field("Since", utc(first.since)),
    ];
    if let (Some(closed), Some(seconds)) = (first.closed_at, first.downtime_seconds) {
        lines.push(Line::field("Until", format_args!("{}, after {}", utc(closed), span(seconds))));
    }
    if let (Some(escalated), false) = (first.escalated_at, over) {
        lines.push(Line::field("Escalated", utc(escalated)));
    }
    if let (Some(openings), Event::Flapping | Event::Stabilized | Event::Reminded) = (first.openings, n.event) {
        let window = first.flap_window_seconds.map(|seconds| format!(" within {}", span(seconds))).unwrap_or_default();
        lines.push(Line::field("Incidents", format_args!("{openings}{window}")));
    }
    lines.push(Line::field("Expected", &failure.expected));
    lines.push(Line::field("Actual", &failure.actual));
    if let (Some(evidence), false) = (&failure.evidence, over) {
        lines.extend(Line::fields("Evidence", evidence.lines()));
    }
    lines.extend(Line::fields("Incident", alike.iter().map(|s| s.incident_id.as_str())));
    lines
}

fn inconclusive_lines(n: &Notification, report: &InconclusiveReport) -> Vec<Line> {
    let subject = name(n, &report.subject, report.owner.as_ref());
    let cause = report.cause;
    let mut lines = vec![
        Line::sentence(format_args!("{subject} could not be checked: {} (cause `{cause}`)", cause.phrase())),
        Line::field("Since", utc(report.since)),
    ];
    if let Some(seconds) = report.inconclusive_seconds {
        lines.push(Line::field("Until", format_args!("{}, after {}", utc(n.at), span(seconds))));
    }
    // The second line of a detail is a hint.
    let mut detail = report.detail.lines();
    lines.push(Line::field("Cause", detail.next().unwrap_or_default()));
    lines.extend(detail.filter(|_| n.event == Event::MonitoringLost).map(|hint| Line::field("Fix", hint)));
    lines
}

/// Name of a subject; a check that is a single flow is called by its own name.
fn name(n: &Notification, subject: &Subject, owner: Option<&Owner>) -> String {
    if subject.is_whole() { n.check.clone() } else { display_name(subject, owner) }
}

/// Renders a line for each step, with the result of each attempt, after an empty line.
fn step_table(n: &Notification) -> Vec<Line> {
    let mut rows: Vec<(String, String)> = Vec::new();
    for step in &n.steps {
        let name = if step.subject.is_whole() { step.step.clone() } else { format!("{} {}", step.subject, step.step) };
        let result = step_result(step);
        match rows.iter_mut().find(|(other, _)| *other == name) {
            Some((_, attempts)) => {
                attempts.push_str("   ");
                attempts.push_str(&result);
            }
            None => rows.push((name, result)),
        }
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let second = if n.steps.iter().any(|step| step.attempt > 1) { "            second attempt" } else { "" };
    let heading = Line::sentence(format_args!("{:<34} first attempt{second}", "Steps of this run"));
    let rows = rows.iter().map(|(name, attempts)| Line::sentence(format_args!("  {name:<32} {attempts}")));
    [Line::Empty, heading].into_iter().chain(rows).collect()
}

fn step_result(step: &StepLine) -> String {
    let took = if step.duration_ms < 1.0 { "<1".to_owned() } else { format!("{:.0}", step.duration_ms) };
    format!("{:<12} {took:>6} ms", step.result)
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M UTC").to_string()
}

/// Renders a number of seconds in its two largest units: `2 d 3 h`, `1 h 5 min`, `12 min`, `30 s`.
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
    cut(text, max.saturating_sub(2)).replace('…', "...").chars().take(max).collect()
}

#[cfg(test)]
mod tests;
