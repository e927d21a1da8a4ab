//! The draft of an incident review, as Markdown for people.

use check::Failure;
use check::message::span;
use check::text::utc;
use jiff::Timestamp;

use super::result::{IncidentReview, Reviewed};
use super::timeline::EntryKind;
use crate::markdown::plain;

/// Shortest fence around evidence.
const FENCE: usize = 3;

/// Writes the draft of a review: what happened, what monitoring saw and missed, and questions to answer.
#[must_use]
pub fn markdown(review: &IncidentReview) -> String {
    let mut lines = vec![title(review), String::new()];
    lines.extend(summary(review));
    for incident in &review.incidents {
        lines.extend(failures(incident));
    }
    lines.extend(timeline(review));
    lines.extend(cause(review));
    lines.extend(["## What monitoring saw".to_owned(), String::new()]);
    review.incidents.iter().for_each(|incident| lines.extend(saw(incident)));
    lines.extend([String::new(), "## What monitoring missed, or may have missed".to_owned(), String::new()]);
    lines.extend(missed(review));
    lines.extend([String::new(), "## Questions to answer".to_owned(), String::new()]);
    lines.extend(questions(review).into_iter().map(|question| format!("- [ ] {question}")));
    lines.join("\n")
}

fn title(review: &IncidentReview) -> String {
    let environment = plain(&review.environment);
    let place = if environment.is_empty() { String::new() } else { format!(" in {environment}") };
    match review.incidents.as_slice() {
        [own] => format!("# Incident review: {} failing{place}, {}", plain(&own.name()), utc(own.record.since)),
        [] => format!("# Incident review: no incident{place} from {} to {}", utc(review.from), utc(review.until)),
        all => format!("# Incident review: {} incidents{place}, {}", all.len(), utc(all[0].record.since)),
    }
}

fn summary(review: &IncidentReview) -> Vec<String> {
    let mut lines = Vec::new();
    for incident in &review.incidents {
        let record = &incident.record;
        lines.extend(["| | |".to_owned(), "|---|---|".to_owned()]);
        let mut row = |name: &str, value: String| lines.push(format!("| {name} | {value} |"));
        row("Incident", format!("`{}`, {}", code(&record.id), record.severity.as_str()));
        row("First failed run", utc(record.since));
        row(
            "Notified",
            match incident.seen.notified_after {
                Some(after) => format!("{} after the first failed run", span(after)),
                None => match &record.dependency {
                    Some(check) => format!("no, because {check} failed"),
                    None => "no".to_owned(),
                },
            },
        );
        row(
            "Acknowledged",
            match &record.acknowledged {
                Some(given) => {
                    let after = span(given.at.duration_since(record.since).as_secs());
                    format!("after {after}, by {}: {}", plain(&given.by), plain(&given.reason))
                }
                None => "no".to_owned(),
            },
        );
        row(
            "Recovered",
            match record.closed_at {
                Some(at) => format!("{}, after {}", utc(at), span(at.duration_since(record.since).as_secs())),
                None => "not yet".to_owned(),
            },
        );
        row("Runs", runs(incident));
        row("Error budget", budget(incident));
        lines.push(String::new());
    }
    lines
}

fn runs(incident: &Reviewed) -> String {
    let runs = &incident.seen.runs;
    let counts = [
        (runs.failed, "failed"),
        (runs.passed, "passed"),
        (runs.inconclusive, "inconclusive"),
        (runs.maintenance, "in maintenance"),
    ];
    let words = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "not known".to_owned() } else { words }
}

fn budget(incident: &Reviewed) -> String {
    match &incident.impact {
        Some(impact) => impact.to_string(),
        None => "not known: the check has no objective, or too few runs in 30 days".to_owned(),
    }
}

fn failures(incident: &Reviewed) -> Vec<String> {
    let record = &incident.record;
    let mut lines = vec![format!("## How {} failed", plain(&incident.name())), String::new()];
    lines.extend(failure("First", &record.first));
    if record.latest != record.first {
        lines.extend(failure("Last", &record.latest));
    }
    lines
}

fn failure(when: &str, failure: &Failure) -> Vec<String> {
    let mut lines = vec![
        format!("{when} failure, in the step {} ({}):", plain(&failure.step), failure.kind),
        String::new(),
        format!("- expected {}", plain(failure.expected.as_str())),
        format!("- actual {}", plain(failure.actual.as_str())),
        String::new(),
    ];
    if let Some(evidence) = &failure.evidence {
        let fence = "`".repeat(longest_run(evidence.as_str()).max(FENCE - 1) + 1);
        lines.extend([format!("{fence}text"), evidence.as_str().to_owned(), fence, String::new()]);
    }
    lines
}

fn timeline(review: &IncidentReview) -> Vec<String> {
    let mut lines =
        vec!["## Timeline".to_owned(), String::new(), "| time (UTC) | | |".to_owned(), "|---|---|---|".to_owned()];
    let is_one = review.incidents.len() == 1;
    lines.extend(review.timeline.iter().map(|entry| {
        let what = if is_one && entry.kind != EntryKind::Alarm { "" } else { entry.what.as_str() };
        format!("| {} | {} | {} |", clock(entry.at), plain(what), plain(&entry.words))
    }));
    lines.push(String::new());
    lines
}

fn cause(review: &IncidentReview) -> Vec<String> {
    let mut lines = vec!["## Affected together".to_owned(), String::new()];
    if review.cause.together.is_empty() {
        lines.push("Nothing else failed at the same time.".to_owned());
    }
    lines.extend(review.cause.together.iter().map(|other| {
        let when = other.when();
        format!(
            "- {}, {when}: step {} ({}), `{}`",
            plain(&other.name),
            plain(&other.step),
            plain(&other.kind),
            code(&other.id)
        )
    }));
    lines.extend([String::new(), "Likely shared cause:".to_owned(), String::new()]);
    if review.cause.shared.is_empty() {
        lines.push("- none is evident from what was recorded".to_owned());
    }
    lines.extend(review.cause.shared.iter().map(|words| format!("- {}", plain(words))));
    lines.push(String::new());
    lines
}

fn saw(incident: &Reviewed) -> Vec<String> {
    let seen = &incident.seen;
    let name = plain(&incident.name());
    let mut lines = vec![match seen.notified_after {
        Some(0) => format!("- {name}: the first failed run notified."),
        Some(after) => format!("- {name}: notified {} after the first failed run.", span(after)),
        None => format!("- {name}: no notification was sent."),
    }];
    lines.push(match (seen.attempts.count, seen.attempts.confirmed) {
        (0, _) => "- The attempts are not known: the report of the first failed run was not read.".to_owned(),
        (_, Some(_)) => "- A second attempt confirmed the failure within the same run.".to_owned(),
        (1, None) => "- The run had one attempt: only checks that change nothing repeat theirs.".to_owned(),
        (_, None) => "- A second attempt of the run did not fail.".to_owned(),
    });
    lines.extend(
        seen.alarms
            .iter()
            .flatten()
            .map(|alarm| format!("- Alarm {}: after {}.", plain(&alarm.alarm), span(alarm.after.max(0)))),
    );
    lines
}

fn missed(review: &IncidentReview) -> Vec<String> {
    let mut lines = Vec::new();
    for incident in &review.incidents {
        let (seen, name) = (&incident.seen, plain(&incident.name()));
        lines.push(match seen.unseen_for {
            Some(seconds) => {
                format!(
                    "- {name} may have failed up to {} before the first failed run: the run before passed.",
                    span(seconds)
                )
            }
            None => format!("- {name}: no run passed within the hour before, so the fault may be older."),
        });
        if seen.alarms.as_ref().is_some_and(Vec::is_empty) {
            lines.push(format!("- No alarm on {name} went to ALARM. The incident was reported by the runs alone."));
        }
        lines.extend(seen.gaps.iter().map(|gap| {
            let missing = span(gap.until.duration_since(gap.from).as_secs());
            format!("- No run of {name} for {missing} from {}.", utc(gap.from))
        }));
        if seen.runs.inconclusive > 0 {
            lines.push(format!("- {} runs of {name} had no verdict.", seen.runs.inconclusive));
        }
        lines.extend(incident.record.silences.iter().map(|silence| {
            let (from, until) = (clock(silence.from), clock(silence.until));
            format!("- Notifications were silenced from {from} to {until}: {}.", plain(&silence.reason))
        }));
    }
    lines.extend(
        review.unknown.iter().map(|what| format!("- Not known: {}.", plain(what.lines().next().unwrap_or_default()))),
    );
    lines
}

fn questions(review: &IncidentReview) -> Vec<String> {
    let mut questions = vec!["Which cause did it have, and why was it possible?".to_owned()];
    if let Some(mark) = review.cause.shared.iter().find(|words| words.starts_with("the mark")) {
        questions.push(format!("Was it {}?", plain(mark)));
    } else {
        questions.push("What changed in the hour before: a release, a setting, a partner, the load?".to_owned());
    }
    for incident in &review.incidents {
        if incident.seen.unseen_for.is_some_and(|seconds| seconds > 0) {
            let since = incident.record.since;
            questions.push(format!("Did users report {} before {}?", plain(&incident.name()), clock(since)));
        }
        if incident.record.acknowledged.is_none() {
            questions
                .push(format!("Who worked on {}, and from when? It was not acknowledged.", plain(&incident.name())));
        }
    }
    if !review.cause.together.is_empty() {
        questions.push("Would one notification for all that failed together have been enough?".to_owned());
    }
    questions.extend(
        [
            "Did the first message say what broke and what to do? Was the runbook right?",
            "Which users, schools and payments were affected, and do they know?",
            "Who does what, and until when, so that it does not happen again?",
        ]
        .map(str::to_owned),
    );
    questions
}

fn clock(at: Timestamp) -> String {
    at.strftime("%m-%d %H:%M:%S").to_string()
}

/// Text within single backticks.
fn code(text: &str) -> String {
    text.replace(['`', '\n', '\r', '|'], " ")
}

/// Length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or_default()
}
